// How far pictures are decoded before they are shown, as the parameter sets of a stream announce it.
#pragma once

#include <cstdint>
#include <optional>

#include "core/bmff/boxes_codec.hpp"

namespace aircheck::fmp4 {

// Frames that may come before another in decode order and are shown after it: max_num_reorder_frames of H.264, or what
// ISO/IEC 14496-10 clause E.2.1 infers where no SPS has it (MaxDpbFrames of the level; 0 for intra profiles). The
// largest of all SPS; nothing where there is none, or one that cannot be read.
[[nodiscard]] std::optional<std::uint32_t> reorder_depth(const core::bmff::AvcC& record);

// The same of HEVC: sps_max_num_reorder_pics of the highest temporal sub-layer (ISO/IEC 23008-2 clause 7.4.3.2.1).
[[nodiscard]] std::optional<std::uint32_t> reorder_depth(const core::bmff::HvcC& record);

}  // namespace aircheck::fmp4
