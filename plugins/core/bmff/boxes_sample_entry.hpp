// Sample entries and what stands in them: codec configuration, picture geometry and colour, protection
// (ISO/IEC 14496-12 clause 8.5.2 and 12, 14496-14, 14496-15, 23001-7).
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

// Pixel aspect ratio (ISO/IEC 14496-12 clause 12.1.4).
struct Pasp {
  static constexpr FourCc kType = fourcc("pasp");
  std::uint32_t h_spacing = 1;
  std::uint32_t v_spacing = 1;
  friend bool operator==(const Pasp&, const Pasp&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.field(self.h_spacing);
    io.field(self.v_spacing);
  }
};

// Colour information (clause 12.1.5), with the code points of ISO/IEC 23091-2.
struct Colr {
  static constexpr FourCc kType = fourcc("colr");
  static constexpr FourCc kNclx = fourcc("nclx");
  FourCc colour_type = kNclx;
  std::uint16_t primaries = 2;  // 2 = unspecified
  std::uint16_t transfer = 2;
  std::uint16_t matrix = 2;
  std::uint8_t full_range = 0;  // in the highest bit
  Bytes profile;                // of the other colour types
  friend bool operator==(const Colr&, const Colr&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.field(self.colour_type);
    if (self.colour_type != kNclx) return io.rest(self.profile);
    io.field(self.primaries);
    io.field(self.transfer);
    io.field(self.matrix);
    io.field(self.full_range);
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

struct Frma {
  static constexpr FourCc kType = fourcc("frma");
  FourCc data_format = 0;
  friend bool operator==(const Frma&, const Frma&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.field(self.data_format);
  }
};

struct Schm {
  static constexpr FourCc kType = fourcc("schm");
  FourCc scheme_type = fourcc("cenc");
  std::uint32_t scheme_version = 0x00010000;
  friend bool operator==(const Schm&, const Schm&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.field(self.scheme_type);
    io.field(self.scheme_version);
  }
};

// Track encryption (ISO/IEC 23001-7 clause 8.2): version 0 for 'cenc', 1 for the pattern schemes.
struct Tenc {
  static constexpr FourCc kType = fourcc("tenc");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint8_t pattern = 0;  // crypt_byte_block << 4 | skip_byte_block
  std::uint8_t is_protected = 1;
  std::uint8_t per_sample_iv_size = 8;
  KeyId key_id{};
  Bytes constant_iv;  // only where per_sample_iv_size is 0
  friend bool operator==(const Tenc&, const Tenc&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.zeros(1);
    io.field(self.pattern);
    io.field(self.is_protected);
    io.field(self.per_sample_iv_size);
    io.field(self.key_id);
    if (self.is_protected == 1 && self.per_sample_iv_size == 0) io.template sized<std::uint8_t>(self.constant_iv);
  }
};

struct Schi {
  static constexpr FourCc kType = fourcc("schi");
  Tenc tenc;
  friend bool operator==(const Schi&, const Schi&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.tenc);
  }
};

struct Sinf {
  static constexpr FourCc kType = fourcc("sinf");
  Frma frma;
  Schm schm;
  Schi schi;
  friend bool operator==(const Sinf&, const Sinf&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.frma, self.schm, self.schi);
  }
};

struct VisualSampleEntry {
  static constexpr bool accepts(FourCc type) { return type == fourcc("avc1") || type == fourcc("encv"); }
  FourCc type = fourcc("avc1");
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  std::optional<AvcC> avcc;
  std::optional<Colr> colr;
  std::optional<Pasp> pasp;
  std::vector<RawBox> others;
  std::optional<Sinf> sinf;
  friend bool operator==(const VisualSampleEntry&, const VisualSampleEntry&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.zeros(6);
    io.fixed(std::uint16_t{1});  // data_reference_index
    io.zeros(16);
    io.field(self.width);
    io.field(self.height);
    io.fixed(std::uint32_t{0x00480000});  // 72 dpi
    io.fixed(std::uint32_t{0x00480000});
    io.zeros(4);
    io.fixed(std::uint16_t{1});  // frames per sample
    io.zeros(32);                // compressorname
    io.fixed(std::uint16_t{0x0018});
    io.fixed(std::uint16_t{0xffff});
    if constexpr (Io::kReading) {
      io.children(self.avcc, self.colr, self.pasp, self.sinf, self.others);
    } else {
      io.children(self.avcc, self.colr, self.pasp, self.others, self.sinf);  // sinf last, as packagers write it
    }
  }
};

struct AudioSampleEntry {
  static constexpr bool accepts(FourCc type) { return type == fourcc("mp4a") || type == fourcc("enca"); }
  FourCc type = fourcc("mp4a");
  std::uint16_t channel_count = 2;
  std::uint16_t sample_size = 16;
  std::uint32_t sample_rate = 0;  // 16.16; 0 where the rate does not fit
  std::optional<Esds> esds;
  std::vector<RawBox> others;
  std::optional<Sinf> sinf;
  friend bool operator==(const AudioSampleEntry&, const AudioSampleEntry&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.zeros(6);
    io.fixed(std::uint16_t{1});  // data_reference_index
    io.zeros(8);
    io.field(self.channel_count);
    io.field(self.sample_size);
    io.zeros(4);
    io.field(self.sample_rate);
    if constexpr (Io::kReading) {
      io.children(self.esds, self.sinf, self.others);
    } else {
      io.children(self.esds, self.others, self.sinf);
    }
  }
};

}  // namespace aircheck::core::bmff
