#include "base/worker_pool.hpp"

#include "support/main_loop.hpp"

namespace aircheck::base {
namespace {

using WorkerPoolTest = test::MainLoopTest;

TEST_F(WorkerPoolTest, WorkRunsElsewhereAndItsResultHere) {
  WorkerPool pool(2);
  GThread* here = g_thread_self();
  GThread* worked = nullptr;
  int result = 0;
  pool.run(
      [&] {
        worked = g_thread_self();
        return 42;
      },
      [&](int value) {
        EXPECT_EQ(g_thread_self(), here);
        result = value;
      });
  ASSERT_TRUE(run_until([&] { return result != 0; }));
  EXPECT_EQ(result, 42);
  EXPECT_NE(worked, here);
}

TEST_F(WorkerPoolTest, PostedTasksKeepTheirOrder) {
  std::string order;
  for (const char c : {'a', 'b', 'c'}) post([&order, c] { order.push_back(c); });
  EXPECT_EQ(order, "") << "never inside post()";
  ASSERT_TRUE(run_until([&] { return order.size() == 3; }));
  EXPECT_EQ(order, "abc");
}

TEST_F(WorkerPoolTest, ATimerMayCancelItself) {
  int ticks = 0;
  Timer timer;
  timer = Timer::every(1, [&] {
    if (++ticks == 3) timer.cancel();
  });
  ASSERT_TRUE(run_until([&] { return !timer.active(); }));
  EXPECT_EQ(ticks, 3);
  {
    const Timer dropped = Timer::once(0, [&] { ticks = 100; });
  }
  drain();
  EXPECT_EQ(ticks, 3);
}

}  // namespace
}  // namespace aircheck::base
