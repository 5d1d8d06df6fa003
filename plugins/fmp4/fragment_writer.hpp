// Turns a segment into bytes: styp, moof and the head of mdat are written, the payload goes by reference.
#pragma once

#include "core/result.hpp"
#include "fmp4/segmenter.hpp"
#include "gstx/ref.hpp"

namespace aircheck::fmp4 {

struct FragmentSettings {
  std::int64_t chunk_ns = 0;  // longest chunk, counted from the segment's start; 0: the segment is one
  bool one_track = false;     // the file has no other track than the segment's
  bool write_sidx = false;    // only with one_track
  bool write_prft = false;
};

// [styp][sidx], then for each chunk [prft, moof and mdat header][samples of the first track ...][samples of the second
// ...]. Takes the samples' buffers out of the segment and clears their time stamps, which belong to other streams. The
// list is without a SegmentMeta. Counts `fragment_number` up by one for each chunk. kUnsupported for a chunk of 2 GiB
// or more.
core::Result<gstx::Ref<GstBufferList>> write_segment(Segment& segment, const FragmentSettings& settings,
                                                     std::uint32_t& fragment_number);

}  // namespace aircheck::fmp4
