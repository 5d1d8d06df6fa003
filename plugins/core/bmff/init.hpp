// What an init segment (ftyp, moov) says about its tracks.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/bmff/boxes_movie.hpp"

namespace aircheck::core::bmff {

enum class TrackKind { kVideo, kAudio, kOther };

struct TrackInfo {
  std::uint32_t id = 0;
  TrackKind kind = TrackKind::kOther;
  std::uint32_t timescale = 0;  // units a second
  FourCc format = 0;            // of the clear media, "avc1" also behind "encv"
  std::string codec;            // RFC 6381: "avc1.64001f", "hvc1.1.6.L93.90", "mp4a.40.2", "opus"
  std::string language;         // RFC 5646, or ISO 639-2/T where the file has that alone; empty: not known
  std::uint32_t width = 0;      // coded, in pixels
  std::uint32_t height = 0;
  std::uint32_t sample_rate = 0;  // Hz
  std::uint32_t channels = 0;
  std::uint8_t nal_length_size = 0;  // H.264 and HEVC only
  // Defaults for samples whose fragment does not say (trex).
  std::uint32_t default_sample_duration = 0;
  std::uint32_t default_sample_size = 0;
  std::uint32_t default_sample_flags = 0;
  // Encryption; an empty scheme is clear media.
  std::string scheme;  // "cenc", "cbcs"
  std::optional<KeyId> default_key_id;
  std::uint8_t per_sample_iv_size = 0;
  Bytes constant_iv;
  std::uint8_t crypt_byte_block = 0;  // pattern, in blocks of 16 bytes
  std::uint8_t skip_byte_block = 0;
};

struct InitInfo {
  std::vector<TrackInfo> tracks;
  [[nodiscard]] const TrackInfo* find(std::uint32_t track_id) const;
};

// `file` is an init segment or begins with one; the moov has to be whole.
Result<InitInfo> parse_init(ByteView file);

// The same init for the decrypted media: encv and enca become what their sinf says, sinf and pssh go. Boxes that
// Aircheck does not write are kept only inside sample entries.
Result<Bytes> clear_init(ByteView encrypted_init);

// RFC 6381 codec strings, of the clear media also where the entry is protected; just the four characters of a codec
// that has no parameters or whose configuration is missing.
[[nodiscard]] std::string codec_string(const VisualSampleEntry& entry);
[[nodiscard]] std::string codec_string(const AudioSampleEntry& entry);
// From the AudioSpecificConfig (ISO/IEC 14496-3 clause 1.6.2.1); kParse where it ends too early.
Result<std::string> aac_codec_string(ByteView audio_specific_config);

// Sampling rate in Hz and channel count as an AudioSpecificConfig says them; 0 channels where it refers to a program
// config element.
struct AacFormat {
  std::uint32_t object_type = 0;
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
};
Result<AacFormat> parse_audio_specific_config(ByteView config);

}  // namespace aircheck::core::bmff
