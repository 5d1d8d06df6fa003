#include <algorithm>
#include <array>
#include <cstdio>

#include "core/bmff/init.hpp"

namespace aircheck::core::bmff {
namespace {

// The bits of an AudioSpecificConfig, most significant first. Reading past the end gives zeros and sets `ended`.
class BitReader {
 public:
  explicit BitReader(ByteView bytes) : bytes_(bytes) {}
  std::uint32_t bits(int count) {
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i, ++position_) {
      const std::size_t byte = position_ / 8;
      ended_ = ended_ || byte >= bytes_.size();
      const std::uint32_t bit = ended_ ? 0U : bytes_[byte] >> (7U - position_ % 8U) & 1U;
      value = value << 1 | bit;
    }
    return value;
  }
  [[nodiscard]] bool ended() const { return ended_; }

 private:
  ByteView bytes_;
  std::size_t position_ = 0;
  bool ended_ = false;
};

// ISO/IEC 14496-15 clause E.2: "avc1." and the three bytes behind the version.
std::string avc_codec_string(FourCc format, const AvcC& config) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), ".%02x%02x%02x", config.profile, config.compatibility, config.level);
  return to_text(format) + text.data();
}

// Clause E.3: profile, compatibility flags from the lowest on, tier and level, constraint bytes up to the last that is
// not 0.
std::string hevc_codec_string(FourCc format, const HvcC& config) {
  static constexpr std::array<const char*, 4> kProfileSpaces{"", "A", "B", "C"};
  std::uint32_t reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= (config.compatibility >> i & 1U) << (31 - i);
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), ".%s%u.%X.%c%u", kProfileSpaces.at(config.profile >> 6U),
                config.profile & 0x1fU, reversed, (config.profile & 0x20U) != 0 ? 'H' : 'L', config.level);
  std::string result = to_text(format) + text.data();
  const auto last = std::find_if(config.constraints.rbegin(), config.constraints.rend(), [](auto b) { return b != 0; });
  for (auto byte = config.constraints.begin(); byte != last.base(); ++byte) {
    std::snprintf(text.data(), text.size(), ".%X", *byte);
    result += text.data();
  }
  return result;
}

}  // namespace

std::string codec_string(const VisualSampleEntry& entry) {
  const FourCc format = entry.sinf ? entry.sinf->frma.data_format : entry.type;
  if (entry.avcc) return avc_codec_string(format, *entry.avcc);
  return entry.hvcc ? hevc_codec_string(format, *entry.hvcc) : to_text(format);
}

std::string codec_string(const AudioSampleEntry& entry) {
  const FourCc format = entry.sinf ? entry.sinf->frma.data_format : entry.type;
  if (format == fourcc("Opus")) return "opus";
  if (!entry.esds) return to_text(format);
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "mp4a.%02x", entry.esds->object_type);
  if (entry.esds->object_type != Esds::kMpeg4Audio) return text.data();
  return aac_codec_string(entry.esds->audio_specific_config).value_or(text.data());
}

Result<AacFormat> parse_audio_specific_config(ByteView config) {
  static constexpr std::array<std::uint32_t, 13> kRates{96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                                        22050, 16000, 12000, 11025, 8000,  7350};
  static constexpr std::array<std::uint32_t, 8> kChannels{0, 1, 2, 3, 4, 5, 6, 8};
  BitReader bits(config);
  AacFormat format;
  format.object_type = bits.bits(5);
  if (format.object_type == 31) format.object_type = 32 + bits.bits(6);
  const std::uint32_t rate_index = bits.bits(4);
  format.sample_rate = rate_index == 15 ? bits.bits(24) : rate_index < kRates.size() ? kRates[rate_index] : 0;
  const std::uint32_t channel_configuration = bits.bits(4);
  format.channels = channel_configuration < kChannels.size() ? kChannels[channel_configuration] : 0;
  if (bits.ended()) return fail(Code::kParse, "the AudioSpecificConfig ends too early");
  return format;
}

Result<std::string> aac_codec_string(ByteView audio_specific_config) {
  AIRCHECK_TRY(const AacFormat format, parse_audio_specific_config(audio_specific_config));
  return "mp4a.40." + std::to_string(format.object_type);
}

}  // namespace aircheck::core::bmff
