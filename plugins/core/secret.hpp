// Secret: sixteen key bytes that clear themselves and never print.
#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <string_view>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::core {

class ContentKey {
 public:
  static constexpr std::size_t kSize = 16;  // AES-128

  ContentKey() = default;
  ContentKey(const ContentKey&) = default;
  ContentKey& operator=(const ContentKey&) = default;
  ~ContentKey();

  // 32 hex digits. The error never repeats the text.
  static Result<ContentKey> from_hex(std::string_view text);
  static Result<ContentKey> from_bytes(ByteView bytes);

  [[nodiscard]] std::span<const std::uint8_t, kSize> reveal() const { return bytes_; }

  friend bool operator==(const ContentKey& a, const ContentKey& b);  // in constant time
  friend std::ostream& operator<<(std::ostream& out, const ContentKey&) { return out << "***"; }

 private:
  std::array<std::uint8_t, kSize> bytes_{};
};

// Overwrites memory in a way that the compiler keeps.
void wipe(void* data, std::size_t size);

}  // namespace aircheck::core
