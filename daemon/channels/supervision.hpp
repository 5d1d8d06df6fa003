// The life cycle of one channel's worker as the daemon drives it: a pure step(state, event) -> next + actions.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace aircheck::channels {

enum class Phase {
  kStopped,     // no worker is wanted, none is there
  kConnecting,  // is a worker there already?
  kLaunching,   // its process is there, its socket not yet
  kStarting,    // Configure and Start are on their way
  kRunning,
  kRekeying,  // Stop is on its way, to start again (a new crypto period, or a restart)
  kStopping,  // Stop is on its way, for good
  kLeaving,   // the process has to end
  kBackoff,   // waits before the next attempt
  kFailed,    // the worker refused what the channel is configured to show; an operator has to act
};

enum class Event {
  kBoot,   // the daemon starts
  kStart,  // an operator's wishes
  kStop,
  kRestart,
  kWorkerIdle,     // a worker answers and is not on air
  kWorkerOnAir,    // a worker answers and is on air with what we would configure
  kWorkerForeign,  // a worker answers, but plays into another folder
  kNoWorker,       // no worker answers
  kStarted,        // Start succeeded
  kRefused,        // Configure or Start failed for a reason that time does not mend
  kStartFailed,    // ... for a reason that may pass
  kStopDone,       // Stop was answered, or was not in time
  kGone,           // the connection or the process ended
  kWorkerFailed,   // the worker says that it went off air
  kRetryDue,       // the back-off is over
  kHealthy,        // on air for a minute
  kPeriodEnd,      // the crypto period is over
};

enum class Action {
  kConnect,
  kLaunch,
  kAdopt,        // take over a worker that is on air: its rows, its key's period
  kStartWorker,  // Configure and Start; from here on no GAP rows
  kStopWorker,
  kTerminate,   // end the process, if there is one
  kReportDown,  // off air: GAP rows from here on
  kArmRetry,    // after retry_delay_s(failures)
  kArmHealthy,
};

struct Supervision {
  Phase phase = Phase::kStopped;
  bool wanted = false;
  bool lost = false;  // the worker went away without being asked: do not hurry to launch the next
  int failures = 0;   // in a row, without a healthy minute

  friend bool operator==(const Supervision&, const Supervision&) = default;
};

struct Step {
  Supervision next;
  std::vector<Action> actions;
};

// Any event may come in any phase: one that means nothing there changes nothing.
[[nodiscard]] Step step(const Supervision& state, Event event);

// 1 s doubling to 60 s.
[[nodiscard]] std::int64_t retry_delay_s(int failures);

inline constexpr std::int64_t kHealthyAfterMs = 60'000;

[[nodiscard]] std::string_view to_string(Phase phase);
[[nodiscard]] std::string_view to_string(Event event);
// As the API has it: stopped | starting | running | backoff | failed.
[[nodiscard]] std::string_view public_state(const Supervision& state);

}  // namespace aircheck::channels
