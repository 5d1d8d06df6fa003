#include "base/worker_pool.hpp"

#include "gobj/handoff.hpp"

namespace aircheck::base {

namespace {

void run_work(gpointer data, gpointer) noexcept {
  gobj::take_over(data);
  const std::unique_ptr<Task> task(static_cast<Task*>(data));
  (*task)();
}

void drop_work(gpointer data) noexcept {
  delete static_cast<Task*>(data);
}

}  // namespace

WorkerPool::WorkerPool(int threads)
    : pool_(g_thread_pool_new_full(run_work, nullptr, drop_work, threads, FALSE, nullptr)) {}

WorkerPool::~WorkerPool() {
  g_thread_pool_free(pool_, TRUE, TRUE);
}

void WorkerPool::push(Task work) {
  auto* task = new Task(std::move(work));
  gobj::hand_over(task);
  g_thread_pool_push(pool_, task, nullptr);
}

unsigned WorkerPool::waiting() const {
  return g_thread_pool_unprocessed(pool_);
}

}  // namespace aircheck::base
