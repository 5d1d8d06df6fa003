#include "store/memo.hpp"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "support/temporary_directory.hpp"

namespace aircheck::store {
namespace {

using core::Code;
using core::fail;
using core::Result;

constexpr std::array<Migration, 1> kSteps = {
    {{1, "0001_a", "CREATE TABLE a (x INTEGER NOT NULL) STRICT; INSERT INTO a VALUES (1);"}}};
const Schema kSchema{"test", 79, kSteps};

class MemoTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> open() { return std::move(Database::open(directory_.path() + "/a.db", kSchema).value()); }

  Result<std::int64_t> get(const std::string& key = "x") {
    return memo_.get(key, [this]() -> Result<std::int64_t> {
      ++reads_;
      AIRCHECK_TRY(auto query, database_->prepare("SELECT x FROM a"));
      AIRCHECK_TRY(const bool found, query.step());
      if (!found) return fail(Code::kNotFound, "no row");
      return query.integer(0);
    });
  }

  test::TemporaryDirectory directory_;
  std::unique_ptr<Database> database_ = open();
  Memo<std::int64_t> memo_{*database_, 3};
  int reads_ = 0;
};

TEST_F(MemoTest, ReadsOnceWhileNothingChanges) {
  for (int i = 0; i < 5; ++i) EXPECT_EQ(get().value(), 1);
  EXPECT_EQ(reads_, 1);
}

TEST_F(MemoTest, SeesEveryChangeOfItsOwnConnectionAtOnce) {
  EXPECT_EQ(get().value(), 1);
  for (const char* sql : {"UPDATE a SET x = 2", "DELETE FROM a", "INSERT INTO a VALUES (3)"}) {
    ASSERT_TRUE(database_->execute(sql));
    const int before = reads_;
    (void)get();
    EXPECT_EQ(reads_, before + 1) << sql;
  }
  EXPECT_EQ(get().value(), 3);
}

TEST_F(MemoTest, SeesTheChangeOfAnotherConnection) {
  const auto other = open();
  EXPECT_EQ(get().value(), 1);
  ASSERT_TRUE(other->execute("UPDATE a SET x = 2"));
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (get().value() != 2 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_EQ(get().value(), 2);
  EXPECT_EQ(reads_, 2);
}

TEST_F(MemoTest, ChangesAsideCostNothingAndHideNoOthers) {
  ASSERT_TRUE(database_->execute("CREATE TABLE b (x INTEGER NOT NULL) STRICT"));
  EXPECT_EQ(get().value(), 1);
  const auto write = [&] { return database_->execute("INSERT INTO b VALUES (1), (2)"); };
  ASSERT_TRUE(database_->aside(write));
  ASSERT_TRUE(database_->aside([&] { return database_->transaction(write); }));
  const auto undone = database_->aside([&] {
    return database_->transaction([&]() -> Result<void> {
      AIRCHECK_TRY_VOID(write());
      return fail(Code::kInternal, "undo");
    });
  });
  EXPECT_FALSE(undone);
  EXPECT_EQ(get().value(), 1);
  EXPECT_EQ(reads_, 1);
  ASSERT_TRUE(database_->execute("UPDATE a SET x = 2"));
  EXPECT_EQ(get().value(), 2);
}

TEST_F(MemoTest, KeepsNothingOfATransactionThatIsUndone) {
  EXPECT_EQ(get().value(), 1);
  const auto undone = database_->transaction([&]() -> Result<void> {
    AIRCHECK_TRY_VOID(database_->execute("UPDATE a SET x = 2"));
    EXPECT_EQ(get().value(), 2);
    return fail(Code::kInternal, "undo");
  });
  EXPECT_FALSE(undone);
  EXPECT_EQ(get().value(), 1);
}

TEST_F(MemoTest, KeepsNoError) {
  ASSERT_TRUE(database_->execute("DELETE FROM a"));
  EXPECT_EQ(get().error().code, Code::kNotFound);
  EXPECT_EQ(get().error().code, Code::kNotFound);
  EXPECT_EQ(reads_, 2);
}

TEST_F(MemoTest, IsBounded) {
  for (const char* key : {"a", "b", "c", "d", "a"}) EXPECT_EQ(get(key).value(), 1);
  EXPECT_EQ(reads_, 5);
}

}  // namespace
}  // namespace aircheck::store
