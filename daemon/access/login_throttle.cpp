#include "access/login_throttle.hpp"

#include <algorithm>

namespace aircheck::access {

namespace {

constexpr std::size_t kMaxRecords = 20'000;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

// A household or an office behind one address signs in as it likes; a list of passwords takes days.
constexpr double kPerAddressPerMinute = 30;
constexpr double kPerAddressBurst = 60;

std::string key_of(std::string_view account, std::string_view address) {
  return std::string(account) + '\n' + std::string(address);
}

std::int64_t delay_seconds(int failures) {
  const int doublings = std::min(failures - LoginThrottle::kFreeAttempts, 20);
  return doublings < 0 ? 0 : std::min(std::int64_t{1} << doublings, LoginThrottle::kMaxDelaySeconds);
}

}  // namespace

LoginThrottle::LoginThrottle() : per_address_(kPerAddressPerMinute, kPerAddressBurst) {}

std::optional<std::int64_t> LoginThrottle::begin(std::string_view account, std::string_view from, std::int64_t now_ns) {
  const std::string address = counted_address(from);
  const std::string key = key_of(account, address);
  const auto found = by_key_.find(key);
  const bool known = found != by_key_.end();
  if (known && now_ns < found->second->next_ns) {
    return (found->second->next_ns - now_ns + kNsPerSecond - 1) / kNsPerSecond;
  }
  // Before a record is made: names that one address makes up must not push out the records of others.
  if (const auto wait = per_address_.take(address, now_ns)) return wait;
  if (known) {
    records_.splice(records_.begin(), records_, found->second);
  } else {
    if (records_.size() >= kMaxRecords) {
      by_key_.erase(records_.back().key);
      records_.pop_back();
    }
    records_.push_front({.key = key});
    by_key_.emplace(records_.front().key, records_.begin());
  }
  Record& record = records_.front();
  ++record.failures;
  record.next_ns = now_ns + delay_seconds(record.failures) * kNsPerSecond;
  return std::nullopt;
}

void LoginThrottle::succeeded(std::string_view account, std::string_view address) {
  const auto found = by_key_.find(key_of(account, counted_address(address)));
  if (found == by_key_.end()) return;
  const auto record = found->second;
  by_key_.erase(found);
  records_.erase(record);
}

}  // namespace aircheck::access
