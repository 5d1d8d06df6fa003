// Threads for what must not run on the main context: disk, hashes, passwords, AES.
#pragma once

#include <glib.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "base/main_context.hpp"

namespace aircheck::base {

class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  // Waits for the work in hand; work that has not begun is dropped.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Runs `work` on a pool thread, then `then(result of work)` on the main context. `work` may touch only values that it
  // owns or that are immutable. `then` has to check for itself that what it refers to is still there.
  template <typename Work, typename Then>
  void run(Work work, Then then) {
    push([work = std::move(work), then = std::move(then)]() mutable {
      if constexpr (std::is_void_v<std::invoke_result_t<Work&>>) {
        work();
        post(std::move(then));
      } else {
        auto result = std::make_shared<std::invoke_result_t<Work&>>(work());
        post([result, then = std::move(then)]() mutable { then(std::move(*result)); });
      }
    });
  }
  void push(Task work);

  // Work that waits for a thread: what an overload check looks at.
  [[nodiscard]] unsigned waiting() const;

 private:
  GThreadPool* pool_;
};

}  // namespace aircheck::base
