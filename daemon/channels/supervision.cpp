#include "channels/supervision.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace aircheck::channels {

namespace {

using P = Phase;
using E = Event;
using A = Action;

enum class When { kAlways, kWanted, kUnwanted };
enum class Count { kKeep, kReset, kFail };

struct Row {
  Phase phase;
  Event event;
  When when;
  Phase next;
  Count failures;
  std::array<std::optional<Action>, 3> actions;
};

// clang-format off
constexpr std::array kTable = {
    //  in             on                 if               to             failures       do
    Row{P::kStopped,    E::kBoot,          When::kAlways,   P::kConnecting, Count::kReset, {A::kConnect}},
    Row{P::kStopped,    E::kStart,         When::kAlways,   P::kConnecting, Count::kReset, {A::kConnect}},
    Row{P::kStopped,    E::kRestart,       When::kAlways,   P::kConnecting, Count::kReset, {A::kConnect}},

    Row{P::kConnecting, E::kWorkerOnAir,   When::kWanted,   P::kRunning,    Count::kKeep,  {A::kAdopt, A::kArmHealthy}},
    Row{P::kConnecting, E::kWorkerOnAir,   When::kUnwanted, P::kStopping,   Count::kKeep,  {A::kStopWorker}},
    Row{P::kConnecting, E::kWorkerIdle,    When::kWanted,   P::kStarting,   Count::kKeep,  {A::kStartWorker}},
    Row{P::kConnecting, E::kWorkerIdle,    When::kUnwanted, P::kLeaving,    Count::kKeep,  {A::kReportDown, A::kTerminate}},
    Row{P::kConnecting, E::kWorkerForeign, When::kAlways,   P::kLeaving,    Count::kKeep,  {A::kReportDown, A::kTerminate}},
    Row{P::kConnecting, E::kNoWorker,      When::kUnwanted, P::kStopped,    Count::kReset, {A::kReportDown}},
    Row{P::kConnecting, E::kNoWorker,      When::kWanted,   P::kLaunching,  Count::kKeep,  {A::kReportDown, A::kLaunch}},
    Row{P::kConnecting, E::kGone,          When::kWanted,   P::kBackoff,    Count::kFail,  {A::kReportDown, A::kArmRetry}},
    Row{P::kConnecting, E::kGone,          When::kUnwanted, P::kStopped,    Count::kReset, {A::kReportDown}},

    Row{P::kLaunching,  E::kWorkerIdle,    When::kWanted,   P::kStarting,   Count::kKeep,  {A::kStartWorker}},
    Row{P::kLaunching,  E::kWorkerOnAir,   When::kWanted,   P::kRunning,    Count::kKeep,  {A::kAdopt, A::kArmHealthy}},
    Row{P::kLaunching,  E::kWorkerForeign, When::kAlways,   P::kLeaving,    Count::kKeep,  {A::kTerminate}},
    Row{P::kLaunching,  E::kNoWorker,      When::kAlways,   P::kBackoff,    Count::kFail,  {A::kTerminate, A::kArmRetry}},
    Row{P::kLaunching,  E::kGone,          When::kAlways,   P::kBackoff,    Count::kFail,  {A::kArmRetry}},
    Row{P::kLaunching,  E::kStop,          When::kAlways,   P::kLeaving,    Count::kKeep,  {A::kTerminate}},

    Row{P::kStarting,   E::kStarted,       When::kAlways,   P::kRunning,    Count::kKeep,  {A::kArmHealthy}},
    Row{P::kStarting,   E::kRefused,       When::kAlways,   P::kFailed,     Count::kKeep,  {A::kReportDown, A::kTerminate}},
    Row{P::kStarting,   E::kStartFailed,   When::kAlways,   P::kBackoff,    Count::kFail,  {A::kReportDown, A::kTerminate, A::kArmRetry}},
    Row{P::kStarting,   E::kWorkerFailed,  When::kAlways,   P::kBackoff,    Count::kFail,  {A::kReportDown, A::kTerminate, A::kArmRetry}},
    Row{P::kStarting,   E::kGone,          When::kAlways,   P::kBackoff,    Count::kFail,  {A::kReportDown, A::kArmRetry}},
    Row{P::kStarting,   E::kStop,          When::kAlways,   P::kStopping,   Count::kKeep,  {A::kStopWorker}},
    Row{P::kStarting,   E::kRestart,       When::kAlways,   P::kRekeying,   Count::kReset, {A::kStopWorker}},

    Row{P::kRunning,    E::kGone,          When::kAlways,   P::kConnecting, Count::kKeep,  {A::kConnect}},
    Row{P::kRunning,    E::kWorkerFailed,  When::kAlways,   P::kBackoff,    Count::kFail,  {A::kReportDown, A::kTerminate, A::kArmRetry}},
    Row{P::kRunning,    E::kHealthy,       When::kAlways,   P::kRunning,    Count::kReset, {}},
    Row{P::kRunning,    E::kPeriodEnd,     When::kAlways,   P::kRekeying,   Count::kKeep,  {A::kStopWorker}},
    Row{P::kRunning,    E::kRestart,       When::kAlways,   P::kRekeying,   Count::kReset, {A::kStopWorker}},
    Row{P::kRunning,    E::kStop,          When::kAlways,   P::kStopping,   Count::kKeep,  {A::kStopWorker}},

    Row{P::kRekeying,   E::kStopDone,      When::kWanted,   P::kStarting,   Count::kKeep,  {A::kStartWorker}},
    Row{P::kRekeying,   E::kStopDone,      When::kUnwanted, P::kLeaving,    Count::kKeep,  {A::kReportDown, A::kTerminate}},
    Row{P::kRekeying,   E::kGone,          When::kAlways,   P::kConnecting, Count::kKeep,  {A::kConnect}},
    Row{P::kRekeying,   E::kStop,          When::kAlways,   P::kStopping,   Count::kKeep,  {}},

    Row{P::kStopping,   E::kStopDone,      When::kWanted,   P::kStarting,   Count::kReset, {A::kStartWorker}},
    Row{P::kStopping,   E::kStopDone,      When::kUnwanted, P::kLeaving,    Count::kReset, {A::kReportDown, A::kTerminate}},
    Row{P::kStopping,   E::kGone,          When::kWanted,   P::kConnecting, Count::kReset, {A::kReportDown, A::kConnect}},
    Row{P::kStopping,   E::kGone,          When::kUnwanted, P::kStopped,    Count::kReset, {A::kReportDown}},

    Row{P::kLeaving,    E::kGone,          When::kWanted,   P::kConnecting, Count::kKeep,  {A::kConnect}},
    Row{P::kLeaving,    E::kGone,          When::kUnwanted, P::kStopped,    Count::kReset, {}},

    Row{P::kBackoff,    E::kRetryDue,      When::kAlways,   P::kConnecting, Count::kKeep,  {A::kConnect}},
    Row{P::kBackoff,    E::kStart,         When::kAlways,   P::kConnecting, Count::kReset, {A::kConnect}},
    Row{P::kBackoff,    E::kRestart,       When::kAlways,   P::kConnecting, Count::kReset, {A::kConnect}},
    Row{P::kBackoff,    E::kStop,          When::kAlways,   P::kStopped,    Count::kReset, {}},

    Row{P::kFailed,     E::kStart,         When::kAlways,   P::kConnecting, Count::kReset, {A::kConnect}},
    Row{P::kFailed,     E::kRestart,       When::kAlways,   P::kConnecting, Count::kReset, {A::kConnect}},
    Row{P::kFailed,     E::kStop,          When::kAlways,   P::kStopped,    Count::kReset, {}},
};
// clang-format on

bool applies(const Row& row, const Supervision& state, Event event) {
  if (row.phase != state.phase || row.event != event) return false;
  return row.when == When::kAlways || (row.when == When::kWanted) == state.wanted;
}

// A worker that went away by itself is not replaced at once: that would be a loop at full speed.
constexpr Row kAfterLoss{P::kConnecting, E::kNoWorker, When::kWanted,
                         P::kBackoff,    Count::kFail, {A::kReportDown, A::kArmRetry}};

}  // namespace

Step step(const Supervision& state, Event event) {
  Supervision now = state;
  if (event == Event::kStart || event == Event::kRestart) now.wanted = true;
  if (event == Event::kStop) now.wanted = false;

  const auto found =
      std::find_if(kTable.begin(), kTable.end(), [&](const Row& row) { return applies(row, now, event); });
  if (found == kTable.end()) return {now, {}};
  const bool after_loss = now.lost && applies(kAfterLoss, now, event);
  const Row& row = after_loss ? kAfterLoss : *found;

  Step result{now, {}};
  result.next.phase = row.next;
  if (row.failures == Count::kReset) result.next.failures = 0;
  if (row.failures == Count::kFail) ++result.next.failures;
  result.next.lost = event == Event::kGone && row.next == Phase::kConnecting && now.phase != Phase::kLeaving &&
                     now.phase != Phase::kStopping;
  for (const auto& action : row.actions) {
    if (action) result.actions.push_back(*action);
  }
  return result;
}

std::int64_t retry_delay_s(int failures) {
  const int doublings = std::clamp(failures - 1, 0, 6);
  return std::min<std::int64_t>(std::int64_t{1} << doublings, 60);
}

std::string_view to_string(Phase phase) {
  static constexpr std::array kNames = {"stopped",  "connecting", "launching", "starting", "running",
                                        "rekeying", "stopping",   "leaving",   "backoff",  "failed"};
  return kNames[static_cast<std::size_t>(phase)];
}

std::string_view to_string(Event event) {
  static constexpr std::array kNames = {"boot",          "start",          "stop",      "restart",       "worker-idle",
                                        "worker-on-air", "worker-foreign", "no-worker", "started",       "refused",
                                        "start-failed",  "stop-done",      "gone",      "worker-failed", "retry-due",
                                        "healthy",       "period-end"};
  return kNames[static_cast<std::size_t>(event)];
}

std::string_view public_state(const Supervision& state) {
  switch (state.phase) {
    case Phase::kStopped: return "stopped";
    case Phase::kConnecting:
    case Phase::kLeaving: return state.wanted ? "starting" : "stopped";
    case Phase::kLaunching:
    case Phase::kStarting: return "starting";
    case Phase::kRunning:
    case Phase::kRekeying:
    case Phase::kStopping: return "running";
    case Phase::kBackoff: return "backoff";
    case Phase::kFailed: break;
  }
  return "failed";
}

}  // namespace aircheck::channels
