#include "worker/feeder.hpp"

#include <cstdlib>

namespace aircheck::worker {
namespace {

constexpr std::int64_t kLatencyCheckNs = core::kNsPerSecond;
// What has become due in this time is played out at one go: every wait wakes the threads of decoders, encoders and
// queues one after the other, which costs more than what they do then.
constexpr std::int64_t kBurstNs = 240 * core::kNsPerMs;
constexpr std::int64_t kLateNs = 5 * core::kNsPerSecond;  // behind by so much: tell
constexpr std::int64_t kStepNs = core::kNsPerSecond;      // the system's clock moved by so much: tell

std::string seconds(std::int64_t ns) {
  return std::to_string(std::abs(ns) / core::kNsPerSecond) + "." +
         std::to_string(std::abs(ns) / (core::kNsPerSecond / 10) % 10) + " s";
}

}  // namespace

Feeder::Feeder(std::unique_ptr<Sequencer> sequencer, std::shared_ptr<Clock> clock, Events events)
    : sequencer_(std::move(sequencer)), clock_(std::move(clock)), events_(std::move(events)), anchor_(*clock_) {
  thread_ = std::thread([this] { run(); });
}

Feeder::~Feeder() {
  stop();
}

void Feeder::stop() {
  stopping_ = true;
  interruption_.interrupt();
  if (thread_.joinable()) thread_.join();
}

void Feeder::run() {
  std::int64_t latency = 0;
  std::int64_t next_check = 0;
  bool caught_up = false;
  for (bool first = true; !stopping_; first = false) {
    const std::int64_t due = anchor_.monotonic_of(sequencer_->next_time()) - latency;
    const std::int64_t now = clock_->monotonic_now();
    caught_up = caught_up || due >= now;
    if (due > now && !clock_->wait_until(due + kBurstNs, interruption_)) return;
    if (!sequencer_->emit()) return;
    if (first) events_.first_output();
    if (now < next_check) continue;
    next_check = now + kLatencyCheckNs;
    latency = events_.latency();
    if (caught_up) watch(now - due);
  }
}

void Feeder::watch(std::int64_t late_ns) {
  if (!late_ && late_ns > kLateNs) {
    events_.warning("behind",
                    "encoding is " + seconds(late_ns) + " behind: the machine is too slow or the source stalled");
  }
  late_ = late_ns > kLateNs || (late_ && late_ns > core::kNsPerSecond);
  const std::int64_t drift = anchor_.drift_ns(*clock_);
  const std::int64_t step = drift - told_drift_;
  if (std::abs(step) <= kStepNs) return;
  told_drift_ = drift;
  const std::string now = std::abs(drift) <= kStepNs
                              ? "it agrees with the channel's time again"
                              : "the channel keeps its own time, which is " + seconds(drift) +
                                    (drift > 0 ? " behind" : " ahead") + ", until it is started anew";
  events_.warning("clock-stepped", "the system's clock was set " + std::string(step > 0 ? "forward" : "back") + " by " +
                                       seconds(step) + "; " + now);
}

}  // namespace aircheck::worker
