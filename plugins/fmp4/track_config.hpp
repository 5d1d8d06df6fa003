// The format of one track, as the caps of its pad and the protection of its samples say it.
#pragma once

#include <gst/gst.h>

#include <array>
#include <optional>

#include "core/bmff/boxes_sample_entry.hpp"
#include "core/bmff/init.hpp"
#include "core/result.hpp"
#include "fmp4/track_tags.hpp"

namespace aircheck::fmp4 {

using core::bmff::TrackKind;

// What a pad of each kind takes, in the clear or behind cencenc.
inline constexpr const char* kVideoCaps =
    "video/x-h264, stream-format=(string){ avc, avc3 }, alignment=(string)au; "
    "video/x-h265, stream-format=(string){ hvc1, hev1 }, alignment=(string)au; "
    "application/x-cenc, original-media-type=(string)video/x-h264, stream-format=(string){ avc, avc3 }, "
    "alignment=(string)au; "
    "application/x-cenc, original-media-type=(string)video/x-h265, stream-format=(string){ hvc1, hev1 }, "
    "alignment=(string)au";
inline constexpr const char* kAudioCaps =
    "audio/mpeg, mpegversion=(int)4, stream-format=(string)raw; audio/x-opus; "
    "application/x-cenc, original-media-type=(string)audio/mpeg, stream-format=(string)raw; "
    "application/x-cenc, original-media-type=(string)audio/x-opus";

enum class Codec { kH264, kH265, kAac, kOpus };

// How samples are protected, as far as all samples of an init segment have it in common (ISO/IEC 23001-7 clause 8.2).
struct SampleKey {
  std::optional<core::KeyId> key_id;
  std::optional<std::array<std::uint8_t, 16>> constant_iv;  // else each sample has an IV of its own
  std::uint8_t crypt_byte_block = 0;                        // pattern, in blocks of 16 bytes
  std::uint8_t skip_byte_block = 0;
  friend bool operator==(const SampleKey&, const SampleKey&) = default;
};

struct TrackConfig {
  TrackKind kind = TrackKind::kVideo;
  Codec codec = Codec::kH264;
  std::uint32_t timescale = 0;         // units a second
  std::uint32_t nominal_duration = 0;  // of a sample, in units; 0 where the rate varies
  std::uint32_t frame_rate_n = 0;      // 0 where the rate varies
  std::uint32_t frame_rate_d = 1;
  std::optional<std::uint32_t> reorder_depth;  // frames, of video whose parameter sets came with the caps
  core::bmff::VisualSampleEntry visual;        // of the clear media
  core::bmff::AudioSampleEntry audio;          // of the clear media
  std::uint32_t display_width = 0;             // 16.16
  TrackTags tags;
  std::string name;               // what people call it; empty: a word for its kind
  core::bmff::FourCc scheme = 0;  // 'cenc', 'cbcs'; 0: clear
  SampleKey key;                  // of the samples, once one with a key id has come
  friend bool operator==(const TrackConfig&, const TrackConfig&) = default;

  // The same media: at most the key changed, so that a player goes on without a discontinuity.
  [[nodiscard]] bool same_media(const TrackConfig& other) const;
  [[nodiscard]] bool encrypted() const { return scheme != 0; }
  // Whether a decoder finds SPS and PPS here; in `avc3` and `hev1` they may come with the samples alone.
  [[nodiscard]] bool has_parameter_sets() const;
  // Bytes of the length field of NAL units; 0 for audio.
  [[nodiscard]] std::size_t nal_length_size() const;
  // RFC 6381, of the clear media.
  [[nodiscard]] std::string codec_string() const;
};

// kUnsupported or kInvalidArgument with the field of the caps that is at fault.
core::Result<TrackConfig> track_config_from_caps(TrackKind kind, const GstCaps* caps);

}  // namespace aircheck::fmp4
