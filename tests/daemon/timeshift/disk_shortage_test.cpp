#include "timeshift/disk_shortage.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace aircheck::timeshift {
namespace {

using enum base::LogLevel;

constexpr std::uint64_t kMib = std::uint64_t{1} << 20;
constexpr std::uint64_t kWanted = 1024 * kMib;
constexpr std::uint64_t kEnough = kWanted + kWanted / 8;

class DiskShortageTest : public testing::Test {
 protected:
  // What is said behind a look at this second.
  std::string said(std::int64_t at_s, std::uint64_t free, std::uint64_t segments = 0, std::uint64_t bytes = 0) {
    const auto notice = shortage_.after({.at = core::Utc::from_seconds(kBegin + at_s),
                                         .free_bytes = free,
                                         .wanted_bytes = wanted_,
                                         .displaced_segments = segments,
                                         .displaced_bytes = bytes});
    level_ = notice ? notice->level : kDebug;
    return notice ? notice->text : "";
  }
  // Looks every half minute until an hour is nearly over.
  void expect_an_hour_of_silence(std::int64_t from_s, std::uint64_t free, std::uint64_t segments, std::uint64_t bytes) {
    for (std::int64_t at_s = from_s + 30; at_s < from_s + 3600; at_s += 30) {
      EXPECT_EQ(said(at_s, free, segments, bytes), "") << at_s;
    }
  }

  static constexpr std::int64_t kBegin = 1772020800;  // 2026-02-25T12:00:00Z
  DiskShortage shortage_;
  std::uint64_t wanted_ = kWanted;
  base::LogLevel level_ = kDebug;
};

TEST_F(DiskShortageTest, NothingIsSaidOfADiskWithRoom) {
  for (int at_s = 0; at_s < 20'000; at_s += 30) EXPECT_EQ(said(at_s, kWanted), "");
}

TEST_F(DiskShortageTest, WhatMakesRoomIsSaidAtOnceThenOnceAnHourAndAtTheEnd) {
  const std::string remedy = " deleted that could still be watched; shorten cutv_window_hours or give more space";
  EXPECT_EQ(said(0, kEnough, 50, 90 * kMib), "the disk is nearly full: 50 segments (90 MiB)" + remedy);
  EXPECT_EQ(level_, kWarning);
  expect_an_hour_of_silence(0, kEnough, 2, kMib);
  EXPECT_EQ(said(3600, kEnough, 1, kMib), "the disk is still nearly full: 239 more segments (120 MiB)" + remedy);
  EXPECT_EQ(level_, kWarning);
  expect_an_hour_of_silence(3600, kEnough, 0, 0);
  EXPECT_EQ(
      said(7200, 3 * kWanted),
      "the disk has room again, 3072 MiB are free (short since 2026-02-25T12:00:00Z: 289 segments (210 MiB) deleted "
      "that could still be watched)");
  EXPECT_EQ(level_, kInfo);
  EXPECT_EQ(said(7230, 3 * kWanted), "");
  EXPECT_EQ(said(9000, kEnough, 1, 5), "the disk is nearly full: 1 segments (1 KiB)" + remedy) << "counted anew";
}

TEST_F(DiskShortageTest, ADiskOnWhichNothingIsLeftToDeleteIsSaidOnceAnHour) {
  const std::string full =
      "only 10 MiB are free and nothing more can be deleted: min-free-mib asks for 1024 MiB, give "
      "more space";
  EXPECT_EQ(said(0, 10 * kMib), full);
  EXPECT_EQ(level_, kError);
  // What has become old enough meanwhile goes too, and is not enough.
  expect_an_hour_of_silence(0, 10 * kMib, 1, 1024);
  EXPECT_EQ(said(3600, 10 * kMib, 1, 1024),
            "still " + full + "; 120 segments (120 KiB) deleted that could still be watched");
  EXPECT_EQ(level_, kError);
  expect_an_hour_of_silence(3600, 10 * kMib, 0, 0);
  EXPECT_EQ(said(7200, 10 * kMib), "still " + full) << "nothing was deleted, nothing is said of it";
}

TEST_F(DiskShortageTest, EachChangeIsSaid) {
  EXPECT_NE(said(0, kEnough, 5, kMib).find("the disk is nearly full: 5 "), std::string::npos);
  EXPECT_NE(said(30, 0, 3, kMib).find("only 0 KiB are free and nothing more can be deleted"), std::string::npos);
  EXPECT_EQ(said(60, kWanted), "") << "about the limit";
  EXPECT_EQ(said(90, kWanted - 1), "");
  EXPECT_EQ(said(120, kEnough, 7, kMib),
            "1152 MiB are free: 7 segments (1 MiB) deleted that could still be watched; shorten cutv_window_hours or "
            "give more space");
  EXPECT_NE(said(150, 0).find("only 0 KiB are free"), std::string::npos);
  EXPECT_NE(
      said(180, kEnough).find("the disk has room again, 1152 MiB are free (short since 2026-02-25T12:00:00Z: 15 "),
      std::string::npos)
      << "somebody made room";
}

TEST_F(DiskShortageTest, AnOperatorWhoAsksForNothingEndsIt) {
  EXPECT_NE(said(0, 0), "");
  wanted_ = 0;
  EXPECT_EQ(said(30, 0), "the disk has room again, 0 KiB are free (short since 2026-02-25T12:00:00Z)");
  EXPECT_EQ(said(60, 0), "");
}

TEST_F(DiskShortageTest, AClockThatIsSetBackHoldsNothingUp) {
  EXPECT_NE(said(0, 0), "");
  EXPECT_NE(said(-86'400, 0).find("still only"), std::string::npos);
  EXPECT_EQ(said(-86'370, 0), "");
}

}  // namespace
}  // namespace aircheck::timeshift
