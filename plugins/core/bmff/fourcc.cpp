#include "core/bmff/fourcc.hpp"

namespace aircheck::core::bmff {

std::string to_text(FourCc code) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    const auto byte = static_cast<std::uint8_t>(code >> shift);
    text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
  }
  return text;
}

Result<BoxHeader> read_box_header(ByteView bytes, std::uint64_t available) {
  ByteReader reader(bytes);
  BoxHeader header;
  AIRCHECK_TRY(const std::uint32_t short_size, reader.u32());
  AIRCHECK_TRY(header.type, reader.u32());
  header.size = short_size;
  if (short_size == 1) {
    AIRCHECK_TRY(header.size, reader.u64());
    header.header_size = 16;
  } else if (short_size == 0) {
    header.size = available;
  }
  if (header.size < header.header_size) {
    return fail(Code::kParse, "box '" + to_text(header.type) + "' says a size of " + std::to_string(header.size) +
                                  " bytes, less than its own header");
  }
  if (header.size > available) {
    return fail(Code::kTruncated, "box '" + to_text(header.type) + "' says a size of " + std::to_string(header.size) +
                                      " bytes, only " + std::to_string(available) + " are there");
  }
  return header;
}

Result<BoxView> read_box_view(ByteView bytes) {
  AIRCHECK_TRY(const BoxHeader header, read_box_header(bytes, bytes.size()));
  return BoxView{header, bytes.first(static_cast<std::size_t>(header.size))};
}

}  // namespace aircheck::core::bmff
