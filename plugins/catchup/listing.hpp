// The names of segments in folders, and the heads of their files, by several threads at once.
#pragma once

#include <string>
#include <vector>

#include "catchup/archive.hpp"

namespace aircheck::catchup {

// Which names are wanted: those of [from, end). The heads of those from `heads_from` on are read as well.
struct Wanted {
  const core::NamePattern& pattern;
  const std::string& track;
  core::Utc from;
  core::Utc end;
  core::Utc heads_from;
};

// The order of the numbers.
[[nodiscard]] bool older(const SegmentName& a, const SegmentName& b);

// In that order. `folders` end in '/', "" is the current one. A folder that is missing has no names; where the pattern
// has only one folder it is kNotFound.
core::Result<std::vector<SegmentName>> list_names(const std::vector<std::string>& folders, const Wanted& wanted);

}  // namespace aircheck::catchup
