#include "access/accounts.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "store/database.hpp"

namespace aircheck::access {
namespace {

using core::Code;
using core::Utc;

class AccountsTest : public ::testing::Test {
 protected:
  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(":memory:", store::station_schema()).value());
  Accounts accounts_{*database_};
  Utc now_ = Utc::from_seconds(1'772'000'000);

  Account add(const std::string& email, Role role = Role::kViewer,
              std::optional<std::vector<std::string>> channel_ids = std::nullopt) {
    return accounts_
        .create({.email = email, .role = role, .password_hash = "$hash", .channel_ids = std::move(channel_ids)}, now_)
        .value();
  }
};

TEST_F(AccountsTest, AreFoundByIdAndAddress) {
  const Account made = add("Mia@Example.org", Role::kOperator);
  for (const auto& found : {accounts_.find(made.id), accounts_.find_by_email("mia@example.ORG")}) {
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, made.id);
    EXPECT_EQ(found->email, "Mia@Example.org");
    EXPECT_EQ(found->role, Role::kOperator);
    EXPECT_TRUE(found->enabled);
    EXPECT_EQ(found->password_hash, "$hash");
  }
  EXPECT_EQ(accounts_.find("nobody").error().code, Code::kNotFound);
  EXPECT_EQ(accounts_.find_by_email("mia").error().code, Code::kNotFound);
  EXPECT_EQ(accounts_.find_by_email("' OR 1=1 --").error().code, Code::kNotFound);
}

TEST_F(AccountsTest, AnAddressIsThereOnce) {
  add("mia@example.org");
  EXPECT_EQ(accounts_.create({.email = "MIA@example.org", .password_hash = "$"}, now_).error().code, Code::kConflict);
}

TEST_F(AccountsTest, ChannelsAreAllOrThoseGiven) {
  const Account all = add("all@example.org");
  const Account some = add("some@example.org", Role::kViewer, std::vector<std::string>{"c1", "c2"});
  const Account none = add("none@example.org", Role::kViewer, std::vector<std::string>{});
  EXPECT_TRUE(accounts_.channel_allowed(all, "c1").value());
  EXPECT_TRUE(accounts_.channel_allowed(some, "c2").value());
  EXPECT_FALSE(accounts_.channel_allowed(some, "c3").value());
  EXPECT_FALSE(accounts_.channel_allowed(none, "c1").value());
}

TEST_F(AccountsTest, Change) {
  const Account account = add("mia@example.org");
  ASSERT_TRUE(accounts_.set_enabled(account.id, false, now_ + 1));
  ASSERT_TRUE(accounts_.set_password_hash(account.id, "$new", now_ + 1));
  EXPECT_FALSE(accounts_.find(account.id)->enabled);
  EXPECT_EQ(accounts_.find(account.id)->password_hash, "$new");
}

TEST_F(AccountsTest, TheFirstOfARoleIsTheOldest) {
  EXPECT_EQ(accounts_.first_of(Role::kAdmin).error().code, Code::kNotFound);
  now_ = now_ + 1;
  add("second@example.org", Role::kAdmin);
  now_ = now_ - 1;
  add("first@example.org", Role::kAdmin);
  EXPECT_EQ(accounts_.first_of(Role::kAdmin)->email, "first@example.org");
}

}  // namespace
}  // namespace aircheck::access
