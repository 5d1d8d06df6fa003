#include "fmp4/segment_numbers.hpp"

#include <gtest/gtest.h>

namespace aircheck::fmp4 {
namespace {

constexpr std::int64_t kSecond = core::kNsPerSecond;
const core::Utc kStart = core::Utc::from_seconds(1772029800);

SegmentFacts facts_at(std::int64_t seconds, bool discontinuity = false) {
  return {kStart + seconds * kSecond, 6 * kSecond, discontinuity, 6, 12};
}

struct Step {
  const char* what;
  std::int64_t start_s;
  bool restart;        // a new run of the sink begins
  bool discontinuity;  // as the muxer says
  // expected
  std::uint64_t sequence;
  std::uint64_t gap;
  bool tag;
  std::uint64_t discontinuity_sequence;
  std::uint32_t epoch;
};

TEST(SegmentNumbers, LifeOfAStore) {
  constexpr std::uint64_t kFirst = 1772029800 / 6;
  const Step steps[] = {
      {"the first of all", 0, false, false, kFirst, 0, false, 0, 0},
      {"runs on", 6, false, false, kFirst + 1, 0, false, 0, 0},
      {"new codec data", 12, false, true, kFirst + 2, 0, true, 1, 0},
      {"a hole of 12 s", 30, false, false, kFirst + 5, 2, true, 2, 0},
      {"a restart without a hole", 36, true, false, kFirst + 6, 0, true, 3, 0},
      {"runs on again", 42, false, false, kFirst + 7, 0, false, 3, 0},
      {"a restart after a hole of 3 s", 51, true, false, kFirst + 9, 1, true, 4, 0},
      {"the clock went back", 0, true, false, kFirst + 10, 0, true, 5, 1},
      {"and runs on from there", 6, false, false, kFirst + 11, 0, false, 5, 1},
      {"back again, while running", 0, false, false, kFirst + 12, 0, true, 6, 2},
  };
  std::optional<core::SegmentInfo> last;
  SegmentNumbers numbers(last);
  for (const Step& step : steps) {
    if (step.restart) numbers = SegmentNumbers(last);
    const auto next = numbers.next(facts_at(step.start_s, step.discontinuity));
    ASSERT_TRUE(next) << step.what;
    EXPECT_EQ(next->info.sequence, step.sequence) << step.what;
    EXPECT_EQ(next->gap.count(), step.gap) << step.what;
    EXPECT_EQ(next->info.discontinuity, step.tag) << step.what;
    EXPECT_EQ(next->info.discontinuity_sequence, step.discontinuity_sequence) << step.what;
    EXPECT_EQ(next->info.epoch, step.epoch) << step.what;
    last = next->info;
    numbers.accept(next->info);
  }
}

TEST(SegmentNumbers, ASegmentThatWasNotWrittenCostsNoNumber) {
  SegmentNumbers numbers(std::nullopt);
  const auto failed = numbers.next(facts_at(0));
  const auto written = numbers.next(facts_at(0));
  ASSERT_TRUE(failed && written);
  EXPECT_EQ(failed->info, written->info);
}

TEST(SegmentNumbers, TheLongestDurationNeverChanges) {
  SegmentNumbers numbers(std::nullopt);
  numbers.accept(numbers.next(facts_at(0))->info);
  SegmentFacts facts = facts_at(6);
  facts.max_duration_s = 6;
  const auto next = numbers.next(facts);
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, core::Code::kConflict);
  EXPECT_NE(next.error().message.find("set max-duration=12"), std::string::npos);
}

}  // namespace
}  // namespace aircheck::fmp4
