#include "core/result.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>

namespace aircheck::core {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Code::kInvalidArgument, "odd");
  return value / 2;
}

Result<std::string> quarter_text(int value) {
  AIRCHECK_TRY(const int once, half(value));
  AIRCHECK_TRY(const int twice, half(once));
  return std::to_string(twice);
}

Result<void> require_even(int value) {
  AIRCHECK_TRY_VOID([&]() -> Result<void> {
    if (!half(value)) return fail(Code::kConflict, "not even");
    return {};
  }());
  return {};
}

TEST(Result, CarriesAValueOrAnError) {
  ASSERT_TRUE(half(4).has_value());
  EXPECT_EQ(*half(4), 2);
  ASSERT_FALSE(half(3));
  EXPECT_EQ(half(3).error(), (Error{Code::kInvalidArgument, "odd"}));
  EXPECT_EQ(half(3).value_or(7), 7);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(*quarter_text(8), "2");
  EXPECT_EQ(quarter_text(6).error().message, "odd");
  EXPECT_TRUE(require_even(2).has_value());
  EXPECT_EQ(require_even(1).error().code, Code::kConflict);
}

TEST(Result, ContextIsAddedInFront) {
  EXPECT_EQ(half(3).with_context("channel ch1").error().message, "channel ch1: odd");
  EXPECT_EQ(*half(4).with_context("channel ch1"), 2);
}

TEST(Result, HoldsWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  const std::unique_ptr<int> taken = std::move(result).value();
  EXPECT_EQ(*taken, 5);
}

TEST(Result, ErrnoBecomesACode) {
  const Result<int> full = fail_errno(ENOSPC, "cannot write 'a.m4s'");
  EXPECT_EQ(full.error().code, Code::kNoSpace);
  EXPECT_EQ(full.error().message, "cannot write 'a.m4s': No space left on device; free space on that disk");
}

TEST(ResultDeathTest, ReadingTheWrongSideAborts) {
  EXPECT_DEATH((void)half(3).value(), "bug: Result read on the wrong side: odd");
  EXPECT_DEATH((void)half(4).error(), "bug: Result read on the wrong side");
}

}  // namespace
}  // namespace aircheck::core
