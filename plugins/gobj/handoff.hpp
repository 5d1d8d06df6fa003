// What one thread hands to another through GLib (a main context, a thread pool): GLib's locks order the two, but its
// binary is not instrumented, so the thread sanitizer has to be told. Without that sanitizer these are nothing.
#pragma once

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AIRCHECK_THREAD_SANITIZER 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define AIRCHECK_THREAD_SANITIZER 1
#endif

#ifdef AIRCHECK_THREAD_SANITIZER
extern "C" {
void __tsan_acquire(void* address);  // NOLINT(bugprone-reserved-identifier): the sanitizer's name
void __tsan_release(void* address);  // NOLINT(bugprone-reserved-identifier)
}
#endif

namespace aircheck::gobj {

// Before `object` is given to GLib: whatever this thread did so far comes before what the receiver does.
inline void hand_over([[maybe_unused]] void* object) {
#ifdef AIRCHECK_THREAD_SANITIZER
  __tsan_release(object);
#endif
}

// In the thread that got `object`, before it is used.
inline void take_over([[maybe_unused]] void* object) {
#ifdef AIRCHECK_THREAD_SANITIZER
  __tsan_acquire(object);
#endif
}

// hand_over() at the end of a block.
class HandOverAtEnd {
 public:
  explicit HandOverAtEnd(void* object) : object_(object) {}
  HandOverAtEnd(const HandOverAtEnd&) = delete;
  HandOverAtEnd& operator=(const HandOverAtEnd&) = delete;
  ~HandOverAtEnd() { hand_over(object_); }

 private:
  void* object_;
};

}  // namespace aircheck::gobj
