// index.db: the rows of every channel on disk, so that a start does not have to read every segment file. A cache: when
// it is damaged or of another version it is set aside and made anew.
#pragma once

#include <cstdint>
#include <functional>
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

  // Every row, by channel and sequence, in order. False: the file turned out to be damaged and is empty now; rows that
  // were handed out may stay, a rescan finds the others.
  using OnRow = std::function<void(const std::string& channel_id, SegmentRow row)>;
  core::Result<bool> load(const OnRow& on_row);
  // GAP rows after the segment of this number; 0 when they belonged to another one.
  [[nodiscard]] core::Result<std::uint64_t> trailing_gaps(const std::string& channel_id, std::uint64_t after_sequence);

  void add(const std::string& channel_id, SegmentRow row);
  void remove(const std::string& channel_id, std::uint64_t sequence);
  void set_trailing_gaps(const std::string& channel_id, std::uint64_t after_sequence, std::uint64_t count);
  [[nodiscard]] bool dirty() const { return !added_.empty() || !removed_.empty() || !gaps_.empty(); }
  // Writes what was collected; on failure it stays collected, for the next call.
  core::Result<void> flush();

 private:
  struct Gaps {
    std::uint64_t after_sequence;
    std::uint64_t count;
  };

  IndexStore(std::string path, std::unique_ptr<store::Database> database)
      : path_(std::move(path)), database_(std::move(database)) {}

  core::Result<void> read_rows(const OnRow& on_row);
  core::Result<void> write();

  std::string path_;
  std::unique_ptr<store::Database> database_;
  std::vector<std::pair<std::string, SegmentRow>> added_;
  std::vector<std::pair<std::string, std::uint64_t>> removed_;
  std::map<std::string, Gaps> gaps_;
};

}  // namespace aircheck::timeshift
