#include "channels/key_periods.hpp"

#include <algorithm>
#include <optional>

namespace aircheck::channels {

namespace {

// Goes from part to part of the time behind `start` until a key has to change between two of them.
class BorderSearch {
 public:
  BorderSearch(core::Utc start, bool gaps_later)
      : end_(longest_period_end(start)), gaps_later_(gaps_later), at_(start) {}

  void programme(const ProgrammeRights& programme) {
    const bool brief = programme.end - programme.start < kShortestProgrammeNs;
    part({programme.end, programme.later, brief});
  }
  // Nothing is known of the time up to `until`.
  void gap(core::Utc until) {
    const bool brief = before_ && until - at_ < kShortestProgrammeNs;
    while (!gaps_later_ && !border_) {
      const core::Utc hour = core::slot_start(core::slot_of(at_, kUnplannedNs) + 1, kUnplannedNs);
      if (until - hour < kShortestProgrammeNs) break;
      part({hour, false, false});
    }
    part({until, gaps_later_, brief});
  }
  // As if what came before had lasted until then.
  void prolong(core::Utc until) {
    if (before_) at_ = std::max(at_, until);
  }
  [[nodiscard]] core::Utc at() const { return at_; }
  [[nodiscard]] bool done() const { return border_ || at_ >= end_; }
  [[nodiscard]] core::Utc border() const { return border_.value_or(end_); }
  [[nodiscard]] core::Utc end() const { return end_; }

 private:
  struct Part {
    core::Utc until;
    bool later;
    bool brief;
  };

  void part(const Part& next) {
    if (border_ || next.until <= at_) return;
    const bool shares = !before_ || before_->brief || (before_->later && next.later);
    if (!shares && at_ < end_) border_ = at_;
    before_ = next;
    at_ = next.until;
  }

  const core::Utc end_;
  const bool gaps_later_;
  core::Utc at_;
  std::optional<Part> before_;
  std::optional<core::Utc> border_;
};

}  // namespace

core::Utc longest_period_end(core::Utc start) {
  return core::slot_start(core::slot_of(start, kLongestPeriodNs) + 1, kLongestPeriodNs);
}

core::Utc next_border(const std::vector<ProgrammeRights>& programmes, bool gaps_later, core::Utc start) {
  BorderSearch search(start, gaps_later);
  for (const ProgrammeRights& programme : programmes) {
    if (programme.end <= search.at()) continue;
    if (search.done()) break;
    if (programme.start - search.at() > kGuideToleranceNs) {
      search.gap(programme.start);
    } else {
      // So that the next one has its key from its own start.
      search.prolong(programme.start);
    }
    search.programme(programme);
  }
  if (!search.done()) search.gap(search.end());
  return search.border();
}

}  // namespace aircheck::channels
