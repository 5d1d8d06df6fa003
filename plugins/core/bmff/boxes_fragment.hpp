// The boxes of a media segment (ISO/IEC 14496-12 clause 8.8, 8.7.8 and 8.7.9, 23001-7 clause 7.2), one description
// each.
#pragma once

#include "core/bmff/box_io.hpp"

namespace aircheck::core::bmff {

struct Mfhd {
  static constexpr FourCc kType = fourcc("mfhd");
  std::uint32_t sequence_number = 0;
  friend bool operator==(const Mfhd&, const Mfhd&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.field(self.sequence_number);
  }
};

struct Tfhd {
  static constexpr FourCc kType = fourcc("tfhd");
  static constexpr std::uint32_t kBaseDataOffset = 0x000001;
  static constexpr std::uint32_t kSampleDescriptionIndex = 0x000002;
  static constexpr std::uint32_t kDefaultDuration = 0x000008;
  static constexpr std::uint32_t kDefaultSize = 0x000010;
  static constexpr std::uint32_t kDefaultFlags = 0x000020;
  static constexpr std::uint32_t kDefaultBaseIsMoof = 0x020000;
  std::uint8_t version = 0;
  std::uint32_t flags = kDefaultBaseIsMoof;
  std::uint32_t track_id = 0;
  std::uint64_t base_data_offset = 0;
  std::uint32_t sample_description_index = 1;
  std::uint32_t default_sample_duration = 0;
  std::uint32_t default_sample_size = 0;
  std::uint32_t default_sample_flags = 0;
  friend bool operator==(const Tfhd&, const Tfhd&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 0);
    io.field(self.track_id);
    if ((self.flags & kBaseDataOffset) != 0) io.field(self.base_data_offset);
    if ((self.flags & kSampleDescriptionIndex) != 0) io.field(self.sample_description_index);
    if ((self.flags & kDefaultDuration) != 0) io.field(self.default_sample_duration);
    if ((self.flags & kDefaultSize) != 0) io.field(self.default_sample_size);
    if ((self.flags & kDefaultFlags) != 0) io.field(self.default_sample_flags);
  }
};

struct Tfdt {
  static constexpr FourCc kType = fourcc("tfdt");
  std::uint8_t version = 1;
  std::uint32_t flags = 0;
  std::uint64_t base_media_decode_time = 0;
  friend bool operator==(const Tfdt&, const Tfdt&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.field_by_version(self.version, self.base_media_decode_time);
  }
};

struct TrunSample {
  std::uint32_t duration = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
  std::int32_t composition_offset = 0;  // version 1: signed; version 0 is unsigned but never that large
  friend bool operator==(const TrunSample&, const TrunSample&) = default;
};

struct Trun {
  static constexpr FourCc kType = fourcc("trun");
  static constexpr std::uint32_t kDataOffset = 0x000001;
  static constexpr std::uint32_t kFirstSampleFlags = 0x000004;
  static constexpr std::uint32_t kDuration = 0x000100;
  static constexpr std::uint32_t kSize = 0x000200;
  static constexpr std::uint32_t kFlags = 0x000400;
  static constexpr std::uint32_t kCompositionOffset = 0x000800;
  std::uint8_t version = 1;
  std::uint32_t flags = kDataOffset;
  std::int32_t data_offset = 0;
  std::uint32_t first_sample_flags = 0;
  std::vector<TrunSample> samples;
  friend bool operator==(const Trun&, const Trun&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    auto count = static_cast<std::uint32_t>(self.samples.size());
    io.field(count);
    if ((self.flags & kDataOffset) != 0) io.field(self.data_offset);
    if ((self.flags & kFirstSampleFlags) != 0) io.field(self.first_sample_flags);
    std::size_t element_size = 0;
    for (const std::uint32_t bit : {kDuration, kSize, kFlags, kCompositionOffset}) {
      if ((self.flags & bit) != 0) element_size += 4;
    }
    const std::uint32_t flags = self.flags;
    io.counted(count, self.samples, element_size, [flags](auto& list, auto& sample) {
      if ((flags & kDuration) != 0) list.field(sample.duration);
      if ((flags & kSize) != 0) list.field(sample.size);
      if ((flags & kFlags) != 0) list.field(sample.flags);
      if ((flags & kCompositionOffset) != 0) list.field(sample.composition_offset);
    });
  }
};

// Sizes of the samples' auxiliary information: here, of their entries in senc.
struct Saiz {
  static constexpr FourCc kType = fourcc("saiz");
  static constexpr std::uint32_t kTyped = 1;
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t aux_info_type = 0;
  std::uint32_t aux_info_type_parameter = 0;
  std::uint8_t default_sample_info_size = 0;
  std::uint32_t sample_count = 0;
  std::vector<std::uint8_t> sizes;  // only where default_sample_info_size is 0
  friend bool operator==(const Saiz&, const Saiz&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 0);
    if ((self.flags & kTyped) != 0) {
      io.field(self.aux_info_type);
      io.field(self.aux_info_type_parameter);
    }
    io.field(self.default_sample_info_size);
    io.field(self.sample_count);
    if (self.default_sample_info_size == 0) {
      io.counted(self.sample_count, self.sizes, 1, [](auto& list, auto& size) { list.field(size); });
    }
  }
};

struct Saio {
  static constexpr FourCc kType = fourcc("saio");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t aux_info_type = 0;
  std::uint32_t aux_info_type_parameter = 0;
  std::vector<std::uint64_t> offsets;  // from the start of the moof
  friend bool operator==(const Saio&, const Saio&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    if ((self.flags & Saiz::kTyped) != 0) {
      io.field(self.aux_info_type);
      io.field(self.aux_info_type_parameter);
    }
    const std::uint8_t version = self.version;
    io.template list<std::uint32_t>(self.offsets, version == 1 ? 8 : 4,
                                    [version](auto& list, auto& offset) { list.field_by_version(version, offset); });
  }
};

// IVs and subsample maps. How long an entry is depends on the track's tenc, so they stay bytes here: see
// SencEntry in fragment.hpp.
struct Senc {
  static constexpr FourCc kType = fourcc("senc");
  static constexpr std::uint32_t kSubsamples = 2;
  static constexpr std::size_t kEntriesOffset = 16;  // from the start of the box to the first entry
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint32_t sample_count = 0;
  Bytes entries;
  friend bool operator==(const Senc&, const Senc&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 0);
    io.field(self.sample_count);
    io.rest(self.entries);
  }
};

// Segment index (clause 8.16.3): where the subsegments behind it lie, and which begin with a random access point.
struct Sidx {
  static constexpr FourCc kType = fourcc("sidx");
  struct Reference {
    std::uint32_t size = 0;      // bytes; the highest bit says that it is to another index
    std::uint32_t duration = 0;  // in the timescale
    std::uint32_t sap = 0;       // starts with SAP (1 bit), its type (3), time to it (28)
    friend bool operator==(const Reference&, const Reference&) = default;
  };
  static constexpr std::uint32_t kStartsWithSap = 0x80000000;
  static constexpr int kSapTypeShift = 28;
  std::uint8_t version = 1;
  std::uint32_t flags = 0;
  std::uint32_t reference_id = 0;  // track id
  std::uint32_t timescale = 0;
  std::uint64_t earliest_presentation_time = 0;
  std::uint64_t first_offset = 0;  // from the end of the box
  std::vector<Reference> references;
  friend bool operator==(const Sidx&, const Sidx&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.field(self.reference_id);
    io.field(self.timescale);
    io.field_by_version(self.version, self.earliest_presentation_time);
    io.field_by_version(self.version, self.first_offset);
    io.zeros(2);
    io.template list<std::uint16_t>(self.references, 12, [](auto& list, auto& reference) {
      list.field(reference.size);
      list.field(reference.duration);
      list.field(reference.sap);
    });
  }
};

// Producer reference time (clause 8.16.5): the wall clock of a moment of the fragment that follows.
struct Prft {
  static constexpr FourCc kType = fourcc("prft");
  // The offset to the time of what is seen and heard is constant, ideally 0.
  static constexpr std::uint32_t kCaptureTime = 0x18;
  std::uint8_t version = 1;
  std::uint32_t flags = kCaptureTime;
  std::uint32_t track_id = 0;
  std::uint64_t ntp_time = 0;  // 32.32, seconds since 1900
  std::uint64_t media_time = 0;
  friend bool operator==(const Prft&, const Prft&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.field(self.track_id);
    io.field(self.ntp_time);
    io.field_by_version(self.version, self.media_time);
  }
};

struct Traf {
  static constexpr FourCc kType = fourcc("traf");
  Tfhd tfhd;
  std::optional<Tfdt> tfdt;
  std::vector<Trun> truns;
  std::optional<Saiz> saiz;
  std::optional<Saio> saio;
  std::optional<Senc> senc;
  friend bool operator==(const Traf&, const Traf&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.tfhd, self.tfdt, self.truns, self.saiz, self.saio, self.senc);
  }
};

struct Moof {
  static constexpr FourCc kType = fourcc("moof");
  Mfhd mfhd;
  std::vector<Traf> trafs;
  friend bool operator==(const Moof&, const Moof&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.mfhd, self.trafs);
  }
};

}  // namespace aircheck::core::bmff
