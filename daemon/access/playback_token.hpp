// Playback tokens: what stands behind `token=` on playlists and key URIs, for players that send no header.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

#include "access/jws.hpp"
#include "access/policy.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::access {

// What a token gives, and nothing else: the policy is asked again whenever it is used.
struct PlaybackGrant {
  std::string account_id;
  std::string channel_id;  // UUID
  KindSet kinds;
  Protection protection = Protection::kCenc;
  core::Utc expires_at;  // whole seconds
  // UUIDs of the device or of the session that it was made for, at most one of them. It has to be live.
  std::string device_id = {};
  std::string session_id = {};

  friend bool operator==(const PlaybackGrant&, const PlaybackGrant&) = default;
};

// Long enough for an evening; a player that reloads a playlist has to carry one token all that time.
inline constexpr std::int64_t kPlaybackTokenSeconds = 12 * 3600;

// Signs and verifies with HMAC-SHA256 under a key that serves nothing else. The same grant gives the same text. Main
// context only.
class PlaybackTokens {
 public:
  explicit PlaybackTokens(HmacSecret secret) : secret_(std::move(secret)) {}

  // URL-safe, about 100 characters. account_id and channel_id: 1 to 255 bytes.
  [[nodiscard]] std::string issue(const PlaybackGrant& grant) const;
  // kParse: no token of ours; kPermission: wrong signature or expired.
  core::Result<PlaybackGrant> verify(std::string_view token, core::Utc now) const;

  // When a token that is given out now ends: kPlaybackTokenSeconds on, rounded up to the next 5 minutes, so that the
  // same viewer gets the same URLs for a while and caches can work.
  [[nodiscard]] static core::Utc expiry(core::Utc now);

 private:
  core::Result<PlaybackGrant> read(std::string_view token) const;

  HmacSecret secret_;
  // Tokens that were good once are as long as they have not expired: players come back with them every few seconds.
  mutable std::unordered_map<std::string, PlaybackGrant> verified_;
};

}  // namespace aircheck::access
