#include "worker/process.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "base/files.hpp"

namespace aircheck::worker {

core::Result<ChannelLock> ChannelLock::take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return core::fail_errno(errno, path);
  ChannelLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    std::array<char, 16> text{};
    const ssize_t length = ::pread(fd, text.data(), text.size() - 1, 0);
    const std::string holder = length > 0 ? " by process " + std::string(text.data()) : "";
    return core::fail(core::Code::kConflict, path + ": this channel is already being played out" + holder);
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) return core::fail_errno(errno, path);
  return lock;
}

ChannelLock::ChannelLock(ChannelLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

ChannelLock::~ChannelLock() {
  if (fd_ >= 0) ::close(fd_);
}

void harden_process() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
}

core::Result<void> redirect_output(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return core::fail_errno(errno, path);
  const bool done = ::dup2(fd, STDOUT_FILENO) >= 0 && ::dup2(fd, STDERR_FILENO) >= 0;
  const int why = errno;
  ::close(fd);
  if (!done) return core::fail_errno(why, path);
  return {};
}

core::Result<void> prepare_run_dir(const std::string& path) {
  return base::ensure_directory(path, 0700);
}

}  // namespace aircheck::worker
