#include "fmp4/pending_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <vector>

#include "fmp4/folder_lock.hpp"

namespace aircheck::fmp4 {

namespace {

using core::ByteView;
using core::Result;

constexpr std::string_view kSuffix = ".part";

std::string quoted(std::string_view path) {
  return "'" + std::string(path) + "'";
}

// Renames, but never over a file that is there.
int rename_new(const char* from, const char* to) {
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system without the flag (NFS, some FUSE): a hard link is as strict.
  if (link(from, to) != 0) return errno;
  unlink(from);  // a leftover, which the next start removes
  return 0;
}

Result<void> sync_folder(const std::string& path) {
  const std::string folder(folder_of(path));
  const int descriptor = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return core::fail_errno(errno, "cannot open the folder of " + quoted(path));
  const int error = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  if (error != 0) return core::fail_errno(error, "cannot sync the folder of " + quoted(path));
  return {};
}

}  // namespace

std::string_view folder_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash + 1);
}

std::string temporary_path(std::string_view path) {
  const std::string_view folder = folder_of(path);
  return std::string(folder) + "." + std::string(path.substr(folder.size())) + std::string(kSuffix);
}

std::string_view published_name(std::string_view temporary_name) {
  if (temporary_name.size() <= kSuffix.size() + 1 || temporary_name.front() != '.' ||
      !temporary_name.ends_with(kSuffix)) {
    return {};
  }
  return temporary_name.substr(1, temporary_name.size() - 1 - kSuffix.size());
}

// Whoever writes a file keeps it locked until it has its name, which another then waits for.
Result<PendingFile> PendingFile::create(const std::string& path) {
  std::string temporary = temporary_path(path);
  for (;;) {
    AIRCHECK_TRY_VOID(remove_leftover(temporary, true));
    // O_EXCL keeps us from writing through a planted link.
    const int descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && errno == EEXIST) continue;
    if (descriptor < 0) return core::fail_errno(errno, "cannot create " + quoted(path));
    flock(descriptor, LOCK_EX);  // where there are no locks, one sink writes here
    if (has_its_name(descriptor, temporary)) return PendingFile(std::move(temporary), descriptor);
    close(descriptor);  // taken for a leftover before it was locked
  }
}

Result<void> remove_leftover(const std::string& temporary, bool wait) {
  const int descriptor = open(temporary.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (descriptor < 0 && errno == ENOENT) return {};
  const bool locked = descriptor >= 0 && flock(descriptor, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0;
  const bool in_use = descriptor >= 0 && !locked && errno == EWOULDBLOCK;
  const bool gone = locked && !has_its_name(descriptor, temporary);
  const int error = in_use || gone || unlink(temporary.c_str()) == 0 ? 0 : errno;
  if (descriptor >= 0) close(descriptor);
  if (error != 0 && error != ENOENT) return core::fail_errno(error, "cannot remove the leftover " + quoted(temporary));
  return {};
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : temporary_(std::exchange(other.temporary_, {})), descriptor_(std::exchange(other.descriptor_, -1)) {}

PendingFile::~PendingFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

Result<void> PendingFile::write(std::span<const ByteView> parts) {
  std::vector<iovec> rest;
  rest.reserve(parts.size());
  for (const ByteView part : parts) {
    // iovec has one type for reading and writing; writev only reads.
    if (!part.empty()) rest.push_back({const_cast<std::uint8_t*>(part.data()), part.size()});
  }
  for (std::size_t first = 0; first < rest.size();) {
    const int count = static_cast<int>(std::min<std::size_t>(rest.size() - first, IOV_MAX));
    const ssize_t result = writev(descriptor_, &rest[first], count);
    if (result < 0 && errno == EINTR) continue;
    if (result < 0) return core::fail_errno(errno, "cannot write " + quoted(temporary_));
    auto written = static_cast<std::size_t>(result);
    while (first < rest.size() && written >= rest[first].iov_len) written -= rest[first++].iov_len;
    if (written > 0) {
      rest[first].iov_base = static_cast<std::uint8_t*>(rest[first].iov_base) + written;
      rest[first].iov_len -= written;
    }
  }
  return {};
}

Result<void> PendingFile::sync(SyncPolicy policy) {
  if (policy == SyncPolicy::kNone) return {};
  if (fdatasync(descriptor_) != 0) return core::fail_errno(errno, "cannot sync " + quoted(temporary_));
  return {};
}

Result<void> PendingFile::published(const std::string& path, SyncPolicy policy) {
  temporary_.clear();
  // Delayed errors of a network file system show up here.
  const int error = close(std::exchange(descriptor_, -1)) == 0 ? 0 : errno;
  if (error != 0 && error != EINTR) return core::fail_errno(error, "cannot close " + quoted(path));
  return policy == SyncPolicy::kDirectory ? sync_folder(path) : Result<void>();
}

Result<void> PendingFile::publish(const std::string& path, SyncPolicy policy) {
  const int error = rename_new(temporary_.c_str(), path.c_str());
  if (error != 0) return core::fail_errno(error, "cannot give " + quoted(path) + " its name");
  auto safe = published(path, policy);
  if (!safe) unlink(path.c_str());  // nobody will list it, and the next start would find it
  return safe;
}

Result<void> PendingFile::replace(const std::string& path, SyncPolicy policy) {
  if (rename(temporary_.c_str(), path.c_str()) != 0) {
    return core::fail_errno(errno, "cannot replace " + quoted(path));
  }
  return published(path, policy);
}

Result<void> write_text(const std::string& path, std::string_view text) {
  const ByteView parts[] = {core::as_bytes(text)};
  AIRCHECK_TRY(PendingFile file, PendingFile::create(path));
  AIRCHECK_TRY_VOID(file.write(parts));
  return file.replace(path, SyncPolicy::kNone);
}

Result<void> make_folders(const std::string& path, std::string_view existing, SyncPolicy policy) {
  for (std::size_t slash = path.find('/', existing.size()); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string folder = path.substr(0, slash);
    if (mkdir(folder.c_str(), 0777) == 0) {
      if (policy == SyncPolicy::kDirectory) AIRCHECK_TRY_VOID(sync_folder(folder));
    } else if (errno != EEXIST) {
      return core::fail_errno(errno, "cannot make the folder " + quoted(folder));
    }
  }
  return {};
}

Result<void> check_folder(const std::string& folder) {
  struct stat status {};
  const char* name = folder.empty() ? "." : folder.c_str();
  if (stat(name, &status) != 0) {
    if (errno != ENOENT) return core::fail_errno(errno, "cannot use the folder " + quoted(name));
    return core::fail(core::Code::kNotFound, "the folder " + quoted(name) + " does not exist: make it first");
  }
  if (!S_ISDIR(status.st_mode)) {
    return core::fail(core::Code::kInvalidArgument, quoted(name) + " is a file, not a folder");
  }
  auto probe = PendingFile::create(folder + "aircheck-probe-" + std::to_string(getpid()));
  if (!probe) {
    return probe.unexpected();
  }
  return {};
}

}  // namespace aircheck::fmp4
