#include "worker/timeline.hpp"

#include <gtest/gtest.h>

namespace aircheck::worker {
namespace {

constexpr FrameRate kRates[] = {{25, 1}, {25, 2}, {30'000, 1'001}, {24'000, 1'001}, {50, 1}, {60'000, 1'001}, {15, 1}};
// 2026-02-25T14:30:00Z
constexpr core::Utc kNow{1'772'029'800'000'000'000};

TEST(TimelineTest, FramesStandOnTheGridOf1970) {
  const Timeline pal({25, 1}, 250);
  EXPECT_EQ(pal.first_frame_from(kNow), 1'772'029'800LL * 25);
  EXPECT_EQ(pal.frame_time(1'772'029'800LL * 25), kNow);
  EXPECT_EQ(pal.first_frame_from(kNow + 1), 1'772'029'800LL * 25 + 1);
  const Timeline ntsc({30'000, 1'001}, 300);
  const std::int64_t frame = ntsc.first_frame_from(kNow);
  EXPECT_GE(ntsc.frame_time(frame), kNow);
  EXPECT_LT(ntsc.frame_time(frame - 1), kNow);
}

TEST(TimelineTest, EveryInstantHasOneFirstFrame) {
  for (const FrameRate rate : kRates) {
    const Timeline timeline(rate, 100);
    for (std::int64_t i = 0; i < 1'000; ++i) {
      const core::Utc utc = kNow + i * 7'777'777;
      const std::int64_t frame = timeline.first_frame_from(utc);
      // frame_time is rounded to nanoseconds: a frame may seem to begin half a nanosecond early.
      EXPECT_GE(timeline.frame_time(frame).ns + 1, utc.ns);
      EXPECT_LT(timeline.frame_time(frame - 1).ns, utc.ns);
    }
  }
}

TEST(TimelineTest, SamplesOfAllFramesAddUpExactly) {
  for (const FrameRate rate : kRates) {
    const Timeline timeline(rate, 1);
    const std::int64_t first = timeline.first_frame_from(kNow);
    // After `numerator` frames exactly `denominator` seconds are over, without anything left.
    EXPECT_EQ(timeline.first_sample_of(first + rate.numerator) - timeline.first_sample_of(first),
              rate.denominator * kSampleRate);
  }
}

TEST(TimelineTest, BlocksAreAacFramesSince1970) {
  const std::int64_t block = Timeline::first_block_from(kNow);
  EXPECT_GE(Timeline::block_time(block), kNow);
  EXPECT_LT(Timeline::block_time(block - 1), kNow);
  // 3 blocks of 1024 samples are 64 ms: a block begins on every multiple of 8 s.
  EXPECT_EQ(Timeline::block_time(Timeline::first_block_from(core::Utc::from_seconds(8))), core::Utc::from_seconds(8));
}

TEST(TimelineTest, PositionIsUtcModuloTheLoop) {
  const Timeline timeline({25, 1}, 250);
  const std::int64_t frame = timeline.first_frame_from(kNow);
  const LoopPosition position = timeline.position_of(frame);
  EXPECT_EQ(position.frame, frame % 250);
  EXPECT_EQ(timeline.first_frame_of_pass(position.pass) + position.frame, frame);
  EXPECT_EQ(timeline.position_of(frame + 250), (LoopPosition{position.pass + 1, position.frame}));
}

TEST(TimelineTest, LoopLengthIsTheNearestNumberOfFrames) {
  EXPECT_EQ(Timeline::frames_in({25, 1}, 10'000'000'000), 250);
  EXPECT_EQ(Timeline::frames_in({25, 1}, 10'019'999'999), 250);
  EXPECT_EQ(Timeline::frames_in({25, 1}, 10'020'000'001), 251);
  EXPECT_EQ(Timeline::frames_in({30'000, 1'001}, 10'010'000'000), 300);
  EXPECT_EQ(Timeline::frames_in({25, 1}, 1), 1);
}

TEST(TimelineTest, AnchorIsASlotStart) {
  constexpr std::int64_t kTarget = 6'000'000'000;
  const core::Utc slot = core::slot_start(core::slot_of(kNow, kTarget), kTarget);
  const core::Utc none{0};
  // The present slot, which has begun.
  EXPECT_EQ(choose_anchor(slot + 5'999'999'999, none, none, kTarget), slot);
  // A store that ends with the slot before, or before that.
  EXPECT_EQ(choose_anchor(slot + 1, slot, none, kTarget), slot);
  // A store that ends in the middle of the present slot: the next one, which is yet to come.
  EXPECT_EQ(choose_anchor(slot + 3'000'000'000, slot + 1, none, kTarget), slot + kTarget);
  // A store of the future (a clock that was wrong), and a gap that the daemon has listed already.
  EXPECT_EQ(choose_anchor(slot, slot + 3 * kTarget, none, kTarget), slot + 3 * kTarget);
  EXPECT_EQ(choose_anchor(slot, none, slot + 2 * kTarget - 1, kTarget), slot + 2 * kTarget);
}

TEST(TimelineTest, FrameRatesAreFractions) {
  EXPECT_EQ(*parse_frame_rate("25/1"), (FrameRate{25, 1}));
  EXPECT_EQ(*parse_frame_rate("50"), (FrameRate{50, 1}));
  EXPECT_EQ(*parse_frame_rate("30000/1001"), (FrameRate{30'000, 1'001}));
  for (const char* bad :
       {"", "0/1", "25/0", "-25/1", "25/1/1", "29.97", "1/25", "121/1", "25/", "/1", "9999999/99999", " 25"}) {
    EXPECT_FALSE(parse_frame_rate(bad)) << bad;
  }
}

}  // namespace
}  // namespace aircheck::worker
