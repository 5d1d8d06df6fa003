// Fades and crawls as functions of time.
#include "drawtext/motion.hpp"

#include <gtest/gtest.h>

namespace aircheck::drawtext {
namespace {

constexpr std::int64_t kMs = 1'000'000;

TEST(Fade, WithoutLengthItIsAtOnce) {
  Fade fade;
  EXPECT_EQ(fade.step(true, 0, 0, 0), 1);
  EXPECT_EQ(fade.step(false, 40 * kMs, 0, 0), 0);
}

TEST(Fade, GoesEvenlyAndTurnsWhereItIs) {
  Fade fade;
  EXPECT_DOUBLE_EQ(fade.step(true, 1000 * kMs, 400 * kMs, 800 * kMs), 0);
  EXPECT_DOUBLE_EQ(fade.step(true, 1100 * kMs, 400 * kMs, 800 * kMs), 0.25);
  EXPECT_DOUBLE_EQ(fade.step(true, 1300 * kMs, 400 * kMs, 800 * kMs), 0.75);
  EXPECT_DOUBLE_EQ(fade.step(false, 1500 * kMs, 400 * kMs, 800 * kMs), 0.5);
  EXPECT_DOUBLE_EQ(fade.step(true, 1600 * kMs, 400 * kMs, 800 * kMs), 0.75);
  EXPECT_DOUBLE_EQ(fade.step(true, 9000 * kMs, 400 * kMs, 800 * kMs), 1);
  EXPECT_DOUBLE_EQ(fade.step(false, 500 * kMs, 400 * kMs, 800 * kMs), 1) << "a seek back is no time that passes";
}

constexpr CrawlTrack kTrack{100, 10, 310, 200, true};

TEST(Crawl, EntersAtTheEdgeAndMovesByTheTimesOfPictures) {
  Crawl crawl;
  EXPECT_EQ(crawl.step(kTrack, 5000 * kMs), 310);
  EXPECT_EQ(crawl.step(kTrack, 5040 * kMs), 306);
  EXPECT_EQ(crawl.step(kTrack, 5105 * kMs), 299.5);
  CrawlTrack back = kTrack;
  back.speed = -100;
  Crawl other;
  EXPECT_EQ(other.step(back, 0), -190);
  EXPECT_EQ(other.step(back, 1000 * kMs), -90);
}

TEST(Crawl, BeginsAnewWhenItIsOutWithoutLosingAFraction) {
  Crawl crawl;
  (void)crawl.step(kTrack, 0);
  // 500 pixels are one way round: 5 s.
  EXPECT_DOUBLE_EQ(*crawl.step(kTrack, 4999 * kMs), -189.9);
  EXPECT_DOUBLE_EQ(*crawl.step(kTrack, 5005 * kMs), 309.5);
  EXPECT_NEAR(*crawl.step(kTrack, 3'600'001 * kMs), 309.9, 1e-6);
}

TEST(Crawl, OnceIsOnce) {
  CrawlTrack once = kTrack;
  once.loop = false;
  Crawl crawl;
  EXPECT_TRUE(crawl.step(once, 0));
  EXPECT_TRUE(crawl.step(once, 4999 * kMs));
  EXPECT_FALSE(crawl.step(once, 5000 * kMs));
  EXPECT_TRUE(crawl.finished());
  EXPECT_FALSE(crawl.step(once, 6000 * kMs));
  EXPECT_EQ(crawl.step(kTrack, 6000 * kMs), 310);
}

TEST(Crawl, AChangeOfSpeedMovesNothing) {
  Crawl crawl;
  (void)crawl.step(kTrack, 0);
  CrawlTrack faster = kTrack;
  faster.speed = 200;
  EXPECT_EQ(crawl.step(faster, 1000 * kMs), 210);
  EXPECT_EQ(crawl.step(faster, 1500 * kMs), 110);
  faster.width = 999;
  EXPECT_EQ(crawl.step(faster, 1500 * kMs), 110) << "another text goes on where the old one was";
  EXPECT_EQ(crawl.step(faster, 100 * kMs), 110) << "neither does a seek back";
  EXPECT_EQ(crawl.step(faster, 200 * kMs), 90);
}

}  // namespace
}  // namespace aircheck::drawtext
