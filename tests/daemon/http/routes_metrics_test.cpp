// GET /metrics: what promtool, Prometheus' own reader, says of it, and that the figures are those of what happened.
#include "http/routes_metrics.hpp"

#include <gtest/gtest.h>

#include "daemon/http/station_with_archive.hpp"
#include "support/process.hpp"

namespace aircheck::http {
namespace {

using access::Kind;

constexpr const char* kToken = "a token for the test of metrics";

class MetricsTest : public test::StationWithArchive {
 protected:
  MetricsTest() {
    const MetricsServices services{.channels = *channels_,
                                   .supervisor = supervisor_,
                                   .archive = *archive_,
                                   .retention = retention_,
                                   .blobs = blobs_,
                                   .segments = meter_,
                                   .traffic = *traffic_,
                                   .tstv_sessions = *tstv_sessions_,
                                   .authenticator = authenticator_,
                                   .now = [this] { return now_; },
                                   .connections = [this] { return server_->connections(); },
                                   .certificate_end = [this] { return certificate_end_; }};
    register_metrics_routes(router_, services, kToken);
    register_metrics_routes(open_router_, services, std::nullopt);
  }
  std::string metrics() { return get(url("/metrics"), kToken).body; }
  // The value behind `sample` at the beginning of a line; -1: there is none.
  static double value(const std::string& text, const std::string& sample) {
    const std::size_t at = ("\n" + text).find("\n" + sample + " ");
    return at == std::string::npos ? -1 : std::stod(text.substr(at + sample.size() + 1));
  }

  channels::Supervisor supervisor_{{.now = [this] { return now_; }}, *channels_, *keys_, {}};
  timeshift::SegmentMeter meter_;
  std::vector<timeshift::RetentionRule> rules_{{one_.id, 720 * 60 * kMinuteNs}};
  timeshift::Retention retention_{{.min_free_bytes = 1000,
                                   .now = [this] { return now_; },
                                   .rules = [this] { return rules_; },
                                   .space =
                                       [] {
                                         return timeshift::DiskSpace{1'000'000, 9'000'000};
                                       }},
                                  *archive_,
                                  pool_};
  std::optional<core::Utc> certificate_end_;
  Router open_router_;
};

TEST_F(MetricsTest, NeedsItsTokenOrAnOperator) {
  EXPECT_EQ(get(url("/metrics")).status, 401);
  EXPECT_EQ(get(url("/metrics"), std::string(kToken) + "x").status, 401);
  EXPECT_EQ(get(url("/metrics?token=") + kToken).status, 401) << "not in a URL, where logs would have it";
  EXPECT_EQ(get(url("/metrics"), bearer(viewer_)).status, 403);
  EXPECT_EQ(get(url("/metrics"), bearer(admin_)).status, 200);
  const auto answer = get(url("/metrics"), kToken);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(answer.header("cache-control"), "no-store");
  const auto local = Server::start({}, open_router_);
  ASSERT_TRUE(local.has_value());
  EXPECT_EQ(get((*local)->url() + "/metrics").status, 200);
}

TEST_F(MetricsTest, ViewersAreThoseWhoseSessionsAreOpen) {
  const auto start = [&](Kind kind) {
    return tstv_sessions_->start({.account_id = "a", .channel_id = one_.id, .kind = kind}).value().id;
  };
  const std::string id = start(Kind::kCatchup);
  start(Kind::kCatchup);
  start(Kind::kStartover);
  ASSERT_TRUE(tstv_sessions_->heartbeat(id, "a", {.stalls = 3, .error = "no picture"}));
  ASSERT_TRUE(tstv_sessions_->stop(id, "a"));
  const std::string text = metrics();
  const std::string catchup = R"({channel="ch1",kind="catchup"})";
  EXPECT_EQ(value(text, "aircheck_tstv_viewers" + catchup), 1);
  EXPECT_EQ(value(text, "aircheck_tstv_sessions_total" + catchup), 2);
  EXPECT_EQ(value(text, "aircheck_tstv_stalls_total" + catchup), 3);
  EXPECT_EQ(value(text, "aircheck_tstv_errors_total" + catchup), 1);
  EXPECT_EQ(value(text, R"(aircheck_tstv_viewers{channel="ch1",kind="startover"})"), 1);
  EXPECT_EQ(value(text, R"(aircheck_tstv_viewers{channel="ch2",kind="startover"})"), 0);
}

TEST_F(MetricsTest, PrometheusTakesIt) {
  get(stream("", Kind::kLive));
  get(url("/hls/ch1/main.m3u8?kind=%22made%20up"));
  retention_.run();
  ASSERT_TRUE(run_until([&] { return !retention_.running(); }));
  meter_.listed(one_.id, {.sequence = 7, .start = now_, .duration_ns = kSegmentNs, .size = 100}, 3,
                now_ + 2 * kSegmentNs);
  const test::TemporaryDirectory directory;
  directory.write("metrics", metrics());
  const auto checked = test::run("promtool check metrics 2>&1 < " + (directory / "metrics"));
  EXPECT_EQ(checked.exit, 0) << checked.output << metrics();
  EXPECT_EQ(checked.output, "") << "promtool's advice on names and help texts is followed";
}

TEST_F(MetricsTest, CountsWhatWasAnswered) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(stream("", Kind::kLive)).status, 200);
  EXPECT_EQ(get(url("/hls/ch1/main.m3u8?kind=live")).status, 401);
  EXPECT_EQ(get(stream("kind=catchup&start=" + seconds(now_ - 10 * kMinuteNs) + "&end=" + seconds(now_ - 5 * kMinuteNs),
                       Kind::kCatchup))
                .status,
            200);
  get(url("/hls/ch1/main.m3u8?kind=made-up-by-a-client"));
  fetch({.method = "BREW", .url = url("/api/v1/me")});
  send("POST", url("/api/v1/drm/license"), bearer(viewer_), base::Json::object({{"kids", base::Json::array()}}));
  const std::string text = metrics();
  const std::string playlists = "aircheck_playlist_seconds_count";
  EXPECT_EQ(value(text, playlists + R"({kind="live",status="200"})"), 3) << text;
  EXPECT_EQ(value(text, playlists + R"({kind="live",status="401"})"), 1);
  EXPECT_EQ(value(text, playlists + R"({kind="catchup",status="200"})"), 1);
  EXPECT_EQ(value(text, playlists + R"({kind="other",status="401"})"), 1);
  EXPECT_EQ(text.find("made-up"), std::string::npos) << "a client makes no labels";
  EXPECT_EQ(text.find("BREW"), std::string::npos);
  EXPECT_EQ(value(text, R"(aircheck_licence_seconds_count{kind="clearkey",status="400"})"), 1) << text;
  const std::string live = R"({route="/hls/{cdn_channel_key}/main.m3u8",method="GET",status="200"})";
  EXPECT_EQ(value(text, "aircheck_http_requests_total" + live), 4);
  EXPECT_GT(value(text, "aircheck_http_response_bytes_total" + live), 1000);
  EXPECT_EQ(value(text, R"(aircheck_http_requests_total{route="none",method="other",status="405"})"), 1) << text;
}

TEST_F(MetricsTest, TellsWhatChannelsDeliver) {
  retention_.run();
  ASSERT_TRUE(run_until([&] { return !retention_.running(); }));
  // Two rows after number 3: number 7 closes a hole of three, and came six seconds late.
  const timeshift::SegmentRow row{.sequence = 7, .start = now_, .duration_ns = kSegmentNs, .size = 100};
  meter_.listed(one_.id, row, 3, now_ + 2 * kSegmentNs);
  meter_.listed(one_.id, {.sequence = 8, .start = row.end(), .duration_ns = kSegmentNs, .size = 50}, 7,
                now_ + 2 * kSegmentNs);
  const std::string text = metrics();
  EXPECT_EQ(value(text, R"(aircheck_channel_state{channel="ch1",state="stopped"})"), 1) << text;
  EXPECT_EQ(value(text, R"(aircheck_channel_state{channel="ch1",state="running"})"), 0);
  EXPECT_EQ(value(text, R"(aircheck_channel_restarts_total{channel="ch2"})"), 0);
  EXPECT_EQ(value(text, R"(aircheck_channel_segments_total{channel="ch1"})"), 2);
  EXPECT_EQ(value(text, R"(aircheck_channel_segment_bytes_total{channel="ch1"})"), 150);
  EXPECT_EQ(value(text, R"(aircheck_channel_gaps_total{channel="ch1"})"), 3);
  EXPECT_EQ(value(text, R"(aircheck_channel_segment_lateness_seconds_bucket{channel="ch1",le="0.1"})"), 1);
  EXPECT_EQ(value(text, R"(aircheck_channel_segment_lateness_seconds_bucket{channel="ch1",le="6"})"), 2);
  EXPECT_EQ(value(text, R"(aircheck_archive_segments{channel="ch1"})"), 300);
  EXPECT_EQ(value(text, R"(aircheck_archive_newest_timestamp_seconds{channel="ch1"})"),
            static_cast<double>(now_.ns) / 1e9);
  EXPECT_EQ(value(text, "aircheck_disk_free_bytes"), 1'000'000);
  const double rate = static_cast<double>(archive_->index(one_.id)->bytes()) * 2;
  EXPECT_NEAR(value(text, "aircheck_disk_left_seconds"), 3600.0 * 999'000 / rate, 0.01)
      << "the archive is half an hour old";
  EXPECT_EQ(text.find("\naircheck_tls_certificate"), std::string::npos) << "no TLS, no sample";
  certificate_end_ = now_ + kMinuteNs;
  EXPECT_EQ(value(metrics(), "aircheck_tls_certificate_expiry_timestamp_seconds"),
            static_cast<double>((now_ + kMinuteNs).ns) / 1e9);
  EXPECT_EQ(value(text, "aircheck_build_info{version=\"" AIRCHECK_VERSION "\"}"), 1);
  EXPECT_GT(value(text, "process_resident_memory_bytes"), 1'000'000);
  EXPECT_GT(value(text, "process_open_fds"), 3);
  const double began = value(text, "process_start_time_seconds");
  EXPECT_NEAR(began, static_cast<double>(now_.ns) / 1e9, 300);
}

TEST_F(MetricsTest, ADiskOfFullWindowsLastsForever) {
  rules_ = {{one_.id, 30 * kMinuteNs}};
  retention_.run();
  ASSERT_TRUE(run_until([&] { return !retention_.running(); }));
  const std::string text = metrics();
  EXPECT_NE(text.find("\naircheck_disk_left_seconds +Inf\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace aircheck::http
