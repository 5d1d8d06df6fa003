// The life cycle of a channel's playout as one pure table.
#pragma once

#include <cstdint>

#include "control/values.hpp"

namespace aircheck::worker {

using State = control::WorkerState;

enum class Event {
  kStart,         // asked for
  kSourceGood,    // the source was probed and can be played
  kOnAir,         // the encoder took the first frame
  kFailure,       // anything that cannot go on: bad source, encoder, full disk
  kStop,          // asked for
  kDrained,       // everything that went in has come out as segments
  kDrainTimeout,  // it has not, within the time that Stop may take
};

// What the caller does on a transition, in the order of these bits.
enum Action : std::uint32_t {
  kNothing = 0,
  kRefuse = 1U << 0,       // answer this request with "not now"
  kProbe = 1U << 1,        // look at the source
  kLaunch = 1U << 2,       // build the encoder and begin to feed it
  kDrain = 1U << 3,        // end the stream at the feeder and wait
  kTearDown = 1U << 4,     // stop feeding, throw the pipelines away
  kAnswerStart = 1U << 5,  // every waiting Start: done, or failed when the new state is not running
  kAnswerStop = 1U << 6,   // every waiting Stop: done, or failed when the new state is not idle
};

struct Transition {
  State next;
  std::uint32_t actions;

  friend bool operator==(const Transition&, const Transition&) = default;
};

[[nodiscard]] Transition step(State state, Event event);

// Configure is allowed while nothing plays.
[[nodiscard]] constexpr bool may_configure(State state) {
  return state == State::kIdle || state == State::kFailed;
}

}  // namespace aircheck::worker
