#include "access/jwt.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <string>
#include <string_view>
#include <vector>

namespace aircheck::access {
namespace {

using core::Utc;

constexpr std::int64_t kNow = 1'772'000'000;
constexpr std::string_view kAccount = "5f8f3a10-6a4b-4d53-9a64-0d6f0a0b7c11";

Utc at(std::int64_t seconds) {
  return Utc::from_seconds(seconds);
}

HmacSecret secret(std::uint8_t fill) {
  return HmacSecret::from_bytes(core::Bytes(32, fill)).value();
}

struct KeyPair {
  Ed25519PublicKey public_key;
  std::array<std::uint8_t, crypto_sign_SECRETKEYBYTES> secret_key{};

  KeyPair() {
    const std::array<std::uint8_t, crypto_sign_SEEDBYTES> seed{1, 2, 3};
    crypto_sign_seed_keypair(public_key.bytes.data(), secret_key.data(), seed.data());
  }

  [[nodiscard]] std::string sign(std::string_view header, std::string_view payload) const {
    std::string token = core::to_base64url(core::as_bytes(header)) + '.' + core::to_base64url(core::as_bytes(payload));
    std::array<std::uint8_t, crypto_sign_BYTES> signature{};
    crypto_sign_detached(signature.data(), nullptr, core::as_bytes(token).data(), token.size(), secret_key.data());
    return token + '.' + core::to_base64url(signature);
  }
};

constexpr std::string_view kOwnHeader = R"({"alg":"HS256","typ":"tv+jwt"})";
constexpr std::string_view kForeignHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::string_view kPartnerHeader = R"({"alg":"EdDSA","typ":"JWT","kid":"2026"})";

class JwtTest : public ::testing::Test {
 protected:
  [[nodiscard]] JwtVerifier verifier() const {
    IssuerProfile partner{.name = "partner",
                          .issuer = "https://id.partner.example",
                          .keys = {{"2026", pair_.public_key}},
                          .types = {"JWT"},
                          .audience = "aircheck",
                          .max_lifetime_s = 3600,
                          .roles = {Role::kViewer, Role::kOperator}};
    return JwtVerifier({own_profile(secret(1)), shared_secret_profile(secret(1)), partner});
  }

  [[nodiscard]] core::Result<Identity> own(std::string_view claims) const {
    return verifier().verify(sign_hs256(kOwnHeader, claims, secret(1)), at(kNow));
  }
  [[nodiscard]] core::Result<Identity> foreign(std::string_view claims) const {
    return verifier().verify(sign_hs256(kForeignHeader, claims, secret(1)), at(kNow));
  }
  [[nodiscard]] core::Result<Identity> partner(std::string_view claims) const {
    return verifier().verify(pair_.sign(kPartnerHeader, claims), at(kNow));
  }

  KeyPair pair_;
};

TEST_F(JwtTest, OwnTokensRoundTrip) {
  const std::string token = issue_access_token(secret(1), kAccount, Role::kAdmin, "session-1", at(kNow));
  const Identity identity = verifier().verify(token, at(kNow)).value();
  EXPECT_TRUE(identity.own);
  EXPECT_EQ(identity.account_id, kAccount);
  EXPECT_EQ(identity.role, Role::kAdmin);
  EXPECT_EQ(identity.session_id, "session-1");
  EXPECT_EQ(identity.expires_at, at(kNow + 900));
}

TEST_F(JwtTest, OwnTokensEndAfterFifteenMinutes) {
  const std::string token = issue_access_token(secret(1), kAccount, Role::kViewer, "s", at(kNow));
  EXPECT_TRUE(verifier().verify(token, at(kNow + 900 + kLeewaySeconds - 1)));
  EXPECT_EQ(verifier().verify(token, at(kNow + 900 + kLeewaySeconds)).error().message, "token: expired");
  EXPECT_TRUE(verifier().verify(token, at(kNow - kLeewaySeconds)));
  EXPECT_FALSE(verifier().verify(token, at(kNow - kLeewaySeconds - 1)));
}

TEST_F(JwtTest, AnotherServicesTokenMakesAViewer) {
  for (const std::string_view claims :
       {R"({"sub":"42","role":"admin","exp":1772003600})", R"({"sub":"42","exp":1772003600})",
        R"({"sub":"42","role":"subscriber","exp":1772003600,"iss":"auth-service"})",
        R"({"sub":"42","role":["admin"],"exp":1772003600.5,"iat":1772000000,"aud":["x","aircheck"]})"}) {
    const Identity identity = foreign(claims).value();
    EXPECT_EQ(identity.account_id, "shared:42") << claims;
    EXPECT_EQ(identity.role, Role::kViewer) << claims;
    EXPECT_FALSE(identity.own) << claims;
  }
}

TEST_F(JwtTest, ASharedSecretGivesMoreOnlyWhereConfigured) {
  const JwtVerifier verifier({shared_secret_profile(secret(1), {Role::kViewer, Role::kAdmin})});
  const std::string token = sign_hs256(kForeignHeader, R"({"sub":"42","role":"admin","exp":1772003600})", secret(1));
  EXPECT_EQ(verifier.verify(token, at(kNow)).value().role, Role::kAdmin);
}

TEST_F(JwtTest, ReadsTheSubscriptionClaim) {
  const auto subscription = [&](std::string_view claim) {
    return foreign(R"({"sub":"42","exp":1772003600)" + std::string(claim) + "}").value().subscription_active;
  };
  EXPECT_EQ(subscription(""), std::nullopt);
  EXPECT_EQ(subscription(R"(,"subscription":true)"), true);
  EXPECT_EQ(subscription(R"(,"subscription":"active")"), true);
  EXPECT_EQ(subscription(R"(,"subscription":{"status":"active","plan":"gold"})"), true);
  for (const std::string_view claim : {R"(,"subscription":false)", R"(,"subscription":"expired")",
                                       R"(,"subscription":null)", R"(,"subscription":{})", R"(,"subscription":1)"}) {
    EXPECT_EQ(subscription(claim), false) << claim;
  }
}

TEST_F(JwtTest, AnIssuerWithAKeyOfItsOwnGivesTheRolesConfigured) {
  const auto claims = [](std::string_view role) {
    return R"({"iss":"https://id.partner.example","aud":"aircheck","sub":"u7","exp":1772003600,"iat":1772000000,"role":")" +
           std::string(role) + "\"}";
  };
  EXPECT_EQ(partner(claims("operator")).value().role, Role::kOperator);
  EXPECT_EQ(partner(claims("operator")).value().account_id, "partner:u7");
  EXPECT_EQ(partner(claims("admin")).value().role, Role::kViewer);
}

TEST_F(JwtTest, WrongClaimsAreRefusedWithTheirReason) {
  struct Case {
    std::string_view claims;
    std::string_view reason;
  };
  for (const Case& c : {
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","iat":1772000000})", "'exp' is missing"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":"1772000900"})", "not a NumericDate"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":-1})", "not a NumericDate"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1e300})", "not a NumericDate"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":null})", "not a NumericDate"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1771999000})", "expired"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1772000900,"nbf":1772000100})",
                "not valid yet"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1772000900,"nbf":"x"})",
                "'nbf' is not a NumericDate"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1772000900,"iat":1772000100})",
                "issued in the future"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1772086400,"iat":1772000000})",
                "for longer than"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1772086400})", "for longer than"},
           Case{R"({"iss":"aircheck","sub":"a","sid":"s","exp":1772000900})", "'aud' is missing"},
           Case{R"({"iss":"aircheck","aud":"other","sub":"a","sid":"s","exp":1772000900})", "another audience"},
           Case{R"({"iss":"aircheck","aud":["other"],"sub":"a","sid":"s","exp":1772000900})", "another audience"},
           Case{R"({"iss":"aircheck","aud":{"aircheck":1},"sub":"a","sid":"s","exp":1772000900})", "another audience"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sid":"s","exp":1772000900})", "'sub'"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"","sid":"s","exp":1772000900})", "'sub'"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":7,"sid":"s","exp":1772000900})", "'sub'"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a\nb","sid":"s","exp":1772000900})", "'sub'"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","exp":1772000900})", "'sid'"},
           Case{R"({"iss":["aircheck"],"aud":"aircheck","sub":"a","sid":"s","exp":1772000900})", "unknown issuer"},
           Case{R"({"iss":"aircheck","aud":"aircheck","sub":"a","sub":"b","sid":"s","exp":1772000900})",
                "no JSON object"},
           Case{R"(["iss"])", "no JSON object"},
       }) {
    const auto identity = own(c.claims);
    ASSERT_FALSE(identity) << c.claims;
    EXPECT_NE(identity.error().message.find(c.reason), std::string::npos)
        << c.claims << ": " << identity.error().message;
  }
  EXPECT_TRUE(own(R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1772000900})"));
}

TEST_F(JwtTest, ATokenForAnotherUseOfTheSameSecretIsRefused) {
  const std::string claims = R"({"sub":"42","exp":1772003600})";
  for (const std::string_view header :
       {R"({"alg":"HS256","typ":"refresh+jwt"})", R"({"alg":"HS256","typ":"tv+jwt"})"}) {
    EXPECT_EQ(verifier().verify(sign_hs256(header, claims, secret(1)), at(kNow)).error().message,
              "token: not of an accepted 'typ'")
        << header;
  }
  EXPECT_FALSE(foreign(R"({"sub":"42","exp":1772003600,"aud":"billing"})"));
  EXPECT_FALSE(foreign(R"({"sub":"42","exp":1784000000})")) << "longer than a month";
}

TEST_F(JwtTest, AnIssuerCannotSpeakForAnother) {
  const std::string as_partner =
      R"({"iss":"https://id.partner.example","aud":"aircheck","sub":"u7","exp":1772003600,"role":"operator"})";
  // The shared secret does not sign for the partner, nor the partner for us.
  EXPECT_FALSE(foreign(as_partner));
  EXPECT_FALSE(
      verifier().verify(sign_hs256(R"({"alg":"HS256","typ":"JWT","kid":"2026"})", as_partner, secret(1)), at(kNow)));
  EXPECT_FALSE(partner(R"({"iss":"aircheck","aud":"aircheck","sub":"a","sid":"s","exp":1772000900})"));
  EXPECT_FALSE(partner(R"({"sub":"a","exp":1772003600})"));
  EXPECT_EQ(verifier().verify(pair_.sign(R"({"alg":"EdDSA","typ":"JWT"})", as_partner), at(kNow)).error().message,
            "token: no such key ('kid') of its issuer");
  EXPECT_FALSE(verifier().verify(sign_hs256(kOwnHeader, as_partner, secret(2)), at(kNow)));
}

TEST_F(JwtTest, WithoutASharedProfileStrangersAreUnknown) {
  const JwtVerifier verifier({own_profile(secret(1))});
  const std::string token = sign_hs256(kForeignHeader, R"({"sub":"42","exp":1772003600})", secret(1));
  EXPECT_EQ(verifier.verify(token, at(kNow)).error().message, "token: unknown issuer");
}

}  // namespace
}  // namespace aircheck::access
