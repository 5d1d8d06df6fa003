#include "http/segment_links.hpp"

#include <gtest/gtest.h>

namespace aircheck::http {
namespace {

using core::Utc;

constexpr std::int64_t kHourNs = kLinkStepNs;
constexpr std::int64_t kDayNs = 24 * kHourNs;
const Utc kNow = *core::from_rfc3339("2026-02-25T14:37:12Z");
const Utc kEvening = kNow + 12 * kHourNs;  // the token of a session
const Utc kYears = kNow + 3650 * kDayNs;   // the token of a device

std::string text(Utc instant) {
  return core::to_rfc3339(instant);
}

// The digest is nginx's to check (nginx_test).
TEST(SegmentLinks, NameSignatureEndAndChannel) {
  const std::string folder = signed_folder("s3cret", "ch1", Utc::from_seconds(2147483647));
  EXPECT_TRUE(folder.starts_with("~") && folder.ends_with(",2147483647/ch1/")) << folder;
  EXPECT_EQ(folder.size(), 1U + 22 + 1 + 10 + 5);
  EXPECT_NE(folder, signed_folder("s3cret", "ch2", Utc::from_seconds(2147483647)));
}

TEST(SegmentLinks, EndWithTheTokenAndNeverYearsFromNow) {
  EXPECT_EQ(link_expiry(kEvening, kNow), kEvening);
  EXPECT_EQ(text(link_expiry(kYears, kNow)), "2026-02-26T03:00:00Z");
  EXPECT_EQ(link_expiry(kNow + 60, kNow), kNow + 60);
  const Utc hour = *core::from_rfc3339("2026-02-25T15:00:00Z");
  EXPECT_EQ(link_expiry(kYears, hour), hour + 12 * kHourNs) << "a whole hour needs no rounding";
  EXPECT_EQ(startover_link_expiry(kEvening, kNow - kHourNs, kNow), kEvening);
  EXPECT_EQ(live_link_expiry(kNow + 60, kNow), kNow + 60);
}

// A start-over is listed again and again while it lasts, and its addresses stay.
TEST(SegmentLinks, OfAStartOverStayWhileItLasts) {
  const Utc start = kNow - kHourNs;
  const Utc first = startover_link_expiry(kYears, start, kNow);
  for (Utc now = kNow; now < start + kDayNs; now = now + 600 * core::kNsPerSecond) {
    EXPECT_EQ(startover_link_expiry(kYears, start, now), first) << text(now);
  }
  EXPECT_EQ(text(first), "2026-02-27T02:00:00Z");
  // One of the past is complete and is not listed again.
  EXPECT_EQ(startover_link_expiry(kYears, kNow - 3 * kDayNs, kNow), link_expiry(kYears, kNow));
}

// Live rows keep theirs for as long as they are listed and a while longer.
TEST(SegmentLinks, OfLiveRowsGoByTheRow) {
  EXPECT_EQ(text(live_link_expiry(kYears, kNow)), "2026-02-25T17:00:00Z");
  EXPECT_EQ(live_link_expiry(kYears, kNow), live_link_expiry(kYears, kNow + 1300 * core::kNsPerSecond));
  EXPECT_EQ(text(live_link_expiry(kYears, *core::from_rfc3339("2026-02-25T15:00:00Z"))), "2026-02-25T18:00:00Z");
}

}  // namespace
}  // namespace aircheck::http
