#include "timeshift/rescan.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "core/naming.hpp"
#include "core/segment_info.hpp"

namespace aircheck::timeshift {

namespace {

using core::Code;

// styp, our uuid box and the moof's header are within it.
constexpr std::size_t kHeadSize = 4096;

std::string file_name_of(const std::string& location) {
  return location.substr(location.rfind('/') + 1);
}

// Every regular file below the folder, as a location. Symbolic links to folders are not followed: they could be a ring.
core::Result<std::vector<std::string>> list_files(const std::string& folder) {
  namespace fs = std::filesystem;
  std::vector<std::string> locations;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error == std::errc::no_such_file_or_directory) return locations;
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code of_file;
    if (!entry->is_regular_file(of_file)) continue;
    locations.push_back(entry->path().string().substr(folder.size() + 1));
  }
  if (error) return core::fail(Code::kIo, folder + ": " + error.message());
  return locations;
}

}  // namespace

core::Result<core::Utc> instant_of_name(const std::string& location, const std::string& channel_key) {
  const std::string name = file_name_of(location);
  for (const char* fields : {"-%Y%m%d%H%M%S.m4s", "-%Y%m%d%H%M%S.%3N.m4s"}) {
    AIRCHECK_TRY(const core::NamePattern pattern, core::NamePattern::parse(channel_key + fields));
    if (const auto parts = pattern.parse_name(name)) {
      return core::Utc{parts->utc.ns - parts->utc.ns % core::kNsPerSecond};
    }
  }
  return core::fail(Code::kParse, location + " is not the name of a segment");
}

core::Result<SegmentRow> read_segment_row(const SegmentFolder& folder, const std::string& location) {
  AIRCHECK_TRY(const core::Bytes head, folder.read_head(location, kHeadSize));
  AIRCHECK_TRY(const core::SegmentInfo info, core::read_segment_info(head).with_context(location));
  AIRCHECK_TRY(const std::uint64_t size, folder.size(location));
  return SegmentRow{
      .sequence = info.sequence,
      .discontinuity_sequence = info.discontinuity_sequence,
      .start = info.start,
      .duration_ns = info.duration_ns,
      .size = size,
      .epoch = info.epoch,
      .discontinuity = info.discontinuity,
      .key_id = info.key_id,
      .location = location,
      .init_location = location.substr(0, location.rfind('/') + 1) + info.init_name,
  };
}

core::Result<Rescan> rescan(const SegmentFolder& folder, const std::string& channel_key,
                            const std::unordered_set<std::string>& known) {
  AIRCHECK_TRY(auto locations, list_files(folder.path()));
  // Two files of one number: the first name wins, on every run.
  std::sort(locations.begin(), locations.end());
  Rescan found;
  std::size_t known_files = 0;
  for (const std::string& location : locations) {
    if (known.contains(location)) {
      ++known_files;
      continue;
    }
    if (!instant_of_name(location, channel_key)) continue;
    if (auto row = read_segment_row(folder, location)) {
      found.rows.push_back(std::move(*row));
    } else {
      found.unreadable.push_back(row.error().message);
    }
  }
  std::stable_sort(found.rows.begin(), found.rows.end(),
                   [](const SegmentRow& a, const SegmentRow& b) { return a.sequence < b.sequence; });
  if (known_files == known.size()) return found;
  const std::unordered_set<std::string> present(locations.begin(), locations.end());
  for (const std::string& location : known) {
    if (!present.contains(location)) found.missing.push_back(location);
  }
  return found;
}

}  // namespace aircheck::timeshift
