#include "timeshift/folder_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

namespace aircheck::timeshift {

namespace {

bool is_regular(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_REG;
  struct stat status {};
  return ::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(status.st_mode);
}

// Open folders; closed on every way out.
struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

constexpr int kDeepest = 16;

// A path at a time would cost more than all else that is done with a name.
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

}  // namespace

core::Result<void> walk_files(const std::string& folder,
                              const std::function<void(const std::string& location)>& found) {
  return walk(AT_FDCWD, folder, "", 0, found);
}

core::Result<SegmentNames> SegmentNames::of(const std::string& channel_key) {
  SegmentNames names;
  for (const char* fields : {"-%Y%m%d%H%M%S.m4s", "-%Y%m%d%H%M%S.%3N.m4s"}) {
    AIRCHECK_TRY(core::NamePattern pattern, core::NamePattern::parse(channel_key + fields));
    names.patterns_.push_back(std::move(pattern));
  }
  return names;
}

bool SegmentNames::has(const std::string& location) const {
  const std::string name = location.substr(location.rfind('/') + 1);
  return std::any_of(patterns_.begin(), patterns_.end(),
                     [&](const core::NamePattern& pattern) { return pattern.parse_name(name).has_value(); });
}

}  // namespace aircheck::timeshift
