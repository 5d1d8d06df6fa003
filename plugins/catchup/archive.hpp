// A directory of segments as strftimefmp4sink writes it: names by time, and what the files say of themselves. No index:
// the names give the instants, and nothing is opened that a window does not need.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file_descriptor.hpp"
#include "core/naming.hpp"
#include "core/segment_info.hpp"

namespace aircheck::catchup {

// No segment is longer: strftimefmp4sink takes a target-duration up to this.
inline constexpr std::int64_t kLongestSegmentNs = 3600 * core::kNsPerSecond;

struct Segment {
  std::string path;
  core::SegmentInfo info;

  [[nodiscard]] core::Utc end() const { return info.start + info.duration_ns; }
};

// What a file says of itself. Nothing where there is no such file (any more).
using Head = core::Result<std::optional<Segment>>;

struct SegmentName {
  core::Utc start;  // rounded down to the resolution of the pattern
  std::uint32_t epoch = 0;
  std::uint32_t duplicate = 0;
  std::string path;
  std::unique_ptr<Head> head;  // where it was read already
};

// Whether Archive::names() reads the heads of the files from the start of the window on: while one thread still lists,
// others read.
enum class Heads { kNo, kOfWindow };

class Archive {
 public:
  // `location` is a core::NamePattern, `track` what stands for its %{track}. Errors name the property.
  static core::Result<Archive> open(const std::string& location, const std::string& track);

  // By epoch, instant and duplicate, which is the order of their numbers: the names of [start, end), and names before
  // `start`, at most kLongestSegmentNs, among which the one is that covers it. Folders are read as far as needed.
  [[nodiscard]] core::Result<std::vector<SegmentName>> names(core::Utc start, core::Utc end, Heads heads) const;

  // `path` as seen from the folder before the first field of the pattern.
  [[nodiscard]] std::string relative(const std::string& path) const;
  // The path of the init segment that belongs to a segment.
  [[nodiscard]] static std::string init_path(const Segment& segment);
  // Whether two segments lie in one folder.
  [[nodiscard]] static bool are_neighbours(const Segment& a, const Segment& b);
  // The path that a segment has, or would have.
  [[nodiscard]] std::string path_of(core::Utc start, std::uint32_t epoch) const;

 private:
  Archive(core::NamePattern pattern, std::string track)
      : pattern_(std::move(pattern)), directory_(pattern_.directory()), track_(std::move(track)) {}

  [[nodiscard]] std::vector<std::string> folders(core::Utc start, core::Utc end) const;

  core::NamePattern pattern_;
  std::string directory_;  // before the first field
  std::string track_;
};

// Opens files that follow each other in one folder without looking up the folder again.
class SegmentReader {
 public:
  // Reads only the head of the file, where name.head has none. It takes the path along.
  Head& read_head(SegmentName& name);
  // The whole file.
  core::Result<core::Bytes> read_file(const std::string& path);

 private:
  Head read(std::string path);
  int open(const std::string& path);

  std::string folder_;
  std::optional<core::FileDescriptor> descriptor_;
};

}  // namespace aircheck::catchup
