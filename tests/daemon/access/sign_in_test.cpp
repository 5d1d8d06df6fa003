#include "access/sign_in.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "access/jwt.hpp"
#include "support/main_loop.hpp"

namespace aircheck::access {
namespace {

using core::Utc;

class SignInTest : public test::MainLoopTest {
 protected:
  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(":memory:", store::station_schema()).value());
  Accounts accounts_{*database_};
  Sessions sessions_{*database_};
  Utc now_ = Utc::from_seconds(1'772'000'000);
  HmacSecret secret_ = HmacSecret::from_bytes(core::Bytes(32, 1)).value();
  std::unique_ptr<SignIn> sign_in_ = std::make_unique<SignIn>(accounts_, sessions_, secret_, [this] { return now_; });
  Account mia_ = accounts_
                     .create({.email = "mia@example.org",
                              .role = Role::kOperator,
                              .password_hash = hash_password("mia's").value(),
                              .channel_ids = std::nullopt},
                             now_)
                     .value();

  SignIn::Answer login(const std::string& email, const std::string& password) {
    std::optional<SignIn::Answer> answer;
    sign_in_->login({email, password, "192.0.2.7"}, [&](SignIn::Answer a) { answer = std::move(a); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
    return answer.value_or(SignIn::Answer{base::Problem{}});
  }
  [[nodiscard]] Identity identity(const Tokens& tokens) const {
    return JwtVerifier({own_profile(secret_)}).verify(tokens.access_token, now_).value();
  }
};

TEST_F(SignInTest, GivesTokensOfTheAccount) {
  const SignIn::Answer answer = login("Mia@Example.org", "mia's");
  const auto& tokens = std::get<Tokens>(answer);
  EXPECT_EQ(tokens.expires_in, 900);
  EXPECT_EQ(identity(tokens).account_id, mia_.id);
  EXPECT_EQ(identity(tokens).role, Role::kOperator);
  EXPECT_TRUE(sessions_.is_live(identity(tokens).session_id, mia_.id).value());
}

TEST_F(SignInTest, OneAnswerForEverythingWrong) {
  ASSERT_TRUE(accounts_.create(
      {.email = "off@example.org", .password_hash = hash_password("off's").value(), .channel_ids = std::nullopt},
      now_));
  ASSERT_TRUE(accounts_.set_enabled(accounts_.find_by_email("off@example.org")->id, false, now_));
  const auto body = [&](const SignIn::Answer& answer) { return std::get<base::Problem>(answer).to_json().dump(); };
  const std::string wrong_password = body(login("mia@example.org", "x"));
  EXPECT_NE(wrong_password.find("invalid_credentials"), std::string::npos);
  EXPECT_EQ(body(login("nobody@example.org", "x")), wrong_password);
  EXPECT_EQ(body(login("off@example.org", "off's")), wrong_password);
}

TEST_F(SignInTest, SizesAreBounded) {
  for (const auto& [email, password] : {std::pair<std::string, std::string>{"", "x"},
                                        {std::string(255, 'a'), "x"},
                                        {"mia@example.org", ""},
                                        {"mia@example.org", std::string(1025, 'x')}}) {
    EXPECT_EQ(std::get<base::Problem>(login(email, password)).status, 400);
  }
}

TEST_F(SignInTest, GuessingIsSlowedDown) {
  for (int i = 0; i < LoginThrottle::kFreeAttempts; ++i) login("mia@example.org", "guess");
  const SignIn::Answer answer = login("mia@example.org", "mia's");
  const auto& problem = std::get<base::Problem>(answer);
  EXPECT_EQ(problem.status, 429);
  ASSERT_FALSE(problem.headers.empty());
  EXPECT_EQ(problem.headers[0].first, "Retry-After");
}

TEST_F(SignInTest, RefreshGivesTheRoleOfNow) {
  const SignIn::Answer first = login("mia@example.org", "mia's");
  ASSERT_TRUE(database_->execute("UPDATE users SET role = 'viewer'"));
  const SignIn::Answer second = sign_in_->refresh(std::get<Tokens>(first).refresh_token);
  EXPECT_EQ(identity(std::get<Tokens>(second)).role, Role::kViewer);
  ASSERT_TRUE(accounts_.set_enabled(mia_.id, false, now_));
  const SignIn::Answer third = sign_in_->refresh(std::get<Tokens>(second).refresh_token);
  EXPECT_EQ(std::get<base::Problem>(third).status, 401);
}

TEST_F(SignInTest, AfterSigningOutNothingIsRenewed) {
  const std::string token = std::get<Tokens>(login("mia@example.org", "mia's")).refresh_token;
  ASSERT_TRUE(sign_in_->logout(token));
  EXPECT_EQ(std::get<base::Problem>(sign_in_->refresh(token)).status, 401);
}

TEST_F(SignInTest, MayEndWhileAPasswordIsHashed) {
  bool answered = false;
  sign_in_->login({"mia@example.org", "mia's", "192.0.2.7"}, [&](const SignIn::Answer&) { answered = true; });
  sign_in_.reset();
  drain();
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace aircheck::access
