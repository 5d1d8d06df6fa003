#include "access/devices.hpp"

#include <sodium.h>

#include <array>

#include "base/files.hpp"

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;
using core::Utc;

namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr std::string_view kColumns = "SELECT id, user_id, name, created_at, expires_at, last_used_at FROM devices ";

// Random tokens need no slow hash: nobody can try 2^256 of them.
std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash_of(std::string_view token) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), core::as_bytes(token).data(), token.size());
  return hash;
}

Device read_row(const store::Statement& row) {
  Device device{.id = row.text(0),
                .account_id = row.text(1),
                .name = row.text(2),
                .created_at = Utc{row.integer(3)},
                .expires_at = Utc{row.integer(4)}};
  if (const auto used = row.optional_integer(5)) device.last_used_at = Utc{*used};
  return device;
}

}  // namespace

Result<NewDevice> Devices::add(std::string_view account_id, std::string_view name, Utc expires_at, Utc now) {
  AIRCHECK_TRY(auto expired, database_.prepare("DELETE FROM devices WHERE user_id = ?1 AND expires_at <= ?2"));
  AIRCHECK_TRY_VOID(expired.bind(1, account_id).bind(2, now.ns).run());
  AIRCHECK_TRY(const auto known, of_account(account_id));
  if (known.size() >= kMostOfAccount) return fail(Code::kConflict, "this account has 20 devices: revoke one first");
  NewDevice made{.device = {.id = base::random_uuid(),
                            .account_id = std::string(account_id),
                            .name = std::string(name),
                            .created_at = now,
                            .expires_at = expires_at},
                 .token = core::to_base64url(base::random_bytes(kTokenBytes))};
  const auto hash = hash_of(made.token);
  AIRCHECK_TRY(auto insert, database_.prepare("INSERT INTO devices (id, user_id, name, token_hash, created_at, "
                                              "expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
  insert.bind(1, made.device.id).bind(2, account_id).bind(3, name).bind(4, core::ByteView(hash));
  AIRCHECK_TRY_VOID(insert.bind(5, now.ns).bind(6, expires_at.ns).run());
  return made;
}

Result<std::vector<Device>> Devices::of_account(std::string_view account_id) const {
  AIRCHECK_TRY(auto rows, database_.prepare(std::string(kColumns) + "WHERE user_id = ?1 ORDER BY name, id"));
  rows.bind(1, account_id);
  std::vector<Device> devices;
  while (true) {
    AIRCHECK_TRY(const bool more, rows.step());
    if (!more) return devices;
    devices.push_back(read_row(rows));
  }
}

Result<void> Devices::revoke(std::string_view id, std::string_view account_id) {
  AIRCHECK_TRY(auto row, database_.prepare("DELETE FROM devices WHERE id = ?1 AND user_id = ?2"));
  AIRCHECK_TRY_VOID(row.bind(1, id).bind(2, account_id).run());
  if (database_.changes() == 0) return fail(Code::kNotFound, "there is no such device");
  return {};
}

Result<Device> Devices::use(std::string_view token, Utc now) const {
  const auto hash = hash_of(token);
  Device device;
  {
    AIRCHECK_TRY(auto query, database_.prepare(std::string(kColumns) + "WHERE token_hash = ?1"));
    AIRCHECK_TRY(const bool found, query.bind(1, core::ByteView(hash)).step());
    if (!found) return fail(Code::kPermission, "device token: unknown or revoked");
    device = read_row(query);
  }
  if (device.expires_at <= now) return fail(Code::kPermission, "device token: expired");
  AIRCHECK_TRY(auto note, database_.prepare("UPDATE devices SET last_used_at = ?2 WHERE id = ?1"));
  AIRCHECK_TRY_VOID(note.bind(1, device.id).bind(2, now.ns).run());
  device.last_used_at = now;
  return device;
}

Result<bool> Devices::is_live(std::string_view id, std::string_view account_id, Utc now) const {
  const auto read = [&]() -> Result<Utc> {
    AIRCHECK_TRY(auto query, database_.prepare("SELECT expires_at FROM devices WHERE id = ?1 AND user_id = ?2"));
    AIRCHECK_TRY(const bool found, query.bind(1, id).bind(2, account_id).step());
    return found ? Utc{query.integer(0)} : Utc{};
  };
  AIRCHECK_TRY(const Utc end, ends_.get(std::string(id) + " " + std::string(account_id), read));
  return now < end;
}

}  // namespace aircheck::access
