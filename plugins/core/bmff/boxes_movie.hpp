// The boxes of an init segment (ISO/IEC 14496-12 clauses 4 and 8), one description each. Fields keep the standard's
// names; what the standard fixes, or what Aircheck never sets, is not a member.
#pragma once

#include "core/bmff/box_io.hpp"
#include "core/bmff/boxes_sample_entry.hpp"

namespace aircheck::core::bmff {

// ftyp and styp (clauses 4.3 and 8.16.2).
struct FileType {
  static constexpr bool accepts(FourCc type) { return type == fourcc("ftyp") || type == fourcc("styp"); }
  FourCc type = fourcc("ftyp");
  FourCc major_brand = 0;
  std::uint32_t minor_version = 0;
  std::vector<FourCc> compatible_brands;
  friend bool operator==(const FileType&, const FileType&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.field(self.major_brand);
    io.field(self.minor_version);
    std::size_t count = self.compatible_brands.size();
    if constexpr (Io::kReading) count = io.remaining() / 4;
    io.counted(count, self.compatible_brands, 4, [](auto& list, auto& brand) { list.field(brand); });
  }
};

// The unity matrix of clause 6.2.2.
template <typename Io>
void unity_matrix(Io& io) {
  for (const std::uint32_t value : {0x10000U, 0U, 0U, 0U, 0x10000U, 0U, 0U, 0U, 0x40000000U}) io.fixed(value);
}

struct Mvhd {
  static constexpr FourCc kType = fourcc("mvhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint64_t creation_time = 0;
  std::uint64_t modification_time = 0;
  std::uint32_t timescale = 1000;
  std::uint64_t duration = 0;
  std::uint32_t next_track_id = 1;
  friend bool operator==(const Mvhd&, const Mvhd&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.field_by_version(self.version, self.creation_time);
    io.field_by_version(self.version, self.modification_time);
    io.field(self.timescale);
    io.field_by_version(self.version, self.duration);
    io.fixed(std::uint32_t{0x10000});  // rate 1.0
    io.fixed(std::uint16_t{0x0100});   // volume 1.0
    io.zeros(10);
    unity_matrix(io);
    io.zeros(24);
    io.field(self.next_track_id);
  }
};

struct Tkhd {
  static constexpr FourCc kType = fourcc("tkhd");
  std::uint8_t version = 0;
  std::uint32_t flags = 7;  // enabled, in the movie, in the preview
  std::uint64_t creation_time = 0;
  std::uint64_t modification_time = 0;
  std::uint32_t track_id = 0;
  std::uint64_t duration = 0;
  std::uint16_t alternate_group = 0;
  std::uint16_t volume = 0;  // 8.8; 0x0100 for audio
  std::uint32_t width = 0;   // 16.16, as displayed
  std::uint32_t height = 0;
  friend bool operator==(const Tkhd&, const Tkhd&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.field_by_version(self.version, self.creation_time);
    io.field_by_version(self.version, self.modification_time);
    io.field(self.track_id);
    io.zeros(4);
    io.field_by_version(self.version, self.duration);
    io.zeros(10);  // reserved, layer
    io.field(self.alternate_group);
    io.field(self.volume);
    io.zeros(2);
    unity_matrix(io);
    io.field(self.width);
    io.field(self.height);
  }
};

struct Mdhd {
  static constexpr FourCc kType = fourcc("mdhd");
  static constexpr std::uint16_t kUndetermined = 0x55c4;  // ISO 639-2 "und", five bits a letter
  std::uint8_t version = 0;
  std::uint32_t flags = 0;
  std::uint64_t creation_time = 0;
  std::uint64_t modification_time = 0;
  std::uint32_t timescale = 0;
  std::uint64_t duration = 0;
  std::uint16_t language = kUndetermined;
  friend bool operator==(const Mdhd&, const Mdhd&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.field_by_version(self.version, self.creation_time);
    io.field_by_version(self.version, self.modification_time);
    io.field(self.timescale);
    io.field_by_version(self.version, self.duration);
    io.field(self.language);
    io.zeros(2);
  }
};

struct Hdlr {
  static constexpr FourCc kType = fourcc("hdlr");
  FourCc handler_type = 0;
  Bytes name;  // with its terminating zero
  friend bool operator==(const Hdlr&, const Hdlr&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.zeros(4);
    io.field(self.handler_type);
    io.zeros(12);
    io.rest(self.name);
  }
};

// Extended language (clause 8.4.6): an RFC 5646 tag.
struct Elng {
  static constexpr FourCc kType = fourcc("elng");
  Bytes language;  // with its terminating zero
  friend bool operator==(const Elng&, const Elng&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.rest(self.language);
  }
};

struct Vmhd {
  static constexpr FourCc kType = fourcc("vmhd");
  friend bool operator==(const Vmhd&, const Vmhd&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self&) {
    io.full_box(0, 1);
    io.zeros(8);
  }
};

struct Smhd {
  static constexpr FourCc kType = fourcc("smhd");
  friend bool operator==(const Smhd&, const Smhd&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self&) {
    io.full_box(0, 0);
    io.zeros(4);
  }
};

// A data reference that says: the media is in this file (clause 8.7.2, flag 1).
struct DataEntryUrl {
  static constexpr FourCc kType = fourcc("url ");
  friend bool operator==(const DataEntryUrl&, const DataEntryUrl&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self&) {
    io.full_box(0, 1);
  }
};

struct Dref {
  static constexpr FourCc kType = fourcc("dref");
  std::vector<DataEntryUrl> entries{DataEntryUrl{}};
  friend bool operator==(const Dref&, const Dref&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.fixed(static_cast<std::uint32_t>(self.entries.size()));
    io.children(self.entries);
  }
};

struct Dinf {
  static constexpr FourCc kType = fourcc("dinf");
  Dref dref;
  friend bool operator==(const Dinf&, const Dinf&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.dref);
  }
};

struct Stsd {
  static constexpr FourCc kType = fourcc("stsd");
  std::vector<VisualSampleEntry> visual;
  std::vector<AudioSampleEntry> audio;
  std::vector<RawBox> others;
  [[nodiscard]] std::size_t size() const { return visual.size() + audio.size() + others.size(); }
  friend bool operator==(const Stsd&, const Stsd&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    auto count = static_cast<std::uint32_t>(self.size());
    io.field(count);
    io.children(self.visual, self.audio, self.others);
    if constexpr (Io::kReading) {
      if (!io.failed() && count != self.size()) {
        io.fail_with(Code::kParse,
                     "announces " + std::to_string(count) + " sample entries, holds " + std::to_string(self.size()));
      }
    }
  }
};

// stts, stsc and stco: a fragmented file has them, empty.
template <FourCc kCode>
struct EntryTable {
  static constexpr FourCc kType = kCode;
  std::uint32_t entry_count = 0;
  Bytes entries;
  friend bool operator==(const EntryTable&, const EntryTable&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.field(self.entry_count);
    io.rest(self.entries);
  }
};
using Stts = EntryTable<fourcc("stts")>;
using Stsc = EntryTable<fourcc("stsc")>;
using Stco = EntryTable<fourcc("stco")>;

struct Stsz {
  static constexpr FourCc kType = fourcc("stsz");
  std::uint32_t sample_size = 0;
  std::uint32_t sample_count = 0;
  Bytes entries;
  friend bool operator==(const Stsz&, const Stsz&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.field(self.sample_size);
    io.field(self.sample_count);
    io.rest(self.entries);
  }
};

struct Stbl {
  static constexpr FourCc kType = fourcc("stbl");
  Stsd stsd;
  std::optional<Stts> stts = Stts{};
  std::optional<Stsc> stsc = Stsc{};
  std::optional<Stsz> stsz = Stsz{};
  std::optional<Stco> stco = Stco{};
  friend bool operator==(const Stbl&, const Stbl&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.stsd, self.stts, self.stsc, self.stsz, self.stco);
  }
};

struct Minf {
  static constexpr FourCc kType = fourcc("minf");
  std::optional<Vmhd> vmhd;
  std::optional<Smhd> smhd;
  Dinf dinf;
  Stbl stbl;
  friend bool operator==(const Minf&, const Minf&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.vmhd, self.smhd, self.dinf, self.stbl);
  }
};

struct Mdia {
  static constexpr FourCc kType = fourcc("mdia");
  Mdhd mdhd;
  Hdlr hdlr;
  std::optional<Elng> elng;
  Minf minf;
  friend bool operator==(const Mdia&, const Mdia&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.mdhd, self.hdlr, self.elng, self.minf);
  }
};

struct Trak {
  static constexpr FourCc kType = fourcc("trak");
  Tkhd tkhd;
  Mdia mdia;
  friend bool operator==(const Trak&, const Trak&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.tkhd, self.mdia);
  }
};

struct Trex {
  static constexpr FourCc kType = fourcc("trex");
  std::uint32_t track_id = 0;
  std::uint32_t default_sample_description_index = 1;
  std::uint32_t default_sample_duration = 0;
  std::uint32_t default_sample_size = 0;
  std::uint32_t default_sample_flags = 0;
  friend bool operator==(const Trex&, const Trex&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(0, 0);
    io.field(self.track_id);
    io.field(self.default_sample_description_index);
    io.field(self.default_sample_duration);
    io.field(self.default_sample_size);
    io.field(self.default_sample_flags);
  }
};

struct Mvex {
  static constexpr FourCc kType = fourcc("mvex");
  std::vector<Trex> trex;
  friend bool operator==(const Mvex&, const Mvex&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.trex);
  }
};

// Protection system specific header (ISO/IEC 23001-7 clause 8.1).
struct Pssh {
  static constexpr FourCc kType = fourcc("pssh");
  // The "common" system of the W3C, whose version 1 box is nothing but a list of key ids.
  static constexpr KeyId kCommonSystem{0x10, 0x77, 0xef, 0xec, 0xc0, 0xb2, 0x4d, 0x02,
                                       0xac, 0xe3, 0x3c, 0x1e, 0x52, 0xe2, 0xfb, 0x4b};
  std::uint8_t version = 1;
  std::uint32_t flags = 0;
  KeyId system_id = kCommonSystem;
  std::vector<KeyId> key_ids;  // version 1 only
  Bytes data;
  friend bool operator==(const Pssh&, const Pssh&) = default;

  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.full_box(self.version, self.flags, 1);
    io.field(self.system_id);
    if (self.version == 1) {
      io.template list<std::uint32_t>(self.key_ids, 16, [](auto& list, auto& key_id) { list.field(key_id); });
    }
    io.template sized<std::uint32_t>(self.data);
  }
};

struct Moov {
  static constexpr FourCc kType = fourcc("moov");
  Mvhd mvhd;
  std::vector<Trak> traks;
  std::optional<Mvex> mvex;
  std::vector<Pssh> pssh;
  friend bool operator==(const Moov&, const Moov&) = default;
  template <typename Io, typename Self>
  static void describe(Io& io, Self& self) {
    io.children(self.mvhd, self.traks, self.mvex, self.pssh);
  }
};

}  // namespace aircheck::core::bmff
