// Rebuilds rows from the files alone. Slow: for pool threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "timeshift/segment_folder.hpp"
#include "timeshift/segment_index.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift {

struct Rescan {
  std::vector<SegmentRow> rows;         // of files that were not known, by sequence
  std::vector<std::uint64_t> missing;   // numbers of known rows without a file
  std::vector<std::string> unreadable;  // "location: why"
};

// What a segment file says about itself; its size is that of the file.
[[nodiscard]] core::Result<SegmentRow> read_segment_row(const SegmentFolder& folder, const std::string& location);

// Finds the segments of a channel by their names, also in folders below the channel's, and reads those that `known`
// does not list. A folder that does not exist has no segments.
[[nodiscard]] core::Result<Rescan> rescan(const SegmentFolder& folder, const std::string& channel_key,
                                          const SegmentIndex& known);

}  // namespace aircheck::timeshift
