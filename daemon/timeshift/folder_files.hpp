// Which files lie in a channel's folder, by their names.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/naming.hpp"
#include "core/result.hpp"

namespace aircheck::timeshift {

// Calls `found` with every regular file below the folder, as a location ("2026/02/25/ch1.m4s"). Symbolic links to
// folders are not followed: they could be a ring. A folder that does not exist has no files. Slow: for pool threads.
core::Result<void> walk_files(const std::string& folder, const std::function<void(const std::string& location)>& found);

// The names that the sink gives to segments: `{channel_key}-%Y%m%d%H%M%S.m4s`, with or without %3N, an epoch and a
// duplicate number.
class SegmentNames {
 public:
  static core::Result<SegmentNames> of(const std::string& channel_key);
  [[nodiscard]] bool has(const std::string& location) const;

 private:
  std::vector<core::NamePattern> patterns_;
};

}  // namespace aircheck::timeshift
