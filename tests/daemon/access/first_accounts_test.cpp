#include "access/first_accounts.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

#include "access/password.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::access {
namespace {

using core::Utc;

class FirstAccountsTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory directory_;
  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(":memory:", store::station_schema()).value());
  Accounts accounts_{*database_};
  Sessions sessions_{*database_};
  Utc now_ = Utc::from_seconds(1'772'000'000);

  void ensure(const std::string& admin_password, bool demo) {
    const auto result = ensure_first_accounts(accounts_, sessions_, {directory_.path(), admin_password, demo}, now_);
    ASSERT_TRUE(result) << result.error().message;
  }
  [[nodiscard]] bool signs_in(std::string_view email, const std::string& password) {
    return check_password(accounts_.find_by_email(email).value().password_hash, password).matches;
  }
  [[nodiscard]] std::string kept(const std::string& name) {
    std::string text = directory_.read(name);
    EXPECT_TRUE(text.ends_with('\n'));
    text.pop_back();
    return text;
  }
};

TEST_F(FirstAccountsTest, ARandomPasswordStandsInSecrets) {
  ensure("", false);
  EXPECT_EQ(accounts_.find_by_email(kFirstAdminEmail)->role, Role::kAdmin);
  EXPECT_GE(kept("admin-password").size(), 20U);
  EXPECT_TRUE(signs_in(kFirstAdminEmail, kept("admin-password")));
  struct stat status {};
  ASSERT_EQ(stat((directory_ / "admin-password").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_FALSE(accounts_.find_by_email(kDemoViewerEmail)) << "only for the demo";
}

TEST_F(FirstAccountsTest, ASecondStartChangesNothing) {
  ensure("", true);
  const std::string password = kept("admin-password");
  ensure("", true);
  EXPECT_EQ(kept("admin-password"), password);
  EXPECT_TRUE(signs_in(kFirstAdminEmail, password));
}

TEST_F(FirstAccountsTest, TheDemoHasAViewer) {
  ensure("", true);
  EXPECT_EQ(accounts_.find_by_email(kDemoViewerEmail)->role, Role::kViewer);
  EXPECT_TRUE(signs_in(kDemoViewerEmail, kept("viewer-password")));
  EXPECT_NE(kept("viewer-password"), kept("admin-password"));
}

TEST_F(FirstAccountsTest, AConfiguredPasswordIsNotWrittenDown) {
  ensure("from the operator", false);
  EXPECT_TRUE(signs_in(kFirstAdminEmail, "from the operator"));
  EXPECT_NE(::access((directory_ / "admin-password").c_str(), F_OK), 0);
}

TEST_F(FirstAccountsTest, AConfiguredPasswordReplacesTheRandomOne) {
  ensure("", false);
  const std::string id = accounts_.find_by_email(kFirstAdminEmail)->id;
  const Session session = sessions_.begin(id, now_).value();
  ensure("from the operator", false);
  EXPECT_TRUE(signs_in(kFirstAdminEmail, "from the operator"));
  EXPECT_FALSE(sessions_.is_live(session.id, id).value());
  EXPECT_NE(::access((directory_ / "admin-password").c_str(), F_OK), 0);

  const Session kept_session = sessions_.begin(id, now_).value();
  ensure("from the operator", false);
  EXPECT_TRUE(sessions_.is_live(kept_session.id, id).value()) << "the same password ends nothing";
}

TEST_F(FirstAccountsTest, AnUnwritableDirectoryMakesNoAccount) {
  const auto result = ensure_first_accounts(accounts_, sessions_, {directory_ / "missing", "", false}, now_);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("first admin"), std::string::npos) << result.error().message;
  EXPECT_FALSE(accounts_.first_of(Role::kAdmin));
}

}  // namespace
}  // namespace aircheck::access
