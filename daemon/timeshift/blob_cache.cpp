#include "timeshift/blob_cache.hpp"

namespace aircheck::timeshift {

Blob make_blob(core::ByteView bytes) {
  return {g_bytes_new(bytes.data(), bytes.size()), g_bytes_unref};
}

std::size_t size_of(const Blob& blob) {
  return g_bytes_get_size(blob.get());
}

}  // namespace aircheck::timeshift
