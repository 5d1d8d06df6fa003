#include "base/utf8.hpp"

#include <glib.h>

namespace aircheck::base {

bool is_utf8(std::string_view text) {
  // g_utf8_validate_len refuses NUL bytes, which JSON's grammar and our other texts do not allow either.
  return g_utf8_validate_len(text.data(), text.size(), nullptr) != FALSE;
}

void append_utf8(std::string& out, std::uint32_t code_point) {
  char bytes[6];
  const int length = g_unichar_to_utf8(code_point, bytes);
  out.append(bytes, static_cast<std::size_t>(length));
}

}  // namespace aircheck::base
