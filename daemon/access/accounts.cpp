#include "access/accounts.hpp"

#include "base/files.hpp"

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;

Result<Account> Accounts::find_where(std::string_view condition, std::string_view value) const {
  AIRCHECK_TRY(auto query, database_.prepare("SELECT id, email, role, enabled, all_channels, password_hash FROM users "
                                             "WHERE " +
                                             std::string(condition) + " ORDER BY created_at, id LIMIT 1"));
  AIRCHECK_TRY(const bool found, query.bind(1, value).step());
  if (!found) return fail(Code::kNotFound, "no such account");
  const auto role = role_from_string(query.text(2));
  if (!role) return fail(Code::kInternal, "an account has an unknown role");
  return Account{.id = query.text(0),
                 .email = query.text(1),
                 .role = *role,
                 .enabled = query.boolean(3),
                 .all_channels = query.boolean(4),
                 .password_hash = query.text(5)};
}

Result<Account> Accounts::find(std::string_view id) const {
  return known_.get(id, [&] { return find_where("id = ?1", id); });
}

Result<Account> Accounts::find_by_email(std::string_view email) const {
  return find_where("email = ?1", email);
}

Result<Account> Accounts::first_of(Role role) const {
  return find_where("role = ?1", to_string(role));
}

Result<bool> Accounts::channel_allowed(const Account& account, std::string_view channel_id) const {
  if (account.all_channels) return true;
  return allowed_.get(account.id + " " + std::string(channel_id), [&]() -> Result<bool> {
    AIRCHECK_TRY(auto query, database_.prepare("SELECT 1 FROM user_channels WHERE user_id = ?1 AND channel_id = ?2"));
    return query.bind(1, account.id).bind(2, channel_id).step();
  });
}

Result<Account> Accounts::create(const NewAccount& account, core::Utc now) {
  const std::string id = base::random_uuid();
  const auto stored = database_.transaction([&] { return insert(id, account, now); });
  if (!stored) return stored.unexpected();
  return find(id);
}

Result<void> Accounts::insert(const std::string& id, const NewAccount& account, core::Utc now) {
  AIRCHECK_TRY(auto user, database_.prepare("INSERT INTO users (id, email, role, password_hash, all_channels, "
                                            "created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"));
  user.bind(1, id).bind(2, account.email).bind(3, to_string(account.role)).bind(4, account.password_hash);
  AIRCHECK_TRY_VOID(user.bind(5, !account.channel_ids.has_value()).bind(6, now.ns).run());
  if (!account.channel_ids) return {};
  AIRCHECK_TRY(auto allow, database_.prepare("INSERT INTO user_channels (user_id, channel_id) VALUES (?1, ?2)"));
  for (const std::string& channel_id : *account.channel_ids) {
    AIRCHECK_TRY_VOID(allow.bind(1, id).bind(2, channel_id).run());
  }
  return {};
}

Result<void> Accounts::set_password_hash(std::string_view id, std::string_view hash, core::Utc now) {
  AIRCHECK_TRY(auto update, database_.prepare("UPDATE users SET password_hash = ?2, updated_at = ?3 WHERE id = ?1"));
  return update.bind(1, id).bind(2, hash).bind(3, now.ns).run();
}

Result<void> Accounts::set_enabled(std::string_view id, bool enabled, core::Utc now) {
  AIRCHECK_TRY(auto update, database_.prepare("UPDATE users SET enabled = ?2, updated_at = ?3 WHERE id = ?1"));
  return update.bind(1, id).bind(2, enabled).bind(3, now.ns).run();
}

}  // namespace aircheck::access
