#include "fmp4/segment_numbers.hpp"

#include <algorithm>

namespace aircheck::fmp4 {

core::Result<NumberedSegment> SegmentNumbers::next(const SegmentFacts& facts) const {
  NumberedSegment result;
  core::SegmentInfo& info = result.info;
  info.start = facts.start;
  info.duration_ns = facts.duration_ns;
  info.target_duration_s = facts.target_duration_s;
  info.max_duration_s = facts.max_duration_s;
  const std::int64_t target_ns = facts.target_duration_s * core::kNsPerSecond;
  if (!last_) {
    info.sequence = core::first_sequence(facts.start, target_ns);
    return result;
  }
  if (last_->max_duration_s != facts.max_duration_s) {
    return core::fail(core::Code::kConflict,
                      "the segments that are there announce at most " + std::to_string(last_->max_duration_s) +
                          " s, this run " + std::to_string(facts.max_duration_s) + " s: set max-duration=" +
                          std::to_string(last_->max_duration_s) + " or write to an empty folder");
  }
  const core::Utc last_end = last_->start + last_->duration_ns;
  const bool set_back = facts.start - last_end < -core::kLongestSeamNs;
  const core::Utc lost_end = last_end + lost_ns_;
  if (!set_back && facts.start - lost_end < -core::kLongestSeamNs) {
    return core::fail(core::Code::kUnavailable, "the segment of " + core::to_rfc3339(facts.start, 3) +
                                                    " comes too late: its time is listed as a hole already");
  }
  result.gap = core::Gap(last_->sequence, last_end, facts.start, target_ns);
  info.sequence = std::max(result.gap.next_sequence(), last_->sequence + lost_rows_ + 1);
  info.epoch = last_->epoch + (set_back ? 1 : 0);
  info.discontinuity = facts.discontinuity || first_of_run_ || set_back || !result.gap.empty() || lost_rows_ != 0;
  info.discontinuity_sequence = last_->discontinuity_sequence + (info.discontinuity ? 1 : 0);
  return result;
}

core::Gap SegmentNumbers::lose_until(core::Utc lost_until, std::int64_t target_ns) {
  if (!last_) return {};
  const core::Utc lost_end = last_->start + last_->duration_ns + lost_ns_;
  const std::int64_t rows = (lost_until - lost_end) / target_ns;
  if (rows <= 0) return {};
  const core::Gap hole(last_->sequence + lost_rows_, lost_end, lost_end + rows * target_ns, target_ns);
  lost_rows_ += hole.count();
  lost_ns_ += rows * target_ns;
  return hole;
}

void SegmentNumbers::accept(const core::SegmentInfo& info) {
  last_ = info;
  lost_rows_ = 0;
  lost_ns_ = 0;
  first_of_run_ = false;
}

}  // namespace aircheck::fmp4
