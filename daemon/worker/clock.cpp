#include "worker/clock.hpp"

namespace aircheck::worker {
namespace {

using Monotonic = std::chrono::steady_clock;

}  // namespace

core::Utc SystemClock::utc_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return core::Utc{std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()};
}

std::int64_t SystemClock::monotonic_now() {
  const auto now = Monotonic::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

bool SystemClock::wait_until(std::int64_t monotonic_ns, Interruption& interruption) {
  return !interruption.wait_until(Monotonic::time_point(std::chrono::nanoseconds(monotonic_ns)));
}

void Interruption::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  changed_.notify_all();
}

bool Interruption::interrupted() {
  const std::lock_guard lock(mutex_);
  return interrupted_;
}

bool Interruption::wait_until(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, until, [this] { return interrupted_; });
}

void Interruption::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return interrupted_; });
}

}  // namespace aircheck::worker
