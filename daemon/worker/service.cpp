#include "worker/service.hpp"

#include <unistd.h>

#include <utility>

#include "base/files.hpp"
#include "base/log.hpp"

namespace aircheck::worker {
namespace {

constexpr const char* kArea = "worker";
constexpr std::int64_t kDrainTimeoutMs = 15'000;
constexpr std::int64_t kLookAtClockMs = 500;
constexpr unsigned kSegmentDirectoryMode = 0755;  // a web server reads it

core::Error not_now(std::string message) {
  return {core::Code::kConflict, std::move(message)};
}

}  // namespace

Service::Service(std::string channel, std::shared_ptr<Clock> clock)
    : channel_(std::move(channel)), clock_(std::move(clock)), since_(clock_->utc_now()) {}

Service::~Service() {
  tear_down();
}

core::Result<void> Service::listen(const std::string& run_dir) {
  AIRCHECK_TRY(server_, control::Server::listen(run_dir, channel_, *this));
  return {};
}

void Service::configure(control::Configuration configuration, Done done) {
  if (!may_configure(state_)) {
    return done(
        core::Unexpected(not_now("the channel is " + std::string(control::to_string(state_)) + ": stop it first")));
  }
  auto description = Description::find(configuration.pipeline);
  if (!description) return done(description.unexpected());
  auto settings = parse_settings(configuration.variables);
  if (!settings) return done(settings.unexpected());
  if (auto checked = description->check_values(configuration.variables); !checked) return done(std::move(checked));
  const auto values = description_values(configuration.variables, *settings, channel_, core::Utc{0});
  if (configuration.encryption && !description->can_encrypt()) {
    return done(core::Unexpected(not_now("pipeline '" + configuration.pipeline + "' cannot encrypt")));
  }
  const bool same_store = programme_ && programme_->settings.segment_directory == settings->segment_directory;
  if (!same_store) log_.clear();
  programme_.emplace(Programme{std::move(*description), std::move(configuration.variables), std::move(*settings),
                               std::move(configuration.encryption),
                               std::get<std::string>(values.at("segment-location"))});
  base::log_info(kArea, "configured with pipeline " + programme_->description.name(), channel_);
  done({});
}

void Service::rotate(control::Encryption next, core::Utc from, Done done) {
  if (!encoder_ || !programme_->encryption) {
    return done(core::Unexpected(not_now("the channel is not on air with a key: Configure one and Start")));
  }
  auto rotated = encoder_->rotate(programme_->description, next, from);
  if (rotated) base::log_info(kArea, "another key from " + core::to_rfc3339(from, 3), channel_);
  done(std::move(rotated));
}

void Service::start(Done done) {
  if (!programme_) return done(core::Unexpected(not_now("nothing to play yet: call Configure first")));
  waiting_starts_.push_back(std::move(done));
  apply(Event::kStart, not_now("the channel is being stopped: try again when it is idle"));
}

void Service::stop(Done done) {
  waiting_stops_.push_back(std::move(done));
  apply(Event::kStop, not_now("stopped before it was on air"));
}

void Service::apply(Event event, const core::Error& why) {
  const State before = state_;
  const Transition transition = step(state_, event);
  state_ = transition.next;
  if ((transition.actions & kRefuse) != 0 && event == Event::kStart) {
    const Done refused = std::move(waiting_starts_.back());
    waiting_starts_.pop_back();
    refused(core::Unexpected(why));
  }
  if ((transition.actions & kTearDown) != 0) tear_down();
  if (state_ != before) {
    reason_ = state_ == State::kFailed || event == Event::kDrainTimeout ? why.message : "";
    if (state_ == State::kFailed) last_error_ = why.message;
    if (state_ == State::kStarting) last_error_.clear();
    since_ = clock_->utc_now();
    base::log_info(kArea, std::string(control::to_string(state_)) + (reason_.empty() ? "" : ": " + reason_), channel_);
  }
  // Before the signal: the answer has the code by which the daemon tells a refusal from a failure that passes.
  if ((transition.actions & kAnswerStart) != 0) answer(waiting_starts_, why, state_ == State::kRunning);
  if (state_ != before && server_) server_->state_changed(state_, reason_);
  if ((transition.actions & kAnswerStop) != 0) answer(waiting_stops_, why, state_ == State::kIdle);
  if ((transition.actions & kProbe) != 0) probe();
  if ((transition.actions & kDrain) != 0) drain();
  if ((transition.actions & kLaunch) != 0) {
    if (const auto launched = launch(); !launched) apply(Event::kFailure, launched.error());
  }
}

void Service::answer(std::vector<Done>& waiting, const core::Error& why, bool good) {
  for (const Done& done : std::exchange(waiting, {})) {
    if (good) {
      done({});
    } else {
      done(core::Unexpected(why));
    }
  }
}

core::Result<Service::Found> Service::find(const Programme& programme) {
  const ChannelSettings& settings = programme.settings;
  AIRCHECK_TRY_VOID(base::prepare_directory(settings.segment_directory, kSegmentDirectoryMode));
  Found found;
  AIRCHECK_TRY(const auto last, read_last_segment(programme.segment_pattern));
  if (last) found.end_of_store = last->start + last->duration_ns;
  AIRCHECK_TRY(found.source, probe_source(settings.source, settings.raster, settings.frame_rate));
  return found;
}

void Service::probe() {
  pool_.run([programme = *programme_] { return find(programme); },
            [this, generation = std::weak_ptr(generation_)](core::Result<Found> found) {
              if (generation.expired()) return;
              if (!found) return apply(Event::kFailure, found.error());
              found_ = std::move(*found);
              apply(Event::kSourceGood);
            });
}

std::unique_ptr<Sequencer> Service::make_sequencer(core::Utc start) {
  const ChannelSettings& settings = programme_->settings;
  const Timeline timeline(settings.frame_rate, found_->source.loop_frames);
  decoding_ = std::make_shared<Interruption>();
  auto open = [source = found_->source, raster = settings.raster, timeline, until = decoding_](std::int64_t frame) {
    return open_item(source, raster, timeline, frame, until);
  };
  return std::make_unique<Sequencer>(timeline, start, Encoder::black_picture(settings.raster), std::move(open),
                                     *encoder_, later_warning());
}

std::function<void(const std::string&, const std::string&)> Service::later_warning() {
  return [this, generation = std::weak_ptr(generation_)](const std::string& code, const std::string& message) {
    base::post([this, generation, code, message] {
      if (!generation.expired()) warn(code, message);
    });
  };
}

// Nothing is on air, so that nothing holds on to a time: whoever sets the clock right ends the wait.
void Service::wait_for_clock(core::Utc now, core::Utc start) {
  warn(control::kClockBehind, "the archive ends at " + core::to_rfc3339(start, 0) + ", the system's clock says " +
                                  core::to_rfc3339(now, 0) +
                                  ": nothing is played out before then; set the clock right, or wait");
  // Whoever waits for Start does not wait for an instant that has not come yet.
  later_event()(Event::kOnAir, {});
  waiting_for_clock_ = base::Timer::every(kLookAtClockMs, [this] {
    if (is_behind(clock_->utc_now())) return;
    waiting_for_clock_.cancel();
    if (const auto launched = launch(); !launched) apply(Event::kFailure, launched.error());
  });
}

core::Utc Service::start_at(core::Utc now) const {
  const ChannelSettings& settings = programme_->settings;
  return choose_anchor(now, found_->end_of_store, settings.not_before, settings.target_ns());
}

// Further than a restart within a slot or two explains.
bool Service::is_behind(core::Utc now) const {
  return start_at(now) - now > 2 * programme_->settings.target_ns();
}

std::function<void(Event, const core::Error&)> Service::later_event() {
  return [this, generation = std::weak_ptr(generation_)](Event event, const core::Error& why) {
    base::post([this, generation, event, why] {
      if (!generation.expired()) apply(event, why);
    });
  };
}

core::Result<void> Service::launch() {
  const core::Utc now = clock_->utc_now();
  const ChannelSettings& settings = programme_->settings;
  const core::Utc start = start_at(now);
  if (is_behind(now)) {
    wait_for_clock(now, start);
    return {};
  }
  storage_reason_.clear();
  const auto values = description_values(programme_->variables, settings, channel_, start);
  Encoder::Events events;
  events.segment_closed = [this](const control::SegmentRow& row) {
    log_.add(row);
    if (server_) server_->segment_closed(row);
  };
  const auto later = later_event();
  events.segment_lost = [this](core::Utc until) {
    if (server_) server_->segment_lost(until);
  };
  events.failed = [later](const core::Error& why) { later(Event::kFailure, why); };
  events.drained = [later] { later(Event::kDrained, {}); };
  events.warning = [this](const std::string& code, const std::string& message) { warn(code, message); };
  AIRCHECK_TRY(encoder_, Encoder::launch(programme_->description, values, programme_->encryption, settings, start,
                                         std::move(events)));
  Feeder::Events feeder_events;
  feeder_events.first_output = [later] { later(Event::kOnAir, {}); };
  feeder_events.warning = later_warning();
  feeder_events.latency = [encoder = encoder_.get()] { return encoder->latency_ns(); };
  feeder_ = std::make_unique<Feeder>(make_sequencer(start), clock_, std::move(feeder_events));
  base::log_info(kArea,
                 "playing from " + core::to_rfc3339(start, 3) + ", one pass is " +
                     std::to_string(found_->source.loop_frames) + " frames",
                 channel_);
  // Whoever waits for Start does not wait for an instant that has not come yet.
  if (start > now) later(Event::kOnAir, {});
  return {};
}

void Service::drain() {
  if (waiting_for_clock_.active()) {
    waiting_for_clock_.cancel();
    return later_event()(Event::kDrained, {});
  }
  // The main loop waits for the feeder, and the feeder may be waiting for a source that stalls.
  decoding_->interrupt();
  feeder_->stop();
  encoder_->end_of_stream();
  drain_timeout_ = base::Timer::once(kDrainTimeoutMs, [this] {
    apply(Event::kDrainTimeout, {core::Code::kTimeout, "the encoder did not finish its last segment within 15 s"});
  });
}

void Service::tear_down() {
  storage_reason_.clear();
  generation_ = std::make_shared<int>(0);
  drain_timeout_.cancel();
  waiting_for_clock_.cancel();
  if (decoding_) decoding_->interrupt();
  if (encoder_) encoder_->cancel();
  feeder_.reset();
  encoder_.reset();
  found_.reset();
}

control::Status Service::status() {
  control::Status status;
  status.state = state_;
  status.reason = reason_.empty() ? storage_reason_ : reason_;
  status.pid = ::getpid();
  status.since = since_;
  status.channel = channel_;
  if (programme_) {
    status.description = programme_->description.name();
    status.segment_directory = programme_->settings.segment_directory;
  }
  status.last_sequence = log_.last_sequence();
  status.error = last_error_;
  return status;
}

void Service::segments_since(std::uint64_t sequence, std::uint32_t limit, Rows rows) {
  if (auto known = log_.since(sequence, limit)) return rows(std::move(*known));
  if (!programme_) return rows(std::vector<control::SegmentRow>());
  pool_.run(
      [pattern = programme_->segment_pattern, sequence, limit] { return read_segments(pattern, sequence, limit); },
      std::move(rows));
}

void Service::warn(const std::string& code, const std::string& message) {
  if (code == control::kSourceFailed) reason_ = message;
  if (code == control::kSourceRecovered) reason_.clear();
  if (code == control::kSegmentLost || code == control::kClockBehind) storage_reason_ = message;
  if (code == control::kSegmentsWritten) storage_reason_.clear();
  base::log_warning(kArea, code + ": " + message, channel_);
  if (server_) server_->warning(code, message);
}

}  // namespace aircheck::worker
