#include "base/worker_pool.hpp"

#include "base/log.hpp"
#include "gobj/handoff.hpp"

namespace aircheck::base {

namespace {

struct Work {
  Task task;
  RequestId request;  // that it is done for
};

void run_work(gpointer data, gpointer) noexcept {
  gobj::take_over(data);
  const std::unique_ptr<Work> work(static_cast<Work*>(data));
  const RequestScope scope(work->request);
  work->task();
}

void drop_work(gpointer data) noexcept {
  delete static_cast<Work*>(data);
}

}  // namespace

WorkerPool::WorkerPool(int threads)
    : pool_(g_thread_pool_new_full(run_work, nullptr, drop_work, threads, FALSE, nullptr)) {}

WorkerPool::~WorkerPool() {
  g_thread_pool_free(pool_, TRUE, TRUE);
}

void WorkerPool::push(Task work) {
  auto* item = new Work{std::move(work), current_request()};
  gobj::hand_over(item);
  g_thread_pool_push(pool_, item, nullptr);
}

unsigned WorkerPool::waiting() const {
  return g_thread_pool_unprocessed(pool_);
}

}  // namespace aircheck::base
