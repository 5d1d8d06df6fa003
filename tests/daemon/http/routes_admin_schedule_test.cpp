// The guide by hand: entries that operators write, and what viewers then get of them.
#include "http/routes_admin_schedule.hpp"

#include <gtest/gtest.h>

#include "daemon/http/station_with_archive.hpp"

namespace aircheck::http {
namespace {

using base::Json;

class AdminScheduleTest : public test::StationWithArchive {
 protected:
  AdminScheduleTest() {
    register_admin_schedule_routes(router_,
                                   {*channels_, guide_, authenticator_, idempotency_, [this] { return now_; }});
    set_source(one_, "manual");
    set_source(two_, "manual");
  }
  void set_source(const channels::Channel& channel, const std::string& source) {
    channels::Channel changed = *channels_->find(channel.id);
    changed.schedule_source = source;
    ASSERT_TRUE(channels_->update(changed, now_));
  }
  test::HttpResponse change(const std::string& method, const std::string& path, const std::string& body,
                            std::vector<std::pair<std::string, std::string>> headers = {}) {
    headers.emplace_back("Authorization", "Bearer " + token_);
    return fetch({.method = method, .url = url("/api/v1/admin/schedule" + path), .headers = headers, .body = body});
  }
  std::string at(std::int64_t minutes) { return core::to_rfc3339(now_ + minutes * kMinuteNs); }
  std::string body(std::int64_t from, std::int64_t to, const std::string& more = "", const std::string& key = "ch2") {
    return R"({"channel_id":")" + key + R"(","title":"Film","start":")" + at(from) + R"(","end":")" + at(to) + "\"" +
           more + "}";
  }
  static std::string text(const Json& object, const char* name) {
    const Json* member = object.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
  }

  Idempotency idempotency_{[this] { return now_; }};
  std::string token_ = bearer(admin_);
};

TEST_F(AdminScheduleTest, EntriesAreCreatedChangedAndRemoved) {
  const auto created =
      change("POST", "", body(10, 70, R"(,"description":"A film.","sub_title":"Part one","episode_num":"S01E02",
                                  "icon_url":"https://img.example/a.png","categories":["Film","Drama"])"));
  ASSERT_EQ(created.status, 201) << created.body;
  const std::string id = text(created.json(), "id");
  EXPECT_EQ(created.header("location"), "/api/v1/admin/schedule/" + id);
  EXPECT_EQ(created.header("etag"), "\"1\"");
  EXPECT_EQ(text(created.json(), "source"), "manual");
  EXPECT_EQ(created.json().find("categories")->dump(), R"(["Film","Drama"])");

  EXPECT_EQ(change("PATCH", "/" + id, R"({"title":"x"})").code(), "if_match_required");
  const auto changed = change("PATCH", "/" + id, R"({"title":"Movie","sub_title":null,"catchup_eligible":false})",
                              {{"If-Match", "\"1\""}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(changed.header("etag"), "\"2\"");
  EXPECT_EQ(text(changed.json(), "title"), "Movie");
  EXPECT_EQ(text(changed.json(), "description"), "A film.");
  EXPECT_TRUE(changed.json().find("sub_title")->is_null());
  EXPECT_EQ(change("PATCH", "/" + id, R"({"title":"x"})", {{"If-Match", "\"1\""}}).code(), "changed_meanwhile");
  EXPECT_EQ(change("GET", "/" + id, "").body, changed.body);
  // What is stored is what is told.
  EXPECT_EQ(schedule::Guide::open(*database_)->entry(id), guide_.entry(id));

  const auto list = change("GET", "?channel_id=ch2", "").json();
  ASSERT_EQ(list.find("items")->as_array()->size(), 1U);
  EXPECT_EQ(change("DELETE", "/" + id, "", {{"If-Match", "\"1\""}}).status, 412);
  EXPECT_EQ(change("DELETE", "/" + id, "", {{"If-Match", "\"2\""}}).status, 204);
  EXPECT_EQ(change("GET", "/" + id, "").code(), "not_found");
}

TEST_F(AdminScheduleTest, OverlapsAreRefused) {
  ASSERT_EQ(change("POST", "", body(10, 70)).status, 201);
  EXPECT_EQ(change("POST", "", body(69, 80)).code(), "overlap");
  EXPECT_EQ(change("POST", "", body(0, 11)).code(), "overlap");
  EXPECT_EQ(change("POST", "", body(20, 30)).code(), "overlap");
  const auto next = change("POST", "", body(70, 80));
  ASSERT_EQ(next.status, 201) << "ends are exclusive";
  const std::string path = "/" + text(next.json(), "id");
  EXPECT_EQ(change("PATCH", path, R"({"start":")" + at(60) + "\"}", {{"If-Match", "*"}}).code(), "overlap");
  EXPECT_EQ(change("PATCH", path, R"({"start":")" + at(72) + "\"}", {{"If-Match", "*"}}).status, 200);
}

TEST_F(AdminScheduleTest, AnotherSourcesScheduleIsNotWritten) {
  const std::string id = programme(2).id;
  for (const char* source : {"generated", "xmltv", "playout"}) {
    set_source(one_, source);
    EXPECT_EQ(change("POST", "", body(60, 70, "", "ch1")).code(), "schedule_source") << source;
    EXPECT_EQ(change("PATCH", "/" + id, R"({"title":"x"})", {{"If-Match", "*"}}).code(), "schedule_source") << source;
    EXPECT_EQ(change("DELETE", "/" + id, "", {{"If-Match", "*"}}).code(), "schedule_source") << source;
  }
  // Rights are the operator's, whoever wrote the entry.
  EXPECT_EQ(change("PATCH", "/" + id, R"({"catchup_eligible":false})", {{"If-Match", "*"}}).status, 200);
  EXPECT_FALSE(guide_.entry(id)->catchup_eligible);
}

TEST_F(AdminScheduleTest, WhatAnotherSourceLeftGivesWay) {
  const schedule::Entry left{.id = "left",
                             .channel_id = two_.id,
                             .title = "Left over",
                             .description = "",
                             .start = now_ - 10 * kMinuteNs,
                             .end = now_ + 20 * kMinuteNs};
  ASSERT_TRUE(guide_.insert(left, "generated", now_));
  ASSERT_EQ(change("POST", "", body(5, 30)).status, 201);
  EXPECT_EQ(guide_.entry("left")->end, now_ + 5 * kMinuteNs);
  ASSERT_EQ(change("POST", "", body(-10, 5)).status, 201);
  EXPECT_FALSE(guide_.entry("left"));
}

TEST_F(AdminScheduleTest, WrongEntriesAreRefusedByField) {
  const auto refused = [&](const std::string& json, const std::string& field) {
    const auto response = change("POST", "", json);
    EXPECT_EQ(response.code(), "invalid_request") << json << response.body;
    EXPECT_NE(text(response.json(), "detail").find("\"" + field + "\""), std::string::npos) << response.body;
  };
  refused("{}", "channel_id");
  refused(R"({"channel_id":"ch2","title":"x","start":"2026-01-01T00:00:00Z"})", "end");
  refused(body(10, 10), "end");
  refused(body(0, 24 * 60 + 1), "end");
  refused(body(0, 1, R"(,"icon_url":"file:///etc/passwd")"), "icon_url");
  refused(body(0, 1, R"(,"icon_url":"javascript:alert")"), "icon_url");
  refused(body(0, 1, R"(,"categories":"News")"), "categories");
  refused(body(0, 1, R"(,"categories":[1])"), "categories");
  refused(body(0, 1, R"(,"source":"xmltv")"), "source");
  refused(R"({"channel_id":"ch2","title":"two\nlines","start":")" + at(0) + R"(","end":")" + at(1) + "\"}", "title");
  refused(R"({"channel_id":"ch2","title":"x","start":"today","end":")" + at(1) + "\"}", "start");
  EXPECT_EQ(change("POST", "", body(0, 1, "", "ch9")).code(), "not_found");
  EXPECT_TRUE(guide_.entries(two_.id, now_ - kHourNs, now_ + 48 * kHourNs).empty());
}

TEST_F(AdminScheduleTest, AKeyThatIsSentAgainCreatesNothingTwice) {
  const auto first = change("POST", "", body(10, 20), {{"Idempotency-Key", "k1"}});
  ASSERT_EQ(first.status, 201) << first.body;
  const auto again = change("POST", "", body(10, 20), {{"Idempotency-Key", "k1"}});
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("location"), first.header("location"));
  EXPECT_EQ(again.header("idempotent-replayed"), "true");
  EXPECT_EQ(change("POST", "", body(30, 40), {{"Idempotency-Key", "k1"}}).code(), "idempotency_key_reused");
  EXPECT_EQ(change("POST", "", body(10, 20), {{"Idempotency-Key", "k2"}}).code(), "overlap");
  EXPECT_EQ(change("POST", "", body(30, 40), {{"Idempotency-Key", std::string(256, 'k')}}).status, 400);
  EXPECT_EQ(fetch({.method = "POST",
                   .url = url("/api/v1/admin/schedule"),
                   .headers = {{"Idempotency-Key", "k1"}},
                   .body = body(10, 20)})
                .status,
            401);
  now_ = now_ + Idempotency::kKeepNs + 1;
  token_ = bearer(admin_);
  EXPECT_EQ(change("POST", "", body(10, 20), {{"Idempotency-Key", "k1"}}).header("idempotent-replayed"), "");
}

TEST_F(AdminScheduleTest, AKeyGivesNothingToWhoHasLostTheRole) {
  const auto send = [&](const char* key, int from) {
    return change("POST", "", body(from, from + 10), {{"Idempotency-Key", key}});
  };
  const auto set_role = [&](const char* role) {
    auto statement = database_->prepare("UPDATE users SET role = ?1 WHERE id = ?2");
    ASSERT_TRUE(statement->bind(1, role).bind(2, admin_.id).run());
  };
  const auto first = send("k1", 10);
  ASSERT_EQ(first.status, 201) << first.body;
  set_role("viewer");
  const auto refused = send("k1", 10);
  EXPECT_EQ(refused.status, 403) << refused.body;
  EXPECT_EQ(refused.code(), "role_not_allowed");
  EXPECT_EQ(refused.header("idempotent-replayed"), "");
  EXPECT_EQ(send("k2", 20).status, 403);
  set_role("operator");
  EXPECT_EQ(send("k1", 10).body, first.body);
  EXPECT_EQ(send("k2", 20).status, 201) << "a refusal is no answer to keep";
  ASSERT_TRUE(accounts_.set_enabled(admin_.id, false, now_));
  EXPECT_EQ(send("k1", 10).status, 401);
}

TEST_F(AdminScheduleTest, AdministrationNeedsItsRole) {
  EXPECT_EQ(get(url("/api/v1/admin/schedule")).status, 401);
  EXPECT_EQ(get(url("/api/v1/admin/schedule"), bearer(viewer_)).status, 403);
  const auto op = add("operator@example.org", access::Role::kOperator, "x");
  EXPECT_EQ(get(url("/api/v1/admin/schedule"), bearer(op)).status, 200);
}

// A manual programme is what a generated one is: in the guide, in catch-up, in the policy and for keys.
TEST_F(AdminScheduleTest, EligibilityDecidesOnCatchupAndKeys) {
  const std::string id = programme(-2).id;
  const std::string manifest = "/api/v1/tstv/catchup/ch1/manifest?schedule_entry_id=" + id;
  const std::string kid = core::to_hex(*rows_.front().key_id);
  const std::string key = url("/api/v1/drm/key/" + kid + "?token=" + playback_token(access::Kind::kCatchup));
  EXPECT_EQ(get(url(manifest), bearer(viewer_)).status, 200);
  EXPECT_EQ(get(key).status, 200);
  ASSERT_EQ(change("PATCH", "/" + id, R"({"catchup_eligible":false})", {{"If-Match", "*"}}).status, 200);
  EXPECT_EQ(get(url(manifest), bearer(viewer_)).code(), "not_eligible");
  EXPECT_EQ(get(key).code(), "key_not_allowed");
  const auto window =
      stream("kind=catchup&start=" + seconds(programme(-3).start) + "&end=" + seconds(programme(-1).end),
             access::Kind::kCatchup);
  EXPECT_EQ(get(window).code(), "not_eligible") << "every programme that a window touches";
  const auto list = get(url("/api/v1/tstv/catchup/ch1"), bearer(viewer_)).json();
  EXPECT_EQ(text((*list.find("items")->as_array())[1], "why_not"), "not_eligible");
}

}  // namespace
}  // namespace aircheck::http
