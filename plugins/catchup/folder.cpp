#include "catchup/folder.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>

namespace aircheck::catchup {

namespace {

using core::Result;

// Of a folder of ext4, about 3,000 names: a millisecond. With more parts than a few per thread nothing is won.
constexpr std::size_t kBytesOfPart = 128 << 10;
constexpr std::size_t kMostParts = 16;

// An ext4 folder is read in the order of its names' hashes, and a position in it is a hash (63 bits), at which reading
// may begin whether or not there is such a name. Where a folder has no hashes, positions are bytes, far below the
// second part's: the first part then has everything.
std::size_t parts_of(int folder) {
  struct statfs filesystem {};
  struct stat status {};
  if (fstatfs(folder, &filesystem) != 0 || filesystem.f_type != EXT4_SUPER_MAGIC || fstat(folder, &status) != 0)
    return 1;
  // A power of two, which two or four threads share evenly.
  return std::bit_floor(
      std::clamp<std::size_t>(static_cast<std::size_t>(status.st_size) / kBytesOfPart, 1, kMostParts));
}

// Where a part begins; behind the last one there is nothing.
std::int64_t position_of(std::size_t part, std::size_t parts) {
  return part == parts ? INT64_MAX : INT64_MAX / static_cast<std::int64_t>(parts) * static_cast<std::int64_t>(part);
}

}  // namespace

Folder::Folder(std::string path, core::FileDescriptor descriptor)
    : path_(std::move(path)), descriptor_(std::move(descriptor)), parts_(parts_of(descriptor_.get())) {}

Result<std::optional<Folder>> Folder::open(const std::string& path) {
  core::FileDescriptor descriptor(::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor.valid() && errno == ENOENT) return std::optional<Folder>();
  if (!descriptor.valid()) return core::fail_errno(errno, "location: cannot read the folder '" + path + "'");
  return std::optional<Folder>(Folder(path, std::move(descriptor)));
}

Result<void> Folder::for_each_name(std::size_t part, const std::function<void(std::string_view)>& visit) const {
  const auto failed = [&] { return core::fail_errno(errno, "location: cannot read the folder '" + path_ + "'"); };
  // A position of its own.
  const core::FileDescriptor folder(openat(descriptor_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.valid()) return failed();
  std::int64_t position = position_of(part, parts_);
  const std::int64_t end = position_of(part + 1, parts_);
  if (part > 0 && lseek(folder.get(), position, SEEK_SET) < 0) {
    if (errno == EINVAL) return {};  // there are no such positions
    return failed();
  }
  // What is read behind the part is lost, so no more at a time than makes calls cheap.
  alignas(dirent64) std::array<char, 4 << 10> entries;
  for (;;) {
    const long size = syscall(SYS_getdents64, folder.get(), entries.data(), entries.size());
    if (size < 0) return failed();
    if (size == 0) return {};
    for (long at = 0; at < size;) {
      const auto* const entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      if (part + 1 < parts_ && position >= end) return {};
      visit(std::string_view(entry->d_name));
      position = entry->d_off;  // of the entry behind it
      at += entry->d_reclen;
    }
  }
}

}  // namespace aircheck::catchup
