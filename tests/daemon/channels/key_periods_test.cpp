#include "channels/key_periods.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace aircheck::channels {
namespace {

using core::Utc;

constexpr std::int64_t kMinute = 60;
const Utc kNoon = *core::from_rfc3339("2026-02-25T12:00:00Z");
const Utc kMidnight = *core::from_rfc3339("2026-02-26T00:00:00Z");

Utc at(std::int64_t seconds) {
  return kNoon + seconds * core::kNsPerSecond;
}

ProgrammeRights programme(std::int64_t from, std::int64_t to, bool later) {
  return {at(from), at(to), later};
}

TEST(KeyPeriods, ADayWhereEverythingMayBeWatchedLater) {
  EXPECT_EQ(next_border({}, true, kNoon), kMidnight);
  EXPECT_EQ(next_border({programme(0, 1800, true), programme(1800, 3600, true)}, true, kNoon), kMidnight);
  EXPECT_EQ(next_border({}, true, kMidnight - 1), kMidnight);
  EXPECT_EQ(next_border({}, true, kMidnight), kMidnight + kLongestPeriodNs);
}

TEST(KeyPeriods, NeighboursShareAKeyWhereBothMayBeWatchedLater) {
  struct Case {
    bool first, second;
    bool border;
  };
  for (const Case& c : {Case{true, true, false}, {true, false, true}, {false, true, true}, {false, false, true}}) {
    SCOPED_TRACE(std::to_string(c.first) + std::to_string(c.second));
    const Utc border = next_border({programme(-600, 1800, c.first), programme(1800, 90'000, c.second)}, true, kNoon);
    EXPECT_EQ(border, c.border ? at(1800) : kMidnight);
  }
}

TEST(KeyPeriods, AHoleIsNeighbourToo) {
  const std::vector<ProgrammeRights> guide{programme(0, 600, false), programme(1200, 90'000, false)};
  EXPECT_EQ(next_border(guide, true, at(0)), at(600));
  EXPECT_EQ(next_border(guide, true, at(600)), at(1200));
  EXPECT_EQ(next_border(guide, true, at(1200)), kMidnight);
  // A hole of a second is none, and the later programme has its key from its own start.
  EXPECT_EQ(next_border({programme(0, 599, true), programme(600, 90'000, false)}, true, kNoon), at(600));
}

// Nobody may watch the hour before, so the key of this one must not open it.
TEST(KeyPeriods, WithoutCatchUpTimeWithoutAProgrammeHasAKeyForEachHour) {
  EXPECT_EQ(next_border({}, false, at(90)), at(3600));
  EXPECT_EQ(next_border({}, false, at(3600)), at(7200));
  EXPECT_EQ(next_border({programme(4000, 9000, false)}, false, at(3600)), at(4000));
  EXPECT_EQ(next_border({programme(4000, 9000, false)}, false, at(4000)), at(9000));
}

TEST(KeyPeriods, WhatIsShortSharesTheKeyOfWhatFollows) {
  const std::vector<ProgrammeRights> guide{programme(0, 1800, true), programme(1800, 1809, false),
                                           programme(1809, 90'000, true)};
  EXPECT_EQ(next_border(guide, true, kNoon), at(1800));
  EXPECT_EQ(next_border(guide, true, at(1800)), kMidnight);
  // A worker that starts in the last seconds of a programme has its key for those alone.
  EXPECT_EQ(next_border({programme(0, 1800, false), programme(1800, 90'000, true)}, true, at(1797)), at(1800));
}

TEST(KeyPeriods, AWorkerStartsInTheMiddle) {
  EXPECT_EQ(next_border({programme(-3600, 1800, false), programme(1800, 90'000, true)}, true, at(900)), at(1800));
}

// Whatever the guide is: periods follow each other to the end of the day, no two programmes of which one may not be
// watched later have one key, and no key changes without need.
TEST(KeyPeriods, HoldForAnyGuide) {
  std::mt19937 random(20260225);
  const auto number = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int round = 0; round < 2000; ++round) {
    SCOPED_TRACE(round);
    const bool gaps_later = number(0, 1) != 0;
    std::vector<ProgrammeRights> guide;
    for (std::int64_t from = -number(0, 5000); from < 13 * 3600;) {
      const std::int64_t to = from + number(1, 4) * number(5, 30 * kMinute);
      guide.push_back(programme(from, to, gaps_later && number(0, 2) != 0));
      from = to + std::max<std::int64_t>(0, number(-600, 600));
    }
    std::vector<Utc> borders{kNoon};
    while (borders.back() < kMidnight) {
      const Utc next = next_border(guide, gaps_later, borders.back());
      ASSERT_GT(next, borders.back());
      borders.push_back(next);
    }
    EXPECT_EQ(borders.back(), kMidnight);
    const auto is_border = [&](Utc instant) { return std::ranges::find(borders, instant) != borders.end(); };
    std::vector<Utc> needed{kNoon, kMidnight};
    for (std::size_t i = 1; i < guide.size(); ++i) {
      const ProgrammeRights& before = guide[i - 1];
      const ProgrammeRights& after = guide[i];
      const std::int64_t hole = after.start - before.end;
      const bool apart = hole > kGuideToleranceNs;
      needed.push_back(after.start);
      if (apart) needed.push_back(before.end);
      if (after.start <= kNoon || after.start >= kMidnight || before.end <= kNoon) continue;
      const bool short_before = (apart ? hole : before.end - before.start) < kShortestProgrammeNs;
      const bool before_later = apart ? gaps_later : before.later;
      const bool brief = before.end - before.start < kShortestProgrammeNs;
      const bool border = is_border(after.start);
      const bool needs = !(before_later && after.later) && !short_before;
      EXPECT_TRUE(border || !needs) << core::to_rfc3339(after.start);
      EXPECT_FALSE(border && before_later && after.later) << core::to_rfc3339(after.start);
      const bool hole_needs = apart && !(before.later && gaps_later) && !brief;
      EXPECT_TRUE(!hole_needs || is_border(before.end)) << core::to_rfc3339(before.end);
    }
    for (const Utc border : borders) {
      const bool hour = !gaps_later && border.ns % kUnplannedNs == 0;
      EXPECT_TRUE(hour || std::ranges::find(needed, border) != needed.end()) << core::to_rfc3339(border);
    }
  }
}

}  // namespace
}  // namespace aircheck::channels
