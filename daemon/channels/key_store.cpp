#include "channels/key_store.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

#include "base/files.hpp"

namespace aircheck::channels {

using core::Code;
using core::fail;

namespace {

constexpr std::size_t kMasterSize = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr std::size_t kNonceSize = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr std::size_t kTagSize = crypto_aead_xchacha20poly1305_ietf_ABYTES;
constexpr std::size_t kSealedSize = kNonceSize + core::ContentKey::kSize + kTagSize;

// A key changes with a picture, and that lasts no longer.
constexpr std::int64_t kPictureNs = core::kNsPerSecond / 2;

constexpr const char* kColumns = "SELECT key_id, channel_id, period_start, period_end, sealed_key FROM drm_keys ";

// A sealed key opens only in the row that it was made for.
std::string associated_data(const KeyRecord& record) {
  return "v1|" + record.channel_id + "|" + core::to_hex(record.key_id) + "|" + std::to_string(record.period.start.ns) +
         "|" + std::to_string(record.period.end.ns);
}

core::KeyId random_key_id() {
  core::KeyId key_id{};
  const core::Bytes bytes = base::random_bytes(key_id.size());
  std::copy(bytes.begin(), bytes.end(), key_id.begin());
  return key_id;
}

}  // namespace

KeyStore::~KeyStore() {
  core::wipe(master_.data(), master_.size());
}

core::Result<std::unique_ptr<KeyStore>> KeyStore::open(store::Database& database, const std::string& master_key_file) {
  AIRCHECK_TRY(core::Bytes master, base::load_or_create_secret(master_key_file, kMasterSize));
  std::unique_ptr<KeyStore> store(new KeyStore(database, std::move(master)));
  AIRCHECK_TRY_VOID(store->check_master().with_context(master_key_file));
  return store;
}

core::Result<KeyStore::Audit> KeyStore::audit(store::Database& database, const std::string& master_key_file) {
  auto master = base::read_secret_file(master_key_file);
  if (!master && master.error().code != Code::kNotFound) return master.unexpected();
  const bool usable = master && master->size() >= kMasterSize;
  const KeyStore store(database, usable ? std::move(*master) : core::Bytes());
  Audit audit;
  AIRCHECK_TRY(store::Statement rows, database.prepare(std::string(kColumns) + "ORDER BY period_start"));
  while (true) {
    AIRCHECK_TRY(const bool row, rows.step());
    if (!row) return audit;
    // A station that never had a channel has no key to open, and needs no master key yet.
    if (!usable)
      return fail(Code::kNotFound, master_key_file + " is missing or too short: restore it from your backup");
    ++audit.keys;
    if (!store.read_record(rows)) audit.sealed.push_back(rows.text(0));
  }
}

core::Result<void> KeyStore::check_master() const {
  AIRCHECK_TRY(store::Statement statement,
               database_->prepare(std::string(kColumns) + "ORDER BY created_at DESC LIMIT 1"));
  AIRCHECK_TRY(const bool row, statement.step());
  if (!row) return {};
  AIRCHECK_TRY([[maybe_unused]] const KeyRecord record, read_record(statement));
  return {};
}

core::Result<core::Bytes> KeyStore::seal(const KeyRecord& record) const {
  core::Bytes sealed(kSealedSize);
  randombytes_buf(sealed.data(), kNonceSize);
  const std::string context = associated_data(record);
  const core::ByteView ad = core::as_bytes(context);
  const auto key = record.key.reveal();
  unsigned long long length = 0;
  crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.data() + kNonceSize, &length, key.data(), key.size(), ad.data(),
                                             ad.size(), nullptr, sealed.data(), master_.data());
  return sealed;
}

core::Result<core::ContentKey> KeyStore::unseal(const KeyRecord& record, core::ByteView sealed) const {
  std::array<std::uint8_t, core::ContentKey::kSize> bytes{};
  const std::string context = associated_data(record);
  const core::ByteView ad = core::as_bytes(context);
  const bool opened = sealed.size() == kSealedSize &&
                      crypto_aead_xchacha20poly1305_ietf_decrypt(
                          bytes.data(), nullptr, nullptr, sealed.data() + kNonceSize, sealed.size() - kNonceSize,
                          ad.data(), ad.size(), sealed.data(), master_.data()) == 0;
  if (!opened) {
    return fail(Code::kConflict,
                "does not open the content keys of this station: restore the master.key that belongs "
                "to station.db from your backup");
  }
  auto key = core::ContentKey::from_bytes(bytes);
  core::wipe(bytes.data(), bytes.size());
  return key;
}

core::Result<KeyRecord> KeyStore::read_record(const store::Statement& row) const {
  KeyRecord record;
  AIRCHECK_TRY(record.key_id, core::key_id_from_hex(row.text(0)));
  record.channel_id = row.text(1);
  record.period = {core::Utc{row.integer(2)}, core::Utc{row.integer(3)}};
  AIRCHECK_TRY(record.key, unseal(record, row.blob(4)));
  return record;
}

core::Result<KeyRecord> KeyStore::make(std::string_view channel_id, const Period& period, core::Utc now) {
  KeyRecord record{.key_id = random_key_id(), .channel_id = std::string(channel_id), .period = period, .key = {}};
  AIRCHECK_TRY(record.key, core::ContentKey::from_bytes(base::random_bytes(core::ContentKey::kSize)));
  AIRCHECK_TRY(const core::Bytes sealed, seal(record));
  AIRCHECK_TRY(store::Statement insert,
               database_->prepare("INSERT INTO drm_keys (key_id, channel_id, period_start, period_end, sealed_key, "
                                  "created_at) VALUES (?, ?, ?, ?, ?, ?)"));
  insert.bind(1, core::to_hex(record.key_id)).bind(2, record.channel_id).bind(3, period.start.ns);
  AIRCHECK_TRY_VOID(insert.bind(4, period.end.ns).bind(5, core::ByteView(sealed)).bind(6, now.ns).run());
  return record;
}

core::Result<KeyRecord> KeyStore::at(std::string_view channel_id, core::Utc instant, const Period& wanted) {
  AIRCHECK_TRY(store::Statement covering,
               database_->prepare(std::string(kColumns) + "WHERE channel_id = ? AND active = 1 AND period_start <= ? "
                                                          "AND period_end > ? ORDER BY period_start DESC LIMIT 1"));
  AIRCHECK_TRY(const bool known, covering.bind(1, channel_id).bind(2, instant.ns).bind(3, instant.ns).step());
  if (known) return read_record(covering);
  AIRCHECK_TRY(store::Statement before,
               database_->prepare("SELECT coalesce(max(period_end), ?) FROM drm_keys WHERE channel_id = ? AND "
                                  "active = 1 AND period_end <= ?"));
  AIRCHECK_TRY_VOID(before.bind(1, wanted.start.ns).bind(2, channel_id).bind(3, instant.ns).step());
  const core::Utc free_from{before.integer(0)};
  AIRCHECK_TRY(const std::optional<core::Utc> next, next_start(channel_id, instant));
  const Period period{std::max(wanted.start, free_from), next ? std::min(wanted.end, *next) : wanted.end};
  return make(channel_id, period, instant);
}

core::Result<KeyRecord> KeyStore::at(std::string_view channel_id, core::Utc instant) {
  return at(
      channel_id, instant,
      {core::slot_start(core::slot_of(instant, kLongestPeriodNs), kLongestPeriodNs), longest_period_end(instant)});
}

core::Result<std::optional<core::Utc>> KeyStore::next_start(std::string_view channel_id, core::Utc after) const {
  AIRCHECK_TRY(store::Statement next,
               database_->prepare("SELECT period_start FROM drm_keys WHERE channel_id = ? AND "
                                  "active = 1 AND period_start > ? ORDER BY period_start LIMIT 1"));
  AIRCHECK_TRY(const bool known, next.bind(1, channel_id).bind(2, after.ns).step());
  return known ? std::optional(core::Utc{next.integer(0)}) : std::nullopt;
}

// A key is sealed together with its period.
core::Result<void> KeyStore::store_period(const KeyRecord& record) {
  AIRCHECK_TRY(const core::Bytes sealed, seal(record));
  AIRCHECK_TRY(
      store::Statement update,
      database_->prepare("UPDATE drm_keys SET period_start = ?, period_end = ?, sealed_key = ? WHERE key_id = ?"));
  update.bind(1, record.period.start.ns).bind(2, record.period.end.ns).bind(3, core::ByteView(sealed));
  return update.bind(4, core::to_hex(record.key_id)).run();
}

core::Result<KeyRecord> KeyStore::end_at(KeyRecord key, core::Utc end) {
  if (end == key.period.end) return key;
  if (end <= key.period.start) return fail(Code::kInvalidArgument, "a crypto period ends after its start");
  key.period.end = end;
  AIRCHECK_TRY_VOID(store_period(key));
  return key;
}

core::Result<KeyRecord> KeyStore::cover(const core::KeyId& key_id, const Period& used) {
  AIRCHECK_TRY(KeyRecord key, find(key_id));
  const bool earlier = used.start < key.period.start - kPictureNs;
  const bool longer = used.end > key.period.end + kPictureNs;
  if (!earlier && !longer) return key;
  if (earlier) key.period.start = used.start;
  if (longer) key.period.end = used.end;
  AIRCHECK_TRY_VOID(store_period(key));
  return key;
}

core::Result<KeyRecord> KeyStore::find(const core::KeyId& key_id) const {
  AIRCHECK_TRY(store::Statement statement, database_->prepare(std::string(kColumns) + "WHERE key_id = ?"));
  AIRCHECK_TRY(const bool known, statement.bind(1, core::to_hex(key_id)).step());
  if (!known) return fail(Code::kNotFound, "no key " + core::to_hex(key_id));
  return read_record(statement);
}

}  // namespace aircheck::channels
