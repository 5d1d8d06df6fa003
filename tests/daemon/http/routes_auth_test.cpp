#include "http/routes_auth.hpp"

#include <gtest/gtest.h>

#include "station_with_accounts.hpp"

namespace aircheck::http {
namespace {

using base::Json;

class AuthRoutesTest : public test::StationWithAccounts {
 protected:
  test::HttpResponse post(const std::string& path, const Json& body) {
    return send("POST", url("/api/v1/auth/" + path), "", body);
  }
  static std::string text(const test::HttpResponse& response, std::string_view name) {
    const Json body = response.json();
    const Json* member = body.find(name);
    return member != nullptr && member->as_string() != nullptr ? *member->as_string() : std::string();
  }
  Json login_tokens() {
    const auto response = post("login", Json::object({{"email", "viewer@example.org"}, {"password", "secret"}}));
    EXPECT_EQ(response.status, 200) << response.body;
    return response.json();
  }
};

TEST_F(AuthRoutesTest, SignInGivesTokensThatWork) {
  const auto response = post("login", Json::object({{"email", "Viewer@example.org"}, {"password", "secret"}}));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.header("cache-control"), "no-store");
  EXPECT_EQ(*response.json().find("expires_in")->as_integer(), 900);
  EXPECT_EQ(text(response, "token_type"), "Bearer");

  const auto me = get(url("/api/v1/me"), text(response, "access_token"));
  ASSERT_EQ(me.status, 200) << me.body;
  EXPECT_EQ(text(me, "id"), viewer_.id);
  EXPECT_EQ(text(me, "email"), "viewer@example.org");
  EXPECT_EQ(text(me, "role"), "viewer");
  EXPECT_EQ(me.body.find("argon2"), std::string::npos);
}

TEST_F(AuthRoutesTest, WrongSignInsAllLookTheSame) {
  const auto wrong = post("login", Json::object({{"email", "viewer@example.org"}, {"password", "x"}}));
  const auto nobody = post("login", Json::object({{"email", "nobody@example.org"}, {"password", "x"}}));
  EXPECT_EQ(wrong.status, 401);
  EXPECT_EQ(wrong.code(), "invalid_credentials");
  EXPECT_EQ(nobody.body, wrong.body);
  EXPECT_EQ(nobody.status, wrong.status);
}

TEST_F(AuthRoutesTest, GuessingMeets429) {
  test::HttpResponse last;
  for (int i = 0; i <= access::LoginThrottle::kFreeAttempts; ++i) {
    last = post("login", Json::object({{"email", "viewer@example.org"}, {"password", "guess"}}));
  }
  EXPECT_EQ(last.status, 429);
  EXPECT_EQ(last.header("retry-after"), "1");
  EXPECT_EQ(post("login", Json::object({{"email", "admin@example.org"}, {"password", "secret"}})).status, 200);
}

TEST_F(AuthRoutesTest, RefreshRotatesAndSignOutEnds) {
  const Json first = login_tokens();
  const auto refresh = [&](const Json& tokens) {
    return post("refresh", Json::object({{"refresh_token", *tokens.find("refresh_token")->as_string()}}));
  };
  const auto second = refresh(first);
  ASSERT_EQ(second.status, 200) << second.body;
  EXPECT_NE(text(second, "refresh_token"), *first.find("refresh_token")->as_string());
  EXPECT_EQ(get(url("/api/v1/me"), text(second, "access_token")).status, 200);

  now_ = now_ + 11 * core::kNsPerSecond;
  EXPECT_EQ(refresh(first).status, 401) << "an old token";
  EXPECT_EQ(refresh(second.json()).status, 401) << "its whole family falls";

  const Json third = login_tokens();
  const auto out = post("logout", Json::object({{"refresh_token", *third.find("refresh_token")->as_string()}}));
  EXPECT_EQ(out.status, 204);
  EXPECT_EQ(out.body, "");
  EXPECT_EQ(refresh(third).status, 401);
  EXPECT_EQ(get(url("/api/v1/me"), *third.find("access_token")->as_string()).status, 401) << "the session has ended";
  EXPECT_EQ(post("logout", Json::object({{"refresh_token", "unknown"}})).status, 204);
}

TEST_F(AuthRoutesTest, MeNeedsALivingAccount) {
  EXPECT_EQ(get(url("/api/v1/me")).status, 401);
  EXPECT_EQ(get(url("/api/v1/me")).header("www-authenticate"), "Bearer");
  EXPECT_EQ(get(url("/api/v1/me"), "a.b.c").code(), "unauthorized");
  const std::string token = bearer(viewer_);
  EXPECT_EQ(get(url("/api/v1/me"), token).status, 200);
  ASSERT_TRUE(accounts_.set_enabled(viewer_.id, false, now_));
  EXPECT_EQ(get(url("/api/v1/me"), token).status, 401);
}

TEST_F(AuthRoutesTest, MeOfAnotherService) {
  const std::string token =
      access::sign_hs256(R"({"alg":"HS256"})", R"({"sub":"42","role":"admin","exp":1772003600})", secret_);
  const auto me = get(url("/api/v1/me"), token);
  EXPECT_EQ(text(me, "id"), "shared:42");
  EXPECT_EQ(text(me, "role"), "viewer");
}

TEST_F(AuthRoutesTest, MalformedRequestsAreNamed) {
  struct Case {
    std::string path;
    std::string body;
    int status;
    std::string detail;
  };
  for (const Case& c : {
           Case{"login", "", 400, "JSON"},
           Case{"login", "{", 400, "JSON"},
           Case{"login", "[]", 400, "object"},
           Case{"login", R"({"email":"a","password":"b","email":"c"})", 400, "twice"},
           Case{"login", R"({"email":"a"})", 400, "password"},
           Case{"login", R"({"email":1,"password":"b"})", 400, "email"},
           Case{"login", R"({"email":"a","password":"b","admin":true})", 400, "admin"},
           Case{"login", R"({"email":"","password":"b"})", 400, "e-mail"},
           Case{"login", R"({"email":"a","password":")" + std::string(1025, 'x') + "\"}", 400, "1024"},
           Case{"login", std::string(64, '['), 400, "JSON"},
           Case{"refresh", "{}", 400, "refresh_token"},
           Case{"refresh", R"({"refresh_token":""})", 401, ""},
           Case{"refresh", R"({"refresh_token":null})", 400, "refresh_token"},
           Case{"logout", R"({"refresh_token":"x","all":true})", 400, "all"},
       }) {
    const auto response = fetch({.method = "POST", .url = url("/api/v1/auth/" + c.path), .body = c.body});
    EXPECT_EQ(response.status, c.status) << c.body << ": " << response.body;
    EXPECT_FALSE(response.code().empty()) << c.body;
    EXPECT_NE(response.body.find(c.detail), std::string::npos) << c.body << ": " << response.body;
  }
  EXPECT_EQ(fetch({.method = "POST", .url = url("/api/v1/auth/login?email=a"), .body = "{}"}).status, 400);
  EXPECT_EQ(get(url("/api/v1/auth/login")).status, 405);
}

TEST_F(AuthRoutesTest, NothingSecretIsLogged) {
  base::install_log_writer(base::LogLevel::kDebug);
  ::testing::internal::CaptureStderr();
  const Json tokens = login_tokens();
  post("login", Json::object({{"email", "viewer@example.org"}, {"password", "a-wrong-one"}}));
  const std::string access_token = *tokens.find("access_token")->as_string();
  const std::string refresh_token = *tokens.find("refresh_token")->as_string();
  get(url("/api/v1/me?access_token=" + access_token), access_token);
  post("refresh", Json::object({{"refresh_token", refresh_token}}));
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find("/api/v1/me"), std::string::npos) << "the log is complete";
  for (const std::string& secret : {access_token, refresh_token, std::string("a-wrong-one"), std::string("argon2")}) {
    EXPECT_EQ(log.find(secret), std::string::npos) << secret;
  }
}

}  // namespace
}  // namespace aircheck::http
