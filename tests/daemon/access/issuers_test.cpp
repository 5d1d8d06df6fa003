#include "access/issuers.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aircheck::access {
namespace {

constexpr std::string_view kKey = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";  // RFC 8037 appendix A.1

HmacSecret secret() {
  return HmacSecret::from_bytes(core::Bytes(32, 1)).value();
}

std::string file(const std::string& entries) {
  return "{\"issuers\":[" + entries + "]}";
}

std::string partner(const std::string& more) {
  return R"({"name":"partner","issuer":"https://id.example","algorithm":"EdDSA","key":")" + std::string(kKey) + "\"" +
         more + "}";
}

TEST(Issuers, AreReadWithTheirDefaults) {
  const auto profiles =
      parse_issuers(file(partner("") + R"(,{"name":"shop","issuer":"shop","algorithm":"HS256","roles":["operator"],)"
                                       R"("audience":"tv","max_lifetime":60,"key_id":"k1"})"),
                    secret())
          .value();
  ASSERT_EQ(profiles.size(), 2U);
  EXPECT_EQ(profiles[0].issuer, "https://id.example");
  EXPECT_TRUE(std::holds_alternative<Ed25519PublicKey>(profiles[0].keys.at(0).key));
  EXPECT_EQ(profiles[0].keys.at(0).id, "");
  EXPECT_EQ(profiles[0].audience, "aircheck");
  EXPECT_TRUE(profiles[0].audience_required);
  EXPECT_EQ(profiles[0].max_lifetime_s, 86400);
  EXPECT_EQ(profiles[0].roles, std::vector<Role>{Role::kViewer});
  EXPECT_FALSE(profiles[0].own);
  EXPECT_TRUE(std::holds_alternative<HmacSecret>(profiles[1].keys.at(0).key));
  EXPECT_EQ(profiles[1].roles, std::vector<Role>{Role::kOperator});
  EXPECT_EQ(profiles[1].keys.at(0).id, "k1");
  EXPECT_TRUE(parse_issuers(file(""), secret()).value().empty());
}

TEST(Issuers, MistakesAreNamed) {
  struct Case {
    std::string text;
    std::string_view names;
  };
  for (const Case& c : {
           Case{"", "JSON"},
           Case{"{}", "issuers"},
           Case{R"({"issuers":{}})", "issuers"},
           Case{R"({"issuers":[],"more":1})", "more"},
           Case{file("1"), "issuer 1"},
           Case{file(partner("") + "," + partner("")), "issuer 2"},
           Case{file(partner(R"(,"rolls":[])")), "rolls"},
           Case{file(partner(R"(,"roles":"admin")")), "roles"},
           Case{file(partner(R"(,"roles":["root"])")), "roles"},
           Case{file(partner(R"(,"max_lifetime":0)")), "max_lifetime"},
           Case{file(partner(R"(,"max_lifetime":99999999)")), "max_lifetime"},
           Case{file(R"({"name":"own","issuer":"x","algorithm":"HS256"})"), "name"},
           Case{file(R"({"name":"A:b","issuer":"x","algorithm":"HS256"})"), "name"},
           Case{file(R"({"name":"a","issuer":"","algorithm":"HS256"})"), "issuer"},
           Case{file(R"({"name":"a","issuer":"aircheck","algorithm":"HS256"})"), "issuer"},
           Case{file(R"({"name":"a","issuer":"x","algorithm":"none"})"), "algorithm"},
           Case{file(R"({"name":"a","issuer":"x","algorithm":"RS256","key":"x"})"), "algorithm"},
           Case{file(R"({"name":"a","issuer":"x","algorithm":"EdDSA"})"), "key"},
           Case{file(R"({"name":"a","issuer":"x","algorithm":"EdDSA","key":"AAAA"})"), "Ed25519"},
           // A public key is never taken as the secret of an HMAC.
           Case{file(R"({"name":"a","issuer":"x","algorithm":"HS256","key":")" + std::string(kKey) + "\"}"), "key"},
       }) {
    const auto profiles = parse_issuers(c.text, secret());
    ASSERT_FALSE(profiles) << c.text;
    EXPECT_NE(profiles.error().message.find(c.names), std::string::npos) << c.text << ": " << profiles.error().message;
  }
}

}  // namespace
}  // namespace aircheck::access
