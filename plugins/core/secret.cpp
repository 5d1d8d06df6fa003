#include "core/secret.hpp"

#include <openssl/crypto.h>

#include <algorithm>

namespace aircheck::core {

void wipe(void* data, std::size_t size) {
  OPENSSL_cleanse(data, size);
}

ContentKey::~ContentKey() {
  wipe(bytes_.data(), bytes_.size());
}

Result<ContentKey> ContentKey::from_hex(std::string_view text) {
  auto bytes = core::from_hex(text);
  if (!bytes || bytes->size() != kSize) {
    if (bytes) wipe(bytes->data(), bytes->size());
    return fail(Code::kInvalidArgument,
                "a key is 32 hexadecimal digits (16 bytes), got " + std::to_string(text.size()) + " characters");
  }
  auto key = from_bytes(*bytes);
  wipe(bytes->data(), bytes->size());
  return key;
}

Result<ContentKey> ContentKey::from_bytes(ByteView bytes) {
  if (bytes.size() != kSize) {
    return fail(Code::kInvalidArgument, "a key is 16 bytes, got " + std::to_string(bytes.size()));
  }
  ContentKey key;
  std::copy(bytes.begin(), bytes.end(), key.bytes_.begin());
  return key;
}

bool operator==(const ContentKey& a, const ContentKey& b) {
  return CRYPTO_memcmp(a.bytes_.data(), b.bytes_.data(), ContentKey::kSize) == 0;
}

}  // namespace aircheck::core
