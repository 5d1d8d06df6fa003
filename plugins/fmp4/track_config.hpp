// The format of one track, as the caps of its pad and the first sample's key id say it.
#pragma once

#include <gst/gst.h>

#include <optional>
#include <span>

#include "core/bmff/boxes_sample_entry.hpp"
#include "core/bmff/init.hpp"
#include "core/result.hpp"

namespace aircheck::fmp4 {

using core::bmff::TrackKind;

// What a pad of each kind takes, in the clear or behind cencenc.
inline constexpr const char* kVideoCaps =
    "video/x-h264, stream-format=(string)avc, alignment=(string)au; "
    "application/x-cenc, original-media-type=(string)video/x-h264, stream-format=(string)avc, alignment=(string)au";
inline constexpr const char* kAudioCaps =
    "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw; "
    "application/x-cenc, original-media-type=(string)audio/mpeg, stream-format=(string)raw";

struct TrackConfig {
  TrackKind kind = TrackKind::kVideo;
  std::uint32_t timescale = 0;         // units a second
  std::uint32_t nominal_duration = 0;  // of a sample, in units; 0 where the rate varies
  std::uint32_t frame_rate_n = 0;      // 0 where the rate varies
  std::uint32_t frame_rate_d = 1;
  core::bmff::VisualSampleEntry visual;  // of the clear media
  core::bmff::AudioSampleEntry audio;    // of the clear media
  std::uint32_t display_width = 0;       // 16.16
  bool encrypted = false;                // scheme 'cenc'
  std::optional<core::KeyId> key_id;     // of the samples, once one with a key id has come
  friend bool operator==(const TrackConfig&, const TrackConfig&) = default;

  // The same media: at most the key changed, so that a player goes on without a discontinuity.
  [[nodiscard]] bool same_media(const TrackConfig& other) const;
  // RFC 6381, of the clear media.
  [[nodiscard]] std::string codec() const;
};

// kUnsupported or kInvalidArgument with the field of the caps that is at fault.
core::Result<TrackConfig> track_config_from_caps(TrackKind kind, const GstCaps* caps);

struct InitTrack {
  std::uint32_t track_id = 0;
  const TrackConfig* config = nullptr;
};
// ftyp and moov. With write_pssh, a version 1 'common' pssh lists every key id of the tracks.
[[nodiscard]] core::Bytes write_init(std::span<const InitTrack> tracks, bool write_pssh);

}  // namespace aircheck::fmp4
