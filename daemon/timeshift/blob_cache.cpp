#include "timeshift/blob_cache.hpp"

#include <utility>

namespace aircheck::timeshift {

Blob make_blob(core::ByteView bytes) {
  return {g_bytes_new(bytes.data(), bytes.size()), g_bytes_unref};
}

Blob make_blob(core::Bytes&& bytes) {
  auto* const owned = new core::Bytes(std::move(bytes));
  const auto free = [](gpointer data) { delete static_cast<core::Bytes*>(data); };
  return {g_bytes_new_with_free_func(owned->data(), owned->size(), free, owned), g_bytes_unref};
}

std::size_t size_of(const Blob& blob) {
  return g_bytes_get_size(blob.get());
}

}  // namespace aircheck::timeshift
