// The accounts that a new station begins with.
#pragma once

#include <string>

#include "access/accounts.hpp"
#include "access/sessions.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::access {

inline constexpr std::string_view kFirstAdminEmail = "admin@localhost";
inline constexpr std::string_view kDemoViewerEmail = "viewer@localhost";

struct FirstAccounts {
  std::string secrets_directory;  // exists, 0700
  std::string admin_password;     // AIRCHECK_ADMIN_PASSWORD; empty: a random one in secrets/admin-password
  bool demo = false;              // also a viewer, whose random password stands in secrets/viewer-password
};

// Makes the accounts that are missing. A configured password always is the first admin's: where it is another one than
// before, it is set and the admin's sessions end. Hashes passwords: takes up to 0.2 s, for the start only.
core::Result<void> ensure_first_accounts(Accounts& accounts, Sessions& sessions, const FirstAccounts& options,
                                         core::Utc now);

}  // namespace aircheck::access
