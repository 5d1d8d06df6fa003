// Channels as viewers see them, and their administration: routes_channels, routes_simlive, routes_admin_channels and
// routes_health over real sockets, with real (fake) workers behind them.
#include <csignal>

#include "base/files.hpp"
#include "channels/supervisor.hpp"
#include "http/routes_admin_channels.hpp"
#include "http/routes_channels.hpp"
#include "http/routes_health.hpp"
#include "http/routes_simlive.hpp"
#include "station_with_accounts.hpp"
#include "timeshift/archive.hpp"

namespace aircheck::http {
namespace {

class AdminRoutesTest : public test::StationWithAccounts {
 protected:
  void SetUp() override {
    for (const char* name : {"run", "segments", "logs", "sources"}) {
      ASSERT_TRUE(base::ensure_directory(directory_ / name, 0700).has_value());
    }
    archive_ = std::move(timeshift::Archive::open({.segment_directory = directory_ / "segments",
                                                   .index_path = directory_ / "index.db",
                                                   .now = [this] { return now_; }},
                                                  pool_)
                             .value());
    channels::SupervisorOptions options;
    options.worker_program = std::string(g_getenv("AIRCHECK_TEST_BUILD_ROOT")) + "/tests/support/fake-worker";
    options.run_directory = directory_ / "run";
    options.segment_directory = directory_ / "segments";
    options.log_directory = directory_ / "logs";
    options.sources = {directory_ / "sources", ""};
    options.now = [this] { return now_; };
    channels::ArchiveHooks hooks;
    hooks.last_sequence = [](const channels::Channel&) { return std::nullopt; };
    hooks.last_segment = [](const channels::Channel&) { return std::nullopt; };
    hooks.not_before = [](const channels::Channel&) { return core::Utc{}; };
    hooks.segments = [](const channels::Channel&, const std::vector<control::SegmentRow>&) {};
    hooks.on_air = [](const channels::Channel&, bool) {};
    supervisor_ = std::make_unique<channels::Supervisor>(options, *channels_, *keys_, hooks);
    supervisor_->boot();
    register_simlive_routes(router_, {*channels_, *supervisor_, *archive_, authenticator_});
    register_admin_channel_routes(router_, {*channels_, authenticator_, idempotency_, 4, [this] { return now_; }});
    register_channel_routes(router_, {.channels = *channels_,
                                      .keys = *keys_,
                                      .guide = guide_,
                                      .archive = *archive_,
                                      .blobs = blobs_,
                                      .playlists = playlists_,
                                      .gate = gate_,
                                      .authenticator = authenticator_,
                                      .cdn_base_url = [] { return std::string(); },
                                      .now = [this] { return now_; }});
    register_health_routes(router_, {.dependencies = {{"database", [this] { return database_->ping(); }},
                                                      {"storage", [this] { return storage_; }}},
                                     .missing = [this] { return missing_; }});
    token_ = bearer(admin_);
  }
  void TearDown() override {
    bool done = false;
    supervisor_->shut_down([&] { done = true; });
    EXPECT_TRUE(run_until([&] { return done; }));
  }
  test::HttpResponse change(const std::string& method, const std::string& path, const std::string& if_match,
                            const std::string& body) {
    test::HttpRequest request{.method = method, .url = url(path), .body = body};
    request.headers = {{"Authorization", "Bearer " + token_}};
    if (!if_match.empty()) request.headers.emplace_back("If-Match", if_match);
    return fetch(request);
  }
  test::HttpResponse post(const std::string& path, const std::string& token) {
    return send("POST", url(path), token, std::nullopt);
  }
  static std::string text(const base::Json& json, const char* name) {
    const base::Json* member = json.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "(none)";
  }
  std::string state(const std::string& key) {
    const auto response = get(url("/api/v1/admin/simlive/status"), token_);
    const base::Json body = response.json();
    for (const base::Json& item : *body.find("items")->as_array()) {
      if (text(item, "cdn_channel_key") == key) return text(item, "state");
    }
    return "(none)";
  }

  base::WorkerPool pool_{1};
  timeshift::BlobCache blobs_{pool_, 1 << 20};
  timeshift::PlaylistCache playlists_{pool_, 8 << 20};
  std::unique_ptr<timeshift::Archive> archive_;
  std::unique_ptr<channels::Supervisor> supervisor_;
  core::Result<void> storage_;
  std::string missing_;
  Idempotency idempotency_{[this] { return now_; }};
  std::string token_;
};

TEST_F(AdminRoutesTest, StatesComeInPages) {
  const std::string list = "/api/v1/admin/simlive/status?limit=1";
  const base::Json first = get(url(list), token_).json();
  ASSERT_EQ(first.find("items")->as_array()->size(), 1U);
  EXPECT_EQ(text(first.find("items")->as_array()->at(0), "cdn_channel_key"), "ch1");
  const base::Json second = get(url(list + "&cursor=" + text(first, "next_cursor")), token_).json();
  ASSERT_EQ(second.find("items")->as_array()->size(), 1U);
  EXPECT_EQ(text(second.find("items")->as_array()->at(0), "cdn_channel_key"), "ch2");
  EXPECT_EQ(text(second, "next_cursor"), "(none)");
  EXPECT_EQ(get(url("/api/v1/admin/simlive/status?limit=501"), token_).status, 400);
}

TEST_F(AdminRoutesTest, ViewersSeeAllChannelsWithNowAndNext) {
  ASSERT_TRUE(guide_
                  .insert({.id = base::random_uuid(),
                           .channel_id = one_.id,
                           .title = "News",
                           .description = "",
                           .start = now_ - kHourNs,
                           .end = now_ + kHourNs},
                          "manual", now_)
                  .has_value());
  ASSERT_TRUE(guide_
                  .insert({.id = base::random_uuid(),
                           .channel_id = one_.id,
                           .title = "Film",
                           .description = "",
                           .start = now_ + kHourNs,
                           .end = now_ + 2 * kHourNs},
                          "manual", now_)
                  .has_value());
  EXPECT_EQ(get(url("/api/v1/channels")).status, 401);
  const auto response = get(url("/api/v1/channels"), bearer(viewer_));
  ASSERT_EQ(response.status, 200);
  const base::Json body = response.json();
  const auto& items = *body.find("items")->as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(text(items[0], "cdn_channel_key"), "ch1");
  EXPECT_EQ(text(items[0], "id"), one_.id);
  EXPECT_EQ(text(*items[0].find("now"), "title"), "News");
  EXPECT_EQ(text(*items[0].find("next"), "title"), "Film");
  EXPECT_NE(text(items[0], "live_url").find("/hls/ch1/index.m3u8?"), std::string::npos);
  EXPECT_TRUE(items[0].find("why_not")->is_null());
  EXPECT_TRUE(items[1].find("now")->is_null());
  EXPECT_EQ(get(url("/api/v1/channels?nonsense=1"), bearer(viewer_)).code(), "invalid_request");
}

TEST_F(AdminRoutesTest, AChannelThatIsNotAllowedIsListedWithTheReason) {
  const auto limited = accounts_.create({.email = "limited@example.org",
                                         .role = access::Role::kViewer,
                                         .password_hash = "x",
                                         .channel_ids = std::vector{two_.id}},
                                        now_);
  ASSERT_TRUE(limited.has_value());
  const base::Json body = get(url("/api/v1/channels"), bearer(*limited)).json();
  const auto& items = *body.find("items")->as_array();
  ASSERT_EQ(items.size(), 2U);
  EXPECT_NE(text(items[0], "why_not"), "(none)");
  EXPECT_TRUE(items[0].find("live_url")->is_null());
  EXPECT_TRUE(items[1].find("why_not")->is_null());
}

TEST_F(AdminRoutesTest, SimliveFollowsTheWishIdempotently) {
  const std::string base = "/api/v1/admin/simlive/ch1/";
  EXPECT_EQ(state("ch1"), "stopped");
  EXPECT_EQ(post(base + "start", token_).status, 200);
  EXPECT_EQ(post(base + "start", token_).status, 200);
  ASSERT_TRUE(run_until([&] { return state("ch1") == "running"; }));
  EXPECT_EQ(state("ch2"), "stopped");
  EXPECT_TRUE(channels_->find("ch1")->on_air_wanted);
  EXPECT_EQ(post(base + "restart", token_).status, 200);
  ASSERT_TRUE(run_until([&] { return state("ch1") == "running"; }));
  EXPECT_EQ(post(base + "stop", token_).status, 200);
  EXPECT_EQ(post("/api/v1/admin/simlive/" + one_.id + "/stop", token_).status, 200);
  ASSERT_TRUE(run_until([&] { return state("ch1") == "stopped"; }));
  EXPECT_EQ(post("/api/v1/admin/simlive/ch9/start", token_).code(), "not_found");
  EXPECT_EQ(get(url(base + "start"), token_).status, 405);
}

TEST_F(AdminRoutesTest, AdministrationNeedsItsRole) {
  const std::string viewer = bearer(viewer_);
  const auto op = add("operator@example.org", access::Role::kOperator, "x");
  for (const char* path : {"/api/v1/admin/simlive/status", "/api/v1/admin/channels", "/api/v1/admin/channels/ch1"}) {
    EXPECT_EQ(get(url(path)).status, 401) << path;
    EXPECT_EQ(get(url(path), viewer).status, 403) << path;
  }
  EXPECT_EQ(post("/api/v1/admin/simlive/ch1/start", viewer).status, 403);
  EXPECT_EQ(post("/api/v1/admin/simlive/ch1/start", "").status, 401);
  EXPECT_EQ(get(url("/api/v1/admin/simlive/status"), bearer(op)).status, 200);
  EXPECT_EQ(get(url("/api/v1/admin/channels"), bearer(op)).status, 403);
  EXPECT_FALSE(channels_->find("ch1")->on_air_wanted);
}

TEST_F(AdminRoutesTest, ChannelsAreCreatedChangedAndRemoved) {
  const auto created = change("POST", "/api/v1/admin/channels", "",
                              R"({"cdn_channel_key":"ch3","number":3,"name":"Three","variables":{"width":640},
                                  "protection":{"encryption":"none"}})");
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string path = created.header("location");
  EXPECT_EQ(created.header("etag"), "\"1\"");
  EXPECT_EQ(*created.json().find("target_duration")->as_integer(), 4);
  EXPECT_EQ(*created.json().find("max_duration")->as_integer(), 4);
  EXPECT_EQ(text(*created.json().find("protection"), "encryption"), "none");

  EXPECT_EQ(change("PATCH", path, "", "{}").code(), "if_match_required");
  const auto changed =
      change("PATCH", path, "\"1\"", R"({"name":"Drei","logo_url":null,"variables":{"width":null,"height":360}})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.header("etag"), "\"2\"");
  EXPECT_EQ(text(changed.json(), "name"), "Drei");
  EXPECT_EQ(changed.json().find("variables")->dump(), R"({"height":360})");
  EXPECT_EQ(change("PATCH", path, "\"1\"", "{}").status, 412);
  EXPECT_EQ(get(url("/api/v1/admin/channels/ch3"), token_).body, changed.body);

  EXPECT_EQ(change("DELETE", path, "\"1\"", "").status, 412);
  EXPECT_EQ(change("DELETE", path, "\"2\"", "").status, 204);
  EXPECT_EQ(get(url(path), token_).status, 404);
}

TEST_F(AdminRoutesTest, WrongChannelsAreRefusedByField) {
  struct Case {
    const char* body;
    int status;
    const char* names;
  };
  for (const Case& wrong :
       {Case{"", 400, ""}, Case{"[]", 400, "object"}, Case{"{}", 400, "cdn_channel_key"},
        Case{R"({"cdn_channel_key":"ch3","number":3,"name":"x","launch":"fakesink"})", 400, "launch"},
        Case{R"({"cdn_channel_key":"ch3","number":"3","name":"x"})", 400, "number"},
        Case{R"({"cdn_channel_key":"ch1","number":3,"name":"x"})", 409, "cdn_channel_key"},
        Case{R"({"cdn_channel_key":"ch3","number":1,"name":"x"})", 409, "number"},
        Case{R"({"cdn_channel_key":"ch3","number":3,"name":"x","pipeline":"filesrc ! fakesink"})", 400, "pipeline"},
        Case{R"({"cdn_channel_key":"ch3","number":3,"name":"x","variables":{"location":"/etc"}})", 400, "location"},
        Case{R"({"cdn_channel_key":"ch3","number":3,"name":"x","protection":{"key":"00"}})", 400, "key"}}) {
    const auto response = change("POST", "/api/v1/admin/channels", "", wrong.body);
    EXPECT_EQ(response.status, wrong.status) << wrong.body << response.body;
    EXPECT_NE(text(response.json(), "detail").find(wrong.names), std::string::npos) << response.body;
  }
  EXPECT_EQ(change("PATCH", "/api/v1/admin/channels/ch1", "*", R"({"target_duration":2})").status, 400);
  EXPECT_EQ(change("PATCH", "/api/v1/admin/channels/ch1", "*", R"({"cdn_channel_key":"other"})").status, 400);
  EXPECT_EQ(channels_->all().size(), 2U);
}

TEST_F(AdminRoutesTest, HealthAndReadinessAreFlat) {
  EXPECT_EQ(get(url("/health")).body,
            "{\"status\":\"healthy\",\"database\":\"ok\",\"storage\":\"ok\",\"version\":\"" AIRCHECK_VERSION "\"}");
  storage_ = core::fail(core::Code::kNoSpace, "full");
  const auto degraded = get(url("/health"));
  EXPECT_EQ(degraded.status, 200) << "alive";
  EXPECT_EQ(text(degraded.json(), "status"), "degraded");
  EXPECT_EQ(text(degraded.json(), "storage"), "error");
  EXPECT_EQ(get(url("/ready")).status, 200);
  missing_ = "the index";
  const auto waiting = get(url("/ready"));
  EXPECT_EQ(waiting.status, 503);
  EXPECT_EQ(waiting.code(), "not_ready");
  EXPECT_EQ(waiting.header("retry-after"), "1");
}

}  // namespace
}  // namespace aircheck::http
