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

// Whether a segment that does not follow the pattern, anywhere below the pattern's folder, needs this init segment:
// sinks of the same names but for what stands behind the time share theirs.
[[nodiscard]] bool others_need(const core::NamePattern& pattern, const std::string& init_path);

// `folder` is "" or has a last '/'.
[[nodiscard]] bool is_below(const std::string& path, const std::string& folder);

// One name for each file: paths come from properties, and from what segments say.
[[nodiscard]] std::string normal_path(const std::string& path);

// The normal path of the init segment of a segment.
[[nodiscard]] std::string init_path_of(const std::string& segment_path, const core::SegmentInfo& info);

// Stands in the name of an init segment for the first 16 hexadecimal digits of its SHA-256.
inline constexpr std::string_view kHashMark = "%{hash}";

// Removes the temporary files that a crash left: of segments of the pattern, and of the other paths given, in which
// kHashMark stands for any digits.
core::Result<void> remove_leftovers(const core::NamePattern& pattern, const std::vector<std::string>& others);

}  // namespace aircheck::fmp4
