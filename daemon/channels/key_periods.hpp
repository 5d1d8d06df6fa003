// Where a channel's content key changes: a pure function of the guide.
#pragma once

#include <cstdint>
#include <vector>

#include "core/time.hpp"

namespace aircheck::channels {

struct Period {
  core::Utc start;
  core::Utc end;

  friend bool operator==(const Period&, const Period&) = default;
};

// A programme of the guide, and whether it may be watched when it is over.
struct ProgrammeRights {
  core::Utc start;
  core::Utc end;
  bool later = true;
};

// A crypto period ends at UTC midnight at the latest.
inline constexpr std::int64_t kLongestPeriodNs = 24 * 3600 * core::kNsPerSecond;
// What is shorter has no key of its own: it shares that of what follows, and the stricter rights of both hold for it.
inline constexpr std::int64_t kShortestProgrammeNs = 10 * core::kNsPerSecond;
// Time without a programme on a channel that has no catch-up counts as programmes of an hour.
inline constexpr std::int64_t kUnplannedNs = 3600 * core::kNsPerSecond;
// A hole in the guide below this is rounding.
inline constexpr std::int64_t kGuideToleranceNs = core::kNsPerSecond;

// The first midnight after `start`.
[[nodiscard]] core::Utc longest_period_end(core::Utc start);

// Where a period that begins at `start` ends. Neighbours share a key only where both may be watched later, so that the
// key which a live viewer gets opens nothing that he may not have. `programmes`: those that overlap
// [start, longest_period_end(start)), by start, without overlaps. gaps_later: of time without a programme.
[[nodiscard]] core::Utc next_border(const std::vector<ProgrammeRights>& programmes, bool gaps_later, core::Utc start);

}  // namespace aircheck::channels
