// Range requests (RFC 9110 section 14).
#pragma once

#include <cstddef>
#include <string_view>

namespace aircheck::http {

struct ByteRange {
  enum class Kind { kWhole, kPart, kUnsatisfiable };

  Kind kind = Kind::kWhole;
  std::size_t first = 0;  // kPart: bytes [first, first + size)
  std::size_t size = 0;
};

// What a Range header asks of a body of `size` bytes. A header that is malformed, has another unit or names more than
// one range is ignored, as section 14.2 allows: a list of overlapping ranges would be a small request for any number of
// copies of the body, and no player sends one.
[[nodiscard]] ByteRange read_byte_range(std::string_view header, std::size_t size);

}  // namespace aircheck::http
