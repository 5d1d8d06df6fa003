#include "worker/life_cycle.hpp"

namespace aircheck::worker {
namespace {

struct Row {
  State state;
  Event event;
  Transition transition;
};

using S = State;
using E = Event;

// clang-format off
constexpr Row kTable[] = {
    {S::kIdle,     E::kStart,        {S::kStarting, kProbe}},
    {S::kIdle,     E::kStop,         {S::kIdle,     kAnswerStop}},

    {S::kStarting, E::kStart,        {S::kStarting, kNothing}},  // answered with the first one
    {S::kStarting, E::kSourceGood,   {S::kStarting, kLaunch}},
    {S::kStarting, E::kOnAir,        {S::kRunning,  kAnswerStart}},
    {S::kStarting, E::kFailure,      {S::kFailed,   kTearDown | kAnswerStart}},
    {S::kStarting, E::kStop,         {S::kIdle,     kTearDown | kAnswerStart | kAnswerStop}},

    {S::kRunning,  E::kStart,        {S::kRunning,  kAnswerStart}},
    {S::kRunning,  E::kFailure,      {S::kFailed,   kTearDown}},
    {S::kRunning,  E::kStop,         {S::kStopping, kDrain}},

    {S::kStopping, E::kStart,        {S::kStopping, kRefuse}},
    {S::kStopping, E::kStop,         {S::kStopping, kNothing}},  // answered with the first one
    {S::kStopping, E::kDrained,      {S::kIdle,     kTearDown | kAnswerStop}},
    {S::kStopping, E::kDrainTimeout, {S::kFailed,   kTearDown | kAnswerStop}},
    {S::kStopping, E::kFailure,      {S::kFailed,   kTearDown | kAnswerStop}},

    {S::kFailed,   E::kStart,        {S::kStarting, kProbe}},
    {S::kFailed,   E::kStop,         {S::kIdle,     kAnswerStop}},
};
// clang-format on

}  // namespace

Transition step(State state, Event event) {
  for (const Row& row : kTable) {
    if (row.state == state && row.event == event) return row.transition;
  }
  return {state, kNothing};  // late news of something that is over
}

}  // namespace aircheck::worker
