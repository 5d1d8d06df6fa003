#include "worker/life_cycle.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aircheck::worker {
namespace {

constexpr State kStates[] = {State::kIdle, State::kStarting, State::kRunning, State::kStopping, State::kFailed};
constexpr Event kEvents[] = {Event::kStart, Event::kSourceGood, Event::kOnAir,       Event::kFailure,
                             Event::kStop,  Event::kDrained,    Event::kDrainTimeout};

std::string text(State state, std::uint32_t actions) {
  constexpr const char* kNames[] = {"refuse", "probe", "launch", "drain", "tear-down", "answer-start", "answer-stop"};
  std::string line(control::to_string(state));
  for (std::size_t bit = 0; bit < std::size(kNames); ++bit) {
    if ((actions & (1U << bit)) != 0) line += std::string(" ") + kNames[bit];
  }
  return line;
}

TEST(LifeCycleTest, TheWholeTable) {
  std::string table;
  for (const State state : kStates) {
    table += std::string(control::to_string(state)) + ":";
    for (const Event event : kEvents) {
      const Transition transition = step(state, event);
      table += " | " + (transition == Transition{state, kNothing} ? std::string("-")
                                                                  : text(transition.next, transition.actions));
    }
    table += "\n";
  }
  // start | source good | on air | failure | stop | drained | drain timeout
  EXPECT_EQ(table,
            "idle: | starting probe | - | - | - | idle answer-stop | - | -\n"
            "starting: | - | starting launch | running answer-start | failed tear-down answer-start"
            " | idle tear-down answer-start answer-stop | - | -\n"
            "running: | running answer-start | - | - | failed tear-down | stopping drain | - | -\n"
            "stopping: | stopping refuse | - | - | failed tear-down answer-stop | - | idle tear-down answer-stop"
            " | failed tear-down answer-stop\n"
            "failed: | starting probe | - | - | - | idle answer-stop | - | -\n");
}

TEST(LifeCycleTest, WhatPlaysIsTornDownBeforeItIsOver) {
  for (const State state : {State::kStarting, State::kRunning, State::kStopping}) {
    for (const Event event : kEvents) {
      const Transition transition = step(state, event);
      if (!may_configure(transition.next)) continue;
      EXPECT_TRUE((transition.actions & kTearDown) != 0) << text(state, transition.actions);
    }
  }
}

TEST(LifeCycleTest, EveryStateCanBeLeftByStop) {
  for (const State state : kStates) {
    State now = step(state, Event::kStop).next;
    if (now == State::kStopping) now = step(now, Event::kDrained).next;
    EXPECT_EQ(now, State::kIdle) << control::to_string(state);
  }
}

}  // namespace
}  // namespace aircheck::worker
