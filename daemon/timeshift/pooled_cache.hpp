// A bounded LRU of values that pool threads make. Requests for one value while it is made wait for the same work.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/worker_pool.hpp"
#include "core/result.hpp"

namespace aircheck::timeshift {

// Value: a shared pointer to something immutable, for which size_of(value) says how many bytes it takes. Main context
// only.
template <typename Value>
class PooledCache {
 public:
  using Load = std::function<core::Result<Value>()>;  // runs on a pool thread
  using Done = std::function<void(const core::Result<Value>& value)>;

  // The pool has to live longer. Values larger than an eighth of the budget are handed out and not kept.
  PooledCache(base::WorkerPool& pool, std::size_t budget_bytes) : pool_(pool), budget_bytes_(budget_bytes) {}

  // Calls `done` at once when the value is here, else later. kUnavailable when too much work waits for a thread.
  void get(const std::string& key, Load load, Done done) {
    if (Value found = find(key)) {
      done(core::Result<Value>(std::move(found)));
      return;
    }
    if (const auto loading = waiting_.find(key); loading != waiting_.end()) {
      loading->second.push_back(std::move(done));
      return;
    }
    if (pool_.waiting() > kMostWaiting) {
      done(core::fail(core::Code::kUnavailable, "too much work waits for a thread"));
      return;
    }
    waiting_[key].push_back(std::move(done));
    pool_.run(std::move(load), [this, key, alive = std::weak_ptr<bool>(alive_)](const core::Result<Value>& value) {
      if (!alive.expired()) finish(key, value);
    });
  }

  // The same for work that takes less than to hand it to a thread and back.
  void get_here(const std::string& key, const Load& load, const Done& done) {
    if (Value found = find(key)) return done(core::Result<Value>(std::move(found)));
    const core::Result<Value> value = load();
    if (value) keep(key, *value);
    done(value);
  }

  // The value if it is here, else null.
  [[nodiscard]] Value find(const std::string& key) {
    const auto found = by_key_.find(key);
    if (found == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->value;
  }

  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

  // Work that may wait for a thread before requests are turned away.
  static constexpr unsigned kMostWaiting = 256;

 private:
  struct Entry {
    std::string key;
    Value value;
  };

  void finish(const std::string& key, const core::Result<Value>& value) {
    if (value) keep(key, *value);
    const auto node = waiting_.extract(key);  // before the calls: they may ask again
    for (const Done& done : node.mapped()) done(value);
  }

  void keep(const std::string& key, const Value& value) {
    const std::size_t size = size_of(value);
    if (size > budget_bytes_ / 8 || by_key_.contains(key)) return;
    entries_.push_front(Entry{key, value});
    by_key_[key] = entries_.begin();
    size_bytes_ += size;
    while (size_bytes_ > budget_bytes_) {
      size_bytes_ -= size_of(entries_.back().value);
      by_key_.erase(entries_.back().key);
      entries_.pop_back();
    }
  }

  base::WorkerPool& pool_;
  std::size_t budget_bytes_;
  std::size_t size_bytes_ = 0;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string, typename std::list<Entry>::iterator> by_key_;
  std::unordered_map<std::string, std::vector<Done>> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::timeshift
