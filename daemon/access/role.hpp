// What an account may do: the four roles of the HTTP API.
#pragma once

#include <optional>
#include <string_view>

namespace aircheck::access {

enum class Role {
  kViewer,    // watches
  kOperator,  // runs air and streaming
  kAdmin,     // everything
  kAlert,     // may only raise alerts
};

[[nodiscard]] std::string_view to_string(Role role);
[[nodiscard]] std::optional<Role> role_from_string(std::string_view text);

}  // namespace aircheck::access
