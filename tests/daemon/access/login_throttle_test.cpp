#include "access/login_throttle.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace aircheck::access {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(LoginThrottle, TheDelayDoubles) {
  LoginThrottle throttle;
  std::int64_t now = 0;
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 16; ++i) {
    const auto wait = throttle.begin("a", "1.2.3.4", now);
    waits.push_back(wait.value_or(0));
    now += waits.back() * kSecond;
    if (wait) {
      EXPECT_EQ(throttle.begin("a", "1.2.3.4", now), std::nullopt);
    }
  }
  EXPECT_EQ(waits, (std::vector<std::int64_t>{0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300}));
}

TEST(LoginThrottle, SuccessForgets) {
  LoginThrottle throttle;
  for (int i = 0; i < LoginThrottle::kFreeAttempts; ++i) EXPECT_EQ(throttle.begin("a", "x", 0), std::nullopt);
  EXPECT_NE(throttle.begin("a", "x", 0), std::nullopt);
  throttle.succeeded("a", "x");
  EXPECT_EQ(throttle.begin("a", "x", 0), std::nullopt);
}

TEST(LoginThrottle, NobodyLocksOutAnotherAddressOrAnotherAccount) {
  LoginThrottle throttle;
  for (int i = 0; i < 20; ++i) throttle.begin("victim", "attacker", i * kSecond / 1000);
  EXPECT_NE(throttle.begin("victim", "attacker", kSecond / 10), std::nullopt);
  EXPECT_EQ(throttle.begin("victim", "home", kSecond / 10), std::nullopt);
  EXPECT_EQ(throttle.begin("other", "attacker", kSecond / 10), std::nullopt);
}

TEST(LoginThrottle, OneAddressCannotTryAListOfAccounts) {
  LoginThrottle throttle;
  int tried = 0;
  for (int i = 0; i < 1000; ++i) tried += throttle.begin(std::to_string(i), "attacker", 0) ? 0 : 1;
  EXPECT_EQ(tried, 60);
  EXPECT_EQ(throttle.begin("somebody", "home", 0), std::nullopt);
}

TEST(LoginThrottle, MadeUpAccountsDoNotPushOutARecord) {
  LoginThrottle throttle;
  for (int i = 0; i <= LoginThrottle::kFreeAttempts; ++i) throttle.begin("victim", "attacker", 0);
  ASSERT_NE(throttle.begin("victim", "attacker", 0), std::nullopt);
  for (int i = 0; i < 25'000; ++i) throttle.begin(std::to_string(i), "elsewhere", 0);
  EXPECT_NE(throttle.begin("victim", "attacker", 0), std::nullopt);
}

TEST(LoginThrottle, AnIpv6LineIsOneAddress) {
  LoginThrottle throttle;
  int tried = 0;
  for (int i = 0; i < 200; ++i) {
    tried += throttle.begin(std::to_string(i), "2001:db8:1:2::" + std::to_string(i), 0) ? 0 : 1;
  }
  EXPECT_EQ(tried, 60);
  EXPECT_EQ(throttle.begin("somebody", "2001:db8:1:3::1", 0), std::nullopt);
  EXPECT_EQ(counted_address("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(counted_address("192.0.2.7"), "192.0.2.7");
}

}  // namespace
}  // namespace aircheck::access
