#include "http/routes_drm.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "station_with_accounts.hpp"
#include "timeshift/protector.hpp"

namespace aircheck::http {
namespace {

using access::Kind;
using access::Protection;
using base::Json;
using core::KeyId;

std::string base64url(const KeyId& key_id) {
  return core::to_base64url(key_id);
}

class DrmRoutesTest : public test::StationWithAccounts {
 protected:
  // Crypto periods are days of UTC, and it is a quarter past six: the day before is within the window of 24 hours.
  KeyId current_ = keys_->at(one_.id, now_).value().key_id;
  KeyId older_ = keys_->at(one_.id, now_ - 24 * kHourNs).value().key_id;
  KeyId other_ = keys_->at(two_.id, now_).value().key_id;
  KeyId unknown_ = core::key_id_from_hex("00112233445566778899aabbccddeeff").value();

  test::HttpResponse key(const KeyId& key_id, const std::string& token) {
    return get(url("/api/v1/drm/key/" + core::to_hex(key_id) + "?token=" + token));
  }
  test::HttpResponse license(const std::string& body, const std::string& token_bearer) {
    test::HttpRequest request{.method = "POST", .url = url("/api/v1/drm/license"), .body = body};
    if (!token_bearer.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_bearer);
    return fetch(request);
  }
  static std::string request_for(std::initializer_list<KeyId> key_ids) {
    Json kids = Json::array();
    for (const KeyId& key_id : key_ids) kids.push(base64url(key_id));
    return Json::object({{"kids", std::move(kids)}, {"type", "temporary"}}).dump();
  }
  [[nodiscard]] core::ContentKey content_key(const KeyId& key_id) const { return keys_->find(key_id).value().key; }
  [[nodiscard]] std::string bytes_of(const KeyId& key_id) const {
    const core::ContentKey key = content_key(key_id);
    return {key.reveal().begin(), key.reveal().end()};
  }
};

TEST_F(DrmRoutesTest, AKeyIsSixteenBytesThatNobodyKeeps) {
  for (const auto& response : {key(current_, playback_token(Kind::kLive)),
                               get(url("/api/v1/drm/key/" + core::to_hex(current_)), bearer(viewer_))}) {
    ASSERT_EQ(response.status, 200) << response.body;
    EXPECT_EQ(response.body, bytes_of(current_));
    EXPECT_EQ(response.header("content-type"), "application/octet-stream");
    EXPECT_EQ(response.header("cache-control"), "no-store");
  }
}

TEST_F(DrmRoutesTest, ALicenceIsClearKeyJson) {
  const auto response = license(request_for({current_}), bearer(viewer_));
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(response.header("cache-control"), "no-store");
  EXPECT_EQ(response.body, R"({"keys":[{"kty":"oct","kid":")" + base64url(current_) + R"(","k":")" +
                               core::to_base64url(content_key(current_).reveal()) + R"("}],"type":"temporary"})");
}

TEST_F(DrmRoutesTest, ALicenceTakesATokenInTheUrlToo) {
  const auto response = fetch({.method = "POST",
                               .url = url("/api/v1/drm/license?token=" + playback_token(Kind::kCatchup)),
                               .body = request_for({older_}),
                               .content_type = "application/octet-stream"});
  EXPECT_EQ(response.status, 200) << response.body;
}

TEST_F(DrmRoutesTest, OnlyTheKeysThatOneMayHaveAreGiven) {
  ASSERT_TRUE(database_->execute("UPDATE users SET all_channels = 0"));
  ASSERT_TRUE(database_->execute("INSERT INTO user_channels SELECT id, '" + one_.id + "' FROM users"));
  const auto response = license(request_for({current_, other_, unknown_, older_, current_}), bearer(viewer_));
  ASSERT_EQ(response.status, 200) << response.body;
  const Json body = response.json();
  ASSERT_EQ(body.find("keys")->as_array()->size(), 2U) << response.body;
  EXPECT_EQ(*body.find("keys")->as_array()->at(0).find("kid")->as_string(), base64url(current_));
  EXPECT_EQ(*body.find("keys")->as_array()->at(1).find("kid")->as_string(), base64url(older_));
}

TEST_F(DrmRoutesTest, WrongTokensGetNoKey) {
  const std::string good = playback_token(Kind::kLive);
  std::string changed = good;
  changed[10] = changed[10] == 'A' ? 'B' : 'A';
  const access::PlaybackTokens stranger(access::HmacSecret::from_bytes(core::Bytes(32, 9)).value());
  const std::string foreign = stranger.issue(
      {.account_id = viewer_.id, .channel_id = one_.id, .kinds = {Kind::kLive}, .expires_at = now_ + kHourNs});
  for (const std::string& token : {std::string(), std::string("x"), changed, foreign, good + "A", bearer(viewer_)}) {
    const auto response = key(current_, token);
    EXPECT_EQ(response.status, 401) << token;
    EXPECT_EQ(response.code(), "unauthorized") << token;
  }
  EXPECT_EQ(get(url("/api/v1/drm/key/" + core::to_hex(current_))).status, 401);
  EXPECT_EQ(license(request_for({current_}), "").status, 401);
  EXPECT_EQ(license(request_for({current_}), good).status, 401) << "a playback token is no bearer token";
  ASSERT_EQ(key(current_, good).status, 200);
  now_ = now_ + 13 * kHourNs;
  EXPECT_EQ(key(current_, good).status, 401) << "expired";
}

TEST_F(DrmRoutesTest, ForeignChannelsAndKindsGetTheAnswerOfAnUnknownKey) {
  const auto unknown = key(unknown_, playback_token(Kind::kLive));
  EXPECT_EQ(unknown.status, 403);
  EXPECT_EQ(unknown.code(), "key_not_allowed");
  struct Case {
    std::string_view name;
    KeyId key_id;
    std::string token;
  };
  for (const Case& c : {Case{"another channel", other_, playback_token(Kind::kLive)},
                        Case{"the archive with a live token", older_, playback_token(Kind::kLive)},
                        Case{"clear", current_, playback_token(Kind::kLive, Protection::kClear)}}) {
    const auto response = key(c.key_id, c.token);
    EXPECT_EQ(response.status, 403) << c.name;
    EXPECT_EQ(response.body, unknown.body) << c.name;
  }
  const auto licence = license(request_for({unknown_}), bearer(viewer_));
  EXPECT_EQ(licence.status, 403);
  EXPECT_EQ(licence.body, unknown.body);

  ASSERT_TRUE(accounts_.set_enabled(viewer_.id, false, now_));
  EXPECT_EQ(key(current_, playback_token(Kind::kLive)).body, unknown.body) << "a switched off account";
}

TEST_F(DrmRoutesTest, AesKeysAreDerivedAndNeverTheContentKey) {
  const auto derived = key(current_, playback_token(Kind::kLive, Protection::kAes128));
  ASSERT_EQ(derived.status, 200) << derived.body;
  const core::ContentKey expected = timeshift::derive_aes128_key(content_key(current_), current_);
  EXPECT_EQ(derived.body, std::string(expected.reveal().begin(), expected.reveal().end()));
  EXPECT_NE(derived.body, bytes_of(current_));
  const auto licence =
      fetch({.method = "POST",
             .url = url("/api/v1/drm/license?token=" + playback_token(Kind::kLive, Protection::kAes128)),
             .body = request_for({current_})});
  EXPECT_EQ(licence.status, 403);
}

TEST_F(DrmRoutesTest, MalformedLicenceRequestsAreNamed) {
  const std::string kid = base64url(current_);
  std::string seventeen = R"({"kids":[)";
  for (int i = 0; i < 17; ++i) seventeen += (i == 0 ? "\"" : ",\"") + kid + "\"";
  seventeen += "]}";
  struct Case {
    std::string body;
    int status;
  };
  for (const Case& c : {
           Case{"", 400},
           Case{"{", 400},
           Case{"{}", 400},
           Case{R"({"kids":[]})", 400},
           Case{R"({"kids":")" + kid + "\"}", 400},
           Case{R"({"kids":[1]})", 400},
           Case{R"({"kids":["AAAA"]})", 400},
           Case{R"({"kids":[")" + kid + R"(=="]})", 400},
           Case{R"({"kids":["ESIzRFVmd4iZAKq7zN3u/w"]})", 400},
           Case{R"({"kids":["ESIzRFVmd4iZAKq7zN3u_x"]})", 400},  // trailing bits
           Case{R"({"kids":[")" + core::to_hex(current_) + "\"]}", 400},
           Case{seventeen, 400},
           Case{R"({"kids":[")" + kid + R"("],"type":"persistent-license"})", 400},
           Case{R"({"kids":[")" + kid + R"("],"type":null})", 400},
           Case{R"({"kids":[")" + kid + R"("],"kids":[]})", 400},
           Case{R"({"kids":[")" + kid + "\"]}" + std::string(8192, ' '), 413},
           Case{R"({"kids":[")" + kid + R"("],"other":{"a":1}})", 200},
           Case{R"({"kids":[")" + kid + "\"]}", 200},
       }) {
    const auto response = license(c.body, bearer(viewer_));
    EXPECT_EQ(response.status, c.status) << c.body.substr(0, 100) << ": " << response.body;
    EXPECT_EQ(response.code().empty(), c.status == 200) << c.body;
  }
  for (const std::string_view path :
       {"/api/v1/drm/key/x", "/api/v1/drm/key/4B010101010101010101010101010101",
        "/api/v1/drm/key/4b0101010101010101010101010101", "/api/v1/drm/key/..%2f..%2fsecrets%2fmaster.key",
        "/api/v1/drm/key/4b010101010101010101010101010101%00", "/api/v1/drm/key/"}) {
    const auto response = get(url(std::string(path)), bearer(viewer_));
    EXPECT_TRUE(response.status == 400 || response.status == 404) << path << ": " << response.status;
  }
  EXPECT_EQ(get(url("/api/v1/drm/license"), bearer(viewer_)).status, 405);
  EXPECT_EQ(get(url("/api/v1/drm/key/" + core::to_hex(current_) + "?tokn=x"), bearer(viewer_)).status, 400);
}

TEST_F(DrmRoutesTest, ZappingGoesOnAndHammeringDoesNot) {
  const std::string token = playback_token(Kind::kLive);
  int given = 0;
  test::HttpResponse last;
  for (int i = 0; i < 100; ++i) {
    last = key(current_, token);
    given += last.status == 200 ? 1 : 0;
  }
  EXPECT_GE(given, 60);
  EXPECT_LT(given, 100);
  EXPECT_EQ(last.status, 429);
  EXPECT_FALSE(last.header("retry-after").empty());
  EXPECT_EQ(get(url("/api/v1/drm/key/" + core::to_hex(current_)), bearer(admin_)).status, 200)
      << "another account at the same address";
}

TEST_F(DrmRoutesTest, GuessingTokensMeets429AndNobodyElse) {
  test::HttpResponse last;
  for (int i = 0; i < 100; ++i) last = key(current_, "guess" + std::to_string(i));
  EXPECT_EQ(last.status, 429);
  EXPECT_EQ(key(current_, playback_token(Kind::kLive)).status, 200);
}

TEST_F(DrmRoutesTest, OtherOriginsAskFirst) {
  const auto preflight = [&](const std::string& origin) {
    return fetch({.method = "OPTIONS",
                  .url = url("/api/v1/drm/license"),
                  .headers = {{"Origin", origin},
                              {"Access-Control-Request-Method", "POST"},
                              {"Access-Control-Request-Headers", "authorization,content-type"}}});
  };
  const auto allowed = preflight("https://tv.example");
  EXPECT_EQ(allowed.status, 204);
  EXPECT_EQ(allowed.header("access-control-allow-origin"), "https://tv.example");
  EXPECT_NE(allowed.header("access-control-allow-headers").find("Authorization"), std::string::npos);
  EXPECT_EQ(allowed.header("access-control-allow-credentials"), "");
  EXPECT_EQ(preflight("https://evil.example").header("access-control-allow-origin"), "");
}

TEST_F(DrmRoutesTest, TheAuditHasWhoAndWhatAndNoKey) {
  base::install_log_writer(base::LogLevel::kDebug);
  ::testing::internal::CaptureStderr();
  const std::string token = playback_token(Kind::kLive);
  const std::string access_token = bearer(viewer_);
  key(current_, token);
  key(other_, token);
  key(unknown_, token);
  key(current_, playback_token(Kind::kLive, Protection::kAes128));
  license(request_for({current_, older_}), access_token);
  const std::string log = ::testing::internal::GetCapturedStderr();

  EXPECT_NE(log.find("key " + core::to_hex(current_) + " as cenc, account " + viewer_.id), std::string::npos) << log;
  EXPECT_NE(log.find("refused (token_not_for_this)"), std::string::npos);
  EXPECT_NE(log.find("refused (unknown)"), std::string::npos);
  for (const std::string& secret : {token, access_token}) EXPECT_EQ(log.find(secret), std::string::npos);
  for (const KeyId& key_id : {current_, older_, other_}) {
    for (const core::ContentKey& secret :
         {content_key(key_id), timeshift::derive_aes128_key(content_key(key_id), key_id)}) {
      const auto bytes = secret.reveal();
      EXPECT_EQ(log.find(core::to_hex(bytes)), std::string::npos);
      EXPECT_EQ(log.find(core::to_base64url(bytes)), std::string::npos);
      EXPECT_EQ(log.find(std::string(bytes.begin(), bytes.end())), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace aircheck::http
