// Viewing sessions over HTTP: who may start one, what players may say, and the operator's list.
#include "http/routes_tstv_sessions.hpp"

#include <gtest/gtest.h>

#include "daemon/http/station_with_archive.hpp"

namespace aircheck::http {
namespace {

using base::Json;

class TstvSessionsTest : public test::StationWithArchive {
 protected:
  TstvSessionsTest() { register_tstv_session_routes(router_, {services(), *tstv_sessions_, limits_, idempotency_}); }
  test::HttpResponse ask(const std::string& method, const std::string& path, const Json& body = {},
                         const std::string& token = "") {
    test::HttpRequest request{.method = method, .url = url("/api/v1" + path)};
    request.headers = {{"Authorization", "Bearer " + (token.empty() ? bearer(viewer_) : token)},
                       {"User-Agent", "Set-top\tbox  " + std::string(300, 'x')}};
    if (!body.is_null()) request.body = body.dump();
    return fetch(request);
  }
  static Json start_body(const schedule::Entry& entry, const char* kind = "catchup") {
    return Json::object({{"channel_id", "ch1"}, {"schedule_entry_id", entry.id}, {"kind", kind}});
  }
  test::HttpResponse start(const Json& body, const std::string& token = "") {
    return ask("POST", "/tstv/sessions", body, token);
  }
  Json started(const Json& body) {
    const auto response = start(body);
    EXPECT_EQ(response.status, 201) << response.body;
    return response.json();
  }
  Json started() { return started(start_body(programme(-3))); }
  test::HttpResponse put(const Json& session, const std::string& body) {
    return fetch({.method = "PUT",
                  .url = url("/api/v1/tstv/sessions/" + text(session, "id")),
                  .headers = {{"Authorization", "Bearer " + bearer(viewer_)}},
                  .body = body});
  }
  test::HttpResponse stop(const Json& session, const std::string& token = "") {
    return ask("DELETE", "/tstv/sessions/" + text(session, "id"), {}, token);
  }
  Json listed(const std::string& query = "") {
    const auto response = ask("GET", "/admin/sessions" + query, {}, bearer(admin_));
    EXPECT_EQ(response.status, 200) << response.body;
    return response.json();
  }
  std::size_t count(const std::string& query) { return listed(query).find("items")->as_array()->size(); }
  static std::string text(const Json& object, const char* name) {
    const Json* member = object.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : "";
  }

  Idempotency idempotency_{[this] { return now_; }};
};

TEST_F(TstvSessionsTest, StartHeartbeatAndStop) {
  const auto response = start(start_body(programme(-3)));
  ASSERT_EQ(response.status, 201) << response.body;
  const Json session = response.json();
  EXPECT_EQ(response.header("location"), "/api/v1/tstv/sessions/" + text(session, "id"));
  EXPECT_EQ(response.header("x-expires-at"), core::to_rfc3339(programme(-3).end + 24 * kHourNs));
  EXPECT_EQ(response.header("cache-control"), "no-store");
  EXPECT_EQ(text(session, "channel_id"), one_.id);
  EXPECT_EQ(text(session, "cdn_channel_key"), "ch1");
  EXPECT_EQ(text(session, "schedule_entry_id"), programme(-3).id);
  EXPECT_EQ(text(session, "kind"), "catchup");
  EXPECT_EQ(text(session, "started_at"), core::to_rfc3339(now_));
  EXPECT_EQ(*session.find("heartbeat_seconds"), Json(30));
  EXPECT_TRUE(session.find("ended_at")->is_null());
  EXPECT_EQ(session.find("ip_address"), nullptr);

  now_ = now_ + 30 * kSecondNs;
  const auto heard = put(session, R"({"position_seconds":29.5,"stalls":1,"bitrate":2500000,"dropped_frames":3,)"
                                  R"("error":"HTTP\n 503"})");
  ASSERT_EQ(heard.status, 200) << heard.body;
  EXPECT_EQ(*heard.json().find("position_seconds"), Json(29.5));
  EXPECT_EQ(*heard.json().find("duration_seconds"), Json(30));
  EXPECT_EQ(*heard.json().find("bitrate"), Json(2'500'000));
  EXPECT_EQ(text(heard.json(), "error"), "HTTP 503");

  now_ = now_ + 10 * kSecondNs;
  const auto stopped = stop(session);
  ASSERT_EQ(stopped.status, 200) << stopped.body;
  EXPECT_EQ(text(stopped.json(), "ended_at"), core::to_rfc3339(now_));
  EXPECT_EQ(text(stopped.json(), "end_reason"), "stopped");
  EXPECT_EQ(*stopped.json().find("duration_seconds"), Json(40));
  now_ = now_ + 10 * kSecondNs;
  EXPECT_EQ(stop(session).body, stopped.body);
  const auto late = put(session, R"({"position_seconds":40})");
  EXPECT_EQ(late.status, 409);
  EXPECT_EQ(late.code(), "session_ended");
}

// As the playlist of the same programme says, in status, code and upsell.
TEST_F(TstvSessionsTest, WhoMayNotWatchMayNotStart) {
  access::Account other = accounts_
                              .create({.email = "other@example.org",
                                       .role = access::Role::kViewer,
                                       .password_hash = "$",
                                       .channel_ids = std::vector<std::string>{}},
                                      now_)
                              .value();
  const auto refused = [&](const schedule::Entry& entry, const std::string& kind, const access::Account& account) {
    const std::string token = bearer(account);
    const auto session = start(start_body(entry, kind.c_str()), token);
    const auto manifest = ask("GET", "/tstv/" + kind + "/ch1/manifest?schedule_entry_id=" + entry.id, {}, token);
    EXPECT_EQ(session.status, manifest.status) << session.body;
    EXPECT_EQ(session.body, manifest.body);
    EXPECT_EQ(session.header("x-expires-at"), manifest.header("x-expires-at"));
    EXPECT_EQ(session.header("retry-after"), manifest.header("retry-after"));
    return session.code();
  };
  EXPECT_EQ(refused(programme(1), "catchup", viewer_), "not_complete");
  EXPECT_EQ(refused(programme(1), "startover", viewer_), "not_started");
  EXPECT_EQ(refused(programme(-3), "catchup", other), "channel_not_allowed");
  now_ = now_ + 25 * kHourNs;
  EXPECT_EQ(refused(programme(-3), "catchup", viewer_), "window_expired");
  EXPECT_EQ(listed().find("items")->as_array()->size(), 0U);
  EXPECT_EQ(fetch({.method = "POST", .url = url("/api/v1/tstv/sessions"), .body = "{}"}).status, 401);
}

TEST_F(TstvSessionsTest, StartOverIsThatOfTheRunningProgrammeWhereNoneIsNamed) {
  const Json session = started(Json::object({{"channel_id", one_.id}, {"kind", "startover"}}));
  EXPECT_EQ(text(session, "schedule_entry_id"), programme(0).id);
  EXPECT_EQ(text(session, "kind"), "startover");
}

TEST_F(TstvSessionsTest, WrongStartsSayWhy) {
  const auto status = [&](const std::string& body) {
    return fetch({.method = "POST",
                  .url = url("/api/v1/tstv/sessions"),
                  .headers = {{"Authorization", "Bearer " + bearer(viewer_)}},
                  .body = body})
        .status;
  };
  const std::string id = programme(-3).id;
  EXPECT_EQ(status(R"({"channel_id":"ch1","kind":"live"})"), 400);
  EXPECT_EQ(status(R"({"channel_id":"ch1","kind":"catchup"})"), 400);
  EXPECT_EQ(status(R"({"channel_id":"ch1","kind":"catchup","schedule_entry_id":")" + id + R"(","x":1})"), 400);
  EXPECT_EQ(
      status(R"({"channel_id":"ch1","kind":"catchup","schedule_entry_id":")" + id + R"(","position_seconds":-1})"),
      400);
  EXPECT_EQ(status(R"({"channel_id":"ch1","kind":"catchup","schedule_entry_id":")" + id + R"(","protection":"drm"})"),
            400);
  EXPECT_EQ(status(R"({"channel_id":"ch9","kind":"catchup","schedule_entry_id":")" + id + R"("})"), 404);
  EXPECT_EQ(status(R"({"channel_id":"ch1","kind":"catchup","schedule_entry_id":"nothing"})"), 404);
  EXPECT_EQ(status(R"({"channel_id":"ch2","kind":"catchup","schedule_entry_id":")" + id + R"("})"), 404);
  EXPECT_EQ(count(""), 0U);
}

TEST_F(TstvSessionsTest, EveryNumberHasItsBounds) {
  const Json session = started();
  for (const std::string& body :
       {std::string("{}"), std::string(R"({"position_seconds":null})"), std::string(R"({"position_seconds":NaN})"),
        std::string(R"({"position_seconds":1e999})"), std::string(R"({"position_seconds":-0.1})"),
        std::string(R"({"position_seconds":90001})"), std::string(R"({"position_seconds":"1"})"),
        std::string(R"({"position_seconds":1,"stalls":-1})"), std::string(R"({"position_seconds":1,"stalls":1.5})"),
        std::string(R"({"position_seconds":1,"stalls":1000000001})"),
        std::string(R"({"position_seconds":1,"bitrate":-1})"),
        std::string(R"({"position_seconds":1,"bitrate":99999999999999999999})"),
        std::string(R"({"position_seconds":1,"dropped_frames":-5})"),
        std::string(R"({"position_seconds":1,"error":5})"), std::string(R"({"position_seconds":1,"ended_at":"x"})")}) {
    EXPECT_EQ(put(session, body).status, 400) << body;
  }
  const auto heard = put(session, R"({"position_seconds":90000,"error":"\u0000)" + std::string(1000, 'e') + R"("})");
  ASSERT_EQ(heard.status, 200) << heard.body;
  EXPECT_EQ(text(heard.json(), "error"), std::string(300, 'e'));
}

TEST_F(TstvSessionsTest, OthersDoNotFindIt) {
  const Json session = started();
  EXPECT_EQ(stop(session, bearer(admin_)).code(), "not_found");
  EXPECT_EQ(ask("PUT", "/tstv/sessions/" + text(session, "id"), Json::object({{"position_seconds", 1}}), bearer(admin_))
                .code(),
            "not_found");
  EXPECT_EQ(ask("DELETE", "/tstv/sessions/%00").status, 404);
  EXPECT_EQ(put(session, R"({"position_seconds":1})").status, 200);
}

TEST_F(TstvSessionsTest, AStartThatIsSentAgainStartsNothing) {
  test::HttpRequest request{.method = "POST",
                            .url = url("/api/v1/tstv/sessions"),
                            .headers = {{"Authorization", "Bearer " + bearer(viewer_)}, {"Idempotency-Key", "k"}},
                            .body = start_body(programme(-3)).dump()};
  const auto first = fetch(request);
  ASSERT_EQ(first.status, 201) << first.body;
  const auto again = fetch(request);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("idempotent-replayed"), "true");
  EXPECT_EQ(count(""), 1U);
}

TEST_F(TstvSessionsTest, StartsAreLimitedByAccount) {
  int status = 201;
  int starts = 0;
  while (status == 201 && starts < 1000) {
    status = start(start_body(programme(-3))).status;
    ++starts;
  }
  EXPECT_EQ(status, 429);
  EXPECT_GT(starts, 60);
  EXPECT_EQ(start(start_body(programme(-3)), bearer(admin_)).status, 201);
}

TEST_F(TstvSessionsTest, TheListIsTheOperatorsAndSaysWho) {
  EXPECT_EQ(ask("GET", "/admin/sessions").status, 403);
  const Json session = started();
  const Json listed_page = listed();
  const Json& item = (*listed_page.find("items")->as_array())[0];
  EXPECT_EQ(text(item, "id"), text(session, "id"));
  EXPECT_EQ(text(item, "user_id"), viewer_.id);
  EXPECT_EQ(text(item, "ip_address"), "127.0.0.1");
  EXPECT_EQ(text(item, "user_agent").substr(0, 13), "Set-top box x");
  EXPECT_EQ(text(item, "user_agent").size(), 200U);
  EXPECT_TRUE(listed_page.find("next_cursor")->is_null());
}

TEST_F(TstvSessionsTest, AddressAndUserAgentAreForTheAdmin) {
  started();
  const access::Account person =
      accounts_.create({.email = "op@example.org", .role = access::Role::kOperator, .password_hash = "$"}, now_)
          .value();
  const std::string as_admin = bearer(admin_);
  const auto seen = [&](const std::string& token) {
    const auto response = ask("GET", "/admin/sessions", {}, token);
    EXPECT_EQ(response.status, 200) << response.body;
    return (*response.json().find("items")->as_array())[0];
  };
  const Json of_operator = seen(bearer(person));
  EXPECT_EQ(text(of_operator, "user_id"), viewer_.id);
  EXPECT_EQ(of_operator.find("ip_address"), nullptr);
  EXPECT_EQ(of_operator.find("user_agent"), nullptr);
  EXPECT_EQ(text(seen(as_admin), "ip_address"), "127.0.0.1");
  // The role is the one of now, not the one of the token.
  ASSERT_TRUE(database_->execute("UPDATE users SET role = 'operator' WHERE id = '" + admin_.id + "'"));
  EXPECT_EQ(seen(as_admin).find("ip_address"), nullptr);
}

TEST_F(TstvSessionsTest, SigningOutEndsWhatThatSignInPlays) {
  const auto sign_in = [&] {
    return fetch({.method = "POST",
                  .url = url("/api/v1/auth/login"),
                  .body = Json::object({{"email", viewer_.email}, {"password", "secret"}}).dump()})
        .json();
  };
  const Json phone = sign_in();
  const Json television = sign_in();
  const Json on_phone = start(start_body(programme(-3)), text(phone, "access_token")).json();
  const Json on_television = start(start_body(programme(-3)), text(television, "access_token")).json();
  now_ = now_ + 7 * kSecondNs;
  const std::string body = Json::object({{"refresh_token", text(phone, "refresh_token")}}).dump();
  ASSERT_EQ(fetch({.method = "POST", .url = url("/api/v1/auth/logout"), .body = body}).status, 204);
  const auto ended = stop(on_phone, text(television, "access_token"));
  EXPECT_EQ(text(ended.json(), "end_reason"), "signed_out") << ended.body;
  EXPECT_EQ(text(ended.json(), "ended_at"), core::to_rfc3339(now_));
  EXPECT_EQ(text(stop(on_television, text(television, "access_token")).json(), "end_reason"), "stopped");
}

TEST_F(TstvSessionsTest, TheListHasFiltersAndPages) {
  const core::Utc begin = now_;
  for (int i = 0; i < 5; ++i) {
    started(start_body(programme(-3 + i % 2)));
    now_ = now_ + kSecondNs;
  }
  started(start_body(programme(0), "startover"));
  ASSERT_EQ(start(start_body(programme(-2)), bearer(admin_)).status, 201);
  EXPECT_EQ(count(""), 7U);
  EXPECT_EQ(count("?user_id=" + viewer_.id), 6U);
  EXPECT_EQ(count("?kind=startover"), 1U);
  EXPECT_EQ(count("?channel_id=ch1&kind=catchup&user_id=" + admin_.id), 1U);
  EXPECT_EQ(count("?channel_id=ch2"), 0U);
  EXPECT_EQ(count("?channel_id=deleted"), 0U);
  EXPECT_EQ(count("?from=" + seconds(begin + kSecondNs) + "&to=" + seconds(begin + 3 * kSecondNs)), 2U);
  std::vector<std::string> starts;
  std::string cursor;
  do {
    const Json page = listed("?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const Json& item : *page.find("items")->as_array()) starts.push_back(text(item, "started_at"));
    cursor = text(page, "next_cursor");
  } while (!cursor.empty() && starts.size() < 20);
  EXPECT_EQ(starts.size(), 7U);
  EXPECT_TRUE(std::is_sorted(starts.rbegin(), starts.rend()));
  for (const char* query : {"?kind=live", "?kind=", "?from=x", "?from=20&to=10", "?cursor=x", "?cursor=5", "?limit=0",
                            "?limit=501", "?title=x"}) {
    EXPECT_EQ(ask("GET", std::string("/admin/sessions") + query, {}, bearer(admin_)).status, 400) << query;
  }
}

}  // namespace
}  // namespace aircheck::http
