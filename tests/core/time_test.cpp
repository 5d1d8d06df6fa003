#include "core/time.hpp"

#include <gtest/gtest.h>

namespace aircheck::core {
namespace {

TEST(Utc, Rfc3339BothWays) {
  EXPECT_EQ(from_rfc3339("1970-01-01T00:00:00Z")->ns, 0);
  EXPECT_EQ(from_rfc3339("2026-02-25T14:30:00Z")->ns, 1772029800 * kNsPerSecond);
  EXPECT_EQ(from_rfc3339("2026-02-25T14:30:00.25+01:30")->ns, (1772029800 - 5400) * kNsPerSecond + 250'000'000);
  EXPECT_EQ(to_rfc3339(Utc{1772029800 * kNsPerSecond + 1'999'999}), "2026-02-25T14:30:00Z");
  EXPECT_EQ(to_rfc3339(Utc{1772029800 * kNsPerSecond + 1'999'999}, 3), "2026-02-25T14:30:00.001Z");
  EXPECT_EQ(to_rfc3339(Utc{-1}, 9), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(to_rfc3339(*from_rfc3339("2024-02-29T23:59:59Z")), "2024-02-29T23:59:59Z");
}

TEST(Utc, RefusesWhatIsNoInstant) {
  for (const char* text :
       {"", "2026-02-25", "2026-02-25T14:30:00", "2026-02-30T14:30:00Z", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-02-25T24:00:00Z", "2026-12-31T23:59:60Z", "2026-02-25T14:30:00ZZ", "2026-02-25T14:30:00.Z",
        "2026-02-25T14:30:00.1234567890Z", "1969-12-31T23:59:59Z", "2300-01-01T00:00:00Z", "+026-02-25T14:30:00Z"}) {
    EXPECT_FALSE(from_rfc3339(text)) << text;
  }
}

TEST(Utc, EveryDayOfFourCenturiesRoundTrips) {
  for (std::int64_t day = 0; day < 106'000; ++day) {
    const Utc utc = Utc::from_seconds(day * 86400 + 3661);
    ASSERT_EQ(*from_civil(to_civil(utc)), utc) << day;
  }
}

TEST(Scale, RoundsAsNamed) {
  EXPECT_EQ(scale_floor(7, 1, 2), 3);
  EXPECT_EQ(scale_floor(-7, 1, 2), -4);
  EXPECT_EQ(scale_ceil(7, 1, 2), 4);
  EXPECT_EQ(scale_ceil(-7, 1, 2), -3);
  EXPECT_EQ(scale_round(7, 1, 2), 4);
  EXPECT_EQ(scale_round(-7, 1, 2), -3);
  EXPECT_EQ(scale_round(1, 1, 3), 0);
}

// 29.97 fps counted from 1970: nanoseconds lose the exact frame time, the timescale gives it back.
TEST(Scale, FrameTimesSurviveNanoseconds) {
  const std::int64_t first = 53'106'000'000;
  for (std::int64_t frame = first; frame < first + 5000; ++frame) {
    const std::int64_t ns = scale_round(frame, 1001 * kNsPerSecond, 30000);
    ASSERT_EQ(scale_round(ns, 30000, kNsPerSecond), frame * 1001);
  }
}

TEST(Slot, IsFloorOfUtc) {
  constexpr std::int64_t kSix = 6 * kNsPerSecond;
  const Utc instant = *from_rfc3339("2026-02-25T14:30:05.999Z");
  EXPECT_EQ(slot_start(slot_of(instant, kSix), kSix), *from_rfc3339("2026-02-25T14:30:00Z"));
  EXPECT_EQ(slot_of(Utc{-1}, kSix), -1);
}

}  // namespace
}  // namespace aircheck::core
