#include "base/worker_pool.hpp"

#include <atomic>
#include <memory>

#include "base/log.hpp"
#include "gobj/handoff.hpp"

namespace aircheck::base {

namespace {

// Whether the pool is ending.
using Ending = std::shared_ptr<std::atomic<bool>>;

struct Work {
  Task task;
  RequestId request;  // that it is done for
  Ending ending;
};

void run_work(gpointer data, gpointer) noexcept {
  gobj::take_over(data);
  const std::unique_ptr<Work> work(static_cast<Work*>(data));
  if (*work->ending) return;
  const RequestScope scope(work->request);
  work->task();
}

}  // namespace

WorkerPool::WorkerPool(int threads)
    : pool_(g_thread_pool_new(run_work, new Ending(std::make_shared<std::atomic<bool>>(false)), threads, FALSE,
                              nullptr)) {}

// GLib can drop what has not begun too, but loses what a thread takes at that moment.
WorkerPool::~WorkerPool() {
  const std::unique_ptr<Ending> ending(static_cast<Ending*>(pool_->user_data));
  **ending = true;
  g_thread_pool_free(pool_, FALSE, TRUE);
}

void WorkerPool::push(Task work) {
  auto* item = new Work{std::move(work), current_request(), *static_cast<Ending*>(pool_->user_data)};
  gobj::hand_over(item);
  g_thread_pool_push(pool_, item, nullptr);
}

unsigned WorkerPool::waiting() const {
  return g_thread_pool_unprocessed(pool_);
}

}  // namespace aircheck::base
