// What fmp4mux tells the writer about a segment: carried by the `styp` buffer that begins its buffer list. An init
// segment's buffer, which is flagged as a header, carries one too, of which only `file` counts.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <string>

#include "core/bmff/init.hpp"
#include "core/bytes.hpp"
#include "core/time.hpp"

namespace aircheck::fmp4 {

// What one file of a segment holds: all tracks, or one of them where the layout is `separate`.
struct FileFacts {
  std::uint32_t track_id = 0;  // of the muxer; 0: all tracks
  std::string track_name;      // name of the muxer's pad, such as "audio_1"; empty: all tracks
  std::string title;           // of one track: what people call it; empty: nobody said
  core::bmff::TrackKind kind = core::bmff::TrackKind::kVideo;  // with all tracks in one: video where there is any
  std::string codecs;                                          // RFC 6381, separated by commas
  std::uint32_t width = 0;                                     // of the first video track, in pixels as displayed
  std::uint32_t height = 0;
  std::uint32_t frame_rate_n = 0;  // 0: variable
  std::uint32_t frame_rate_d = 1;
  std::uint32_t audio_channels = 0;  // of the first audio track
  std::uint32_t sample_rate = 0;     // Hz
  std::string language;              // RFC 5646, of the first track that has one; empty: not known
};

// With `separate` one list comes per track that has samples in the segment; start, duration_ns, discontinuity and what
// is announced are equal in all of them, so that files of one segment get one number.
struct SegmentMeta {
  FileFacts file;
  bool last_of_segment = true;              // the segment has no more files
  core::Utc start;                          // presentation time of the first video frame, or of the first audio frame
  std::int64_t duration_ns = 0;             // up to the next segment's start, except before a hole
  std::int64_t anchor_ns = 0;               // UTC of running time zero
  std::optional<core::KeyId> key_id;        // of the first track in the file that has one
  std::optional<core::KeyId> other_key_id;  // of another track in the file that has another
  bool discontinuity = false;               // a hole or another format lies before this segment
  bool independent = true;                  // begins with a sync sample
  bool key_frames_on_request = true;        // upstream takes force-key-unit, so every segment begins with an IDR
  std::uint32_t target_duration_s = 0;
  std::uint32_t max_duration_s = 0;  // no segment's duration rounds above it; constant for the life of the muxer
};

void set_segment_meta(GstBuffer* buffer, const SegmentMeta& segment);
[[nodiscard]] std::optional<SegmentMeta> segment_meta(GstBuffer* buffer);

}  // namespace aircheck::fmp4
