#include "base/main_context.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "base/log.hpp"
#include "gobj/handoff.hpp"

namespace aircheck::base {

namespace {

struct Repeating {
  Task task;
  bool repeat;
  RequestId request;  // that it was posted for
};

gboolean run_task(gpointer data) noexcept {
  gobj::take_over(data);
  const auto* repeating = static_cast<Repeating*>(data);
  // A copy: the task may cancel its own timer, which frees the original.
  const bool repeat = repeating->repeat;
  const Task task = repeating->task;
  const RequestScope scope(repeating->request);
  task();
  return repeat ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void free_task(gpointer data) noexcept {
  delete static_cast<Repeating*>(data);
}

// A mutex alone would go to whoever asks again at once, and timers and workers would wait for a crowd of clients.
// Whoever is next holds `next`, and of the others only one stands before the main context's own thread.
struct Locks {
  std::mutex others;
  std::mutex next;
  std::mutex state;
  std::atomic<int> waiting{0};  // of the others

  void enter() {
    const std::lock_guard<std::mutex> guard(next);
    state.lock();
  }
  void leave() { state.unlock(); }
};

Locks& locks() {
  static auto* const kLocks = new Locks;  // threads may outlive static objects
  return *kLocks;
}

// A main loop that has always something to do would let one of them pass each time.
constexpr int kTurnsAtOnce = 32;

gint poll_and_give_way(GPollFD* fds, guint count, gint timeout_ms) noexcept {
  gint ready = 0;
  {
    const MainPause pause;
    ready = g_poll(fds, count, timeout_ms);
  }
  for (int turn = 1; turn < kTurnsAtOnce && locks().waiting > 0; ++turn) const MainPause pause;
  return ready;
}

}  // namespace

void post(Task task) {
  GSource* source = g_idle_source_new();
  g_source_set_priority(source, G_PRIORITY_DEFAULT);
  auto* once = new Repeating{std::move(task), false, current_request()};
  gobj::hand_over(once);
  g_source_set_callback(source, run_task, once, free_task);
  g_source_attach(source, nullptr);
  g_source_unref(source);
}

void share_main_context() {
  static const bool kOnce = [] {
    locks().enter();
    g_main_context_set_poll_func(g_main_context_default(), poll_and_give_way);
    return true;
  }();
  static_cast<void>(kOnce);
}

MainTurn::MainTurn() {
  ++locks().waiting;
  locks().others.lock();
  locks().enter();
  --locks().waiting;
}

MainTurn::~MainTurn() {
  locks().leave();
  locks().others.unlock();
}

MainPause::MainPause() {
  locks().leave();
}

MainPause::~MainPause() {
  locks().enter();
}

Timer::Timer(Timer&& other) noexcept : source_(std::exchange(other.source_, nullptr)) {}

Timer& Timer::operator=(Timer&& other) noexcept {
  if (this != &other) {
    cancel();
    source_ = std::exchange(other.source_, nullptr);
  }
  return *this;
}

Timer Timer::start(std::int64_t interval_ms, bool repeat, Task task) {
  Timer timer;
  timer.source_ = g_timeout_source_new(static_cast<guint>(std::clamp<std::int64_t>(interval_ms, 0, G_MAXUINT)));
  g_source_set_callback(timer.source_, run_task, new Repeating{std::move(task), repeat, nullptr}, free_task);
  g_source_attach(timer.source_, nullptr);
  return timer;
}

Timer Timer::once(std::int64_t after_ms, Task task) {
  return start(after_ms, false, std::move(task));
}

Timer Timer::every(std::int64_t interval_ms, Task task) {
  return start(interval_ms, true, std::move(task));
}

void Timer::cancel() {
  if (source_ == nullptr) return;
  g_source_destroy(source_);
  g_source_unref(std::exchange(source_, nullptr));
}

}  // namespace aircheck::base
