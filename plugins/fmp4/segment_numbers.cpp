#include "fmp4/segment_numbers.hpp"

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
  result.gap = core::Gap(last_->sequence, last_end, facts.start, target_ns);
  info.sequence = result.gap.next_sequence();
  info.epoch = last_->epoch + (set_back ? 1 : 0);
  info.discontinuity = facts.discontinuity || first_of_run_ || set_back || !result.gap.empty();
  info.discontinuity_sequence = last_->discontinuity_sequence + (info.discontinuity ? 1 : 0);
  return result;
}

void SegmentNumbers::accept(const core::SegmentInfo& info) {
  last_ = info;
  first_of_run_ = false;
}

}  // namespace aircheck::fmp4
