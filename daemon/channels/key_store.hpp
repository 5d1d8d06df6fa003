// Content keys by channel and crypto period, sealed in station.db under secrets/master.key.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "channels/key_periods.hpp"
#include "core/bytes.hpp"
#include "core/secret.hpp"
#include "core/time.hpp"
#include "store/database.hpp"

namespace aircheck::channels {

// A key, and the time that it is in use for: as it is planned, and no less than what was encrypted with it.
struct KeyRecord {
  core::KeyId key_id{};
  std::string channel_id;
  Period period;
  core::ContentKey key;
};

// Main context only.
class KeyStore {
 public:
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

  // The key that is in use at an instant: of those whose periods cover it the one that began last. Where there is none,
  // it is made for `wanted`, which has to cover the instant, as far as other periods leave room.
  core::Result<KeyRecord> at(std::string_view channel_id, core::Utc instant, const Period& wanted);
  // The same; a new one lasts as long as a key may.
  core::Result<KeyRecord> at(std::string_view channel_id, core::Utc instant);
  // Where the channel's next period after an instant begins, if there is one.
  core::Result<std::optional<core::Utc>> next_start(std::string_view channel_id, core::Utc after) const;
  // Moves the end of a period, which has to be after its start.
  core::Result<KeyRecord> end_at(KeyRecord key, core::Utc end);
  // What was really encrypted with a key: its period grows to cover that where it does by more than a picture.
  // kNotFound for a KID that we never made.
  core::Result<KeyRecord> cover(const core::KeyId& key_id, const Period& used);
  // kNotFound for a KID that we never made.
  core::Result<KeyRecord> find(const core::KeyId& key_id) const;

 private:
  explicit KeyStore(store::Database& database, core::Bytes master) : database_(&database), master_(std::move(master)) {}

  core::Result<void> check_master() const;
  core::Result<core::Bytes> seal(const KeyRecord& record) const;
  core::Result<core::ContentKey> unseal(const KeyRecord& record, core::ByteView sealed) const;
  core::Result<KeyRecord> read_record(const store::Statement& row) const;
  core::Result<KeyRecord> make(std::string_view channel_id, const Period& period, core::Utc now);
  core::Result<void> store_period(const KeyRecord& record);

  store::Database* database_;
  core::Bytes master_;
};

}  // namespace aircheck::channels
