// What an Accept-Encoding header says of one coding.
#pragma once

#include <string_view>

namespace aircheck::http {

// True where the coding is listed by its name with a weight above 0 (RFC 9110 section 12.5.3).
[[nodiscard]] bool accepts_coding(std::string_view accept_encoding, std::string_view coding);

}  // namespace aircheck::http
