// Big-endian reading and writing of bytes that may be hostile, and the text forms of bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace aircheck::core {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

// Reads forward over bytes that it does not own. Every read is checked against the bytes left; a failed read moves
// nothing.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] bool empty() const { return remaining() == 0; }

  Result<std::uint8_t> u8();
  Result<std::uint16_t> u16();
  Result<std::uint32_t> u24();
  Result<std::uint32_t> u32();
  Result<std::uint64_t> u64();
  // A view into the bytes that were given; it lives as long as they do.
  Result<ByteView> bytes(std::size_t count) {
    if (remaining() < count) return too_short(count);
    const ByteView view = bytes_.subspan(position_, count);
    position_ += count;
    return view;
  }
  Result<void> skip(std::size_t count);

  // Fails unless count elements of at least element_size bytes each can still follow. Call it before anything is
  // sized by a count that came from the input.
  Result<void> expect_elements(std::uint64_t count, std::size_t element_size) const;

 private:
  Result<std::uint64_t> unsigned_integer(std::size_t width);
  [[nodiscard]] Unexpected<Error> too_short(std::size_t count) const;

  ByteView bytes_;
  std::size_t position_ = 0;
};

// Appends to a vector of its own.
class ByteWriter {
 public:
  ByteWriter() = default;

  void u8(std::uint8_t value);
  void u16(std::uint16_t value);
  void u24(std::uint32_t value);
  void u32(std::uint32_t value);
  void u64(std::uint64_t value);
  void bytes(ByteView value);
  void text(std::string_view value);  // without a terminating zero
  void zeros(std::size_t count);

  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  // Overwrites four bytes that were written before; offset + 4 <= size().
  void patch_u32(std::size_t offset, std::uint32_t value);

  [[nodiscard]] ByteView view() const { return bytes_; }
  [[nodiscard]] Bytes take() { return std::move(bytes_); }

 private:
  void unsigned_integer(std::uint64_t value, std::size_t width);

  Bytes bytes_;
};

[[nodiscard]] ByteView as_bytes(std::string_view text);

// Lower-case hexadecimal.
[[nodiscard]] std::string to_hex(ByteView bytes);
// Either case, no separators; an odd length or another character is kParse.
Result<Bytes> from_hex(std::string_view text);

// RFC 4648 section 4, padded, and section 5 (URL and file name safe), unpadded.
[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] std::string to_base64url(ByteView bytes);
// Section 5, unpadded and canonical only: padding, white space, other characters and non-zero trailing bits are kParse.
Result<Bytes> from_base64url(std::string_view text);

// A key identifier (ISO/IEC 23001-7: KID), 16 bytes; its text form is 32 lower-case hex digits.
using KeyId = std::array<std::uint8_t, 16>;
[[nodiscard]] std::string to_hex(const KeyId& key_id);
Result<KeyId> key_id_from_hex(std::string_view text);

}  // namespace aircheck::core
