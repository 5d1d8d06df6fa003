// The segments of a channel: those of this run from memory, older ones from the segment directory.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "control/values.hpp"
#include "core/result.hpp"

namespace aircheck::worker {

class SegmentLog {
 public:
  void add(const control::SegmentRow& row);
  void clear() { rows_.clear(); }
  [[nodiscard]] std::optional<std::uint64_t> last_sequence() const;
  // Nothing when older segments than those in memory are asked for: then the directory has to be read.
  [[nodiscard]] std::optional<std::vector<control::SegmentRow>> since(std::uint64_t sequence,
                                                                      std::uint32_t limit) const;

 private:
  std::deque<control::SegmentRow> rows_;  // rising sequences
};

// The files of `pattern` (of core::NamePattern, as the sink's location), by their own words. Both block on the disk.
core::Result<std::vector<control::SegmentRow>> read_segments(const std::string& pattern, std::uint64_t sequence,
                                                             std::uint32_t limit);
// The newest one, nothing in an empty or missing directory.
core::Result<std::optional<control::SegmentRow>> read_last_segment(const std::string& pattern);

}  // namespace aircheck::worker
