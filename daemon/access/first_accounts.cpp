#include "access/first_accounts.hpp"

#include <cerrno>
#include <cstdio>

#include "access/password.hpp"
#include "base/files.hpp"
#include "base/log.hpp"

namespace aircheck::access {

using core::Code;
using core::Result;

namespace {

constexpr std::size_t kRandomPasswordBytes = 15;  // 120 bits, 20 characters

// A random password that also stands in the file, for the person who starts the station.
Result<std::string> random_password(const std::string& path) {
  const std::string password = core::to_base64url(base::random_bytes(kRandomPasswordBytes));
  AIRCHECK_TRY_VOID(base::write_secret_file(path, core::as_bytes(password + "\n")));
  return password;
}

Result<void> create(Accounts& accounts, std::string_view email, Role role, const std::string& password, core::Utc now) {
  AIRCHECK_TRY(std::string hash, hash_password(password));
  AIRCHECK_TRY(
      const Account account,
      accounts.create(
          {.email = std::string(email), .role = role, .password_hash = std::move(hash), .channel_ids = std::nullopt},
          now));
  base::log_info("access", "account " + account.email + " created with role " + std::string(to_string(role)));
  return {};
}

Result<void> forget(const std::string& path) {
  if (std::remove(path.c_str()) == 0 || errno == ENOENT) return {};
  return core::fail_errno(errno, "cannot remove " + path);
}

Result<void> set_configured_password(Accounts& accounts, Sessions& sessions, const Account& admin,
                                     const FirstAccounts& options, const std::string& file, core::Utc now) {
  if (check_password(admin.password_hash, options.admin_password).matches) return {};
  AIRCHECK_TRY(const std::string hash, hash_password(options.admin_password));
  AIRCHECK_TRY_VOID(accounts.set_password_hash(admin.id, hash, now));
  AIRCHECK_TRY_VOID(sessions.end_all_of(admin.id, now));
  base::log_info("access", "the configured password is now that of " + admin.email);
  return forget(file);
}

Result<void> ensure_admin(Accounts& accounts, Sessions& sessions, const FirstAccounts& options, core::Utc now) {
  const std::string file = options.secrets_directory + "/admin-password";
  const auto admin = accounts.first_of(Role::kAdmin);
  if (!admin && admin.error().code != Code::kNotFound) return admin.unexpected();
  if (admin && options.admin_password.empty()) return {};
  if (admin) return set_configured_password(accounts, sessions, *admin, options, file, now);
  if (!options.admin_password.empty()) {
    return create(accounts, kFirstAdminEmail, Role::kAdmin, options.admin_password, now);
  }
  AIRCHECK_TRY(const std::string password, random_password(file));
  return create(accounts, kFirstAdminEmail, Role::kAdmin, password, now);
}

Result<void> ensure_demo_viewer(Accounts& accounts, const FirstAccounts& options, core::Utc now) {
  const auto viewer = accounts.find_by_email(kDemoViewerEmail);
  if (viewer) return {};
  if (viewer.error().code != Code::kNotFound) return viewer.unexpected();
  AIRCHECK_TRY(const std::string password, random_password(options.secrets_directory + "/viewer-password"));
  return create(accounts, kDemoViewerEmail, Role::kViewer, password, now);
}

}  // namespace

Result<void> ensure_first_accounts(Accounts& accounts, Sessions& sessions, const FirstAccounts& options,
                                   core::Utc now) {
  AIRCHECK_TRY_VOID(ensure_admin(accounts, sessions, options, now).with_context("first admin"));
  if (options.demo) AIRCHECK_TRY_VOID(ensure_demo_viewer(accounts, options, now).with_context("demo viewer"));
  return {};
}

}  // namespace aircheck::access
