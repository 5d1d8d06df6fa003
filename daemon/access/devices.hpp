// Devices of an account: long-lived tokens for players that know nothing but an address. They can be revoked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "store/database.hpp"
#include "store/memo.hpp"

namespace aircheck::access {

struct Device {
  std::string id;  // UUID
  std::string account_id;
  std::string name;
  core::Utc created_at;
  core::Utc expires_at;
  std::optional<core::Utc> last_used_at = std::nullopt;
};

struct NewDevice {
  Device device;
  std::string token;  // the only copy: the database has its hash
};

// A revoked device is forgotten. Main context only.
class Devices {
 public:
  static constexpr int kMostOfAccount = 20;

  // The database has to outlive this.
  explicit Devices(store::Database& database) : database_(database), ends_(database) {}

  // kConflict: the account has kMostOfAccount already; those that have expired do not count.
  core::Result<NewDevice> add(std::string_view account_id, std::string_view name, core::Utc expires_at, core::Utc now);
  // By name.
  core::Result<std::vector<Device>> of_account(std::string_view account_id) const;
  // kNotFound: the account has no such device.
  core::Result<void> revoke(std::string_view id, std::string_view account_id);

  // The device of a token, which is noted as used now. kPermission: unknown, revoked or expired.
  core::Result<Device> use(std::string_view token, core::Utc now) const;
  // Neither revoked nor expired, and of that account.
  core::Result<bool> is_live(std::string_view id, std::string_view account_id, core::Utc now) const;

 private:
  store::Database& database_;
  mutable store::Memo<core::Utc> ends_;  // by device and account; the epoch: there is none
};

}  // namespace aircheck::access
