// Passwords as Argon2id hashes. Both functions take about 50 ms and 64 MiB: never on the main context, and only a few
// at a time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace aircheck::access {

inline constexpr std::size_t kMaxPasswordSize = 1024;  // bytes; the least is 1

core::Result<std::string> hash_password(std::string_view password);

struct PasswordCheck {
  bool matches = false;
  std::optional<std::string> rehashed;  // it matches, but its hash was made with lesser cost: store this one
};

// An empty hash stands for an account that does not exist: it takes as long as any other and matches nothing.
[[nodiscard]] PasswordCheck check_password(const std::string& hash, std::string_view password);

}  // namespace aircheck::access
