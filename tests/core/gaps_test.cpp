#include "core/gaps.hpp"

#include <gtest/gtest.h>

namespace aircheck::core {
namespace {

constexpr std::int64_t kTarget = 6 * kNsPerSecond;
const Utc kEnd = Utc::from_seconds(1772029800);

TEST(Gap, ASeamIsNoHole) {
  for (const std::int64_t hole : {-kTarget, std::int64_t{-1}, std::int64_t{0}, kNsPerSecond / 2}) {
    const Gap gap(41, kEnd, kEnd + hole, kTarget);
    EXPECT_TRUE(gap.empty()) << hole;
    EXPECT_EQ(gap.next_sequence(), 42U) << hole;
  }
}

TEST(Gap, CountsRows) {
  struct Case {
    std::int64_t hole_ms;
    std::uint64_t rows;
  };
  for (const Case& c : {Case{501, 1}, Case{6000, 1}, Case{6499, 1}, Case{6500, 2}, Case{6501, 2}, Case{12000, 2},
                        Case{12499, 2}, Case{12501, 3}, Case{3'600'000, 600}}) {
    EXPECT_EQ(Gap(41, kEnd, kEnd + c.hole_ms * kNsPerMs, kTarget).count(), c.rows) << c.hole_ms;
  }
}

// Any hole: rows are contiguous, numbered one after another, sum up to the hole, and none rounds above the target.
TEST(Gap, RowsSumUpToTheHole) {
  for (std::int64_t hole_ms = 501; hole_ms < 40'000; hole_ms += 7) {
    const Utc next = kEnd + hole_ms * kNsPerMs;
    const Gap gap(41, kEnd, next, kTarget);
    Utc at = kEnd;
    for (std::uint64_t i = 0; i < gap.count(); ++i) {
      const GapRow row = gap.row(i);
      ASSERT_EQ(row.sequence, 42 + i);
      ASSERT_EQ(row.start, at);
      ASSERT_GE(row.duration_ns, kLongestSeamNs) << hole_ms;
      ASSERT_LE(scale_round(row.duration_ns, 1, kNsPerSecond), 6) << hole_ms;
      at = at + row.duration_ns;
    }
    ASSERT_EQ(at, next) << hole_ms;
    ASSERT_EQ(gap.next_sequence(), 42 + gap.count());
  }
}

TEST(FirstSequence, IsTheSlotSince1970) {
  EXPECT_EQ(first_sequence(kEnd, kTarget), 295'338'300U);
  EXPECT_EQ(first_sequence(kEnd + (kTarget - 1), kTarget), 295'338'300U);
  EXPECT_EQ(first_sequence(Utc{-1}, kTarget), 0U);
}

}  // namespace
}  // namespace aircheck::core
