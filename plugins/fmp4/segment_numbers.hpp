// Numbers, discontinuities and epochs of segments: what the sink adds to what the muxer knows. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/gaps.hpp"
#include "core/segment_info.hpp"

namespace aircheck::fmp4 {

// What the muxer knows of a segment.
struct SegmentFacts {
  core::Utc start;
  std::int64_t duration_ns = 0;
  bool discontinuity = false;  // new codec data, or time that does not run on
  std::uint32_t target_duration_s = 0;
  std::uint32_t max_duration_s = 0;
};

struct NumberedSegment {
  core::SegmentInfo info;
  core::Gap gap;  // the hole before it
};

// Where a hole or a restart comes before a segment it is a discontinuity; where it starts before its predecessor has
// ended, the clock was set back and a new epoch begins. kConflict where the longest duration, and so
// EXT-X-TARGETDURATION, is not that of the store's segments.
class SegmentNumbers {
 public:
  // `last` is the newest segment of the store, from an earlier run; none in an empty store.
  explicit SegmentNumbers(std::optional<core::SegmentInfo> last) : last_(std::move(last)) {}

  // The segment after the last one, and what it is once it is written: accept() then makes it the last one.
  [[nodiscard]] core::Result<NumberedSegment> next(const SegmentFacts& facts) const;
  void accept(const core::SegmentInfo& info);
  // 0 before the first.
  [[nodiscard]] std::uint64_t last_sequence() const { return last_ ? last_->sequence : 0; }

 private:
  std::optional<core::SegmentInfo> last_;
  bool first_of_run_ = true;
};

}  // namespace aircheck::fmp4
