#include "catchup/tasks.hpp"

#include <algorithm>

namespace aircheck::catchup {

void Tasks::add(Task task) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(task));
  wake_one();
}

void Tasks::add_first(Task task) {
  const std::lock_guard lock(mutex_);
  waiting_.push_front(std::move(task));
  wake_one();
}

// A thread is started when a task waits for one, so that little work costs none.
void Tasks::wake_one() {
  if (idle_ > 0) {
    changed_.notify_one();
  } else if (helpers_.size() < most_helpers_) {
    helpers_.emplace_back([this] { work(); });
  }
}

void Tasks::work() {
  std::unique_lock lock(mutex_);
  while (busy_ > 0 || !waiting_.empty()) {
    if (waiting_.empty()) {
      ++idle_;
      changed_.wait(lock);
      --idle_;
      continue;
    }
    Task task = std::move(waiting_.front());
    waiting_.pop_front();
    ++busy_;
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
    --busy_;
  }
  changed_.notify_all();
}

void Tasks::run() {
  constexpr std::size_t kMostThreads = 4;
  {
    const std::lock_guard lock(mutex_);
    most_helpers_ = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads) - 1;
    for (std::size_t i = 1; i < waiting_.size() && helpers_.size() < most_helpers_; ++i) wake_one();
  }
  work();
  helpers_.clear();
}

}  // namespace aircheck::catchup
