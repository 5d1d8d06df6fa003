// Guarded<T>: data that can be reached only through its lock.
#pragma once

#include <mutex>
#include <utility>

namespace aircheck::gobj {

// Never push, query, post or emit while a view is alive: copy what you need and let go first.
//   const Settings settings = settings_.copy();
//   settings_.lock()->title = "News";
template <typename T>
class Guarded {
 public:
  // Holds the lock as long as it lives. Helpers that need the data take the view, which proves that it is locked.
  class View {
   public:
    explicit View(Guarded& owner) : lock_(owner.mutex_), value_(owner.value_) {}

    T* operator->() { return &value_; }
    T& operator*() { return value_; }

   private:
    std::lock_guard<std::mutex> lock_;
    T& value_;
  };

  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  [[nodiscard]] View lock() { return View(*this); }
  [[nodiscard]] T copy() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return value_;
  }

 private:
  mutable std::mutex mutex_;
  T value_{};
};

}  // namespace aircheck::gobj
