// The hot segments in memory: a bounded LRU that pool threads fill. Requests for one file while it is read wait for the
// same read.
#pragma once

#include <glib.h>

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/worker_pool.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::timeshift {

// Immutable bytes that several answers share, in the form in which they are sent.
using Blob = std::shared_ptr<GBytes>;
[[nodiscard]] Blob make_blob(core::ByteView bytes);

// Main context only.
class BlobCache {
 public:
  using Load = std::function<core::Result<Blob>()>;  // runs on a pool thread
  using Done = std::function<void(const core::Result<Blob>& blob)>;

  // The pool has to live longer. Blobs larger than an eighth of the budget are handed out and not kept.
  BlobCache(base::WorkerPool& pool, std::size_t budget_bytes);

  // Calls `done` at once when the blob is here, else later. kUnavailable when too much work waits for a thread.
  void get(const std::string& key, Load load, Done done);
  // The blob if it is here, else null.
  [[nodiscard]] Blob find(const std::string& key);

  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

  // Work that may wait for a thread before requests are turned away.
  static constexpr unsigned kMostWaiting = 256;

 private:
  struct Entry {
    std::string key;
    Blob blob;
  };

  void finish(const std::string& key, const core::Result<Blob>& blob);
  void keep(const std::string& key, const Blob& blob);

  base::WorkerPool& pool_;
  std::size_t budget_bytes_;
  std::size_t size_bytes_ = 0;
  std::list<Entry> entries_;  // the most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
  std::unordered_map<std::string, std::vector<Done>> waiting_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace aircheck::timeshift
