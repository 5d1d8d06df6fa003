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
// EXT-X-TARGETDURATION, is not that of the store's segments; kUnavailable where it begins in time that is listed as
// lost.
class SegmentNumbers {
 public:
  // `last` is the newest segment of the store, from an earlier run; none in an empty store.
  explicit SegmentNumbers(std::optional<core::SegmentInfo> last) : last_(std::move(last)) {}

  // The segment after the last one, and what it is once it is written: accept() then makes it the last one.
  [[nodiscard]] core::Result<NumberedSegment> next(const SegmentFacts& facts) const;
  void accept(const core::SegmentInfo& info);
  // The rows of a hole behind the last segment that are over at `lost_until` and were not given before; none before the
  // first segment. No segment that comes will have their numbers, nor their time.
  [[nodiscard]] core::Gap lose_until(core::Utc lost_until, std::int64_t target_ns);
  [[nodiscard]] std::uint32_t epoch() const { return last_ ? last_->epoch : 0; }
  // 0 before the first.
  [[nodiscard]] std::uint64_t last_sequence() const { return last_ ? last_->sequence : 0; }

 private:
  std::optional<core::SegmentInfo> last_;
  std::uint64_t lost_rows_ = 0;  // behind last_, listed as GAP
  std::int64_t lost_ns_ = 0;     // and how long they are
  bool first_of_run_ = true;
};

}  // namespace aircheck::fmp4
