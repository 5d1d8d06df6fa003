// index.db: the rows of every channel on disk, so that a start does not have to read every segment file. A cache: when
// it is damaged or of another version it is set aside and made anew.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "store/database.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift {

// Main context only. Changes are collected and written by flush(), so that a burst of segments is one transaction.
class IndexStore {
 public:
  // Opens PATH; a file that cannot be used is renamed to PATH.unusable.
  static core::Result<IndexStore> open(const std::string& path);

  // The rows of one channel by sequence, and the GAP rows that were listed after its last one: for pool threads, over a
  // connection of their own.
  using OnRow = std::function<void(const SegmentRow& row)>;
  static core::Result<std::uint64_t> read(const std::string& path, const std::string& channel_id, const OnRow& on_row);
  // The same over a connection that is open.
  static core::Result<std::uint64_t> read(store::Database& database, const std::string& channel_id,
                                          const OnRow& on_row);
  // Sets the file aside, because it turned out to be damaged or to be gone, and begins a new one. What was collected
  // stays collected.
  core::Result<void> begin_anew(const core::Error& why);

  void add(const std::string& channel_id, SegmentRow row);
  void remove(const std::string& channel_id, std::uint64_t sequence);
  void set_trailing_gaps(const std::string& channel_id, std::uint64_t after_sequence, std::uint64_t count);
  [[nodiscard]] bool dirty() const { return !added_.empty() || !removed_.empty() || !gaps_.empty(); }
  // Changes that were collected and are not written.
  [[nodiscard]] std::size_t pending() const { return added_.size() + removed_.size() + gaps_.size(); }
  // Writes what was collected, `most` rows at once; what is left, or fails, stays collected for the next call.
  // kUnavailable: another program has it locked; it is not waited for. kNotFound: the file is gone.
  core::Result<void> flush(std::size_t most = std::numeric_limits<std::size_t>::max());

 private:
  struct Gaps {
    std::uint64_t after_sequence;
    std::uint64_t count;
  };

  IndexStore(std::string path, std::unique_ptr<store::Database> database);

  core::Result<void> write(std::size_t removed, std::size_t added);
  void take(std::unique_ptr<store::Database> database);
  core::Result<void> reopen();

  std::string path_;
  std::uint64_t inode_ = 0;                    // of the file that is open
  std::unique_ptr<store::Database> database_;  // null where a new one could not be made
  std::deque<std::pair<std::string, SegmentRow>> added_;
  std::deque<std::pair<std::string, std::uint64_t>> removed_;
  std::map<std::string, Gaps> gaps_;
};

}  // namespace aircheck::timeshift
