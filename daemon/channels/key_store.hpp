// Content keys by channel and crypto period, sealed in station.db under secrets/master.key.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/secret.hpp"
#include "core/time.hpp"
#include "store/database.hpp"

namespace aircheck::channels {

// A key is in use for segments that begin in [period_start, period_end).
struct KeyRecord {
  core::KeyId key_id{};
  std::string channel_id;
  core::Utc period_start;
  core::Utc period_end;
  core::ContentKey key;
};

struct ActiveKey {
  core::KeyId key_id{};
  core::ContentKey key;
  core::Utc period_end;  // the next key is needed from here
};

// Main context only.
class KeyStore {
 public:
  static constexpr std::int64_t kPeriodNs = 24 * 3600 * core::kNsPerSecond;

  // Reads or makes the master key. kPermission, kConflict: a master key that others can read, or that does not open the
  // keys of this database. The database has to live longer.
  static core::Result<std::unique_ptr<KeyStore>> open(store::Database& database, const std::string& master_key_file);
  // Of a database that may only be read: how many keys it has, and which of them the master key does not open. Makes no
  // master key.
  struct Audit {
    std::size_t keys = 0;
    std::vector<std::string> sealed;  // KIDs
  };
  static core::Result<Audit> audit(store::Database& database, const std::string& master_key_file);
  ~KeyStore();
  KeyStore(const KeyStore&) = delete;
  KeyStore& operator=(const KeyStore&) = delete;

  // The key for segments that begin now. Periods begin at UTC multiples of their length; the first call in one makes
  // its key.
  core::Result<ActiveKey> current(std::string_view channel_id, core::Utc now);
  // kNotFound for a KID that we never made.
  core::Result<KeyRecord> find(const core::KeyId& key_id) const;

 private:
  explicit KeyStore(store::Database& database, core::Bytes master) : database_(&database), master_(std::move(master)) {}

  core::Result<void> check_master() const;
  core::Result<core::Bytes> seal(const KeyRecord& record) const;
  core::Result<core::ContentKey> unseal(const KeyRecord& record, core::ByteView sealed) const;
  core::Result<KeyRecord> read_record(const store::Statement& row) const;

  store::Database* database_;
  core::Bytes master_;
};

}  // namespace aircheck::channels
