// Devices, the M3U playlist and the XMLTV guide that IPTV apps read with them.
#include "http/routes_export.hpp"

#include <gtest/gtest.h>

#include "daemon/http/station_with_archive.hpp"
#include "http/routes_devices.hpp"
#include "schedule/xmltv.hpp"

namespace aircheck::http {
namespace {

using base::Json;

class ExportTest : public test::StationWithArchive {
 protected:
  ExportTest() {
    register_export_routes(router_, services());
    register_device_routes(router_, {devices_, authenticator_, idempotency_, [this] { return now_; }});
  }
  test::HttpResponse devices(const std::string& method, const std::string& path = "", const std::string& body = "",
                             const std::string& token = "") {
    test::HttpRequest request{.method = method, .url = url("/api/v1/devices" + path), .body = body};
    request.headers = {{"Authorization", "Bearer " + (token.empty() ? bearer(viewer_) : token)}};
    return fetch(request);
  }
  Json add_device(const std::string& body = R"({"name":"Kodi"})") {
    const auto response = devices("POST", "", body);
    EXPECT_EQ(response.status, 201) << response.body;
    return response.json();
  }
  static std::string text(const Json& object, const char* name) {
    const Json* member = object.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
  }
  // The value of an attribute of a line of M3U.
  static std::string attribute(const std::string& line, const std::string& name) {
    const std::size_t begin = line.find(" " + name + "=\"");
    if (begin == std::string::npos) return "(none)";
    const std::size_t value = begin + name.size() + 3;
    return line.substr(value, line.find('"', value) - value);
  }
  static std::vector<std::string> lines(const std::string& body) {
    std::vector<std::string> found;
    std::istringstream in(body);
    for (std::string line; std::getline(in, line);) found.push_back(line);
    return found;
  }
  static std::string filled(std::string source, core::Utc start, core::Utc end) {
    const auto put = [&](const std::string& name, std::int64_t value) {
      const std::size_t at = source.find(name);
      ASSERT_NE(at, std::string::npos) << source;
      source.replace(at, name.size(), std::to_string(value));
    };
    put("{utc}", start.ns / kSecondNs);
    put("{duration}", (end - start) / kSecondNs);
    return source;
  }
  void set_window(int hours) {
    channels::Channel changed = *channels_->find("ch1");
    changed.cutv_window_hours = hours;
    ASSERT_TRUE(channels_->update(changed, now_));
  }
  // The media playlist behind a multivariant one.
  test::HttpResponse media(const std::string& address) {
    const auto multivariant = get(address);
    const std::size_t line = multivariant.body.find("\nmain.m3u8");
    if (line == std::string::npos) return multivariant;
    return get(
        url("/hls/ch1/" + multivariant.body.substr(line + 1, multivariant.body.find('\n', line + 1) - line - 1)));
  }

  Idempotency idempotency_{[this] { return now_; }};
};

TEST_F(ExportTest, LiveAndCatchupPlayFromThePlaylist) {
  const Json device = add_device();
  const auto playlist = get(text(device, "playlist_url"));
  ASSERT_EQ(playlist.status, 200) << playlist.body;
  EXPECT_EQ(playlist.header("content-type"), "audio/x-mpegurl");
  EXPECT_NE(playlist.header("cache-control").find("private"), std::string::npos);
  const auto found = lines(playlist.body);
  ASSERT_EQ(found.size(), 5U) << playlist.body;
  EXPECT_EQ(found[0].substr(0, 8), "#EXTM3U ");
  EXPECT_EQ(attribute(found[0], "url-tvg"), text(device, "epg_url"));
  EXPECT_EQ(attribute(found[1], "tvg-id"), "ch1");
  EXPECT_EQ(attribute(found[1], "tvg-name"), "One");
  EXPECT_EQ(attribute(found[1], "tvg-chno"), "1");
  EXPECT_EQ(attribute(found[1], "group-title"), "TV");
  EXPECT_EQ(attribute(found[1], "catchup"), "default");
  EXPECT_EQ(attribute(found[1], "catchup-days"), "1");
  EXPECT_TRUE(found[1].ends_with(",One"));

  const auto live = media(found[2]);
  ASSERT_EQ(live.status, 200) << live.body;
  EXPECT_NE(live.body.find("METHOD=AES-128"), std::string::npos) << "apps know no Common Encryption";
  const std::string source = filled(attribute(found[1], "catchup-source"), programme(-3).start, programme(-3).end);
  const auto catchup = media(source);
  ASSERT_EQ(catchup.status, 200) << source << catchup.body;
  const auto parsed = test::parse_m3u8(catchup.body);
  EXPECT_EQ(parsed.type, "VOD");
  EXPECT_TRUE(parsed.ended);
  EXPECT_EQ(parsed.rows.size(), 50U) << "five minutes of six seconds";
  // Its keys and segments come with the same token, and go with the device.
  const std::size_t uri = catchup.body.find("URI=\"/") != std::string::npos ? catchup.body.find("URI=\"/") + 5 : 0;
  ASSERT_NE(uri, 0U) << catchup.body.substr(0, 600);
  const std::string key = url(catchup.body.substr(uri, catchup.body.find('"', uri) - uri));
  EXPECT_EQ(get(key).status, 200) << key;
  EXPECT_EQ(devices("DELETE", "/" + text(device, "id")).status, 204);
  EXPECT_EQ(get(key).status, 401);
  EXPECT_EQ(get(source).status, 401);
  EXPECT_EQ(get(found[2]).status, 401);
  EXPECT_EQ(get(text(device, "playlist_url")).status, 401);
  EXPECT_EQ(get(text(device, "epg_url")).status, 401);
}

TEST_F(ExportTest, AddressesLastAsLongAsTheDevice) {
  const Json device = add_device(R"({"name":"Box","expires_in_days":30})");
  const std::string before = get(text(device, "playlist_url")).body;
  now_ = now_ + 29 * 24 * kHourNs;
  EXPECT_EQ(get(text(device, "playlist_url")).body, before) << "an app may keep its playlist";
  EXPECT_NE(get(lines(before)[2]).status, 401);
  now_ = now_ + 24 * kHourNs;
  EXPECT_EQ(get(text(device, "playlist_url")).status, 401);
  EXPECT_EQ(get(lines(before)[2]).status, 401);
}

TEST_F(ExportTest, ThePolicyIsAskedAgainAtEachUse) {
  const Json device = add_device();
  const auto found = lines(get(text(device, "playlist_url")).body);
  ASSERT_EQ(get(found[2]).status, 200);
  channels::Channel changed = *channels_->find("ch1");
  changed.catchup_enabled = false;
  ASSERT_TRUE(channels_->update(changed, now_));
  EXPECT_EQ(get(filled(attribute(found[1], "catchup-source"), programme(-3).start, programme(-3).end)).code(),
            "kind_not_allowed");
  EXPECT_EQ(attribute(lines(get(text(device, "playlist_url")).body)[1], "catchup"), "(none)");
  ASSERT_TRUE(accounts_.set_enabled(viewer_.id, false, now_));
  EXPECT_EQ(get(found[2]).code(), "account_disabled");
  EXPECT_EQ(lines(get(text(device, "playlist_url")).body).size(), 1U) << "no channel";
}

TEST_F(ExportTest, NamesCannotAddAttributesOrLines) {
  channels::Channel changed = *channels_->find("ch1");
  changed.name = "A\" catchup=\"x,B";
  changed.logo_url = "https://img.example/a\"b.png";
  ASSERT_TRUE(channels_->update(changed, now_));
  const auto found = lines(get(text(add_device(), "playlist_url")).body);
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(attribute(found[1], "tvg-name"), "A catchup=x,B");
  EXPECT_EQ(attribute(found[1], "tvg-logo"), "https://img.example/ab.png");
  EXPECT_EQ(attribute(found[1], "catchup"), "default");
}

TEST_F(ExportTest, AChannelThatIsNotEncryptedPlaysToo) {
  channels::Channel changed = *channels_->find("ch1");
  changed.encrypted = false;
  ASSERT_TRUE(channels_->update(changed, now_));
  timeshift::test::Writer writer(now_);
  for (int i = 0; i < 6; ++i) {
    timeshift::SegmentRow clear = writer.segment();
    clear.sequence = rows_.back().sequence + 1;
    write(clear, false);
  }
  now_ = writer.end();
  const std::string address = text(add_device(), "playlist_url");
  for (const char* protection : {"", "&protection=clear", "&protection=cenc"}) {
    const auto found = lines(get(address + protection).body);
    ASSERT_GE(found.size(), 3U) << protection;
    const auto live = media(found[2]);
    ASSERT_EQ(live.status, 200) << live.body;
    const auto segment = get(url("/hls/ch1/" + test::parse_m3u8(live.body).rows.back().uri));
    EXPECT_EQ(segment.status, 200) << protection << segment.body;
  }
  const std::string source = attribute(lines(get(address).body)[1], "catchup-source");
  const auto encrypted_past = media(filled(source, programme(-3).start, programme(-3).end));
  EXPECT_EQ(encrypted_past.status, 403) << "whose segments this channel does not give out clear";
}

TEST_F(ExportTest, OtherProtectionsAreAskedFor) {
  const std::string address = text(add_device(), "playlist_url");
  EXPECT_EQ(lines(get(address + "&protection=cenc").body).size(), 5U);
  EXPECT_EQ(lines(get(address + "&protection=clear").body).size(), 1U) << "no channel is given out clear";
  EXPECT_EQ(get(address + "&protection=none").code(), "invalid_request");
  EXPECT_EQ(get(address + "&nonsense=1").code(), "invalid_request");
}

TEST_F(ExportTest, TheGuideIsXmltvOfTheSameChannels) {
  const std::string address = text(add_device(), "epg_url");
  const auto guide = get(address);
  ASSERT_EQ(guide.status, 200) << guide.body;
  EXPECT_EQ(guide.header("content-type"), "application/xml");
  schedule::XmltvReader reader({"ch1"}, nullptr);
  ASSERT_TRUE(reader.feed(core::as_bytes(guide.body)));
  const auto file = reader.finish();
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_EQ(file->programmes.at("ch1").size(), 12U) << "past ones too, for catch-up";
  EXPECT_EQ(file->programmes.at("ch1")[0].entry.title, programme(-6).title);
  EXPECT_EQ(file->programmes.at("ch1")[0].entry.start, programme(-6).start);
  test::HttpRequest again{.url = address};
  again.headers = {{"If-None-Match", guide.header("etag")}};
  EXPECT_EQ(fetch(again).status, 304);
  EXPECT_EQ(get(url("/api/v1/epg.xml"), bearer(viewer_)).body, guide.body);
  const auto compressed = fetch({.url = address, .headers = {{"Accept-Encoding", "gzip"}}});
  EXPECT_EQ(compressed.header("content-encoding"), "gzip");
  EXPECT_NE(compressed.header("etag"), guide.header("etag"));
  ASSERT_TRUE(guide_.remove(programme(-6).id, now_));
  const auto changed = fetch(again);
  EXPECT_EQ(changed.status, 200) << "made anew";
  EXPECT_LT(changed.body.size(), guide.body.size());
  EXPECT_EQ(get(url("/api/v1/epg.xml")).status, 401);
  EXPECT_EQ(get(address + "&from=1&to=1300000").code(), "invalid_request") << "over 14 days";
}

TEST_F(ExportTest, CatchupDaysAreTheWindowRoundedUp) {
  const std::string address = text(add_device(), "playlist_url");
  for (const auto& [hours, days] : {std::pair{1, "1"}, {24, "1"}, {25, "2"}, {168, "7"}, {720, "30"}}) {
    set_window(hours);
    EXPECT_EQ(attribute(lines(get(address).body)[1], "catchup-days"), days) << hours;
  }
}

// Kodi's IPTV Simple Client plays a programme that its guide has and that began within catchup-days.
TEST_F(ExportTest, TheGuideGoesBackAsFarAsTheLongestCatchup) {
  const Json device = add_device();
  constexpr std::int64_t kDay = 24 * kHourNs;
  const auto oldest = [&](const std::string& more = "") -> core::Utc {
    const auto guide = get(text(device, "epg_url") + more);
    EXPECT_EQ(guide.status, 200) << guide.body;
    schedule::XmltvReader reader({"ch1"}, nullptr);
    EXPECT_TRUE(reader.feed(core::as_bytes(guide.body)));
    return reader.finish().value().programmes.at("ch1").at(0).entry.start;
  };
  const core::Utc now = now_;
  for (const int days : {29, 8, 6}) add_programme(one_, -days * 24 * 12);
  set_window(720);
  const auto found = lines(get(text(device, "playlist_url")).body);
  ASSERT_EQ(attribute(found[1], "catchup-days"), "30");
  EXPECT_EQ(attribute(found[0], "url-tvg"), text(device, "epg_url"));
  EXPECT_EQ(oldest(), now - 29 * kDay);
  EXPECT_EQ(oldest("&from=" + seconds(now - 9 * kDay)), now - 8 * kDay) << "what is asked for is what is answered";
  EXPECT_EQ(oldest("&to=" + seconds(now + kDay)), now - 6 * kDay) << "from a week ago on";
  set_window(8 * 24);
  EXPECT_EQ(oldest(), now - 8 * kDay) << "the hour that has begun does not count";
  set_window(24);
  EXPECT_EQ(oldest(), now - 6 * kDay) << "a week in any case";
  set_window(720);
  channels::Channel changed = *channels_->find("ch1");
  changed.catchup_enabled = false;
  ASSERT_TRUE(channels_->update(changed, now_));
  EXPECT_EQ(oldest(), now - 6 * kDay) << "nothing is offered";
}

TEST_F(ExportTest, DevicesBelongToTheirAccount) {
  const Json device = add_device();
  EXPECT_EQ(devices("POST", "", R"({"name":""})").code(), "invalid_request");
  EXPECT_EQ(devices("POST", "", R"({"name":"a\nb"})").code(), "invalid_request");
  EXPECT_EQ(devices("POST", "", R"({"name":"x","expires_in_days":3651})").code(), "invalid_request");
  EXPECT_EQ(devices("DELETE", "/" + text(device, "id"), "", bearer(admin_)).code(), "not_found");
  const Json list = devices("GET").json();
  ASSERT_EQ(list.find("items")->as_array()->size(), 1U);
  EXPECT_EQ((*list.find("items")->as_array())[0].find("token"), nullptr) << "shown once";
  EXPECT_TRUE((*list.find("items")->as_array())[0].find("last_used_at")->is_null());
  get(text(device, "playlist_url"));
  EXPECT_EQ(text((*devices("GET").json().find("items")->as_array())[0], "last_used_at"), core::to_rfc3339(now_));
  EXPECT_TRUE(devices("GET", "", "", bearer(admin_)).json().find("items")->as_array()->empty());
  for (int i = 1; i < access::Devices::kMostOfAccount; ++i) add_device();
  EXPECT_EQ(devices("POST", "", R"({"name":"one more"})").code(), "too_many_devices");
  // A device is no sign-in.
  EXPECT_EQ(get(url("/api/v1/me"), text(device, "token")).status, 401);
  EXPECT_EQ(get(url("/hls/ch1/index.m3u8?token=" + text(device, "token"))).status, 401);
}

TEST_F(ExportTest, DurationStandsForTheEnd) {
  const std::string start = seconds(programme(-3).start);
  const auto by_end =
      get(stream("kind=catchup&start=" + start + "&end=" + seconds(programme(-3).end), access::Kind::kCatchup));
  const auto by_duration = get(stream("kind=catchup&start=" + start + "&duration=300", access::Kind::kCatchup));
  ASSERT_EQ(by_end.status, 200) << by_end.body;
  EXPECT_EQ(by_duration.body, by_end.body);
  for (const char* wrong : {"duration=0", "duration=-1", "duration=x", "duration=9999999999", "duration=60&end=1"}) {
    EXPECT_EQ(get(stream("kind=catchup&start=" + start + "&" + wrong, access::Kind::kCatchup)).status, 400) << wrong;
  }
  EXPECT_EQ(get(stream("kind=catchup&duration=60", access::Kind::kCatchup)).status, 400);
}

}  // namespace
}  // namespace aircheck::http
