// What a media segment (styp, moof, mdat) says about its samples.
#pragma once

#include <optional>
#include <vector>

#include "core/bmff/boxes_fragment.hpp"
#include "core/bmff/init.hpp"
#include "core/cenc.hpp"

namespace aircheck::core::bmff {

struct Sample {
  std::uint64_t offset = 0;  // of its first byte, from the start of the bytes that were parsed
  std::uint32_t size = 0;
  std::uint32_t duration = 0;  // in the track's timescale
  std::uint32_t flags = 0;     // ISO/IEC 14496-12 clause 8.8.3.1
  std::int32_t composition_offset = 0;
  static constexpr std::uint32_t kNonSync = 0x00010000;
  [[nodiscard]] bool is_sync() const { return (flags & kNonSync) == 0; }
};

// One sample's entry in senc. Without subsamples the whole sample is protected.
struct SencEntry {
  Bytes iv;
  std::vector<Subsample> subsamples;
};

struct TrackFragment {
  std::uint32_t track_id = 0;
  std::uint64_t base_media_decode_time = 0;
  std::vector<Sample> samples;
  std::vector<SencEntry> senc;                   // empty, or one per sample
  [[nodiscard]] std::uint64_t duration() const;  // sum of the samples', in the track's timescale
};

struct FragmentInfo {
  std::uint32_t sequence_number = 0;  // of mfhd
  std::vector<TrackFragment> tracks;
  std::uint64_t end = 0;  // offset of the first byte behind the moof
};

inline constexpr std::uint8_t kDefaultIvSize = 8;  // what Aircheck writes for 'cenc'

// The first moof in `file` and where its samples lie; a sample outside `file` is kTruncated. `init` gives
// trex's defaults and the size of the IVs; without it the defaults are 0 and IVs have 8 bytes.
Result<FragmentInfo> parse_fragment(ByteView file, const InitInfo* init = nullptr);

// The same of every moof, in order; a segment of several chunks has more than one.
Result<std::vector<FragmentInfo>> parse_fragments(ByteView file, const InitInfo* init = nullptr);

// The same from a moof alone, which stood at `moof_offset` of its file; nothing is said about the mdat.
Result<FragmentInfo> parse_moof(ByteView moof, std::uint64_t moof_offset, const InitInfo* init = nullptr);

}  // namespace aircheck::core::bmff
