// Addresses that people give us: of logos, icons and guides.
#pragma once

#include <string>

namespace aircheck::base {

// An absolute http or https URL with a host.
[[nodiscard]] bool is_http_url(const std::string& text);

}  // namespace aircheck::base
