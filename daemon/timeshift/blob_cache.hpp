// The hot segments in memory.
#pragma once

#include <glib.h>

#include <cstddef>
#include <memory>

#include "core/bytes.hpp"

namespace aircheck::timeshift {

// Immutable bytes that several answers share, in the form in which they are sent.
using Blob = std::shared_ptr<GBytes>;
[[nodiscard]] Blob make_blob(core::ByteView bytes);
[[nodiscard]] Blob make_blob(core::Bytes&& bytes);  // without a copy
[[nodiscard]] std::size_t size_of(const Blob& blob);

}  // namespace aircheck::timeshift

#include "timeshift/pooled_cache.hpp"

namespace aircheck::timeshift {

using BlobCache = PooledCache<Blob>;

}  // namespace aircheck::timeshift
