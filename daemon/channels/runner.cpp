#include "channels/runner.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "base/log.hpp"

namespace aircheck::channels {

using core::Code;

namespace {

constexpr std::int64_t kSocketWaitUs = 15'000'000;  // a worker's first start scans GStreamer's plugins
constexpr std::int64_t kConnectAgainMs = 50;
constexpr std::uint32_t kPage = 1000;

// What an operator has to mend before trying again makes sense.
bool is_refusal(Code code) {
  switch (code) {
    case Code::kInvalidArgument:
    case Code::kParse:
    case Code::kTruncated:
    case Code::kUnsupported:
    case Code::kNotFound:
    case Code::kPermission: return true;
    default: return false;
  }
}

Event event_for(const control::Status& status, const std::string& segment_directory) {
  const bool on_air = status.state == control::WorkerState::kRunning || status.state == control::WorkerState::kStarting;
  if (!on_air) return Event::kWorkerIdle;
  return status.segment_directory == segment_directory ? Event::kWorkerOnAir : Event::kWorkerForeign;
}

}  // namespace

Runner::Runner(const SupervisorOptions& options, ChannelStore& channels, KeyStore& keys, const ArchiveHooks& hooks,
               std::string channel_id, std::string channel_key, bool wanted)
    : options_(options),
      channels_(channels),
      hooks_(hooks),
      id_(std::move(channel_id)),
      key_(std::move(channel_key)),
      since_(options.now()),
      key_plan_(keys, options.guide) {
  state_.wanted = wanted;
}

void Runner::dispatch(Event event) {
  events_.push_back(event);
  // An action may give the next event at once; the table wants them one after the other.
  if (dispatching_) return;
  dispatching_ = true;
  while (!events_.empty()) {
    const Supervision before = state_;
    const Step result = step(state_, events_.front());
    events_.pop_front();
    state_ = result.next;
    if (state_.phase != before.phase) {
      healthy_.cancel();
      stall_.cancel();
      retry_.cancel();
      retry_at_.reset();
      const bool connecting = state_.phase == Phase::kConnecting || state_.phase == Phase::kLaunching;
      if (!connecting && abandon_connect_) std::exchange(abandon_connect_, nullptr)();
      if (!connecting) connect_again_.cancel();
    }
    for (const Action action : result.actions) perform(action);
    note(before);
  }
  dispatching_ = false;
}

void Runner::note(const Supervision& before) {
  const std::string_view was = public_state(before);
  const std::string_view is = public_state(state_);
  if (is == "stopped" || (is == "running" && was != is)) reason_.clear();
  if (was == is) return;
  since_ = options_.now();
  std::string line = std::string(was) + " -> " + std::string(is);
  if (is == "failed" || is == "backoff") {
    line += ": " + reason_;
    base::log_warning("channels", line, key_);
  } else {
    base::log_info("channels", line, key_);
  }
}

void Runner::perform(Action action) {
  switch (action) {
    case Action::kConnect: return connect();
    case Action::kLaunch: return launch();
    case Action::kAdopt:
      ++times_on_air_;
      closed_segments_ = false;
      if (const Channel* channel = this->channel()) {
        if (const auto last = hooks_.last_segment(*channel)) on_air_until_ = std::max(on_air_until_, last->end);
      }
      report(true);
      return watch_key();
    case Action::kStartWorker:
      ++times_on_air_;
      closed_segments_ = false;
      return start_worker();
    case Action::kStopWorker: return stop_worker();
    case Action::kTerminate: return terminate();
    case Action::kReportDown: return report(false);
    case Action::kArmRetry: return arm_retry();
    case Action::kArmHealthy:
      healthy_ = base::Timer::once(kHealthyAfterMs, [this] { dispatch(Event::kHealthy); });
      return expect_segment();
  }
}

ChannelStatus Runner::status() const {
  ChannelStatus status;
  status.state = public_state(state_);
  status.reason = reason_.empty() && status.state == "running" ? storage_reason_ : reason_;
  status.since = since_;
  if (process_) status.pid = process_->pid();
  status.failures = state_.failures;
  status.restarts = times_on_air_ == 0 ? 0 : times_on_air_ - 1;
  status.retry_at = retry_at_;
  return status;
}

bool Runner::at_rest() const {
  return !process_ && (state_.phase == Phase::kStopped || state_.phase == Phase::kFailed);
}

void Runner::kill() {
  if (process_) process_->kill();
}

void Runner::connect() {
  // A process that is on its way out still holds the channel's lock, and may answer once more.
  connect_when_ended_ = process_ && process_->terminating();
  if (connect_when_ended_) return;
  connect_deadline_us_ = 0;
  try_connect();
}

void Runner::try_connect() {
  control::Client::Events events;
  events.segment_closed = [this](const control::SegmentRow& row) {
    if (fetching_) {
      while_fetching_.push_back(row);
    } else {
      deliver({row});
    }
  };
  events.segment_lost = [this](core::Utc until) {
    if (const Channel* channel = this->channel()) hooks_.lost(*channel, until);
  };
  events.state_changed = [this](control::WorkerState worker_state, const std::string& reason) {
    if (worker_state != control::WorkerState::kFailed) return;
    reason_ = reason;
    dispatch(Event::kWorkerFailed);
  };
  events.warning = [this](const std::string& code, const std::string& message) {
    base::log_warning("channels", code + ": " + message, key_);
    if (code == control::kSourceFailed) reason_ = message;
    if (code == control::kSourceRecovered) reason_.clear();
    if (code == control::kSegmentsWritten) storage_reason_.clear();
    if (code == control::kClockBehind) storage_reason_ = message;
    if (code == control::kSegmentLost) {
      storage_reason_ = message;
      // It is alive, and another worker could not write either.
      if (state_.phase == Phase::kRunning) expect_segment();
    }
  };
  events.closed = [this](const core::Error& why) { closed(why); };
  client_.reset();
  storage_reason_.clear();
  if (abandon_connect_) std::exchange(abandon_connect_, nullptr)();
  abandon_connect_ =
      control::Client::connect(control::socket_path(options_.run_directory, key_), std::move(events),
                               [this](core::Result<std::unique_ptr<control::Client>> client,
                                      std::optional<pid_t> silent) { connected(std::move(client), silent); });
}

// A worker of an earlier daemon that hangs holds the channel's lock: nobody else could ever start. Once is no proof, a
// machine may be that busy.
bool Runner::is_hung(const core::Error& why, std::optional<pid_t> silent) const {
  return why.code == Code::kTimeout && silent && !process_ && state_.failures + 1 >= options_.silent_attempts;
}

bool Runner::take_hold_of(pid_t pid) {
  auto adopted = WorkerProcess::adopt(pid, [this](const std::string& how) { ended(how); });
  if (adopted) process_ = std::move(*adopted);
  return process_ != nullptr;
}

void Runner::connected(core::Result<std::unique_ptr<control::Client>> client, std::optional<pid_t> silent) {
  abandon_connect_ = nullptr;
  if (!client && is_hung(client.error(), silent) && take_hold_of(*silent)) {
    reason_ = client.error().message;
    base::log_warning("channels", "process " + std::to_string(*silent) + " is ended: " + reason_, key_);
    return dispatch(Event::kWorkerForeign);
  }
  if (!client) {
    if (g_get_monotonic_time() < connect_deadline_us_) {
      connect_again_ = base::Timer::once(kConnectAgainMs, [this] { try_connect(); });
      return;
    }
    const bool absent = client.error().code == Code::kNotFound || client.error().code == Code::kUnavailable;
    if (!absent || connect_deadline_us_ != 0) reason_ = client.error().message;
    return dispatch(Event::kNoWorker);
  }
  client_ = std::move(*client);
  // A segment that is signalled before the first page has been asked for must not hide those before it.
  fetching_ = true;
  while_fetching_.clear();
  if (!process_ && !take_hold_of(client_->peer_pid())) return dispatch(Event::kNoWorker);
  client_->status([this](core::Result<control::Status> status) {
    if (status) return take_over(*status);
    reason_ = status.error().message;
    dispatch(Event::kNoWorker);
  });
}

void Runner::take_over(const control::Status& status) {
  fetch_rows();
  dispatch(event_for(status, options_.segment_directory + "/" + key_));
  if (state_.phase == Phase::kRunning) reason_ = status.reason;
}

void Runner::fetch_rows() {
  const Channel* channel = this->channel();
  if (channel == nullptr || !client_) return;
  const std::optional<std::uint64_t> last = hooks_.last_sequence(*channel);
  client_->segments_since(last ? *last + 1 : 0, kPage, [this](core::Result<std::vector<control::SegmentRow>> rows) {
    if (!rows) base::log_warning("channels", "rows of the worker: " + rows.error().message, key_);
    const bool more = rows && !rows->empty();
    if (more) {
      const std::uint64_t newest = rows->back().sequence;
      deliver(*rows);
      const Channel* now = this->channel();
      // An archive that does not take the rows would be asked for the same page for ever.
      if (now != nullptr && hooks_.last_sequence(*now).value_or(0) >= newest) return fetch_rows();
    }
    fetching_ = false;
    deliver(std::exchange(while_fetching_, {}));
  });
}

void Runner::deliver(const std::vector<control::SegmentRow>& rows) {
  const Channel* channel = this->channel();
  if (channel == nullptr || rows.empty()) return;
  if (!std::exchange(closed_segments_, true)) storage_reason_.clear();
  hooks_.segments(*channel, rows);
  for (const control::SegmentRow& row : rows) on_air_until_ = std::max(on_air_until_, row.start + row.duration_ns);
  if (const auto used = key_plan_.used(rows); !used) {
    base::log_warning("channels", "content key: " + used.error().message, key_);
  }
  if (state_.phase == Phase::kRunning) plan_key();
  if (state_.phase == Phase::kRunning) expect_segment();
}

// A worker that hangs keeps its connection and says nothing: only the segments that do not come tell.
void Runner::expect_segment() {
  const Channel* channel = this->channel();
  if (channel == nullptr) return;
  const std::int64_t limit_ms =
      options_.stall.grace_ms + std::int64_t{1000} * options_.stall.segments * channel->max_duration_s;
  stall_ = base::Timer::once(limit_ms, [this, limit_ms] {
    const Channel* now = this->channel();
    // After a clock was set back a worker that starts waits until the archive's end has come again.
    const bool waits = !closed_segments_ && now != nullptr && hooks_.not_before(*now) > options_.now();
    if (waits) return expect_segment();
    reason_ = "the worker closed no segment for " + std::to_string(limit_ms / 1000) + " s";
    dispatch(Event::kWorkerFailed);
  });
}

void Runner::launch() {
  LaunchOptions launch;
  launch.command = {options_.worker_program, "--channel", key_, "--run-dir", options_.run_directory};
  launch.environment = options_.environment;
  launch.log_file = options_.log_directory + "/" + key_ + ".log";
  auto process = WorkerProcess::launch(launch, [this](const std::string& how) { ended(how); });
  if (!process) {
    reason_ = process.error().message;
    return dispatch(Event::kGone);
  }
  process_ = std::move(*process);
  connect_deadline_us_ = g_get_monotonic_time() + kSocketWaitUs;
  try_connect();
}

void Runner::ended(const std::string& how) {
  const bool asked = process_ && process_->terminating();
  if (!asked) reason_ = "the worker ended: " + how + " (see " + options_.log_directory + "/" + key_ + ".log)";
  process_.reset();
  client_.reset();
  fetching_ = false;
  while_fetching_.clear();
  if (std::exchange(connect_when_ended_, false)) return connect();
  dispatch(Event::kGone);
}

void Runner::closed(const core::Error& why) {
  client_.reset();
  fetching_ = false;
  while_fetching_.clear();
  // The end of the process says more, and comes next.
  if (process_ && process_->terminating()) return;
  if (reason_.empty()) reason_ = why.message;
  dispatch(Event::kGone);
}

core::Result<control::Configuration> Runner::configuration(const Channel& channel) {
  control::Configuration configuration;
  configuration.pipeline = channel.pipeline;
  configuration.variables = channel.variables;
  AIRCHECK_TRY(std::string source, resolve_source(options_.sources, channel));
  configuration.variables["source"] = std::move(source);
  if (!configuration.variables.contains("title")) configuration.variables["title"] = channel.name;
  const std::string directory = options_.segment_directory + "/" + channel.key;
  AIRCHECK_TRY_VOID(base::prepare_directory(directory, 0750));
  configuration.variables["segment-directory"] = directory;
  configuration.variables["target-duration"] = static_cast<std::uint32_t>(channel.target_duration_s);
  configuration.variables["max-duration"] = static_cast<std::uint32_t>(channel.max_duration_s);
  configuration.variables["not-before"] = hooks_.not_before(channel).ns;
  key_plan_.stop();
  const std::int64_t slot_ns = channel.target_duration_s * core::kNsPerSecond;
  const auto last = hooks_.last_segment(channel);
  // Where the worker's first segment begins at the earliest.
  on_air_until_ = std::max({core::slot_start(core::slot_of(options_.now(), slot_ns), slot_ns),
                            hooks_.not_before(channel), last ? last->end : core::Utc{}});
  if (channel.encrypted && options_.drm_enabled) {
    AIRCHECK_TRY(const KeyRecord key, key_plan_.start(channel, on_air_until_, last));
    configuration.encryption = control::Encryption{key.key_id, key.key};
  }
  return configuration;
}

void Runner::start_worker() {
  const Channel* channel = this->channel();
  if (channel == nullptr || !client_) return dispatch(Event::kStartFailed);
  // From here on the worker owns the coming slots: first no more GAP rows, then the bound that they set.
  report(true);
  const auto configured = configuration(*channel);
  if (!configured) return start_answered(configured.unexpected());
  client_->configure(*configured, [this](const core::Result<void>& result) {
    if (!result || !client_) return start_answered(result);
    client_->start([this](const core::Result<void>& started) { start_answered(started); });
  });
}

void Runner::start_answered(const core::Result<void>& result) {
  if (result) {
    dispatch(Event::kStarted);
    return watch_key();
  }
  reason_ = result.error().message;
  dispatch(is_refusal(result.error().code) ? Event::kRefused : Event::kStartFailed);
}

void Runner::stop_worker() {
  key_change_.cancel();
  key_plan_.stop();
  if (!client_) return dispatch(Event::kStopDone);
  client_->stop([this](const core::Result<void>& result) {
    if (!result) base::log_warning("channels", "stop: " + result.error().message, key_);
    dispatch(Event::kStopDone);
  });
}

void Runner::terminate() {
  key_change_.cancel();
  key_plan_.stop();
  if (!process_) return dispatch(Event::kGone);
  process_->terminate();
}

void Runner::report(bool up) {
  if (const Channel* channel = this->channel()) hooks_.on_air(*channel, up);
}

void Runner::arm_retry() {
  const std::int64_t delay_s = retry_delay_s(state_.failures);
  retry_at_ = options_.now() + delay_s * core::kNsPerSecond;
  retry_ = base::Timer::once(delay_s * 1000, [this] { dispatch(Event::kRetryDue); });
}

void Runner::rights_changed() {
  if (state_.phase == Phase::kRunning) plan_key();
}

// The worker is on air.
void Runner::watch_key() {
  const Channel* channel = this->channel();
  if (channel == nullptr || !channel->encrypted || !options_.drm_enabled) return;
  changing_key_ = false;
  if (!key_plan_.active()) {
    const auto last = hooks_.last_segment(*channel);
    on_air_until_ = last ? last->end : options_.now();
    if (const auto taken = key_plan_.take_over(*channel, options_.now(), last); !taken) {
      base::log_warning("channels", "content key on air: " + taken.error().message, key_);
      return change_key_by_restart(options_.now());
    }
  }
  plan_key();
}

void Runner::plan_key() {
  const Channel* channel = this->channel();
  if (channel == nullptr || !client_ || !key_plan_.active() || changing_key_) return;
  const auto border = key_plan_.border(*channel, on_air_until_);
  if (!border) return base::log_warning("channels", "content key: " + border.error().message, key_);
  // A border that a wrong clock has put in the past is as far away as the media is from it.
  const std::int64_t left_ms = (*border - media_now()) / core::kNsPerMs - options_.key_ahead_ms;
  if (left_ms <= 0) return change_key();
  key_change_ = base::Timer::once(left_ms, [this] { plan_key(); });
}

// The worker changes to the next key by itself, at a key frame that it makes at the period's start.
void Runner::change_key() {
  key_change_.cancel();
  const auto change = key_plan_.change(*channel(), on_air_until_);
  if (!change) return base::log_warning("channels", "content key: " + change.error().message, key_);
  changing_key_ = true;
  client_->rotate({change->next.key_id, change->next.key}, change->from,
                  [this, change = *change](const core::Result<void>& rotated) {
                    changing_key_ = false;
                    if (!rotated) {
                      base::log_warning("channels",
                                        "the worker cannot change its key on air: " + rotated.error().message, key_);
                      return change_key_by_restart(change.from);
                    }
                    key_plan_.changed(change);
                    plan_key();
                  });
}

// For a worker of an earlier version, or a pipeline whose elements cannot change keys: costs a discontinuity.
void Runner::change_key_by_restart(core::Utc from) {
  key_plan_.stop();
  const std::int64_t left_ms = std::max<std::int64_t>((from - media_now()) / core::kNsPerMs, 0);
  key_change_ = base::Timer::once(left_ms, [this] { dispatch(Event::kPeriodEnd); });
}

}  // namespace aircheck::channels
