#include "core/bytes.hpp"

#include <algorithm>

namespace aircheck::core {

Unexpected<Error> ByteReader::too_short(std::size_t count) const {
  return fail(Code::kTruncated, "needs " + std::to_string(count) + " bytes at offset " + std::to_string(position_) +
                                    ", " + std::to_string(remaining()) + " are left");
}

Result<std::uint64_t> ByteReader::unsigned_integer(std::size_t width) {
  if (remaining() < width) return too_short(width);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) value = value << 8 | bytes_[position_ + i];
  position_ += width;
  return value;
}

Result<std::uint8_t> ByteReader::u8() {
  AIRCHECK_TRY(const auto value, unsigned_integer(1));
  return static_cast<std::uint8_t>(value);
}

Result<std::uint16_t> ByteReader::u16() {
  AIRCHECK_TRY(const auto value, unsigned_integer(2));
  return static_cast<std::uint16_t>(value);
}

Result<std::uint32_t> ByteReader::u24() {
  AIRCHECK_TRY(const auto value, unsigned_integer(3));
  return static_cast<std::uint32_t>(value);
}

Result<std::uint32_t> ByteReader::u32() {
  AIRCHECK_TRY(const auto value, unsigned_integer(4));
  return static_cast<std::uint32_t>(value);
}

Result<std::uint64_t> ByteReader::u64() {
  return unsigned_integer(8);
}

Result<void> ByteReader::skip(std::size_t count) {
  AIRCHECK_TRY([[maybe_unused]] const auto skipped, bytes(count));
  return {};
}

Result<void> ByteReader::expect_elements(std::uint64_t count, std::size_t element_size) const {
  if (element_size != 0 && count > remaining() / element_size) {
    return fail(Code::kTruncated, "announces " + std::to_string(count) + " elements of " +
                                      std::to_string(element_size) + " bytes, " + std::to_string(remaining()) +
                                      " bytes are left");
  }
  return {};
}

void ByteWriter::unsigned_integer(std::uint64_t value, std::size_t width) {
  std::array<std::uint8_t, sizeof(value)> digits;
  for (std::size_t i = 0; i < width; ++i) digits[i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
  bytes_.insert(bytes_.end(), digits.begin(), digits.begin() + static_cast<std::ptrdiff_t>(width));
}

void ByteWriter::u8(std::uint8_t value) {
  bytes_.push_back(value);
}
void ByteWriter::u16(std::uint16_t value) {
  unsigned_integer(value, 2);
}
void ByteWriter::u24(std::uint32_t value) {
  unsigned_integer(value, 3);
}
void ByteWriter::u32(std::uint32_t value) {
  unsigned_integer(value, 4);
}
void ByteWriter::u64(std::uint64_t value) {
  unsigned_integer(value, 8);
}
void ByteWriter::bytes(ByteView value) {
  bytes_.insert(bytes_.end(), value.begin(), value.end());
}
void ByteWriter::text(std::string_view value) {
  bytes(as_bytes(value));
}
void ByteWriter::zeros(std::size_t count) {
  bytes_.insert(bytes_.end(), count, 0);
}

void ByteWriter::patch_u32(std::size_t offset, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes_.at(offset + i) = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char kBase64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr char kBase64Url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode_base64(ByteView bytes, const char* alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (count > 1) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (count > 2) group |= bytes[i + 2];
    for (std::size_t j = 0; j < 4; ++j) {
      if (j <= count) {
        text.push_back(alphabet[group >> (18 - 6 * j) & 63]);
      } else if (padded) {
        text.push_back('=');
      }
    }
  }
  return text;
}

int base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

}  // namespace

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return fail(Code::kParse, "hexadecimal text has an odd number of digits (" + std::to_string(text.size()) + ")");
  }
  Bytes bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return fail(Code::kParse, "not a hexadecimal digit at position " + std::to_string(i));
    bytes.push_back(static_cast<std::uint8_t>(high << 4 | low));
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  return encode_base64(bytes, kBase64, true);
}
std::string to_base64url(ByteView bytes) {
  return encode_base64(bytes, kBase64Url, false);
}

Result<Bytes> from_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return fail(Code::kParse, "base64url text of an impossible length");
  Bytes bytes;
  bytes.reserve(text.size() * 3 / 4);
  std::uint32_t group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return fail(Code::kParse, "not a base64url character");
    group = group << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes.push_back(static_cast<std::uint8_t>(group >> bits));
    }
  }
  if ((group & ((1U << bits) - 1)) != 0) return fail(Code::kParse, "base64url text is not canonical");
  return bytes;
}

std::string to_hex(const KeyId& key_id) {
  return to_hex(ByteView(key_id));
}

Result<KeyId> key_id_from_hex(std::string_view text) {
  auto bytes = from_hex(text);
  if (!bytes) return bytes.unexpected();
  KeyId key_id{};
  if (bytes->size() != key_id.size()) {
    return fail(Code::kInvalidArgument,
                "a key id is 32 hexadecimal digits (16 bytes), got " + std::to_string(text.size()));
  }
  std::copy(bytes->begin(), bytes->end(), key_id.begin());
  return key_id;
}

}  // namespace aircheck::core
