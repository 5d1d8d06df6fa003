#include "access/rate_limit.hpp"

#include <gtest/gtest.h>

#include <cstdint>

namespace aircheck::access {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(RateLimit, ABurstThenTheRate) {
  RateLimiter limiter(60, 5);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(limiter.take("a", 0), std::nullopt) << i;
  EXPECT_EQ(limiter.take("a", 0), 1);
  EXPECT_EQ(limiter.take("a", kSecond), std::nullopt);
  EXPECT_EQ(limiter.take("a", kSecond), 1);
}

TEST(RateLimit, SaysHowLongToWait) {
  RateLimiter limiter(6, 1);
  EXPECT_EQ(limiter.take("a", 0), std::nullopt);
  EXPECT_EQ(limiter.take("a", 0), 10);
  EXPECT_EQ(limiter.take("a", 9 * kSecond), 1);
  EXPECT_EQ(limiter.take("a", 10 * kSecond + kSecond / 100), std::nullopt);
}

TEST(RateLimit, KeysDoNotTouchEachOther) {
  RateLimiter limiter(60, 1);
  EXPECT_EQ(limiter.take("a", 0), std::nullopt);
  EXPECT_EQ(limiter.take("b", 0), std::nullopt);
  EXPECT_NE(limiter.take("a", 0), std::nullopt);
}

TEST(RateLimit, ABucketNeverHoldsMoreThanItsBurst) {
  RateLimiter limiter(60, 2);
  EXPECT_EQ(limiter.take("a", 0), std::nullopt);
  EXPECT_EQ(limiter.take("a", 1000 * kSecond), std::nullopt);
  EXPECT_EQ(limiter.take("a", 1000 * kSecond), std::nullopt);
  EXPECT_NE(limiter.take("a", 1000 * kSecond), std::nullopt);
}

TEST(RateLimit, RemembersTheKeysInUseOnly) {
  RateLimiter limiter(1, 1, 2);
  EXPECT_EQ(limiter.take("a", 0), std::nullopt);
  EXPECT_EQ(limiter.take("b", 0), std::nullopt);
  EXPECT_NE(limiter.take("a", 0), std::nullopt);
  EXPECT_EQ(limiter.take("c", 0),
            std::nullopt);  // b, the longest unused, is forgotten
  EXPECT_NE(limiter.take("a", 0), std::nullopt);
  EXPECT_EQ(limiter.take("b", 0), std::nullopt);
}

TEST(RateLimit, AClockThatStepsBackGivesNothing) {
  RateLimiter limiter(60, 1);
  EXPECT_EQ(limiter.take("a", 100 * kSecond), std::nullopt);
  EXPECT_NE(limiter.take("a", 0), std::nullopt);
}

}  // namespace
}  // namespace aircheck::access
