// The hot segments in memory.
#pragma once

#include <cstddef>

#include "base/shared_bytes.hpp"

namespace aircheck::timeshift {

// Before the cache, which asks for it: the bytes are of no namespace of ours.
[[nodiscard]] inline std::size_t size_of(const base::SharedBytes& bytes) {
  return g_bytes_get_size(bytes.get());
}

}  // namespace aircheck::timeshift

#include "timeshift/pooled_cache.hpp"

namespace aircheck::timeshift {

using BlobCache = PooledCache<base::SharedBytes>;

}  // namespace aircheck::timeshift
