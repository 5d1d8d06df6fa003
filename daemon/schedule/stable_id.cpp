#include "schedule/stable_id.hpp"

#include <sodium.h>

#include "core/bytes.hpp"

namespace aircheck::schedule {

std::array<std::uint8_t, 16> digest_of(std::string_view text) {
  std::array<std::uint8_t, 16> hash{};
  const auto bytes = core::as_bytes(text);
  crypto_generichash(hash.data(), hash.size(), bytes.data(), bytes.size(), nullptr, 0);
  return hash;
}

std::string stable_uuid(std::string_view text) {
  std::array<std::uint8_t, 16> bytes = digest_of(text);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x80);  // version 8
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);  // variant
  std::string uuid = core::to_hex(core::ByteView(bytes));
  for (const std::size_t at : {8, 13, 18, 23}) uuid.insert(at, 1, '-');
  return uuid;
}

}  // namespace aircheck::schedule
