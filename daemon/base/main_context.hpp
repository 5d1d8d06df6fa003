// The daemon's state belongs to the default main context: to the thread that runs it, and to others in turns with it.
// Who needs no turn posts values.
#pragma once

#include <glib.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace aircheck::base {

using Task = std::function<void()>;

// Runs the task on the default main context, after this call; in order of posting. Any thread.
void post(Task task);

// From now on the default main context gives way to other threads while it waits for events. Called by the thread that
// runs it, before there is a MainTurn; again, it does nothing.
void share_main_context();

// While it lives, this thread does what belongs on the main context, and the thread that runs it waits: it comes next,
// however many others want a turn, and lets a few dozen of them pass before it goes on with what it has to do. Not for
// that thread itself, and not within another turn.
class MainTurn {
 public:
  MainTurn();
  ~MainTurn();
  MainTurn(const MainTurn&) = delete;
  MainTurn& operator=(const MainTurn&) = delete;
};

// The reverse: while it lives, the thread that runs the main context gives way, as a wait for threads that take turns
// needs it.
class MainPause {
 public:
  MainPause();
  ~MainPause();
  MainPause(const MainPause&) = delete;
  MainPause& operator=(const MainPause&) = delete;
};

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
