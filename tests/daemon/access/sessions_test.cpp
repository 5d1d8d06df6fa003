#include "access/sessions.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "access/accounts.hpp"

namespace aircheck::access {
namespace {

using core::Code;
using core::Utc;

constexpr std::int64_t kSecond = core::kNsPerSecond;

class SessionsTest : public ::testing::Test {
 protected:
  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(":memory:", store::station_schema()).value());
  Sessions sessions_{*database_};
  Utc now_ = Utc::from_seconds(1'772'000'000);
  std::string account_ = Accounts(*database_).create({.email = "a@example.org", .password_hash = "$"}, now_).value().id;
  Session session_ = sessions_.begin(account_, now_).value();

  [[nodiscard]] bool live() { return sessions_.is_live(session_.id, account_).value(); }
};

TEST_F(SessionsTest, ARefreshTokenRotates) {
  const Session next = sessions_.refresh(session_.refresh_token, now_ + kSecond).value();
  EXPECT_EQ(next.id, session_.id);
  EXPECT_EQ(next.account_id, account_);
  EXPECT_NE(next.refresh_token, session_.refresh_token);
  EXPECT_EQ(next.refresh_token.size(), 43U);
  EXPECT_TRUE(sessions_.refresh(next.refresh_token, now_ + 2 * kSecond));
}

TEST_F(SessionsTest, TwoTabsShareATokenForTenSeconds) {
  const Session first = sessions_.refresh(session_.refresh_token, now_).value();
  const Session second = sessions_.refresh(session_.refresh_token, now_ + 10 * kSecond).value();
  EXPECT_TRUE(sessions_.refresh(first.refresh_token, now_ + 60 * kSecond));
  EXPECT_TRUE(sessions_.refresh(second.refresh_token, now_ + 60 * kSecond));
  EXPECT_TRUE(live());
}

TEST_F(SessionsTest, AnOldTokenEndsTheWholeSession) {
  const Session next = sessions_.refresh(session_.refresh_token, now_).value();
  EXPECT_EQ(sessions_.refresh(session_.refresh_token, now_ + 10 * kSecond + 1).error().code, Code::kPermission);
  EXPECT_EQ(sessions_.refresh(next.refresh_token, now_ + 11 * kSecond).error().code, Code::kPermission);
  EXPECT_FALSE(live());
}

// How long ago it was used nobody can tell then; an hour's step would have made the grace an hour long.
TEST_F(SessionsTest, AClockThatIsSetBackGivesAnOldTokenNoMoreTime) {
  const Session next = sessions_.refresh(session_.refresh_token, now_).value();
  EXPECT_EQ(sessions_.refresh(session_.refresh_token, now_ - 3600 * kSecond).error().code, Code::kPermission);
  EXPECT_FALSE(live());
}

TEST_F(SessionsTest, ATokenEndsAfterThirtyDays) {
  EXPECT_EQ(sessions_.refresh(session_.refresh_token, now_ + Sessions::kRefreshNs).error().code, Code::kPermission);
  EXPECT_TRUE(sessions_.refresh(session_.refresh_token, now_ + Sessions::kRefreshNs - 1));
}

TEST_F(SessionsTest, UnknownTokensAreRefused) {
  for (const std::string& token : {std::string(), std::string("x"), std::string(43, 'A'), std::string(100'000, 'A')}) {
    EXPECT_EQ(sessions_.refresh(token, now_).error().code, Code::kPermission);
    EXPECT_EQ(sessions_.end(token, now_).value(), "");
  }
  EXPECT_TRUE(live());
}

TEST_F(SessionsTest, SigningOutEndsTheSession) {
  const Session other = sessions_.begin(account_, now_).value();
  EXPECT_EQ(sessions_.end(session_.refresh_token, now_).value(), session_.id);
  EXPECT_EQ(sessions_.end(session_.refresh_token, now_).value(), session_.id) << "the second tab";
  EXPECT_FALSE(live());
  EXPECT_FALSE(sessions_.refresh(session_.refresh_token, now_));
  EXPECT_TRUE(sessions_.is_live(other.id, account_).value());
  ASSERT_TRUE(sessions_.end_all_of(account_, now_));
  EXPECT_FALSE(sessions_.is_live(other.id, account_).value());
}

TEST_F(SessionsTest, ASessionBelongsToItsAccount) {
  EXPECT_FALSE(sessions_.is_live(session_.id, "another").value());
  EXPECT_FALSE(sessions_.is_live("another", account_).value());
}

TEST_F(SessionsTest, PurgeForgetsTheUseless) {
  const Session younger = sessions_.begin(account_, now_ + kSecond).value();
  ASSERT_TRUE(sessions_.purge(now_ + Sessions::kRefreshNs));
  EXPECT_FALSE(live());
  EXPECT_TRUE(sessions_.is_live(younger.id, account_).value());
}

TEST_F(SessionsTest, TheDatabaseHasNoToken) {
  auto query = database_->prepare("SELECT token_hash FROM refresh_tokens").value();
  ASSERT_TRUE(query.step().value());
  const core::Bytes stored = query.blob(0);
  EXPECT_EQ(stored.size(), 32U);
  EXPECT_NE(core::to_base64url(stored), session_.refresh_token);
}

}  // namespace
}  // namespace aircheck::access
