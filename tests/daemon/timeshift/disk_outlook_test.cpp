#include "timeshift/disk_outlook.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace aircheck::timeshift {
namespace {

constexpr double kRate = 100;  // bytes in an hour

// Recorded without a hole, so that it has what the rate makes of its age.
ArchiveTrend even(double reaches_back_h, double keep_h) {
  return {static_cast<std::uint64_t>(kRate * reaches_back_h), reaches_back_h, keep_h, kRate};
}

TEST(DiskOutlookTest, ANewArchiveGrowsUntilItsWindowIsFull) {
  EXPECT_DOUBLE_EQ(hours_until_full({even(1, 24)}, 500), 5);
  EXPECT_DOUBLE_EQ(hours_until_full({even(1, 24)}, 2300), 23) << "all that it will ever take";
  EXPECT_TRUE(std::isinf(hours_until_full({even(1, 24)}, 2301)));
}

TEST(DiskOutlookTest, AFullWindowNeverFillsTheDisk) {
  EXPECT_TRUE(std::isinf(hours_until_full({even(24, 24)}, 1)));
  EXPECT_TRUE(std::isinf(hours_until_full({even(30, 24)}, 1))) << "retention is about to delete six hours";
}

TEST(DiskOutlookTest, AHigherRateThanThatOfTheArchiveFillsItLater) {
  ArchiveTrend doubled = even(24, 24);
  doubled.bytes_per_hour *= 2;
  EXPECT_DOUBLE_EQ(hours_until_full({doubled}, 600), 6);
  EXPECT_TRUE(std::isinf(hours_until_full({doubled}, 2401)));
}

TEST(DiskOutlookTest, ChannelsShareTheDisk) {
  // The first is level; the second grows for ten hours.
  EXPECT_DOUBLE_EQ(hours_until_full({even(24, 24), even(2, 12)}, 500), 5);
  EXPECT_TRUE(std::isinf(hours_until_full({even(24, 24), even(2, 12)}, 1001)));
  // Off air, and its archive goes: what the second writes finds room.
  ArchiveTrend off = even(24, 24);
  off.bytes_per_hour = 0;
  EXPECT_TRUE(std::isinf(hours_until_full({off, even(2, 12)}, 1)));
}

TEST(DiskOutlookTest, AFullDiskIsFullNow) {
  EXPECT_DOUBLE_EQ(hours_until_full({even(1, 24)}, 0), 0);
  EXPECT_TRUE(std::isinf(hours_until_full({}, 1)));
}

}  // namespace
}  // namespace aircheck::timeshift
