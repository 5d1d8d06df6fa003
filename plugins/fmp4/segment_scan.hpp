// What a folder of segments says about itself: the files are the truth, also for the writer after a restart.
#pragma once

#include <string>
#include <vector>

#include "core/naming.hpp"
#include "core/segment_info.hpp"

namespace aircheck::fmp4 {

struct FoundSegment {
  std::string path;
  core::NameParts name;
  core::SegmentInfo info;
};

struct SegmentScan {
  std::vector<FoundSegment> segments;  // oldest first
  std::vector<std::string> warnings;   // one sentence for each file that follows the pattern and could not be read
};

// The files of the newest `limit` segments (0: all) by epoch, instant, track and duplicate; those of one segment have
// one number.
core::Result<SegmentScan> scan_segments(const core::NamePattern& pattern, std::size_t limit);

// Stands in the name of an init segment for the first 16 hexadecimal digits of its SHA-256.
inline constexpr std::string_view kHashMark = "%{hash}";

// Removes the temporary files that a crash left: of segments of the pattern, and of the other paths given, in which
// kHashMark stands for any digits.
core::Result<void> remove_leftovers(const core::NamePattern& pattern, const std::vector<std::string>& others);

}  // namespace aircheck::fmp4
