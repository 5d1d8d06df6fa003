#include "access/jws.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace aircheck::access {
namespace {

using core::as_bytes;
using core::Code;

HmacSecret secret_from(const core::Bytes& bytes) {
  return HmacSecret::from_bytes(bytes).value();
}

std::string encode(std::string_view text) {
  return core::to_base64url(as_bytes(text));
}

// RFC 7515 appendix A.1: header and claims have CR LF inside, the key is 64 bytes.
constexpr std::string_view kRfc7515Token =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS"
    "9pc19yb290Ijp0cnVlfQ."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
constexpr std::string_view kRfc7515Key =
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-"
    "1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

// RFC 8037 appendix A.4: EdDSA over a text that is no JSON; the key is that of appendix A.1.
constexpr std::string_view kRfc8037Token =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-"
    "09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
constexpr std::string_view kRfc8037Key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

TEST(Jws, VerifiesTheExampleOfRfc7515) {
  const JwsKey key = secret_from(core::from_base64url(kRfc7515Key).value());
  const Jws jws = parse_jws(kRfc7515Token).value();
  EXPECT_TRUE(verify_jws(jws, key));
  EXPECT_EQ(jws.type, "JWT");
  EXPECT_EQ(std::string(jws.payload.begin(), jws.payload.end()),
            "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n "
            "\"http://example.com/is_root\":true}");
}

TEST(Jws, VerifiesTheExampleOfRfc8037) {
  const JwsKey key = Ed25519PublicKey::from_base64url(kRfc8037Key).value();
  EXPECT_TRUE(verify_jws(parse_jws(kRfc8037Token).value(), key));
}

// RFC 4231 has keys shorter than we accept; test case 6 (131 bytes of 0xaa) is one that we do.
TEST(Jws, AuthenticatesTheExampleOfRfc4231) {
  const HmacSecret secret = secret_from(core::Bytes(131, 0xaa));
  const auto tag = secret.authenticate(as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"));
  EXPECT_EQ(core::to_hex(core::ByteView(tag)), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Jws, SignsWhatItVerifies) {
  const HmacSecret secret = secret_from(core::Bytes(32, 7));
  const std::string token = sign_hs256(R"({"alg":"HS256"})", R"({"a":1})", secret);
  EXPECT_TRUE(verify_jws(parse_jws(token).value(), secret));
  EXPECT_FALSE(verify_jws(parse_jws(token).value(), secret_from(core::Bytes(32, 8))));
}

TEST(Jws, EveryFlippedCharacterIsRefused) {
  const JwsKey key = secret_from(core::from_base64url(kRfc7515Key).value());
  for (std::size_t i = 0; i < kRfc7515Token.size(); ++i) {
    std::string token(kRfc7515Token);
    token[i] = token[i] == 'A' ? 'B' : 'A';
    const auto jws = parse_jws(token);
    EXPECT_FALSE(jws && verify_jws(*jws, key)) << "position " << i;
  }
}

TEST(Jws, ShortSecretsAreRefused) {
  EXPECT_EQ(HmacSecret::from_bytes(core::Bytes(31, 1)).error().code, Code::kInvalidArgument);
  EXPECT_TRUE(HmacSecret::from_bytes(core::Bytes(32, 1)));
}

// The classic confusion: a public key, which everybody knows, taken as the secret of an HMAC.
TEST(Jws, APublicKeyIsNeverAnHmacSecret) {
  const Ed25519PublicKey public_key = Ed25519PublicKey::from_base64url(kRfc8037Key).value();
  const HmacSecret stolen = secret_from(core::Bytes(public_key.bytes.begin(), public_key.bytes.end()));
  const std::string token = sign_hs256(R"({"alg":"HS256"})", R"({"sub":"x"})", stolen);
  EXPECT_EQ(verify_jws(parse_jws(token).value(), public_key).error().code, Code::kPermission);
  const std::string lying = sign_hs256(R"({"alg":"EdDSA"})", R"({"sub":"x"})", stolen);
  EXPECT_FALSE(verify_jws(parse_jws(lying).value(), public_key));
}

TEST(Jws, TheAlgorithmIsTheKeys) {
  const HmacSecret secret = secret_from(core::Bytes(32, 7));
  for (const std::string_view header :
       {R"({"alg":"none"})", R"({"alg":"None"})", R"({"alg":"nOnE"})", R"({"alg":""})", R"({"alg":"hs256"})",
        R"({"alg":"HS512"})", R"({"alg":"EdDSA"})", R"({"alg":"RS256"})", R"({"alg":null})", R"({"alg":["HS256"]})",
        R"({"typ":"JWT"})"}) {
    const std::string token = sign_hs256(header, R"({"sub":"x"})", secret);
    EXPECT_EQ(verify_jws(parse_jws(token).value(), secret).error().code, Code::kPermission) << header;
    const std::string unsigned_token = encode(header) + '.' + encode(R"({"sub":"x"})") + '.';
    EXPECT_FALSE(verify_jws(parse_jws(unsigned_token).value(), secret)) << header;
  }
}

TEST(Jws, HeadersThatBringTheirOwnRulesAreRefused) {
  for (const std::string_view parameter :
       {R"("crit":["exp"])", R"("jku":"https://evil.example/keys")", R"("jwk":{"kty":"oct","k":"AAAA"})",
        R"("x5u":"https://evil.example/c")", R"("x5c":["MIIB"])", R"("zip":"DEF")", R"("b64":false)", R"("b64":true)",
        R"("cty":"JWT")", R"("kid":"../../etc/passwd")", R"("kid":"a' OR '1'='1")", R"("kid":"")", R"("kid":7)",
        R"("typ":7)", R"("typ":"")", R"("alg":"HS256")"}) {
    const std::string token = encode(R"({"alg":"HS256",)" + std::string(parameter) + "}") + ".e30.AAAA";
    const auto jws = parse_jws(token);
    ASSERT_FALSE(jws) << parameter;
    EXPECT_EQ(jws.error().code, Code::kParse) << parameter;
  }
  EXPECT_EQ(parse_jws(encode(R"({"alg":"HS256","kid":")" + std::string(64, 'k') + "\"}") + ".e30.AAAA").value().key_id,
            std::string(64, 'k'));
  EXPECT_FALSE(parse_jws(encode(R"({"alg":"HS256","kid":")" + std::string(65, 'k') + "\"}") + ".e30.AAAA"));
}

TEST(Jws, MalformedTextIsRefused) {
  const std::string good = encode(R"({"alg":"HS256"})") + ".e30.AAAA";
  ASSERT_TRUE(parse_jws(good));
  const std::string header = encode(R"({"alg":"HS256"})");
  const std::vector<std::string> bad = {
      "",
      "..",
      header,
      header + ".e30",
      good + ".",
      good + ".AAAA.AAAA",  // five parts: an encrypted token
      good + "=",
      header + ".e30=.AAAA",
      " " + good,
      good + "\n",
      header + ".e30.AAA/",
      header + ".e30.AAA+",
      header + ".e30.AAAB=",
      header + ".e30.AB",  // trailing bits set
      header + ".e31.AAAA",
      header + ".e.AAAA",
      encode("[]") + ".e30.AAAA",
      encode("\"x\"") + ".e30.AAAA",
      encode(R"({"alg":"HS256"} )") + "x.e30.AAAA",
      encode("{\"alg\":\"HS256\"}//") + ".e30.AAAA",
      encode("{alg:'HS256'}") + ".e30.AAAA",
      encode(R"({"alg":"none","alg":"HS256"})") + ".e30.AAAA",
      encode(R"({"alg":"none","al\u0067":"HS256"})") + ".e30.AAAA",
      encode("{\"alg\":\"HS256\",\"x\":\"\xff\"}") + ".e30.AAAA",
      header + '.' + std::string(kMaxTokenSize, 'A') + ".AAAA",
  };
  for (const std::string& token : bad) {
    const auto jws = parse_jws(token);
    ASSERT_FALSE(jws) << token;
    EXPECT_EQ(jws.error().code, Code::kParse) << token;
  }
}

// All-zero and low-order public keys make signatures that fit any message; libsodium refuses them, and so do we.
TEST(Jws, LowOrderPublicKeysVerifyNothing) {
  Ed25519PublicKey identity;
  identity.bytes[0] = 1;
  const std::string header = encode(R"({"alg":"EdDSA"})");
  core::Bytes signature(crypto_sign_BYTES, 0);
  signature[0] = 1;
  const std::string token = header + ".e30." + core::to_base64url(signature);
  EXPECT_FALSE(verify_jws(parse_jws(token).value(), identity));
}

}  // namespace
}  // namespace aircheck::access
