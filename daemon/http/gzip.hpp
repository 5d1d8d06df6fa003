// RFC 1952, fast rather than small.
#pragma once

#include <string_view>

#include "base/shared_bytes.hpp"

namespace aircheck::http {

// Below it, gzip's header eats the gain.
inline constexpr std::size_t kCompressFrom = 1024;

// Null where there is no memory for it. Any thread.
[[nodiscard]] base::SharedBytes gzip(std::string_view text);

}  // namespace aircheck::http
