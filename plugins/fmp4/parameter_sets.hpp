// What the parameter sets of a stream say that a muxer has to know.
#pragma once

#include <cstdint>
#include <optional>

#include "core/bmff/boxes_codec.hpp"
#include "core/bmff/boxes_sample_entry.hpp"

namespace aircheck::fmp4 {

// Nothing where no parameter set says it, or where one cannot be read.
struct StreamFacts {
  // Frames that may come before another in decode order and are shown after it. H.264: max_num_reorder_frames, or what
  // ISO/IEC 14496-10 clause E.2.1 infers where no SPS has it (MaxDpbFrames of the level; 0 for intra profiles). HEVC:
  // sps_max_num_reorder_pics of the highest temporal sub-layer (ISO/IEC 23008-2 clause 7.4.3.2.1). The largest of all.
  std::optional<std::uint32_t> reorder_depth;
  // Sample aspect ratio and colour of the VUI (annex E of either standard), of the first SPS.
  std::optional<core::bmff::Pasp> pasp;
  std::optional<core::bmff::Colr> colr;
};

[[nodiscard]] StreamFacts read_parameter_sets(const core::bmff::AvcC& record);
[[nodiscard]] StreamFacts read_parameter_sets(const core::bmff::HvcC& record);

}  // namespace aircheck::fmp4
