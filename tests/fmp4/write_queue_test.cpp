#include "fmp4/write_queue.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "fmp4/losses.hpp"

namespace aircheck::fmp4 {
namespace {

using Queue = WriteQueue<int>;
using Push = Queue::Push;

Push push(Queue& queue, int item, QueueCost cost, bool wait = false) {
  return queue.push(item, cost, wait);
}

TEST(WriteQueue, KeepsItsLimits) {
  Queue queue;
  queue.set_limits({100, 10});
  EXPECT_EQ(push(queue, 1, {500, 0}), Push::kTaken) << "a large one goes alone";
  EXPECT_EQ(push(queue, 2, {1, 0}), Push::kFull);
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(push(queue, 2, {1, 0}), Push::kFull) << "it is still being worked on";
  queue.done();
  EXPECT_EQ(push(queue, 2, {60, 5}), Push::kTaken);
  EXPECT_EQ(push(queue, 3, {50, 0}), Push::kFull);
  EXPECT_EQ(push(queue, 3, {40, 6}), Push::kFull);
  EXPECT_EQ(push(queue, 3, {40, 5}), Push::kTaken);
  queue.push_always(4);
  queue.close();
  for (const int item : {2, 3, 4}) {
    EXPECT_EQ(queue.pop(), item);
    queue.done();
  }
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(WriteQueue, WithoutLimitsItTakesAll) {
  Queue queue;
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(push(queue, i, {1 << 20, 1 << 20}), Push::kTaken);
}

TEST(WriteQueue, WaitsForRoomAndCanBeInterrupted) {
  Queue queue;
  queue.set_limits({1, 0});
  ASSERT_EQ(push(queue, 1, {1, 0}), Push::kTaken);
  auto second = std::async(std::launch::async, [&] { return push(queue, 2, {1, 0}, true); });
  EXPECT_EQ(queue.pop(), 1);
  queue.done();
  EXPECT_EQ(second.get(), Push::kTaken);
  auto third = std::async(std::launch::async, [&] { return push(queue, 3, {1, 0}, true); });
  queue.interrupt(true);
  EXPECT_EQ(third.get(), Push::kInterrupted);
  queue.interrupt(false);
}

TEST(WriteQueue, IsIdleWhenAllIsDone) {
  Queue queue;
  ASSERT_EQ(push(queue, 1, {1, 0}), Push::kTaken);
  auto idle = std::async(std::launch::async, [&] { return queue.wait_until_idle(); });
  EXPECT_EQ(queue.pop(), 1);
  queue.done();
  EXPECT_TRUE(idle.get());
  ASSERT_EQ(push(queue, 2, {1, 0}), Push::kTaken);
  auto interrupted = std::async(std::launch::async, [&] { return queue.wait_until_idle(); });
  queue.interrupt(true);
  EXPECT_FALSE(interrupted.get());
}

TEST(WriteQueue, KeepsTheOrderBetweenThreads) {
  Queue queue;
  queue.set_limits({3, 0});
  auto consumer = std::async(std::launch::async, [&] {
    std::vector<int> items;
    while (const auto item = queue.pop()) {
      items.push_back(*item);
      queue.done();
    }
    return items;
  });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(push(queue, i, {1, 0}, true), Push::kTaken);
  EXPECT_TRUE(queue.wait_until_idle());
  queue.close();
  const std::vector<int> items = consumer.get();
  ASSERT_EQ(items.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(items[static_cast<std::size_t>(i)], i);
}

TEST(Losses, TellTheBeginningAndTheEndOnce) {
  Losses losses;
  EXPECT_EQ(losses.well(), std::nullopt);
  EXPECT_TRUE(losses.trouble());
  losses.lose(6);
  EXPECT_FALSE(losses.trouble());
  losses.lose(5);
  EXPECT_EQ(losses.well(), (Loss{2, 11}));
  EXPECT_EQ(losses.well(), std::nullopt);
  EXPECT_TRUE(losses.trouble());
  EXPECT_EQ(losses.well(), Loss{});
}

}  // namespace
}  // namespace aircheck::fmp4
