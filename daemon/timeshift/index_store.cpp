#include "timeshift/index_store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "base/log.hpp"

namespace aircheck::timeshift {

namespace {

// Sets the file aside, with what SQLite keeps beside it.
void set_aside(const std::string& path, const core::Error& why) {
  base::log_warning("timeshift", "index.db cannot be used and is made anew from the segment files: " + why.message);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::rename((path + suffix).c_str(), (path + ".unusable" + suffix).c_str());
  }
}

// What another program holds, or this user may not write, is whole for all we know.
bool may_be_whole(const core::Error& error) {
  return error.code == core::Code::kUnavailable || error.code == core::Code::kPermission ||
         error.code == core::Code::kNoSpace;
}

// 0 where there is no such file.
std::uint64_t inode_of(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 ? std::uint64_t{status.st_ino} : 0;
}

core::Unexpected<core::Error> left_as_it_is(const core::Error& error) {
  core::Error why = error.with_context("index.db cannot be used now, and is left as it is");
  if (why.code == core::Code::kUnavailable) why.message += ": end the program that has it open";
  return core::Unexpected(std::move(why));
}

core::Result<std::unique_ptr<store::Database>> open_database(const std::string& path) {
  auto database = store::Database::open(path, store::index_schema());
  if (database) return database;
  if (may_be_whole(database.error())) return left_as_it_is(database.error());
  set_aside(path, database.error());
  return store::Database::open(path, store::index_schema()).with_context("index.db");
}

}  // namespace

core::Result<IndexStore> IndexStore::open(const std::string& path) {
  AIRCHECK_TRY(auto database, open_database(path));
  return IndexStore(path, std::move(database));
}

IndexStore::IndexStore(std::string path, std::unique_ptr<store::Database> database) : path_(std::move(path)) {
  take(std::move(database));
}

// It is written on the main context, twice a second: what another program holds comes later.
void IndexStore::take(std::unique_ptr<store::Database> database) {
  database_ = std::move(database);
  database_->set_busy_timeout(0);
  inode_ = inode_of(path_);
}

core::Result<void> IndexStore::begin_anew(const core::Error& why) {
  // First: SQLite deletes the write-ahead log of what it closes by its name.
  database_.reset();
  set_aside(path_, why);
  return reopen();
}

core::Result<void> IndexStore::reopen() {
  AIRCHECK_TRY(auto database, open_database(path_));
  take(std::move(database));
  return {};
}

core::Result<std::uint64_t> IndexStore::read(const std::string& path, const std::string& channel_id,
                                             const OnRow& on_row) {
  AIRCHECK_TRY(const auto database, store::Database::open(path, store::index_schema()));
  return read(*database, channel_id, on_row);
}

core::Result<std::uint64_t> IndexStore::read(store::Database& database, const std::string& channel_id,
                                             const OnRow& on_row) {
  AIRCHECK_TRY(auto rows, database.prepare("SELECT sequence, discontinuity_sequence, start, duration, size, epoch, "
                                           "discontinuity, key_id, location, init_location FROM segments "
                                           "WHERE channel_id = ? ORDER BY sequence"));
  rows.bind(1, channel_id);
  SegmentRow row;
  bool any = false;
  while (true) {
    AIRCHECK_TRY(const bool more, rows.step());
    if (!more) break;
    any = true;
    row.sequence = static_cast<std::uint64_t>(rows.integer(0));
    row.discontinuity_sequence = static_cast<std::uint64_t>(rows.integer(1));
    row.start = core::Utc{rows.integer(2)};
    row.duration_ns = rows.integer(3);
    row.size = static_cast<std::uint64_t>(rows.integer(4));
    row.epoch = static_cast<std::uint32_t>(rows.integer(5));
    row.discontinuity = rows.boolean(6);
    row.key_id.reset();
    if (!rows.is_null(7)) {
      const core::Bytes bytes = rows.blob(7);
      if (bytes.size() != core::KeyId{}.size()) return core::fail(core::Code::kParse, "a key id is not 16 bytes long");
      std::copy(bytes.begin(), bytes.end(), row.key_id.emplace().begin());
    }
    row.location = rows.text(8);
    row.init_location = rows.text(9);
    on_row(row);
  }
  if (!any) return 0;
  AIRCHECK_TRY(auto gaps, database.prepare("SELECT gap_rows FROM trailing_gaps WHERE channel_id = ? AND "
                                           "after_sequence = ?"));
  AIRCHECK_TRY(const bool found, gaps.bind(1, channel_id).bind(2, static_cast<std::int64_t>(row.sequence)).step());
  return found ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, gaps.integer(0))) : 0;
}

void IndexStore::add(const std::string& channel_id, SegmentRow row) {
  added_.emplace_back(channel_id, std::move(row));
}

void IndexStore::remove(const std::string& channel_id, std::uint64_t sequence) {
  removed_.emplace_back(channel_id, sequence);
}

void IndexStore::set_trailing_gaps(const std::string& channel_id, std::uint64_t after_sequence, std::uint64_t count) {
  gaps_[channel_id] = Gaps{after_sequence, count};
}

core::Result<void> IndexStore::flush(std::size_t most) {
  if (!dirty()) return {};
  if (database_ == nullptr) AIRCHECK_TRY_VOID(reopen());
  if (inode_of(path_) != inode_) return core::fail(core::Code::kNotFound, path_ + " is gone");
  // A number may go and come again: what is removed is removed first.
  const std::size_t removed = std::min(most, removed_.size());
  const std::size_t added = std::min(most - removed, added_.size());
  AIRCHECK_TRY_VOID(database_->transaction([&] { return write(removed, added); }).with_context("index.db"));
  removed_.erase(removed_.begin(), removed_.begin() + static_cast<std::ptrdiff_t>(removed));
  added_.erase(added_.begin(), added_.begin() + static_cast<std::ptrdiff_t>(added));
  gaps_.clear();
  return {};
}

core::Result<void> IndexStore::write(std::size_t removed, std::size_t added) {
  AIRCHECK_TRY(auto erase, database_->prepare("DELETE FROM segments WHERE channel_id = ? AND sequence = ?"));
  for (std::size_t i = 0; i < removed; ++i) {
    const auto& [channel_id, sequence] = removed_[i];
    AIRCHECK_TRY_VOID(erase.bind(1, channel_id).bind(2, static_cast<std::int64_t>(sequence)).run());
  }
  AIRCHECK_TRY(auto insert, database_->prepare("INSERT INTO segments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                                               "ON CONFLICT (channel_id, sequence) DO NOTHING"));
  for (std::size_t i = 0; i < added; ++i) {
    const auto& [channel_id, row] = added_[i];
    insert.bind(1, channel_id).bind(2, static_cast<std::int64_t>(row.sequence));
    insert.bind(3, static_cast<std::int64_t>(row.discontinuity_sequence))
        .bind(4, row.start.ns)
        .bind(5, row.duration_ns);
    insert.bind(6, static_cast<std::int64_t>(row.size)).bind(7, static_cast<std::int64_t>(row.epoch));
    insert.bind(8, row.discontinuity);
    if (row.key_id) {
      insert.bind(9, core::ByteView(*row.key_id));
    } else {
      insert.bind_null(9);
    }
    insert.bind(10, row.location).bind(11, row.init_location);
    AIRCHECK_TRY_VOID(insert.run());
  }
  AIRCHECK_TRY(auto gaps, database_->prepare("INSERT INTO trailing_gaps VALUES (?, ?, ?) ON CONFLICT (channel_id) "
                                             "DO UPDATE SET after_sequence = excluded.after_sequence, "
                                             "gap_rows = excluded.gap_rows"));
  for (const auto& [channel_id, trailing] : gaps_) {
    gaps.bind(1, channel_id).bind(2, static_cast<std::int64_t>(trailing.after_sequence));
    AIRCHECK_TRY_VOID(gaps.bind(3, static_cast<std::int64_t>(trailing.count)).run());
  }
  return {};
}

}  // namespace aircheck::timeshift
