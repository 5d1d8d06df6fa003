// Decoder configuration of the codecs (ISO/IEC 14496-14, 14496-15 and the mapping of Opus).
#pragma once

#include "core/bmff/box_io.hpp"

namespace aircheck::core::bmff {

// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 clause 5.3.3.1); also the codec_data of GStreamer's caps.
struct AvcC {
  static constexpr FourCc kType = fourcc("avcC");
  std::uint8_t profile = 0;
  std::uint8_t compatibility = 0;
  std::uint8_t level = 0;
  std::uint8_t nal_length_size = 4;  // 1, 2 or 4
  std::vector<Bytes> sps;            // at most 31
  std::vector<Bytes> pps;            // at most 255
  Bytes extension;                   // chroma format and depths of the high profiles, as found
  friend bool operator==(const AvcC&, const AvcC&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    std::uint8_t version = 1;
    io.field(version);
    io.field(self.profile);
    io.field(self.compatibility);
    io.field(self.level);
    auto length_byte = static_cast<std::uint8_t>(0xfcU | (self.nal_length_size - 1U));
    io.field(length_byte);
    auto sps_byte = static_cast<std::uint8_t>(0xe0U | self.sps.size());
    io.field(sps_byte);
    if constexpr (Io::kReading) {
      if (!io.failed() && version != 1) io.fail_with(Code::kUnsupported, "has a configuration version other than 1");
      self.nal_length_size = static_cast<std::uint8_t>((length_byte & 3U) + 1U);
    }
    const auto parameter_set = [](auto& list, auto& bytes) { list.template sized<std::uint16_t>(bytes); };
    io.counted(sps_byte & 0x1fU, self.sps, 2, parameter_set);
    io.template list<std::uint8_t>(self.pps, 2, parameter_set);
    io.rest(self.extension);
  }
};

// HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 clause 8.3.3.1); also the codec_data of GStreamer's caps.
struct HvcC {
  static constexpr FourCc kType = fourcc("hvcC");
  struct Array {
    std::uint8_t nal_type = 0;  // with array_completeness in the highest bit
    std::vector<Bytes> nals;
    friend bool operator==(const Array&, const Array&) = default;
  };
  std::uint8_t profile = 0;         // general_profile_space (2 bits), tier (1), profile (5)
  std::uint32_t compatibility = 0;  // flag of profile 0 in the highest bit
  std::array<std::uint8_t, 6> constraints{};
  std::uint8_t level = 0;  // times 30
  // min_spatial_segmentation, parallelism, chroma format, bit depths, average frame rate: with their reserved bits.
  std::array<std::uint8_t, 8> details{0xf0, 0x00, 0xfc, 0xfd, 0xf8, 0xf8, 0x00, 0x00};
  std::uint8_t layers = 0;           // constant frame rate (2 bits), temporal layers (3), temporal nesting (1)
  std::uint8_t nal_length_size = 4;  // 1, 2 or 4
  std::vector<Array> arrays;
  friend bool operator==(const HvcC&, const HvcC&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    std::uint8_t version = 1;
    io.field(version);
    io.field(self.profile);
    io.field(self.compatibility);
    io.field(self.constraints);
    io.field(self.level);
    io.field(self.details);
    auto last = static_cast<std::uint8_t>(self.layers << 2U | (self.nal_length_size - 1U));
    io.field(last);
    if constexpr (Io::kReading) {
      if (!io.failed() && version != 1) io.fail_with(Code::kUnsupported, "has a configuration version other than 1");
      self.layers = static_cast<std::uint8_t>(last >> 2U);
      self.nal_length_size = static_cast<std::uint8_t>((last & 3U) + 1U);
    }
    io.template list<std::uint8_t>(self.arrays, 3, [](auto& list, auto& array) {
      list.field(array.nal_type);
      list.template list<std::uint16_t>(array.nals, 2,
                                        [](auto& nals, auto& bytes) { nals.template sized<std::uint16_t>(bytes); });
    });
  }
};

// The elementary stream descriptor of MPEG-4 audio (ISO/IEC 14496-14 clause 5.6, 14496-1 clause 7.2.6).
struct Esds {
  static constexpr FourCc kType = fourcc("esds");
  static constexpr std::uint8_t kMpeg4Audio = 0x40;
  std::uint8_t object_type = kMpeg4Audio;
  std::uint32_t buffer_size = 0;
  std::uint32_t max_bitrate = 0;
  std::uint32_t average_bitrate = 0;
  Bytes audio_specific_config;  // ISO/IEC 14496-3 clause 1.6.2.1
  friend bool operator==(const Esds&, const Esds&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.descriptor(3, [&self](auto& es) {
      es.zeros(2);  // ES_ID, 0 in a file
      std::uint8_t flags = 0;
      es.field(flags);
      if ((flags & 0x80U) != 0) es.zeros(2);  // dependsOn_ES_ID
      if ((flags & 0x40U) != 0) {
        Bytes url;
        es.template sized<std::uint8_t>(url);
      }
      if ((flags & 0x20U) != 0) es.zeros(2);  // OCR_ES_Id
      es.descriptor(4, [&self](auto& config) {
        config.field(self.object_type);
        config.fixed(std::uint8_t{0x15});  // audio stream, not upstream, reserved 1
        config.field24(self.buffer_size);
        config.field(self.max_bitrate);
        config.field(self.average_bitrate);
        bool specific = !self.audio_specific_config.empty();
        if constexpr (std::remove_reference_t<decltype(config)>::kReading) specific = config.remaining() > 0;
        if (specific) config.descriptor(5, [&self](auto& info) { info.rest(self.audio_specific_config); });
      });
      es.descriptor(6, [](auto& sync_layer) { sync_layer.fixed(std::uint8_t{2}); });  // as in an MP4 file
    });
  }
};

// Decoder configuration of Opus ("Encapsulation of Opus in ISO Base Media File Format" clause 4.3.2).
struct DOps {
  static constexpr FourCc kType = fourcc("dOps");
  std::uint8_t channels = 2;
  std::uint16_t pre_skip = 0;  // samples at 48 kHz that a decoder drops at the start of the stream
  std::uint32_t input_sample_rate = 48'000;
  std::int16_t output_gain = 0;     // 8.8 dB
  std::uint8_t mapping_family = 0;  // of RFC 7845 section 5.1.1
  // Only where mapping_family is not 0.
  std::uint8_t stream_count = 0;
  std::uint8_t coupled_count = 0;
  Bytes mapping;  // a byte for each channel
  friend bool operator==(const DOps&, const DOps&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    std::uint8_t version = 0;
    io.field(version);
    if constexpr (Io::kReading) {
      if (!io.failed() && version != 0) io.fail_with(Code::kUnsupported, "has a version other than 0");
    }
    io.field(self.channels);
    io.field(self.pre_skip);
    io.field(self.input_sample_rate);
    io.field(self.output_gain);
    io.field(self.mapping_family);
    if (self.mapping_family == 0) return;
    io.field(self.stream_count);
    io.field(self.coupled_count);
    io.counted(self.channels, self.mapping, 1, [](auto& list, auto& index) { list.field(index); });
  }
};

}  // namespace aircheck::core::bmff
