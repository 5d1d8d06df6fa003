// Token buckets per key (an account, an address): how many requests in a row, and how many over time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace aircheck::access {

// What an address is counted by: itself, or the /64 of an IPv6 address, which is one customer's line. Text that is no
// address stays as it is.
[[nodiscard]] std::string counted_address(std::string_view address);

class RateLimiter {
 public:
  // `burst` requests at once, then `per_minute`. At most max_keys buckets are remembered; the longest unused one goes.
  RateLimiter(double per_minute, double burst, std::size_t max_keys = 20'000);

  // Takes one. Null: go on; else the seconds to wait (at least 1) until one is free. now: monotonic nanoseconds.
  std::optional<std::int64_t> take(std::string_view key, std::int64_t now_ns);

 private:
  struct Bucket {
    std::string key;
    double tokens;
    std::int64_t updated_ns;
  };

  double per_ns_;
  double burst_;
  std::size_t max_keys_;
  std::list<Bucket> buckets_;  // the most recently used first
  std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_key_;
};

}  // namespace aircheck::access
