// HLS playlists as values, and their text (RFC 8216; EXT-X-GAP, EXT-X-SKIP and EXT-X-SERVER-CONTROL from its second
// edition, draft-pantos-hls-rfc8216bis). Writing cannot fail and cannot be injected into: a URI is percent-encoded
// where it has to be, and a quoted string loses quotes and control characters.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.hpp"
#include "core/cenc.hpp"
#include "core/time.hpp"

namespace aircheck::core {

enum class PlaylistType {
  kLive,   // no EXT-X-PLAYLIST-TYPE: rows may leave at the front
  kEvent,  // rows are only appended
  kVod,    // never changes
};

// EXT-X-KEY (RFC 8216 section 4.3.2.4).
struct KeyTag {
  std::string method;               // "SAMPLE-AES-CTR", "AES-128", ...
  std::string uri;                  // not written when empty
  std::string key_format;           // "" means identity, and is not written
  std::string key_format_versions;  // not written when empty
  Bytes iv;                         // 16 bytes, or empty

  friend bool operator==(const KeyTag&, const KeyTag&) = default;
};

// The two lines of a key of Common Encryption, in the order that every player takes: org.w3.clearkey with the KID for
// hls.js, then, when key_uri is not empty, the raw key's address for Shaka Player, ffmpeg and mpv (which takes the
// last). For `cbcs` the first one's METHOD is SAMPLE-AES; the second one's is SAMPLE-AES-CTR in both schemes, because
// hls.js takes SAMPLE-AES with the identity format for MPEG-TS and stalls.
[[nodiscard]] std::vector<KeyTag> common_encryption_keys(const KeyId& key_id, std::string_view key_uri,
                                                         CencScheme scheme = CencScheme::kCenc);

// What has to be known before a segment can be read. Segments of one encoder run share one value.
struct SegmentContext {
  std::string map_uri;  // EXT-X-MAP; not written when empty
  std::vector<KeyTag> keys;

  friend bool operator==(const SegmentContext&, const SegmentContext&) = default;
};

// A media segment, or the row of a hole.
struct MediaRow {
  std::uint64_t sequence = 0;
  std::uint64_t discontinuity_sequence = 0;  // of this segment: discontinuity tags up to and including its own
  Utc start;
  std::int64_t duration_ns = 0;
  std::string uri;
  std::shared_ptr<const SegmentContext> context;  // none for a GAP row
  bool discontinuity = false;
  bool gap = false;

  [[nodiscard]] Utc end() const { return start + duration_ns; }
};

// EXT-X-START (RFC 8216 section 4.3.5.2).
struct StartTag {
  std::int64_t offset_ns = 0;  // negative: from the end
  bool precise = true;
};

// EXT-X-DATERANGE (RFC 8216 section 4.3.2.7).
struct DateRangeTag {
  std::string id;
  Utc start;
  std::int64_t duration_ns = 0;
  std::vector<std::pair<std::string, std::string>> client_attributes;  // names "X-...", values as quoted strings
};

struct MediaPlaylist {
  PlaylistType type = PlaylistType::kLive;
  std::uint32_t target_duration_s = 0;
  bool independent_segments = false;
  bool ended = false;  // EXT-X-ENDLIST; a VOD playlist always has it
  std::optional<StartTag> start;
  std::int64_t can_skip_until_ns = 0;  // EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL; 0: not offered
  std::uint64_t skipped_rows = 0;      // delta update: the first rows are not written (EXT-X-SKIP)
  std::uint64_t first_sequence = 0;    // EXT-X-MEDIA-SEQUENCE while there are no rows
  std::vector<MediaRow> rows;          // one after another by sequence
  // By start. Each stands before the first row that reaches into it, also in a delta update (section 6.2.5.1 of the
  // second edition keeps them); those that no row reaches are not written.
  std::vector<DateRangeTag> date_ranges;
};

// The text of a media playlist. EXT-X-VERSION is the lowest that the tags used require, and
// those that a playlist that grows may get later. EXT-X-KEY, EXT-X-MAP and
// EXT-X-PROGRAM-DATE-TIME stand before the first segment and after every discontinuity, also that of a GAP row; keys
// and map also where they change. Where the keys are METHOD=AES-128 the map comes first, so that the init segment is in
// the clear.
[[nodiscard]] std::string write_media_playlist(const MediaPlaylist& playlist);

// EXT-X-MEDIA (RFC 8216 section 4.3.4.1).
struct RenditionTag {
  std::string type;  // "AUDIO", "SUBTITLES"
  std::string group_id;
  std::string name;
  std::string language;  // not written when empty
  std::string uri;       // not written when empty: the rendition is in the variant's own segments
  std::uint32_t channels = 0;
  bool is_default = false;
  bool autoselect = false;
};

// EXT-X-STREAM-INF (RFC 8216 section 4.3.4.2).
struct VariantTag {
  std::string uri;
  std::uint64_t bandwidth = 0;          // bits per second, the peak
  std::uint64_t average_bandwidth = 0;  // 0 is not written
  std::vector<std::string> codecs;      // RFC 6381
  std::uint32_t width = 0;              // 0: no video, no RESOLUTION
  std::uint32_t height = 0;
  std::uint32_t frame_rate_num = 0;  // 0: not written (no video, or a rate that varies)
  std::uint32_t frame_rate_den = 1;
  std::string audio_group;  // not written when empty
};

struct MultivariantPlaylist {
  bool independent_segments = false;
  std::optional<StartTag> start;
  std::vector<RenditionTag> renditions;
  std::vector<VariantTag> variants;
};

[[nodiscard]] std::string write_multivariant_playlist(const MultivariantPlaylist& playlist);

// A path below the playlist's folder as a URI reference: everything that is not unreserved, '/' or a harmless sign is
// percent-encoded, so that "a b#1:2.m4s" stays one relative path.
[[nodiscard]] std::string uri_from_path(std::string_view path);

}  // namespace aircheck::core
