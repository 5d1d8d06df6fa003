// Sample entries and what stands in them beside the codec's configuration: picture geometry and colour, bit rate,
// protection (ISO/IEC 14496-12 clauses 8.5.2 and 12, 23001-7).
#pragma once

#include "core/bmff/boxes_codec.hpp"

namespace aircheck::core::bmff {

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

// Mastering display (clause 12.1.7): chromaticities in 0.00002, luminances in 0.0001 cd/m2.
struct Mdcv {
  static constexpr FourCc kType = fourcc("mdcv");
  struct Point {
    std::uint16_t x = 0;
    std::uint16_t y = 0;
    friend bool operator==(const Point&, const Point&) = default;
  };
  std::array<Point, 3> primaries;  // green, blue, red
  Point white;
  std::uint32_t max_luminance = 0;
  std::uint32_t min_luminance = 0;
  friend bool operator==(const Mdcv&, const Mdcv&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    for (auto& point : self.primaries) {
      io.field(point.x);
      io.field(point.y);
    }
    io.field(self.white.x);
    io.field(self.white.y);
    io.field(self.max_luminance);
    io.field(self.min_luminance);
  }
};

// Content light level (clause 12.1.6), in cd/m2.
struct Clli {
  static constexpr FourCc kType = fourcc("clli");
  std::uint16_t max_content = 0;
  std::uint16_t max_frame_average = 0;
  friend bool operator==(const Clli&, const Clli&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.field(self.max_content);
    io.field(self.max_frame_average);
  }
};

// Bit rate (clause 8.5.2.2), in bits a second; the decoding buffer in bytes.
struct Btrt {
  static constexpr FourCc kType = fourcc("btrt");
  std::uint32_t buffer_size = 0;
  std::uint32_t max_bitrate = 0;
  std::uint32_t average_bitrate = 0;
  friend bool operator==(const Btrt&, const Btrt&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.field(self.buffer_size);
    io.field(self.max_bitrate);
    io.field(self.average_bitrate);
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
  static constexpr bool accepts(FourCc type) {
    return type == fourcc("avc1") || type == fourcc("avc3") || type == fourcc("hvc1") || type == fourcc("hev1") ||
           type == fourcc("encv");
  }
  FourCc type = fourcc("avc1");
  std::uint16_t width = 0;
  std::uint16_t height = 0;
  std::optional<AvcC> avcc;
  std::optional<HvcC> hvcc;
  std::optional<Colr> colr;
  std::optional<Pasp> pasp;
  std::optional<Mdcv> mdcv;
  std::optional<Clli> clli;
  std::optional<Btrt> btrt;
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
      io.children(self.avcc, self.hvcc, self.colr, self.pasp, self.mdcv, self.clli, self.btrt, self.sinf, self.others);
    } else {
      io.children(self.avcc, self.hvcc, self.colr, self.pasp, self.mdcv, self.clli, self.btrt, self.others,
                  self.sinf);  // sinf last, as packagers write it
    }
  }
};

struct AudioSampleEntry {
  static constexpr bool accepts(FourCc type) {
    return type == fourcc("mp4a") || type == fourcc("Opus") || type == fourcc("enca");
  }
  FourCc type = fourcc("mp4a");
  std::uint16_t channel_count = 2;
  std::uint16_t sample_size = 16;
  std::uint32_t sample_rate = 0;  // 16.16; 0 where the rate does not fit
  std::optional<Esds> esds;
  std::optional<DOps> dops;
  std::optional<Btrt> btrt;
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
      io.children(self.esds, self.dops, self.btrt, self.sinf, self.others);
    } else {
      io.children(self.esds, self.dops, self.btrt, self.others, self.sinf);
    }
  }
};

}  // namespace aircheck::core::bmff
