#include "access/password.hpp"

#include <sodium.h>

namespace aircheck::access {

using core::Code;
using core::fail;

namespace {

constexpr auto kOperations = crypto_pwhash_OPSLIMIT_INTERACTIVE;
constexpr auto kMemory = crypto_pwhash_MEMLIMIT_INTERACTIVE;

// Of 32 random bytes that nobody kept.
constexpr const char* kHashOfNobody =
    "$argon2id$v=19$m=65536,t=2,p=1$D7n8jUadamFwDuvOWzM/7Q$T8YzKo2thkWbwihS4X5+Hlu+xp7ChVvrIy40xegpBjU";

}  // namespace

core::Result<std::string> hash_password(std::string_view password) {
  if (password.empty() || password.size() > kMaxPasswordSize) {
    return fail(Code::kInvalidArgument, "a password has 1 to 1024 bytes");
  }
  char hash[crypto_pwhash_STRBYTES];
  if (crypto_pwhash_str(hash, password.data(), password.size(), kOperations, kMemory) != 0) {
    return fail(Code::kUnavailable, "no memory left to hash a password (64 MiB)");
  }
  return std::string(hash);
}

PasswordCheck check_password(const std::string& hash, std::string_view password) {
  const char* stored = hash.empty() ? kHashOfNobody : hash.c_str();
  PasswordCheck check;
  const bool same = crypto_pwhash_str_verify(stored, password.data(), password.size()) == 0;
  check.matches = same && !hash.empty();
  if (check.matches && crypto_pwhash_str_needs_rehash(stored, kOperations, kMemory) != 0) {
    if (auto renewed = hash_password(password)) check.rehashed = std::move(*renewed);
  }
  return check;
}

}  // namespace aircheck::access
