// Time as the worker sees it. Everything that waits or asks for the time gets a Clock, so that tests run on their own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "core/time.hpp"

namespace aircheck::worker {

// Ends a wait, for good; any thread.
class Interruption {
 public:
  void interrupt();
  [[nodiscard]] bool interrupted();
  // Returns true when it was interrupted, before or while it waited; false when steady_clock has reached `until`.
  bool wait_until(std::chrono::steady_clock::time_point until);
  // Waits until it is interrupted.
  void wait();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool interrupted_ = false;  // under mutex_
};

class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual core::Utc utc_now() = 0;
  // ns on a clock that is never set.
  [[nodiscard]] virtual std::int64_t monotonic_now() = 0;
  // Returns false at once when it was interrupted, before or while it waited.
  virtual bool wait_until(std::int64_t monotonic_ns, Interruption& interruption) = 0;
};

// CLOCK_REALTIME and CLOCK_MONOTONIC.
class SystemClock : public Clock {
 public:
  [[nodiscard]] core::Utc utc_now() override;
  [[nodiscard]] std::int64_t monotonic_now() override;
  bool wait_until(std::int64_t monotonic_ns, Interruption& interruption) override;
};

// Maps UTC to the monotonic clock once, when playing begins, and holds on to that: a correction of the system's clock
// changes nothing on air. The drift between the two is for the caller to report.
class Anchor {
 public:
  explicit Anchor(Clock& clock) : monotonic_(clock.monotonic_now()), utc_(clock.utc_now()) {}

  [[nodiscard]] std::int64_t monotonic_of(core::Utc utc) const { return monotonic_ + (utc - utc_); }
  [[nodiscard]] core::Utc utc_of(std::int64_t monotonic) const { return utc_ + (monotonic - monotonic_); }
  // How far the system's UTC has moved away from ours since; positive when it was set forward.
  [[nodiscard]] std::int64_t drift_ns(Clock& clock) const { return clock.utc_now() - utc_of(clock.monotonic_now()); }

 private:
  std::int64_t monotonic_;
  core::Utc utc_;
};

}  // namespace aircheck::worker
