#include "timeshift/index_store.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>

#include "base/log.hpp"
#include "timeshift/row_block.hpp"

namespace aircheck::timeshift {

namespace {

// Segments of numbers that are the same but for the lowest bits: 13 minutes, and below a thousand bytes on disk, so
// that one more row costs no more than a row of its own.
constexpr std::uint64_t kRowsOfBlock = 128;

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

core::Result<std::unique_ptr<IndexStore>> IndexStore::open(const std::string& path) {
  AIRCHECK_TRY(auto database, open_database(path));
  return std::unique_ptr<IndexStore>(new IndexStore(path, std::move(database)));
}

IndexStore::IndexStore(std::string path, std::unique_ptr<store::Database> database) : path_(std::move(path)) {
  take(std::move(database));
}

// It is written twice a second, by a thread that others need too: what another program holds comes later.
void IndexStore::take(std::unique_ptr<store::Database> database) {
  database_ = std::move(database);
  database_->set_busy_timeout(0);
  inode_ = inode_of(path_);
}

core::Result<void> IndexStore::begin_anew(const core::Error& why) {
  const std::lock_guard lock(writing_);
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
  AIRCHECK_TRY(auto blocks, database.prepare("SELECT segments FROM blocks WHERE channel_id = ? ORDER BY number"));
  blocks.bind(1, channel_id);
  std::optional<std::uint64_t> last;
  while (true) {
    AIRCHECK_TRY(const bool more, blocks.step());
    if (!more) break;
    AIRCHECK_TRY_VOID(unpack_rows(blocks.blob(0), [&](const SegmentRow& row) {
      last = row.sequence;
      on_row(row);
    }));
  }
  if (!last) return 0;
  AIRCHECK_TRY(auto gaps, database.prepare("SELECT gap_rows FROM trailing_gaps WHERE channel_id = ? AND "
                                           "after_sequence = ?"));
  AIRCHECK_TRY(const bool found, gaps.bind(1, channel_id).bind(2, static_cast<std::int64_t>(*last)).step());
  return found ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, gaps.integer(0))) : 0;
}

void IndexStore::add(const std::string& channel_id, SegmentRow row) {
  const std::uint64_t sequence = row.sequence;
  collected_.lock()->rows.push_back({channel_id, sequence, std::move(row)});
}

void IndexStore::remove(const std::string& channel_id, std::uint64_t sequence) {
  collected_.lock()->rows.push_back({channel_id, sequence, std::nullopt});
}

void IndexStore::set_trailing_gaps(const std::string& channel_id, std::uint64_t after_sequence, std::uint64_t count) {
  collected_.lock()->gaps.insert_or_assign(channel_id, Gaps{after_sequence, count});
}

bool IndexStore::dirty() {
  auto collected = collected_.lock();
  return !collected->rows.empty() || !collected->gaps.empty();
}

std::size_t IndexStore::pending() {
  auto collected = collected_.lock();
  return collected->rows.size() + collected->gaps.size() + collected->in_hand;
}

core::Result<void> IndexStore::flush() {
  const std::lock_guard lock(writing_);
  return closed_ ? core::Result<void>() : write_collected();
}

core::Result<void> IndexStore::close() {
  const std::lock_guard lock(writing_);
  auto written = write_collected();
  closed_ = true;
  database_.reset();
  return written;
}

core::Result<void> IndexStore::write_collected() {
  if (!dirty()) return {};
  if (database_ == nullptr) AIRCHECK_TRY_VOID(reopen());
  if (inode_of(path_) != inode_) return core::fail(core::Code::kNotFound, path_ + " is gone");
  Changes changes;
  {
    auto collected = collected_.lock();
    std::swap(changes, *collected);
    collected->in_hand = changes.rows.size() + changes.gaps.size();
  }
  auto written = database_->transaction([&] { return write(changes); });
  auto collected = collected_.lock();
  collected->in_hand = 0;
  if (written) return {};
  // What came meanwhile is newer.
  std::move(collected->rows.begin(), collected->rows.end(), std::back_inserter(changes.rows));
  collected->rows = std::move(changes.rows);
  collected->gaps.merge(changes.gaps);
  return std::move(written).with_context("index.db");
}

core::Result<void> IndexStore::write(const Changes& changes) {
  std::map<Block, std::vector<const Change*>> blocks;
  for (const Change& change : changes.rows) {
    blocks[{change.channel_id, change.sequence / kRowsOfBlock}].push_back(&change);
  }
  for (const auto& [block, its_changes] : blocks) AIRCHECK_TRY_VOID(write_block(block, its_changes));
  AIRCHECK_TRY(auto gaps, database_->prepare("INSERT INTO trailing_gaps VALUES (?, ?, ?) ON CONFLICT (channel_id) "
                                             "DO UPDATE SET after_sequence = excluded.after_sequence, "
                                             "gap_rows = excluded.gap_rows"));
  for (const auto& [channel_id, trailing] : changes.gaps) {
    gaps.bind(1, channel_id).bind(2, static_cast<std::int64_t>(trailing.after_sequence));
    AIRCHECK_TRY_VOID(gaps.bind(3, static_cast<std::int64_t>(trailing.count)).run());
  }
  return {};
}

core::Result<void> IndexStore::write_block(const Block& block, const std::vector<const Change*>& changes) {
  const auto number = static_cast<std::int64_t>(block.second);
  AIRCHECK_TRY(auto select, database_->prepare("SELECT segments FROM blocks WHERE channel_id = ? AND number = ?"));
  AIRCHECK_TRY(const bool found, select.bind(1, block.first).bind(2, number).step());
  std::map<std::uint64_t, SegmentRow> rows;
  if (found) {
    // Rows of a block that cannot be read are found in the files at the next start.
    const auto read =
        unpack_rows(select.blob(0), [&](const SegmentRow& row) { rows.insert_or_assign(row.sequence, row); });
    if (!read) rows.clear();
  }
  for (const Change* change : changes) {
    if (change->row) {
      rows.try_emplace(change->sequence, *change->row);
    } else {
      rows.erase(change->sequence);
    }
  }
  if (rows.empty()) {
    AIRCHECK_TRY(auto erase, database_->prepare("DELETE FROM blocks WHERE channel_id = ? AND number = ?"));
    return erase.bind(1, block.first).bind(2, number).run();
  }
  std::vector<SegmentRow> packed;
  packed.reserve(rows.size());
  for (auto& [sequence, row] : rows) packed.push_back(std::move(row));
  AIRCHECK_TRY(auto insert, database_->prepare("INSERT INTO blocks VALUES (?, ?, ?) ON CONFLICT (channel_id, number) "
                                               "DO UPDATE SET segments = excluded.segments"));
  return insert.bind(1, block.first).bind(2, number).bind(3, core::ByteView(pack_rows(packed))).run();
}

}  // namespace aircheck::timeshift
