// What channels that were deleted have left on the disk. Deleting a channel keeps its files: one that is made anew with
// the same key has its archive back.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "core/time.hpp"
#include "timeshift/archive.hpp"

namespace aircheck::timeshift {

struct LeftoverFile {
  core::Utc start;  // by its name; init segments go when all segments have gone
  std::uint64_t size = 0;
  std::uint32_t location_at = 0;  // in `locations`
  std::uint32_t location_length = 0;
};

// One folder.
struct Leftover {
  std::string key;  // its name, which was the channel's
  std::uint64_t segments = 0;
  std::uint64_t bytes = 0;  // with the init segments
  core::Utc oldest;         // starts of segments
  core::Utc newest;
  core::Utc written;                // when the last of the files was, by the file system
  std::vector<LeftoverFile> files;  // the oldest last
  // One text for all: a hundred thousand of their own are not given back in no time.
  std::string locations;
};

// The folders in the segment directory that have segments under their own name and are none of the channels'. Files
// under other names are not ours. Slow: for pool threads.
core::Result<std::vector<Leftover>> find_leftovers(const std::string& segment_directory,
                                                   const std::set<std::string>& channel_keys);

// Those that were found last, and what there is still of them. Main context only.
class Leftovers {
 public:
  // channel_keys: of the channels that there are.
  Leftovers(std::string segment_directory, std::function<std::set<std::string>()> channel_keys)
      : segment_directory_(std::move(segment_directory)), channel_keys_(std::move(channel_keys)) {}

  [[nodiscard]] const std::string& segment_directory() const { return segment_directory_; }
  [[nodiscard]] std::set<std::string> channel_keys() const { return channel_keys_(); }

  void found(std::vector<Leftover> leftovers) { leftovers_ = std::move(leftovers); }
  // Takes the oldest files of all of them out, `limit` at most, to be deleted. Nothing of a folder in which somebody
  // wrote at `untouched_since` or later, nor of one whose name a channel has again.
  Archive::Retired retire(core::Utc untouched_since, std::size_t limit);
  // Keeps the figures alone: the names of all files are needed only while a round is under way.
  void forget_files();

  // By key.
  [[nodiscard]] std::vector<const Leftover*> all() const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  std::string segment_directory_;
  std::function<std::set<std::string>()> channel_keys_;
  std::vector<Leftover> leftovers_;
};

}  // namespace aircheck::timeshift
