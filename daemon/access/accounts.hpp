// The accounts of this station, as station.db has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/role.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "store/database.hpp"
#include "store/memo.hpp"

namespace aircheck::access {

struct Account {
  std::string id;  // UUID
  std::string email;
  Role role = Role::kViewer;
  bool enabled = true;
  bool all_channels = true;  // false: those that it was given, one by one
  std::string password_hash;
};

struct NewAccount {
  std::string email;
  Role role = Role::kViewer;
  std::string password_hash;
  std::optional<std::vector<std::string>> channel_ids;  // none: all channels
};

class Accounts {
 public:
  // The database has to outlive this.
  explicit Accounts(store::Database& database) : database_(database), known_(database), allowed_(database) {}

  // kNotFound.
  core::Result<Account> find(std::string_view id) const;
  // Capitals (ASCII) make no difference. kNotFound.
  core::Result<Account> find_by_email(std::string_view email) const;
  // The one that was made first; kNotFound.
  core::Result<Account> first_of(Role role) const;
  core::Result<bool> channel_allowed(const Account& account, std::string_view channel_id) const;

  // kConflict: the address is taken.
  core::Result<Account> create(const NewAccount& account, core::Utc now);
  core::Result<void> set_password_hash(std::string_view id, std::string_view hash, core::Utc now);
  core::Result<void> set_enabled(std::string_view id, bool enabled, core::Utc now);

 private:
  core::Result<Account> find_where(std::string_view condition, std::string_view value) const;
  core::Result<void> insert(const std::string& id, const NewAccount& account, core::Utc now);

  store::Database& database_;
  // Every playlist and every key asks for its account again.
  mutable store::Memo<Account> known_;
  mutable store::Memo<bool> allowed_;
};

}  // namespace aircheck::access
