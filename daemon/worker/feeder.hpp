// The thread that plays the sequencer out in time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "worker/clock.hpp"
#include "worker/sequencer.hpp"

namespace aircheck::worker {

class Feeder {
 public:
  // All on the feeder's thread.
  struct Events {
    std::function<void()> first_output;  // something was taken by the output
    std::function<void(const std::string& code, const std::string& message)> warning;
    std::function<std::int64_t()> latency;  // of the encoder, ns: how far ahead of UTC we have to be
  };

  // Emits without waiting until it has caught up with the clock, then leads it by the latency.
  Feeder(std::unique_ptr<Sequencer> sequencer, std::shared_ptr<Clock> clock, Events events);
  Feeder(const Feeder&) = delete;
  Feeder& operator=(const Feeder&) = delete;
  // Stops and waits for the thread: whoever blocks it (the output) has to be cancelled first.
  ~Feeder();

  // The frame in hand is the last one. Returns when the thread is done.
  void stop();

 private:
  void run();
  void watch(std::int64_t late_ns);

  std::unique_ptr<Sequencer> sequencer_;
  std::shared_ptr<Clock> clock_;
  Interruption interruption_;
  const Events events_;
  const Anchor anchor_;
  bool late_ = false;
  std::int64_t told_drift_ = 0;  // of the system's clock against the anchor, ns
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace aircheck::worker
