#include "access/role.hpp"

namespace aircheck::access {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::kViewer: return "viewer";
    case Role::kOperator: return "operator";
    case Role::kAdmin: return "admin";
    case Role::kAlert: return "alert";
  }
  return "viewer";
}

std::optional<Role> role_from_string(std::string_view text) {
  for (const Role role : {Role::kViewer, Role::kOperator, Role::kAdmin, Role::kAlert}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

}  // namespace aircheck::access
