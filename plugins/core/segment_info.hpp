// What a media segment of Aircheck says about itself, in a `uuid` box behind `styp`, so that the files alone rebuild
// the index. Players skip boxes of types that they do not know (ISO/IEC 14496-12 clause 4.2).
#pragma once

#include <optional>
#include <string>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::core {

struct SegmentInfo {
  std::uint64_t sequence = 0;                // EXT-X-MEDIA-SEQUENCE
  std::uint64_t discontinuity_sequence = 0;  // discontinuities up to and including this segment's own
  Utc start;
  std::int64_t duration_ns = 0;
  std::uint32_t epoch = 0;
  bool discontinuity = false;  // an EXT-X-DISCONTINUITY stands before this segment
  std::optional<KeyId> key_id;
  std::string init_name;  // file name of the init segment, in the same directory
  std::uint32_t target_duration_s = 0;
  std::uint32_t max_duration_s = 0;  // EXT-X-TARGETDURATION

  friend bool operator==(const SegmentInfo&, const SegmentInfo&) = default;
};

// The extended type of the box. Behind it: version (8 bits, 0) and flags (24 bits; 1 = discontinuity, 2 = a key id
// follows), sequence (64), discontinuity sequence (64), start (64, signed ns since 1970), duration (64, ns), epoch
// (32), target (32, s), max duration (32, s), key id (128, only with flag 2), length of the init name (16), init name.
inline constexpr KeyId kSegmentInfoUuid{0xe7, 0x8b, 0x2a, 0x5c, 0x41, 0xd0, 0x4f, 0x6e,
                                        0x9a, 0x1b, 0x61, 0x69, 0x72, 0x63, 0x68, 0x6b};

[[nodiscard]] Bytes write_segment_info_box(const SegmentInfo& info);

// `head_of_file` is the beginning of a segment up to its moof at least (4 KiB are plenty). kNotFound where the file
// has no such box before its moof, kUnsupported for a version that this build does not know.
Result<SegmentInfo> read_segment_info(ByteView head_of_file);

}  // namespace aircheck::core
