#include "timeshift/blob_cache.hpp"

#include <utility>

namespace aircheck::timeshift {

BlobCache::BlobCache(base::WorkerPool& pool, std::size_t budget_bytes) : pool_(pool), budget_bytes_(budget_bytes) {}

Blob make_blob(core::ByteView bytes) {
  return {g_bytes_new(bytes.data(), bytes.size()), g_bytes_unref};
}

Blob BlobCache::find(const std::string& key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->blob;
}

void BlobCache::get(const std::string& key, Load load, Done done) {
  if (Blob found = find(key)) {
    done(core::Result<Blob>(std::move(found)));
    return;
  }
  if (const auto reading = waiting_.find(key); reading != waiting_.end()) {
    reading->second.push_back(std::move(done));
    return;
  }
  if (pool_.waiting() > kMostWaiting) {
    done(core::fail(core::Code::kUnavailable, "too many files are being read"));
    return;
  }
  waiting_[key].push_back(std::move(done));
  pool_.run(std::move(load), [this, key, alive = std::weak_ptr<bool>(alive_)](const core::Result<Blob>& blob) {
    if (!alive.expired()) finish(key, blob);
  });
}

void BlobCache::finish(const std::string& key, const core::Result<Blob>& blob) {
  if (blob) keep(key, *blob);
  const auto node = waiting_.extract(key);  // before the calls: they may ask again
  for (const Done& done : node.mapped()) done(blob);
}

void BlobCache::keep(const std::string& key, const Blob& blob) {
  const std::size_t size = g_bytes_get_size(blob.get());
  if (size > budget_bytes_ / 8) return;
  entries_.push_front(Entry{key, blob});
  by_key_[key] = entries_.begin();
  size_bytes_ += size;
  while (size_bytes_ > budget_bytes_) {
    size_bytes_ -= g_bytes_get_size(entries_.back().blob.get());
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

}  // namespace aircheck::timeshift
