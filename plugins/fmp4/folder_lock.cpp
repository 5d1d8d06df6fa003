#include "fmp4/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace aircheck::fmp4 {

namespace {

std::string lock_path(const std::string& folder, const std::string& pattern) {
  std::string name = pattern.substr(folder.size());
  std::replace(name.begin(), name.end(), '/', '+');
  return folder + "." + name + ".lock";
}

}  // namespace

bool has_its_name(int descriptor, const std::string& path) {
  struct stat opened {};
  struct stat named {};
  return fstat(descriptor, &opened) == 0 && stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

core::Result<FolderLock> FolderLock::take(const std::string& folder, const std::string& pattern) {
  const std::string path = lock_path(folder, pattern);
  // A file that is open for writing would keep an operator from remounting the disk; NFS wants one all the same.
  for (int access = O_RDONLY;;) {
    const int descriptor = open(path.c_str(), access | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (descriptor < 0) return core::fail_errno(errno, "cannot make the lock file '" + path + "'");
    FolderLock lock(path, descriptor);
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
      if (has_its_name(descriptor, path)) return lock;
      lock.path_.clear();
      continue;
    }
    const int error = errno;
    lock.path_.clear();
    if (error == EBADF && std::exchange(access, O_RDWR) == O_RDONLY) continue;
    if (error == EWOULDBLOCK) {
      return core::fail(core::Code::kConflict,
                        "another sink writes '" + pattern + "' already; give each its own names or folder");
    }
    if (error != ENOLCK && error != EOPNOTSUPP && error != ENOSYS) {
      return core::fail_errno(error, "cannot lock '" + path + "'");
    }
    return FolderLock({}, -1);
  }
}

FolderLock::FolderLock(FolderLock&& other) noexcept
    : path_(std::exchange(other.path_, {})), descriptor_(std::exchange(other.descriptor_, -1)) {}

FolderLock::~FolderLock() {
  if (!path_.empty()) unlink(path_.c_str());  // while it is still locked
  if (descriptor_ >= 0) close(descriptor_);
}

}  // namespace aircheck::fmp4
