#include "access/rate_limit.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

namespace aircheck::access {

namespace {
constexpr double kNsPerSecond = 1e9;
}

std::string counted_address(std::string_view address) {
  std::string text(address);
  in6_addr bytes{};
  if (inet_pton(AF_INET6, text.c_str(), &bytes) != 1) return text;
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (IN6_IS_ADDR_V4MAPPED(&bytes)) {
    return inet_ntop(AF_INET, &bytes.s6_addr[12], out.data(), out.size());
  }
  std::fill(std::begin(bytes.s6_addr) + 8, std::end(bytes.s6_addr), std::uint8_t{0});
  return inet_ntop(AF_INET6, &bytes, out.data(), out.size());
}

RateLimiter::RateLimiter(double per_minute, double burst, std::size_t max_keys)
    : per_ns_(per_minute / (60 * kNsPerSecond)), burst_(burst), max_keys_(max_keys) {}

std::optional<std::int64_t> RateLimiter::take(std::string_view key, std::int64_t now_ns) {
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    buckets_.splice(buckets_.begin(), buckets_, found->second);
  } else {
    if (buckets_.size() >= max_keys_) {
      by_key_.erase(buckets_.back().key);
      buckets_.pop_back();
    }
    buckets_.push_front({std::string(key), burst_, now_ns});
    by_key_.emplace(buckets_.front().key, buckets_.begin());
  }
  Bucket& bucket = buckets_.front();
  const auto elapsed = static_cast<double>(std::max<std::int64_t>(0, now_ns - bucket.updated_ns));
  bucket.tokens = std::min(burst_, bucket.tokens + elapsed * per_ns_);
  bucket.updated_ns = now_ns;
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  const double wait_s = (1 - bucket.tokens) / per_ns_ / kNsPerSecond;
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::ceil(wait_s)));
}

}  // namespace aircheck::access
