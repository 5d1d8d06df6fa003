// The text of the playlists: pure functions of a window's rows and of how its player reaches files and keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.hpp"
#include "core/playlist.hpp"
#include "core/result.hpp"
#include "timeshift/media_facts.hpp"
#include "timeshift/window.hpp"

namespace aircheck::timeshift {

// How the media bytes of a playlist are protected.
enum class Protection {
  kCenc,    // as they are in the archive
  kAes128,  // whole segments, made on the fly
  kClear,   // decrypted on the fly; every URL needs a token
};

struct MediaPlaylistOptions {
  ViewKind kind = ViewKind::kLive;
  Protection protection = Protection::kCenc;
  // EXT-X-TARGETDURATION: the channel's max duration, which never changes.
  std::uint32_t target_duration_s = 0;
  // Before every location: "" for one relative to /hls/{key}/, or a CDN's "https://cdn.example/hls/ch1/".
  std::string segment_base;
  // Rows that begin at or after later_from have this in place of it.
  std::optional<core::Utc> later_from = std::nullopt;
  std::string later_segment_base = {};
  // Before "/api/v1/drm/key/": "" where the playlists come from the same host.
  std::string api_base;
  // Stands on key URIs and on the URLs of unencrypted bytes; may be empty.
  std::string token;
  // Start-over: a delta update without the rows that a player has (`_HLS_skip`). The others change too little, or not.
  bool skip = false;
  bool decrypts = true;                        // kClear: what is encrypted is given out too
  std::vector<core::DateRangeTag> programmes;  // by start
};

// CAN-SKIP-UNTIL of start-over playlists: the shortest that is allowed, six target durations.
[[nodiscard]] std::int64_t can_skip_until_ns(std::uint32_t target_duration_s);

// kUnavailable while the facts of an init segment that is needed for this protection are not read yet; kPermission
// where rows cannot be given out in this protection.
core::Result<std::string> media_playlist(const Window& window, const MediaPlaylistOptions& options,
                                         const MediaFactsMap& facts);

struct MultivariantOptions {
  ViewKind kind = ViewKind::kLive;
  std::string media_uri;  // of the `main` rendition, with its query
  // Live and start-over: the configured maximum in bits per second, 0 where there is none (then the measured peak).
  std::uint64_t configured_bandwidth = 0;
  std::int64_t target_ns = 0;
};

// kUnavailable while no init segment of the window has been read.
core::Result<std::string> multivariant_playlist(const Window& window, const MultivariantOptions& options,
                                                const MediaFactsMap& facts);

// Bits per second that a muxed stream of these encoders can reach: RFC 8216 wants an upper bound.
[[nodiscard]] std::uint64_t configured_bandwidth(std::uint64_t video_kbit_s, std::uint64_t audio_kbit_s);

}  // namespace aircheck::timeshift
