// Tasks that add tasks, on several threads: each is done once, and all are done when run() returns.
#include "catchup/tasks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

namespace aircheck::catchup {
namespace {

TEST(CatchupTasks, AreEachDoneOnce) {
  constexpr std::size_t kFirst = 20;
  constexpr std::size_t kOfEach = 28;
  for (int round = 0; round < 200; ++round) {
    std::vector<std::atomic<int>> done(kFirst + kFirst * kOfEach);
    Tasks tasks;
    for (std::size_t i = 0; i < kFirst; ++i) {
      tasks.add([&tasks, &done, i] {
        ++done[i];
        for (std::size_t j = 0; j < kOfEach; ++j) {
          const std::size_t later = kFirst + i * kOfEach + j;
          const auto task = [&done, later] { ++done[later]; };
          later % 2 == 0 ? tasks.add(task) : tasks.add_first(task);
        }
      });
    }
    tasks.run();
    for (std::size_t i = 0; i < done.size(); ++i) ASSERT_EQ(done[i], 1) << round << " " << i;
  }
}

// A folder whose names are all in one part has a task that adds others when no thread but one is at work.
TEST(CatchupTasks, GiveWorkToThreadsThatHadNone) {
  const bool one_thread = std::thread::hardware_concurrency() < 2;
  Tasks tasks;
  std::atomic<int> meeting = 0;
  bool met = false;
  tasks.add([&] {
    tasks.add_first([&] { ++meeting; });
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!one_thread && meeting == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    met = one_thread || meeting == 1;
  });
  tasks.run();
  EXPECT_TRUE(met);
}

TEST(CatchupTasks, WhatIsAddedFirstIsDoneFirst) {
  Tasks tasks;
  std::atomic<bool> begun = false;
  std::atomic<bool> too_late = false;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (int i = 0; i < 10; ++i) {
    tasks.add([&] {
      while (!begun && !too_late) {
        if (std::chrono::steady_clock::now() > until) too_late = true;
        std::this_thread::yield();
      }
    });
  }
  tasks.add_first([&] { begun = true; });
  tasks.run();
  EXPECT_FALSE(too_late);
}

// Threads that have run out of work wait for what the others may add.
TEST(CatchupTasks, GiveWorkToThreadsThatHaveDoneTheirs) {
  const auto threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto wait_for = [&](const std::atomic<std::size_t>& count, std::size_t wanted) {
    while (count < wanted && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    return count >= wanted;
  };
  Tasks tasks;
  std::atomic<std::size_t> done = 0;
  std::atomic<std::size_t> met = 0;
  bool all_met = false;
  tasks.add([&] {
    wait_for(done, threads - 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // so that they are idle, or gone, where they may
    for (std::size_t i = 1; i < threads; ++i) {
      tasks.add([&] {
        ++met;
        wait_for(met, threads);
      });
    }
    ++met;
    all_met = wait_for(met, threads);
  });
  for (std::size_t i = 1; i < threads; ++i) {
    tasks.add([&] { ++done; });
  }
  tasks.run();
  EXPECT_TRUE(all_met);
}

TEST(CatchupTasks, MayBeNone) {
  Tasks().run();
}

}  // namespace
}  // namespace aircheck::catchup
