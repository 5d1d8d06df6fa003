#include "access/password.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include <chrono>
#include <string>

namespace aircheck::access {
namespace {

TEST(Password, HashesAreArgon2idOfTheirOwnSalt) {
  const std::string a = hash_password("correct horse").value();
  const std::string b = hash_password("correct horse").value();
  EXPECT_TRUE(a.starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << a;
  EXPECT_NE(a, b);
  EXPECT_TRUE(check_password(a, "correct horse").matches);
  EXPECT_FALSE(check_password(a, "correct horse").rehashed);
  EXPECT_FALSE(check_password(a, "correct horsf").matches);
  EXPECT_FALSE(check_password(a, "").matches);
}

TEST(Password, SizesAreBounded) {
  EXPECT_EQ(hash_password("").error().code, core::Code::kInvalidArgument);
  EXPECT_EQ(hash_password(std::string(1025, 'x')).error().code, core::Code::kInvalidArgument);
  EXPECT_TRUE(hash_password(std::string(1024, 'x')));
}

TEST(Password, AZeroByteEndsNothing) {
  const std::string hash = hash_password(std::string("a\0b", 3)).value();
  EXPECT_FALSE(check_password(hash, "a").matches);
  EXPECT_FALSE(check_password(hash, std::string("a\0c", 3)).matches);
  EXPECT_TRUE(check_password(hash, std::string("a\0b", 3)).matches);
}

TEST(Password, AWeakerHashIsRenewed) {
  char weak[crypto_pwhash_STRBYTES];
  ASSERT_EQ(crypto_pwhash_str(weak, "old", 3, crypto_pwhash_OPSLIMIT_MIN, crypto_pwhash_MEMLIMIT_MIN), 0);
  const PasswordCheck check = check_password(weak, "old");
  ASSERT_TRUE(check.matches);
  ASSERT_TRUE(check.rehashed);
  EXPECT_FALSE(check_password(*check.rehashed, "old").rehashed);
  EXPECT_FALSE(check_password(weak, "new").rehashed);
}

// The work for an account that does not exist is that of a real one: same cost, whatever the machine's speed.
TEST(Password, NobodyTakesAsLongAsSomebody) {
  const std::string hash = hash_password("x").value();
  const auto seconds = [](const std::string& stored) {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(check_password(stored, "wrong").matches);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  seconds(hash);  // warms the allocator
  EXPECT_GT(seconds(""), seconds(hash) / 10);
}

}  // namespace
}  // namespace aircheck::access
