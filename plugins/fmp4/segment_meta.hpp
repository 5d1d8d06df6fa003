// What fmp4mux tells the writer about a segment: carried by the `styp` buffer that begins its buffer list.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "core/bytes.hpp"
#include "core/time.hpp"

namespace aircheck::fmp4 {

struct SegmentMeta {
  core::Utc start;               // presentation time of the first video frame, or of the first audio frame
  std::int64_t duration_ns = 0;  // up to the next segment's start, except before a hole
  std::optional<core::KeyId> key_id;
  bool discontinuity = false;         // a hole or another format lies before this segment
  bool independent = true;            // begins with an IDR
  bool key_frames_on_request = true;  // upstream takes force-key-unit, so every segment begins with an IDR
  std::uint32_t target_duration_s = 0;
  std::uint32_t max_duration_s = 0;  // no segment's duration rounds above it; constant for the life of the muxer
};

void set_segment_meta(GstBuffer* buffer, const SegmentMeta& segment);
[[nodiscard]] std::optional<SegmentMeta> segment_meta(GstBuffer* buffer);

}  // namespace aircheck::fmp4
