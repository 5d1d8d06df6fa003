// The daemon's state belongs to the thread of the default main context. Others post values to it.
#pragma once

#include <glib.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace aircheck::base {

using Task = std::function<void()>;

// Runs the task on the default main context, after this call; in order of posting. Any thread.
void post(Task task);

// True on the thread that owns the default main context (or when nobody owns it yet).
[[nodiscard]] bool on_main_context();

// A source on the default main context that is removed with the object. Main context only; movable.
class Timer {
 public:
  Timer() = default;
  Timer(Timer&& other) noexcept;
  Timer& operator=(Timer&& other) noexcept;
  ~Timer() { cancel(); }

  [[nodiscard]] static Timer once(std::int64_t after_ms, Task task);
  [[nodiscard]] static Timer every(std::int64_t interval_ms, Task task);

  [[nodiscard]] bool active() const { return source_ != nullptr; }
  void cancel();

 private:
  static Timer start(std::int64_t interval_ms, bool repeat, Task task);

  GSource* source_ = nullptr;
};

}  // namespace aircheck::base
