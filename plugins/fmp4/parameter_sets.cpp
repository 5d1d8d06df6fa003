#include "fmp4/parameter_sets.hpp"

#include <gst/codecparsers/gsth264parser.h>
#include <gst/codecparsers/gsth265parser.h>

#include <algorithm>
#include <array>
#include <memory>

namespace aircheck::fmp4 {
namespace {

using core::Bytes;

constexpr std::uint32_t kMostFrames = 16;  // of MaxDpbFrames

struct LevelLimit {
  std::uint8_t level_idc;
  std::uint32_t max_dpb_mbs;
};

// ISO/IEC 14496-10 table A-1. Level 1b is written 9, or 11 with a flag, where it counts like 1.1 here: a bound.
constexpr std::array<LevelLimit, 20> kLevels{{{9, 396},     {10, 396},    {11, 900},    {12, 2376},   {13, 2376},
                                              {20, 2376},   {21, 4752},   {22, 8100},   {30, 8100},   {31, 18000},
                                              {32, 20480},  {40, 32768},  {41, 32768},  {42, 34816},  {50, 110400},
                                              {51, 184320}, {52, 184320}, {60, 696320}, {61, 696320}, {62, 696320}}};

// Clause A.3.1 item h.
std::uint32_t max_dpb_frames(const GstH264SPS& sps) {
  const auto* const limit = std::ranges::find(kLevels, sps.level_idc, &LevelLimit::level_idc);
  if (limit == kLevels.end()) return kMostFrames;
  const std::uint64_t rows =
      (sps.pic_height_in_map_units_minus1 + std::uint64_t{1}) * (sps.frame_mbs_only_flag ? 1 : 2);
  const std::uint64_t size = (sps.pic_width_in_mbs_minus1 + std::uint64_t{1}) * rows;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(limit->max_dpb_mbs / size, kMostFrames));
}

// The profiles that clause E.2.1 names for max_num_reorder_frames, which are intra only with constraint_set3_flag.
bool intra_only(const GstH264SPS& sps) {
  constexpr std::array<std::uint8_t, 6> kProfiles{44, 86, 100, 110, 122, 244};
  return sps.constraint_set3_flag != 0 && std::ranges::find(kProfiles, sps.profile_idc) != kProfiles.end();
}

std::uint32_t frames_of(const GstH264SPS& sps) {
  const GstH264VUIParams& vui = sps.vui_parameters;
  if (sps.vui_parameters_present_flag != 0 && vui.bitstream_restriction_flag != 0) {
    return std::min(vui.num_reorder_frames, kMostFrames);
  }
  // Baseline has no B slices, and with this type of counts pictures are shown as they come (clause 8.2.1.3).
  constexpr std::uint8_t kBaseline = 66;
  constexpr std::uint8_t kShownAsTheyCome = 2;
  const bool in_order = sps.profile_idc == kBaseline || sps.pic_order_cnt_type == kShownAsTheyCome;
  return in_order || intra_only(sps) ? 0 : max_dpb_frames(sps);
}

// Both standards' VUI, whose structures have these fields in common.
template <typename Vui>
void take_vui(const Vui& vui, StreamFacts& facts) {
  if (vui.aspect_ratio_info_present_flag != 0 && vui.par_n != 0 && vui.par_d != 0) {
    facts.pasp = core::bmff::Pasp{vui.par_n, vui.par_d};
  }
  if (vui.video_signal_type_present_flag != 0 && vui.colour_description_present_flag != 0) {
    core::bmff::Colr& colr = facts.colr.emplace();
    colr.primaries = vui.colour_primaries;
    colr.transfer = vui.transfer_characteristics;
    colr.matrix = vui.matrix_coefficients;
    colr.full_range = vui.video_full_range_flag != 0 ? 0x80 : 0;
  }
}

}  // namespace

StreamFacts read_parameter_sets(const core::bmff::AvcC& record) {
  StreamFacts facts;
  for (const Bytes& bytes : record.sps) {
    if (bytes.empty()) return {};
    GstH264NalUnit unit{};
    unit.type = GST_H264_NAL_SPS;
    unit.size = static_cast<guint>(bytes.size());
    unit.valid = TRUE;
    unit.data = const_cast<guint8*>(bytes.data());
    unit.header_bytes = 1;
    const auto sps = std::make_unique<GstH264SPS>();
    if (gst_h264_parse_sps(&unit, sps.get()) != GST_H264_PARSER_OK) return {};
    if (!facts.reorder_depth && sps->vui_parameters_present_flag != 0) take_vui(sps->vui_parameters, facts);
    facts.reorder_depth = std::max(facts.reorder_depth.value_or(0), frames_of(*sps));
    gst_h264_sps_clear(sps.get());
  }
  return facts;
}

StreamFacts read_parameter_sets(const core::bmff::HvcC& record) {
  const std::unique_ptr<GstH265Parser, decltype(&gst_h265_parser_free)> parser(gst_h265_parser_new(),
                                                                               gst_h265_parser_free);
  StreamFacts facts;
  for (const auto& array : record.arrays) {
    for (const Bytes& bytes : array.nals) {
      if (bytes.size() < 2) return {};
      GstH265NalUnit unit{};
      unit.type = static_cast<guint8>(bytes[0] >> 1U & 0x3fU);
      unit.layer_id = static_cast<guint8>((bytes[0] & 1U) << 5U | bytes[1] >> 3U);
      unit.temporal_id_plus1 = bytes[1] & 7U;
      unit.size = static_cast<guint>(bytes.size());
      unit.valid = TRUE;
      unit.data = const_cast<guint8*>(bytes.data());
      unit.header_bytes = 2;
      if (unit.layer_id != 0 || unit.type != GST_H265_NAL_SPS) continue;
      const auto sps = std::make_unique<GstH265SPS>();
      if (gst_h265_parse_sps(parser.get(), &unit, sps.get(), TRUE) != GST_H265_PARSER_OK) return {};
      if (!facts.reorder_depth && sps->vui_parameters_present_flag != 0) take_vui(sps->vui_params, facts);
      const std::size_t highest = std::min<std::size_t>(sps->max_sub_layers_minus1, GST_H265_MAX_SUB_LAYERS - 1);
      facts.reorder_depth =
          std::max<std::uint32_t>(facts.reorder_depth.value_or(0), sps->max_num_reorder_pics[highest]);
    }
  }
  return facts;
}

}  // namespace aircheck::fmp4
