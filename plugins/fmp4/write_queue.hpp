// A bounded queue between the thread that has something to write and the one that writes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace aircheck::fmp4 {

struct QueueCost {
  std::uint64_t bytes = 0;
  std::uint64_t time_ns = 0;
};

// One producer, one consumer. What the consumer works on still counts, up to done(): it still holds its memory.
template <typename Item>
class WriteQueue {
 public:
  enum class Push {
    kTaken,
    kFull,
    kInterrupted,  // while it waited for room
  };

  // 0: no limit.
  void set_limits(QueueCost limits) {
    const std::lock_guard lock(mutex_);
    limits_ = limits;
  }

  // Takes the item when there is room, or when nothing is queued: an item larger than the limits goes alone. `item` is
  // moved from only when it was taken. With `wait` it waits for room.
  Push push(Item& item, QueueCost cost, bool wait) {
    std::unique_lock lock(mutex_);
    while (!has_room(cost)) {
      if (!wait) return Push::kFull;
      if (interrupted_) return Push::kInterrupted;
      changed_.wait(lock);
    }
    add(std::move(item), cost);
    return Push::kTaken;
  }

  // For what is small and must not be lost.
  void push_always(Item item) {
    const std::lock_guard lock(mutex_);
    add(std::move(item), {});
  }

  // The consumer: waits for an item; nothing once the queue is closed and empty.
  std::optional<Item> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return closed_ || !entries_.empty(); });
    if (entries_.empty()) return std::nullopt;
    Entry entry = std::move(entries_.front());
    entries_.pop_front();
    at_work_ = entry.cost;
    busy_ = true;
    return std::move(entry.item);
  }

  // The consumer: the item that pop() gave is finished with, and destroyed.
  void done() {
    const std::lock_guard lock(mutex_);
    used_.bytes -= at_work_.bytes;
    used_.time_ns -= at_work_.time_ns;
    busy_ = false;
    changed_.notify_all();
  }

  // Until all is written. False when it was interrupted.
  bool wait_until_idle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return interrupted_ || (entries_.empty() && !busy_); });
    return entries_.empty() && !busy_;
  }

  // The producer does not wait while it is interrupted.
  void interrupt(bool on) { set(interrupted_, on); }

  // No more items come: pop() gives what is left.
  void close() { set(closed_, true); }
  void reopen() { set(closed_, false); }

 private:
  struct Entry {
    Item item;
    QueueCost cost;
  };

  [[nodiscard]] bool has_room(QueueCost cost) const {
    if (entries_.empty() && !busy_) return true;
    const bool bytes_fit = limits_.bytes == 0 || used_.bytes + cost.bytes <= limits_.bytes;
    const bool time_fits = limits_.time_ns == 0 || used_.time_ns + cost.time_ns <= limits_.time_ns;
    return bytes_fit && time_fits;
  }

  void add(Item item, QueueCost cost) {
    used_.bytes += cost.bytes;
    used_.time_ns += cost.time_ns;
    entries_.push_back({std::move(item), cost});
    changed_.notify_all();
  }

  void set(bool& flag, bool value) {
    const std::lock_guard lock(mutex_);
    flag = value;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> entries_;
  QueueCost limits_;
  QueueCost used_;     // of the entries and of the item at work
  QueueCost at_work_;  // of the item that pop() gave
  bool busy_ = false;
  bool interrupted_ = false;
  bool closed_ = false;
};

}  // namespace aircheck::fmp4
