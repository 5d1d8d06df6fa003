#include "timeshift/rescan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <iterator>
#include <memory>

#include "core/naming.hpp"
#include "core/segment_info.hpp"

namespace aircheck::timeshift {

namespace {

// styp, our uuid box and the moof's header are within it.
constexpr std::size_t kHeadSize = 4096;

std::string file_name_of(const std::string& location) {
  return location.substr(location.rfind('/') + 1);
}

// Open folders; closed on every way out.
struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

bool is_regular(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_REG;
  struct stat status {};
  return ::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

constexpr int kDeepest = 16;

// Calls `found` with every regular file below the folder, as a location. Symbolic links to folders are not followed:
// they could be a ring. A path at a time would cost more than all else that is done with a name.
core::Result<void> walk(int above, const std::string& name, const std::string& below, int depth,
                        const std::function<void(const std::string& location)>& found) {
  const int fd = ::openat(above, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth > 0 ? O_NOFOLLOW : 0));
  if (fd < 0) {
    const bool no_folder = errno == ENOENT || (depth > 0 && (errno == ENOTDIR || errno == ELOOP));
    return no_folder ? core::Result<void>() : core::fail_errno(errno, name);
  }
  const Folder folder(::fdopendir(fd));
  if (folder == nullptr) return core::fail_errno(errno, name);
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const std::string_view file(entry->d_name);
    if (file == "." || file == "..") continue;
    if (is_regular(fd, *entry)) {
      found(below + entry->d_name);
    } else if ((entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) && depth < kDeepest) {
      const std::string inner = entry->d_name;
      AIRCHECK_TRY_VOID(walk(fd, inner, below + inner + "/", depth + 1, found));
    }
  }
  return errno == 0 ? core::Result<void>() : core::fail_errno(errno, name);
}

// The names that the sink gives to segments.
class SegmentNames {
 public:
  static core::Result<SegmentNames> of(const std::string& channel_key) {
    SegmentNames names;
    for (const char* fields : {"-%Y%m%d%H%M%S.m4s", "-%Y%m%d%H%M%S.%3N.m4s"}) {
      AIRCHECK_TRY(core::NamePattern pattern, core::NamePattern::parse(channel_key + fields));
      names.patterns_.push_back(std::move(pattern));
    }
    return names;
  }
  [[nodiscard]] bool has(const std::string& location) const {
    const std::string name = file_name_of(location);
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const core::NamePattern& pattern) { return pattern.parse_name(name).has_value(); });
  }

 private:
  std::vector<core::NamePattern> patterns_;
};

// The numbers of `known` that are not in `present`.
std::vector<std::uint64_t> numbers_without(const SegmentIndex& known, std::vector<std::uint64_t> present) {
  std::vector<std::uint64_t> missing;
  if (present.size() == known.segment_count()) return missing;
  std::sort(present.begin(), present.end());
  const auto all = known.sequences();
  std::set_difference(all.begin(), all.end(), present.begin(), present.end(), std::back_inserter(missing));
  return missing;
}

}  // namespace

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

core::Result<Rescan> rescan(const SegmentFolder& folder, const std::string& channel_key, const SegmentIndex& known) {
  AIRCHECK_TRY(const SegmentNames names, SegmentNames::of(channel_key));
  std::vector<std::string> strangers;
  std::vector<std::uint64_t> present;
  present.reserve(known.segment_count());
  AIRCHECK_TRY_VOID(walk(AT_FDCWD, folder.path(), "", 0, [&](const std::string& location) {
    const auto instant = digits_of(location);
    if (!instant) return;
    if (const auto sequence = known.find_sequence(location, *instant)) {
      present.push_back(*sequence);
    } else if (names.has(location)) {
      strangers.push_back(location);
    }
  }));
  // Two files of one number: the first name wins, on every run.
  std::sort(strangers.begin(), strangers.end());
  Rescan found{.missing = numbers_without(known, std::move(present))};
  for (const std::string& location : strangers) {
    if (auto row = read_segment_row(folder, location)) {
      found.rows.push_back(std::move(*row));
    } else {
      found.unreadable.push_back(row.error().message);
    }
  }
  std::stable_sort(found.rows.begin(), found.rows.end(),
                   [](const SegmentRow& a, const SegmentRow& b) { return a.sequence < b.sequence; });
  return found;
}

}  // namespace aircheck::timeshift
