// Work that waits for the disk or the kernel, spread over threads. A task may add tasks.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace aircheck::catchup {

class Tasks {
 public:
  using Task = std::function<void()>;

  // To be done when those before it are.
  void add(Task task);
  // To be done before all that wait.
  void add_first(Task task);

  // Does all tasks on as many threads as there are processors, up to four, and this thread is one of them; returns
  // when they are done. A thread takes the next task when it is done with one, because other programs want the
  // processors too.
  void run();

 private:
  void wake_one();
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> waiting_;
  std::size_t busy_ = 0;  // threads with a task
  std::size_t idle_ = 0;  // threads without, while busy ones may add some
  std::size_t most_helpers_ = 0;
  std::vector<std::jthread> helpers_;
};

}  // namespace aircheck::catchup
