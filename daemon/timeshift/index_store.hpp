// index.db: the rows of every channel on disk, so that a start does not have to read every segment file. A cache: when
// it is damaged or of another version it is set aside and made anew.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "gobj/guarded.hpp"
#include "store/database.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift {

// Any thread. Changes are collected in memory and written by flush(), so that a burst of segments is one transaction
// and nobody waits for the disk who does not ask for it.
class IndexStore {
 public:
  // Opens PATH; a file that cannot be used is renamed to PATH.unusable.
  static core::Result<std::unique_ptr<IndexStore>> open(const std::string& path);

  // The rows of one channel by sequence, and the GAP rows that were listed after its last one, over a connection of its
  // own. The reference is to a row that is overwritten by the next. kParse: a block of rows is damaged.
  using OnRow = std::function<void(const SegmentRow& row)>;
  static core::Result<std::uint64_t> read(const std::string& path, const std::string& channel_id, const OnRow& on_row);
  // The same over a connection that is open.
  static core::Result<std::uint64_t> read(store::Database& database, const std::string& channel_id,
                                          const OnRow& on_row);
  // Sets the file aside, because it turned out to be damaged or to be gone, and begins a new one. What was collected
  // stays collected.
  core::Result<void> begin_anew(const core::Error& why);

  // A row of a number that is there changes nothing.
  void add(const std::string& channel_id, SegmentRow row);
  void remove(const std::string& channel_id, std::uint64_t sequence);
  void set_trailing_gaps(const std::string& channel_id, std::uint64_t after_sequence, std::uint64_t count);
  [[nodiscard]] bool dirty();
  // Changes that were collected and are not written.
  [[nodiscard]] std::size_t pending();
  // Writes what was collected, in its order; what fails stays collected for the next call. Waits for the disk, and for
  // another thread that is at it. kUnavailable: another program has it locked; it is not waited for. kNotFound: the
  // file is gone.
  core::Result<void> flush();
  // The same, and lets go of the file, whoever else still has the store.
  core::Result<void> close();

 private:
  struct Change {
    std::string channel_id;
    std::uint64_t sequence;
    std::optional<SegmentRow> row;  // nothing: it goes
  };
  struct Gaps {
    std::uint64_t after_sequence;
    std::uint64_t count;
  };
  struct Changes {
    std::vector<Change> rows;
    std::map<std::string, Gaps> gaps;
    std::size_t in_hand = 0;  // of what is being written just now
  };
  using Block = std::pair<std::string, std::uint64_t>;  // channel and number

  IndexStore(std::string path, std::unique_ptr<store::Database> database);

  // With writing_ locked.
  core::Result<void> write_collected();
  core::Result<void> write(const Changes& changes);
  void take(std::unique_ptr<store::Database> database);
  core::Result<void> reopen();
  core::Result<void> write_block(const Block& block, const std::vector<const Change*>& changes);

  std::string path_;
  std::mutex writing_;  // before that of collected_
  bool closed_ = false;
  std::uint64_t inode_ = 0;                    // of the file that is open
  std::unique_ptr<store::Database> database_;  // null where a new one could not be made
  gobj::Guarded<Changes> collected_;
};

}  // namespace aircheck::timeshift
