#include "access/playback_token.hpp"

#include <algorithm>

#include "core/bytes.hpp"

namespace aircheck::access {

using core::ByteReader;
using core::ByteView;
using core::ByteWriter;
using core::Code;
using core::fail;
using core::Result;

namespace {

// version u8 | kinds u8 | protection u8 | expiry u64 (s) | account | channel |
// [device or session] | tag[32]. The device stands in version 2 only, the session in version 3. An identifier is a
// length byte and its text, or for a UUID a zero byte and its 16 bytes.
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kDeviceVersion = 2;
constexpr std::uint8_t kSessionVersion = 3;
constexpr std::size_t kTagSize = std::tuple_size_v<HmacSecret::Tag>;
constexpr std::size_t kMaxTokenText = 800;
constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kMostVerified = 10'000;

std::string uuid_text(ByteView bytes) {
  std::string text = core::to_hex(bytes);
  for (const std::size_t position : {8U, 13U, 18U, 23U}) text.insert(position, 1, '-');
  return text;
}

void write_identifier(ByteWriter& out, std::string_view identifier) {
  std::string digits(identifier);
  std::erase(digits, '-');
  const auto bytes = core::from_hex(digits);
  if (bytes && bytes->size() == kUuidBytes && uuid_text(*bytes) == identifier) {
    out.u8(0);
    out.bytes(*bytes);
    return;
  }
  out.u8(static_cast<std::uint8_t>(identifier.size()));
  out.text(identifier);
}

Result<std::string> read_identifier(ByteReader& in) {
  AIRCHECK_TRY(const std::uint8_t size, in.u8());
  AIRCHECK_TRY(const ByteView bytes, in.bytes(size == 0 ? kUuidBytes : size));
  return size == 0 ? uuid_text(bytes) : std::string(bytes.begin(), bytes.end());
}

Result<PlaybackGrant> read_grant(ByteView bytes) {
  ByteReader in(bytes);
  AIRCHECK_TRY(const std::uint8_t version, in.u8());
  if (version < kVersion || version > kSessionVersion)
    return fail(Code::kUnsupported, "playback token of an unknown version");
  PlaybackGrant grant;
  AIRCHECK_TRY(const std::uint8_t kinds, in.u8());
  AIRCHECK_TRY(grant.kinds, KindSet::from_bits(kinds));
  AIRCHECK_TRY(const std::uint8_t protection, in.u8());
  if (protection > static_cast<std::uint8_t>(Protection::kClear)) {
    return fail(Code::kUnsupported, "playback token with an unknown protection");
  }
  grant.protection = static_cast<Protection>(protection);
  AIRCHECK_TRY(const std::uint64_t expiry, in.u64());
  if (expiry > INT64_MAX / core::kNsPerSecond) return fail(Code::kParse, "playback token without an end");
  grant.expires_at = core::Utc::from_seconds(static_cast<std::int64_t>(expiry));
  AIRCHECK_TRY(grant.account_id, read_identifier(in));
  AIRCHECK_TRY(grant.channel_id, read_identifier(in));
  if (version == kDeviceVersion) {
    AIRCHECK_TRY(grant.device_id, read_identifier(in));
  }
  if (version == kSessionVersion) {
    AIRCHECK_TRY(grant.session_id, read_identifier(in));
  }
  if (!in.empty()) return fail(Code::kParse, "playback token with bytes left over");
  return grant;
}

}  // namespace

std::string PlaybackTokens::issue(const PlaybackGrant& grant) const {
  ByteWriter out;
  const bool device = !grant.device_id.empty();
  const bool session = !device && !grant.session_id.empty();
  out.u8(device ? kDeviceVersion : session ? kSessionVersion : kVersion);
  out.u8(grant.kinds.bits());
  out.u8(static_cast<std::uint8_t>(grant.protection));
  out.u64(static_cast<std::uint64_t>(grant.expires_at.ns / core::kNsPerSecond));
  write_identifier(out, grant.account_id);
  write_identifier(out, grant.channel_id);
  if (device) write_identifier(out, grant.device_id);
  if (session) write_identifier(out, grant.session_id);
  out.bytes(secret_.authenticate(out.view()));
  return core::to_base64url(out.view());
}

Result<PlaybackGrant> PlaybackTokens::read(std::string_view token) const {
  if (token.size() > kMaxTokenText) return fail(Code::kParse, "playback token: too long");
  const auto bytes = core::from_base64url(token);
  if (!bytes || bytes->size() <= kTagSize) return fail(Code::kParse, "playback token: malformed");
  const ByteView all(*bytes);
  const ByteView signed_part = all.first(all.size() - kTagSize);
  if (!secret_.verify(signed_part, all.last(kTagSize))) {
    return fail(Code::kPermission, "playback token: wrong signature");
  }
  return read_grant(signed_part);
}

Result<PlaybackGrant> PlaybackTokens::verify(std::string_view token, core::Utc now) const {
  std::string text(token);
  auto known = verified_.find(text);
  if (known == verified_.end()) {
    AIRCHECK_TRY(PlaybackGrant grant, read(token));
    if (verified_.size() >= kMostVerified) verified_.clear();
    known = verified_.emplace(std::move(text), std::move(grant)).first;
  }
  if (now >= known->second.expires_at) return fail(Code::kPermission, "playback token: expired");
  return known->second;
}

core::Utc PlaybackTokens::expiry(core::Utc now) {
  constexpr std::int64_t kStepNs = 300 * core::kNsPerSecond;
  return core::Utc{core::scale_ceil((now + kPlaybackTokenSeconds * core::kNsPerSecond).ns, 1, kStepNs) * kStepNs};
}

}  // namespace aircheck::access
