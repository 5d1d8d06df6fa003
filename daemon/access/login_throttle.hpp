// Slows guessing down: per account and address by a delay that doubles, per address by a rate.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "access/rate_limit.hpp"

namespace aircheck::access {

// Nobody is locked out for good, and nobody can lock out somebody at another address. An attempt counts as failed from
// its beginning, so that a thousand at once are no way around.
class LoginThrottle {
 public:
  static constexpr int kFreeAttempts = 5;
  static constexpr std::int64_t kMaxDelaySeconds = 300;

  LoginThrottle();

  // Null: try; else the seconds to wait first. now: nanoseconds of one clock.
  std::optional<std::int64_t> begin(std::string_view account, std::string_view from, std::int64_t now_ns);
  void succeeded(std::string_view account, std::string_view address);

 private:
  struct Record {
    std::string key;
    int failures = 0;
    std::int64_t next_ns = 0;
  };

  std::list<Record> records_;  // the most recently used first
  std::unordered_map<std::string_view, std::list<Record>::iterator> by_key_;
  RateLimiter per_address_;
};

}  // namespace aircheck::access
