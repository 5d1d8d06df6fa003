#include "access/playback_token.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace aircheck::access {
namespace {

using core::Code;
using core::Utc;

constexpr std::int64_t kNow = 1'772'000'000;

PlaybackTokens tokens(std::uint8_t fill = 9) {
  return PlaybackTokens(HmacSecret::from_bytes(core::Bytes(32, fill)).value());
}

PlaybackGrant grant() {
  return {.account_id = "5f8f3a10-6a4b-4d53-9a64-0d6f0a0b7c11",
          .channel_id = "0b0e4f3e-93a5-4f9c-8f55-4e9e2d3c1a77",
          .kinds = {Kind::kStartover},
          .protection = Protection::kAes128,
          .expires_at = Utc::from_seconds(kNow + 60)};
}

TEST(PlaybackToken, RoundTrips) {
  for (const std::string& account :
       {std::string("5f8f3a10-6a4b-4d53-9a64-0d6f0a0b7c11"), std::string("shared:42"), std::string(255, 'x'),
        std::string("5F8F3A10-6A4B-4D53-9A64-0D6F0A0B7C11"), std::string("5f8f3a106a4b4d539a640d6f0a0b7c11")}) {
    PlaybackGrant given = grant();
    given.account_id = account;
    EXPECT_EQ(tokens().verify(tokens().issue(given), Utc::from_seconds(kNow)).value(), given) << account;
  }
}

TEST(PlaybackToken, OfADeviceNamesIt) {
  PlaybackGrant given = grant();
  given.device_id = "7d1c9b1e-0f0e-4a53-8a5e-2f6d3b1c9a10";
  EXPECT_EQ(tokens().verify(tokens().issue(given), Utc::from_seconds(kNow)).value(), given);
  EXPECT_NE(tokens().issue(given), tokens().issue(grant()));
}

TEST(PlaybackToken, OfASessionNamesIt) {
  PlaybackGrant given = grant();
  given.session_id = "7d1c9b1e-0f0e-4a53-8a5e-2f6d3b1c9a10";
  EXPECT_EQ(tokens().verify(tokens().issue(given), Utc::from_seconds(kNow)).value(), given);
  PlaybackGrant of_device = grant();
  of_device.device_id = given.session_id;
  EXPECT_NE(tokens().issue(given), tokens().issue(of_device)) << "a session is no device";
}

TEST(PlaybackToken, IsShortAndUrlSafe) {
  PlaybackGrant given = grant();
  given.session_id = "7d1c9b1e-0f0e-4a53-8a5e-2f6d3b1c9a10";
  const std::string token = tokens().issue(given);
  EXPECT_LE(token.size(), 135U);
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST(PlaybackToken, EndsAtItsSecond) {
  const PlaybackTokens same = tokens();
  const std::string token = same.issue(grant());
  EXPECT_TRUE(same.verify(token, grant().expires_at - 1));
  EXPECT_EQ(same.verify(token, grant().expires_at).error().message, "playback token: expired") << "known before";
  EXPECT_EQ(tokens().verify(token, grant().expires_at).error().message, "playback token: expired");
}

TEST(PlaybackToken, AnyOtherByteIsRefused) {
  const std::string token = tokens().issue(grant());
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'Q' : 'A';
    EXPECT_FALSE(tokens().verify(changed, Utc::from_seconds(kNow))) << "position " << i;
  }
  for (std::size_t size = 0; size < token.size(); ++size) {
    EXPECT_FALSE(tokens().verify(token.substr(0, size), Utc::from_seconds(kNow))) << "size " << size;
  }
  for (const std::string& longer : {token + "A", token + "AA", token + "=", token + " ", token + token}) {
    EXPECT_FALSE(tokens().verify(longer, Utc::from_seconds(kNow))) << longer;
  }
  EXPECT_FALSE(tokens().verify(std::string(100'000, 'A'), Utc::from_seconds(kNow)));
}

TEST(PlaybackToken, AnotherKeyIsRefused) {
  EXPECT_EQ(tokens(1).verify(tokens(2).issue(grant()), Utc::from_seconds(kNow)).error().code, Code::kPermission);
}

// Signed by us, but by a later version: understood or refused, never half read.
TEST(PlaybackToken, UnknownContentUnderARightSignatureIsRefused) {
  const HmacSecret secret = HmacSecret::from_bytes(core::Bytes(32, 9)).value();
  const auto signed_text = [&](core::Bytes bytes) {
    const auto tag = secret.authenticate(bytes);
    bytes.insert(bytes.end(), tag.begin(), tag.end());
    return core::to_base64url(bytes);
  };
  core::Bytes body = core::from_base64url(tokens().issue(grant())).value();
  body.resize(body.size() - 32);
  ASSERT_TRUE(tokens().verify(signed_text(body), Utc::from_seconds(kNow)));

  core::Bytes version = body;
  version[0] = 4;
  EXPECT_EQ(tokens().verify(signed_text(version), Utc::from_seconds(kNow)).error().code, Code::kUnsupported);
  version[0] = 0;
  EXPECT_EQ(tokens().verify(signed_text(version), Utc::from_seconds(kNow)).error().code, Code::kUnsupported);
  core::Bytes kinds = body;
  kinds[1] = 0x80;
  EXPECT_FALSE(tokens().verify(signed_text(kinds), Utc::from_seconds(kNow)));
  core::Bytes protection = body;
  protection[2] = 3;
  EXPECT_FALSE(tokens().verify(signed_text(protection), Utc::from_seconds(kNow)));
  core::Bytes expiry = body;
  std::fill(expiry.begin() + 3, expiry.begin() + 11, std::uint8_t{0xff});
  EXPECT_FALSE(tokens().verify(signed_text(expiry), Utc::from_seconds(kNow)));
  core::Bytes longer = body;
  longer.push_back(0);
  EXPECT_FALSE(tokens().verify(signed_text(longer), Utc::from_seconds(kNow)));
  core::Bytes shorter = body;
  shorter.pop_back();
  EXPECT_FALSE(tokens().verify(signed_text(shorter), Utc::from_seconds(kNow)));
}

TEST(PlaybackToken, TheSameViewerGetsTheSameUrlForAWhile) {
  const Utc expiry = PlaybackTokens::expiry(Utc::from_seconds(kNow));
  EXPECT_EQ(expiry.ns % (300 * core::kNsPerSecond), 0);
  EXPECT_GE(expiry - Utc::from_seconds(kNow), kPlaybackTokenSeconds * core::kNsPerSecond);
  EXPECT_EQ(PlaybackTokens::expiry(expiry - kPlaybackTokenSeconds * core::kNsPerSecond), expiry);
  EXPECT_EQ(PlaybackTokens::expiry(expiry - kPlaybackTokenSeconds * core::kNsPerSecond - 1), expiry);
}

}  // namespace
}  // namespace aircheck::access
