// Four-character codes and the header that every ISO BMFF box begins with (ISO/IEC 14496-12 clause 4.2).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes.hpp"

namespace aircheck::core::bmff {

using FourCc = std::uint32_t;

consteval FourCc fourcc(const char (&text)[5]) {
  FourCc code = 0;
  for (int i = 0; i < 4; ++i) code = code << 8 | static_cast<std::uint8_t>(text[i]);
  return code;
}

// "moov"; a byte outside printable ASCII becomes '.', so that the text can stand in any message.
[[nodiscard]] std::string to_text(FourCc code);

struct BoxHeader {
  FourCc type = 0;
  std::size_t header_size = 8;  // 16 with a 64-bit size; the extended type of 'uuid' counts as payload
  std::uint64_t size = 0;       // of the whole box, header included; at least header_size
  [[nodiscard]] std::uint64_t payload_size() const { return size - header_size; }
};

// Reads the header at the start of `bytes`, which may end before the box does. `available` is how many bytes can
// still belong to the box (the rest of the file or of the parent): a box that says size 0 reaches to their end, one
// that says more is kTruncated.
Result<BoxHeader> read_box_header(ByteView bytes, std::uint64_t available);

// The box at the start of `bytes`, header included.
struct BoxView {
  BoxHeader header;
  ByteView bytes;
  [[nodiscard]] ByteView payload() const { return bytes.subspan(header.header_size); }
};
Result<BoxView> read_box_view(ByteView bytes);

}  // namespace aircheck::core::bmff
