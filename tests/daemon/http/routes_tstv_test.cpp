#include "http/routes_tstv.hpp"

#include <gtest/gtest.h>

#include "daemon/http/station_with_archive.hpp"
#include "http/civil_day.hpp"
#include "http/routes_tstv_rules.hpp"

namespace aircheck::http {
namespace {

using access::Kind;
using base::Json;
using test::parse_m3u8;

class TstvRoutesTest : public test::StationWithArchive {
 protected:
  test::HttpResponse api(const std::string& path) { return get(url("/api/v1/" + path), bearer(viewer_)); }
  Json json(const std::string& path) {
    const auto response = api(path);
    EXPECT_EQ(response.status, 200) << path << ": " << response.body;
    return response.json();
  }
  static std::string text(const Json& object, const char* name) {
    const Json* member = object.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
  }
  static bool boolean(const Json& object, const char* name) { return *object.find(name)->as_bool(); }
  static Json::Array items(const Json& list) { return *list.find("items")->as_array(); }
};

TEST_F(TstvRoutesTest, EveryRouteNeedsSignIn) {
  for (const char* path : {"epg", "tstv/channels", "tstv/startover/ch1", "tstv/startover/ch1/manifest", "tstv/catchup",
                           "tstv/catchup/ch1", "tstv/catchup/ch1/manifest"}) {
    EXPECT_EQ(get(url(std::string("/api/v1/") + path)).status, 401) << path;
    // A playback token is for /hls/ and keys.
    EXPECT_EQ(get(url(std::string("/api/v1/") + path + "?token=" + playback_token(Kind::kLive))).status, 401) << path;
    EXPECT_EQ(api(std::string(path) + "?nonsense=1").code(), "invalid_request") << path;
  }
  for (const char* path : {"tstv/startover/ch9", "tstv/catchup/ch9", "tstv/catchup/ch9/manifest?schedule_entry_id=1",
                           "epg?channel_id=ch9"}) {
    EXPECT_EQ(api(path).status, 404) << path;
  }
}

TEST_F(TstvRoutesTest, ChannelsHaveTheirFlagsAndALiveUrlThatPlays) {
  const auto channels = items(json("tstv/channels"));
  ASSERT_EQ(channels.size(), 2u);
  EXPECT_EQ(text(channels[0], "cdn_channel_key"), "ch1");
  EXPECT_EQ(text(channels[0], "id"), one_.id);
  EXPECT_TRUE(boolean(channels[0], "tstv_enabled"));
  EXPECT_TRUE(boolean(channels[0], "startover_enabled"));
  EXPECT_TRUE(boolean(channels[0], "catchup_enabled"));
  EXPECT_EQ(*channels[0].find("cutv_window_hours")->as_integer(), 24);
  EXPECT_EQ(get(text(channels[0], "live_url")).status, 200);
}

TEST_F(TstvRoutesTest, ListsComeInPages) {
  const Json first = json("tstv/channels?limit=1");
  ASSERT_EQ(items(first).size(), 1u);
  const Json second = json("tstv/channels?limit=1&cursor=" + text(first, "next_cursor"));
  ASSERT_EQ(items(second).size(), 1u);
  EXPECT_EQ(text(items(second)[0], "cdn_channel_key"), "ch2");
  EXPECT_TRUE(second.find("next_cursor")->is_null());
  for (const char* limit : {"0", "501", "x", "-1", ""}) {
    EXPECT_EQ(api(std::string("tstv/channels?limit=") + limit).code(), "invalid_request") << limit;
  }
}

TEST_F(TstvRoutesTest, TheGuideSaysWhatCanBeWatched) {
  now_ = now_ - kMinuteNs;
  add_programme(one_, -7, false);
  const std::string from = core::to_rfc3339(now_ - 40 * kMinuteNs);
  const std::string to = core::to_rfc3339(now_ + 10 * kMinuteNs);
  const auto entries = items(json("epg?channel_id=ch1&from=" + from + "&to=" + to));
  ASSERT_EQ(entries.size(), 9u);
  for (std::size_t i = 1; i < entries.size(); ++i) EXPECT_LT(text(entries[i - 1], "start"), text(entries[i], "start"));
  const auto expect = [](const Json& entry, bool catchup, bool startover, const char* why_not) {
    EXPECT_EQ(boolean(entry, "catchup_available"), catchup) << entry.dump();
    EXPECT_EQ(boolean(entry, "startover_available"), startover) << entry.dump();
    EXPECT_EQ(text(entry, "why_not"), why_not) << entry.dump();
  };
  expect(entries[0], false, false, "not_eligible");
  expect(entries[1], true, false, "");
  expect(entries[5], true, false, "");
  expect(entries[6], false, true, "");
  expect(entries[7], false, false, "");
  EXPECT_EQ(text(entries[1], "expires_at"), core::to_rfc3339(programme(-6).end + 24 * kHourNs));
  EXPECT_EQ(text(entries[1], "channel_id"), one_.id);
  EXPECT_EQ(items(json("epg?from=" + from + "&to=" + to)).size(), 9u) << "all channels";
  EXPECT_EQ(items(json("epg")).size(), 7u) << "from now on, for a day";

  EXPECT_EQ(api("epg?from=" + to + "&to=" + from).code(), "invalid_request");
  EXPECT_EQ(api("epg?from=yesterday").code(), "invalid_request");
  EXPECT_EQ(api("epg?from=2026-02-01T00:00:00Z&to=2026-02-15T00:00:01Z").code(), "invalid_request");
  EXPECT_EQ(api("epg?from=2026-02-01T00:00:00Z&to=2026-02-15T00:00:00Z").status, 200);
}

TEST_F(TstvRoutesTest, StartoverOfTheRunningProgramme) {
  now_ = now_ - 90 * kSecondNs;
  const Json answer = json("tstv/startover/" + one_.id);
  EXPECT_TRUE(boolean(answer, "available"));
  EXPECT_EQ(text(*answer.find("programme"), "id"), programme(-1).id);
  EXPECT_EQ(*answer.find("elapsed_seconds")->as_integer(), 210);
  const auto multivariant = get(text(answer, "startover_url"));
  EXPECT_EQ(multivariant.status, 200) << multivariant.body;

  for (const std::string& query : {std::string(), "?schedule_entry_id=" + programme(-1).id}) {
    const auto manifest = api("tstv/startover/ch1/manifest" + query);
    ASSERT_EQ(manifest.status, 200) << manifest.body;
    EXPECT_EQ(manifest.header("content-type"), "application/vnd.apple.mpegurl");
    EXPECT_EQ(manifest.header("x-expires-at"), core::to_rfc3339(programme(-1).end + 24 * kHourNs));
    const std::size_t line = manifest.body.find("\nhttp://");
    ASSERT_NE(line, std::string::npos) << "absolute, tokenised URLs: " << manifest.body;
    const auto media = get(manifest.body.substr(line + 1, manifest.body.find('\n', line + 1) - line - 1));
    ASSERT_EQ(media.status, 200) << media.body;
    EXPECT_EQ(parse_m3u8(media.body).type, "EVENT");
    EXPECT_EQ(get(url("/hls/ch1/" + parse_m3u8(media.body).rows[0].uri)).status, 200);
  }
  EXPECT_EQ(api("tstv/startover/ch1/manifest?schedule_entry_id=" + programme(3).id).code(), "not_started");
  EXPECT_EQ(api("tstv/startover/ch1/manifest?schedule_entry_id=none").status, 404);
  EXPECT_EQ(api("tstv/startover/ch2/manifest?schedule_entry_id=" + programme(-1).id).status, 404);
}

TEST_F(TstvRoutesTest, StartoverSaysWhyItIsNotPossible) {
  const Json nothing_yet = json("tstv/startover/ch1");
  EXPECT_FALSE(boolean(nothing_yet, "available")) << "the programme begins at this moment";
  EXPECT_EQ(text(nothing_yet, "why_not"), "not_archived");
  EXPECT_TRUE(nothing_yet.find("startover_url")->is_null());
  EXPECT_EQ(text(json("tstv/startover/ch2"), "why_not"), "no_programme");
  channels::Channel changed = *channels_->find("ch1");
  changed.startover_enabled = false;
  ASSERT_TRUE(channels_->update(changed, now_));
  EXPECT_EQ(text(json("tstv/startover/ch1"), "why_not"), "kind_not_allowed");
  EXPECT_EQ(api("tstv/startover/ch1/manifest").code(), "kind_not_allowed");
}

TEST_F(TstvRoutesTest, CatchupListsPastProgrammesNewestFirst) {
  const auto programmes = items(json("tstv/catchup/ch1"));
  ASSERT_EQ(programmes.size(), 6u);
  for (std::size_t i = 0; i < programmes.size(); ++i) {
    EXPECT_EQ(text(programmes[i], "id"), programme(-1 - static_cast<int>(i)).id);
    EXPECT_EQ(text(programmes[i], "expires_at"),
              core::to_rfc3339(programme(-1 - static_cast<int>(i)).end + 24 * kHourNs));
  }
  EXPECT_EQ(get(text(programmes[5], "catchup_url")).status, 200);
  EXPECT_TRUE(items(json("tstv/catchup/ch2")).empty());

  const auto manifest = api("tstv/catchup/ch1/manifest?schedule_entry_id=" + programme(-2).id);
  ASSERT_EQ(manifest.status, 200) << manifest.body;
  EXPECT_EQ(manifest.header("x-expires-at"), core::to_rfc3339(programme(-2).end + 24 * kHourNs));
  const std::size_t line = manifest.body.find("\nhttp://");
  ASSERT_NE(line, std::string::npos);
  const auto media = get(manifest.body.substr(line + 1, manifest.body.find('\n', line + 1) - line - 1));
  EXPECT_EQ(parse_m3u8(media.body).type, "VOD");
  EXPECT_TRUE(parse_m3u8(media.body).ended);
  EXPECT_EQ(api("tstv/catchup/ch1/manifest").code(), "invalid_request");
  EXPECT_EQ(api("tstv/catchup/ch1/manifest?schedule_entry_id=none").code(), "not_found");
  EXPECT_EQ(api("tstv/catchup/ch1/manifest?schedule_entry_id=" + programme(0).id).code(), "not_complete");
  EXPECT_EQ(api("tstv/catchup/ch1/manifest?schedule_entry_id=" + programme(2).id).code(), "not_complete");

  now_ = programme(-3).end + 24 * kHourNs;
  EXPECT_EQ(items(json("tstv/catchup/ch1")).size(), 2u);
  const auto expired = api("tstv/catchup/ch1/manifest?schedule_entry_id=" + programme(-3).id);
  EXPECT_EQ(expired.status, 403);
  EXPECT_EQ(expired.code(), "window_expired");
  EXPECT_EQ(expired.header("x-expires-at"), core::to_rfc3339(now_));
}

TEST_F(TstvRoutesTest, CatchupByDayIsADayOfTheZone) {
  // 06:10 UTC on 25 February: in New York it is ten past one at night, in Honolulu still the 24th.
  ASSERT_EQ(core::to_rfc3339(now_), "2026-02-25T06:10:00Z");
  for (const std::string list : {"tstv/catchup", "tstv/catchup/ch1"}) {
    EXPECT_EQ(items(json(list)).size(), 6u);
    EXPECT_EQ(items(json(list + "?date=2026-02-25")).size(), 6u);
    EXPECT_EQ(items(json(list + "?date=2026-02-24")).size(), 0u);
    EXPECT_EQ(items(json(list + "?date=2026-02-24&tz=Pacific/Honolulu")).size(), 6u);
    EXPECT_EQ(items(json(list + "?date=2026-02-25&tz=America/New_York")).size(), 6u);
  }
  channels::Channel changed = *channels_->find("ch1");
  changed.zone = "Pacific/Honolulu";
  ASSERT_TRUE(channels_->update(changed, now_));
  for (const std::string list : {"tstv/catchup", "tstv/catchup/ch1"}) {
    EXPECT_EQ(items(json(list + "?date=2026-02-24")).size(), 6u) << "the channel's zone";
    for (const char* query : {"?date=2026-02-30", "?date=today", "?date=2026-02-25T00:00:00Z",
                              "?date=2026-02-25&tz=Mars/Here", "?tz=UTC", "?date=2026-02-25&tz=../../etc/passwd"}) {
      EXPECT_EQ(api(list + query).code(), "invalid_request") << query;
    }
  }
}

TEST_F(TstvRoutesTest, AProgrammeOverMidnightIsOfTheDayOnWhichItBegan) {
  // Over 06:00 UTC, which is midnight in Chicago.
  ASSERT_TRUE(guide_.remove(programme(-2).id, now_));
  schedule::Entry late = *guide_.entry(programme(-3).id);
  late.end = programme(-2).end;
  ASSERT_TRUE(guide_.update(late, now_));
  for (const std::string list : {"tstv/catchup", "tstv/catchup/ch1"}) {
    EXPECT_EQ(items(json(list + "?date=2026-02-24&tz=America/Chicago")).size(), 4u);
    EXPECT_EQ(items(json(list + "?date=2026-02-25&tz=America/Chicago")).size(), 1u);
  }
}

TEST_F(TstvRoutesTest, AChannelThatIsNotAllowedIsNotGivenOut) {
  const auto other = accounts_.create({.email = "two@example.org",
                                       .role = access::Role::kViewer,
                                       .password_hash = "",
                                       .channel_ids = std::vector<std::string>{two_.id}},
                                      now_);
  ASSERT_TRUE(other);
  const std::string token = bearer(*other);
  const auto channels = items(get(url("/api/v1/tstv/channels"), token).json());
  ASSERT_EQ(channels.size(), 2u) << "it is listed, with the reason";
  EXPECT_EQ(text(channels[0], "why_not"), "channel_not_allowed");
  EXPECT_TRUE(channels[0].find("live_url")->is_null());
  EXPECT_EQ(get(url("/api/v1/tstv/catchup/ch1"), token).code(), "channel_not_allowed");
  EXPECT_TRUE(items(get(url("/api/v1/tstv/catchup"), token).json()).empty());
  EXPECT_EQ(text(get(url("/api/v1/tstv/startover/ch1"), token).json(), "why_not"), "channel_not_allowed");
  const auto manifest = get(url("/api/v1/tstv/catchup/ch1/manifest?schedule_entry_id=" + programme(-2).id), token);
  EXPECT_EQ(manifest.status, 403);
  EXPECT_NE(manifest.json().find("upsell"), nullptr);
}

TEST_F(TstvRoutesTest, UrlsForVlcAndSetTopBoxesAreAskedFor) {
  now_ = now_ - kMinuteNs;
  const std::string live = text(items(json("tstv/channels?protection=aes-128"))[0], "live_url");
  const std::string startover = text(json("tstv/startover/ch1?protection=aes-128"), "startover_url");
  const std::string token = bearer(viewer_);
  const auto in_session = [&](const std::string& path) {
    return text(items(get(url("/api/v1/" + path), token).json())[0], "catchup_url");
  };
  const std::string catchup = in_session("tstv/catchup/ch1?protection=aes-128");
  const std::string by_day = in_session("tstv/catchup?protection=aes-128");
  EXPECT_EQ(by_day, catchup);
  for (const std::string& address : {live, startover, catchup}) {
    const auto multivariant = get(address);
    ASSERT_EQ(multivariant.status, 200) << address << multivariant.body;
    const std::size_t line = multivariant.body.find("\nmain.m3u8");
    ASSERT_NE(line, std::string::npos);
    const std::string uri = multivariant.body.substr(line + 1, multivariant.body.find('\n', line + 1) - line - 1);
    EXPECT_NE(get(url("/hls/ch1/" + uri)).body.find("METHOD=AES-128"), std::string::npos);
  }
  const auto manifest = api("tstv/catchup/ch1/manifest?protection=aes-128&schedule_entry_id=" + programme(-3).id);
  EXPECT_NE(manifest.body.find("protection=aes-128"), std::string::npos) << manifest.body;
  EXPECT_EQ(api("tstv/channels?protection=none").code(), "invalid_request");
  EXPECT_EQ(text(items(json("tstv/channels?protection=clear"))[0], "why_not"), "protection_not_allowed");
}

TEST_F(TstvRoutesTest, RulesAreReadAndWrittenTogether) {
  register_tstv_rules_routes(router_, {*channels_, authenticator_, [this] { return now_; }});
  const std::string path = url("/api/v1/admin/tstv/rules");
  const std::string token = bearer(admin_);
  const auto put = [&](const std::string& body, const std::string& etag) {
    test::HttpRequest request{.method = "PUT", .url = path, .body = body};
    request.headers = {{"Authorization", "Bearer " + token}};
    if (!etag.empty()) request.headers.emplace_back("If-Match", etag);
    return fetch(request);
  };
  EXPECT_EQ(get(path).status, 401);
  EXPECT_EQ(get(path, bearer(viewer_)).status, 403);
  const auto before = get(path, token);
  ASSERT_EQ(before.status, 200);
  ASSERT_EQ(items(before.json()).size(), 2u);
  const std::string etag = before.header("etag");
  const std::string body = R"({"items":[{"channel_id":"ch1","catchup_enabled":false},
      {"channel_id":")" + two_.id +
                           R"(","cutv_window_hours":720}]})";
  EXPECT_EQ(put(body, "").code(), "if_match_required");
  const auto after = put(body, etag);
  ASSERT_EQ(after.status, 200) << after.body;
  EXPECT_FALSE(channels_->find("ch1")->catchup_enabled);
  EXPECT_TRUE(channels_->find("ch1")->startover_enabled) << "what is not named stays";
  EXPECT_EQ(channels_->find("ch2")->cutv_window_hours, 720);
  EXPECT_EQ(channels::ChannelStore::open(*database_).value()->find("ch2")->cutv_window_hours, 720);
  EXPECT_EQ(api("tstv/catchup/ch1").code(), "kind_not_allowed");
  EXPECT_EQ(put(body, etag).code(), "changed_meanwhile");
  EXPECT_EQ(put(after.body, after.header("etag")).body, after.body) << "what was read can be written";
  for (const char* wrong :
       {R"({"items":[{"channel_id":"ch1","cutv_window_hours":0}]})",
        R"({"items":[{"channel_id":"ch1","cutv_window_hours":721}]})", R"({"items":[{"channel_id":"ch1","name":"x"}]})",
        R"({"items":[{}]})", R"({"items":1})", R"({"items":[{"channel_id":"ch1"},{"channel_id":"ch1"}]})", "{}"}) {
    EXPECT_EQ(put(wrong, "*").code(), "invalid_request") << wrong;
  }
  EXPECT_EQ(put(R"({"items":[{"channel_id":"ch1","tstv_enabled":false},{"channel_id":"ch9"}]})", "*").status, 404);
  EXPECT_TRUE(channels_->find("ch1")->tstv_enabled) << "all or none";
}

TEST(CivilDay, HasTwentyThreeOrTwentyFiveHoursWhereClocksChange) {
  const auto hours = [](const char* date, const char* zone) {
    const auto day = civil_day(date, zone).value();
    return (day.second - day.first) / (3600 * core::kNsPerSecond);
  };
  EXPECT_EQ(hours("2026-02-25", "UTC"), 24);
  EXPECT_EQ(hours("2026-03-29", "Europe/London"), 23);
  EXPECT_EQ(hours("2026-10-25", "Europe/London"), 25);
  EXPECT_EQ(core::to_rfc3339(civil_day("2026-07-01", "America/St_Johns")->first), "2026-07-01T02:30:00Z");
}

TEST(CivilDay, BeginsWithItsFirstMomentWhereMidnightIsTwiceOrNever) {
  const auto day = [](const char* date, const char* zone) {
    const auto found = civil_day(date, zone).value();
    return core::to_rfc3339(found.first) + " " + core::to_rfc3339(found.second);
  };
  EXPECT_EQ(day("2024-11-02", "America/Havana"), "2024-11-02T04:00:00Z 2024-11-03T04:00:00Z");
  EXPECT_EQ(day("2024-11-03", "America/Havana"), "2024-11-03T04:00:00Z 2024-11-04T05:00:00Z")
      << "back from one to zero";
  EXPECT_EQ(day("2024-10-27", "Atlantic/Azores"), "2024-10-27T00:00:00Z 2024-10-28T01:00:00Z");
  EXPECT_EQ(day("2018-02-17", "America/Sao_Paulo"), "2018-02-17T02:00:00Z 2018-02-18T03:00:00Z")
      << "back from zero to the day before";
  EXPECT_EQ(day("2024-04-26", "Africa/Cairo"), "2024-04-25T22:00:00Z 2024-04-26T21:00:00Z") << "from zero to one";
}

}  // namespace
}  // namespace aircheck::http
