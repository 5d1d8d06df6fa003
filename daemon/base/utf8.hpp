// UTF-8 (RFC 3629): shortest forms only, no surrogates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace aircheck::base {

[[nodiscard]] bool is_utf8(std::string_view text);
void append_utf8(std::string& out, std::uint32_t code_point);

}  // namespace aircheck::base
