#include "base/main_context.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include "support/main_loop.hpp"

namespace aircheck::base {
namespace {

constexpr int kThreads = 4;

class MainContextTest : public test::MainLoopTest {
 protected:
  // Threads that take one turn after the other, and call `in_turn` in each.
  void start(const std::function<void()>& in_turn) {
    share_main_context();
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this, in_turn] {
        while (!done_) {
          const MainTurn turn;
          in_turn();
        }
      });
    }
  }
  // As long as an answer takes: thousands of empty turns fit into the time in which a thread wakes up.
  static void work() {
    const std::int64_t end_us = g_get_monotonic_time() + 100;
    while (g_get_monotonic_time() < end_us) {
    }
  }
  void finish() {
    done_ = true;
    const MainPause pause;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }
  void TearDown() override {
    share_main_context();
    finish();
  }

  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

TEST_F(MainContextTest, OneIsAtWorkAtATime) {
  std::int64_t in_turns = 0;  // no atomic: turns and callbacks are never at the same time
  std::int64_t in_callbacks = 0;
  std::int64_t sum = 0;
  start([&] {
    ++in_turns;
    ++sum;
  });
  const Timer timer = Timer::every(0, [&] {
    ++in_callbacks;
    ++sum;
  });
  ASSERT_TRUE(run_until([&] { return in_callbacks >= 2000 && in_turns >= 2000; }));
  finish();
  EXPECT_EQ(sum, in_turns + in_callbacks);
}

// A mutex alone goes to whoever asks for it again at once: dozens of turns before the main loop has one.
TEST_F(MainContextTest, TheMainLoopComesNext) {
  constexpr int kTimes = 200;
  std::atomic<bool> waits{false};
  std::atomic<std::int64_t> turns{0};
  std::int64_t before_it = 0;  // turns that began while the main loop waited for its own
  start([&] {
    ++turns;
    if (waits) ++before_it;
    work();
  });
  for (int i = 0; i < kTimes; ++i) {
    const std::int64_t before = turns;
    {
      const MainPause pause;
      while (turns == before) std::this_thread::yield();
      waits = true;
    }
    waits = false;
  }
  EXPECT_GT(turns, kTimes / 2);
  finish();
  EXPECT_LE(before_it, kTimes);
}

TEST_F(MainContextTest, WhatATurnPostsRunsOnTheMainLoop) {
  std::thread::id ran_on;
  share_main_context();
  std::thread thread([&] {
    const MainTurn turn;
    post([&] { ran_on = std::this_thread::get_id(); });
  });
  // Nothing but what is posted wakes this loop in time.
  bool late = false;
  const Timer watchdog = Timer::once(kWatchdogMs, [&] { late = true; });
  while (ran_on == std::thread::id() && !late) g_main_context_iteration(nullptr, TRUE);
  EXPECT_FALSE(late);
  EXPECT_EQ(ran_on, std::this_thread::get_id());
  thread.join();
}

}  // namespace
}  // namespace aircheck::base
