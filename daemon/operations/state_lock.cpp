#include "operations/state_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <utility>

namespace aircheck::operations {

using core::Code;
using core::fail;

namespace {

std::string path_in(const std::string& state_directory) {
  return state_directory + "/aircheckd.lock";
}

}  // namespace

core::Result<StateLock> StateLock::acquire(const std::string& state_directory) {
  const std::string path = path_in(state_directory);
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return core::fail_errno(errno, "cannot open " + path);
  StateLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
    // What an earlier daemon left is not true any more.
    if (ftruncate(fd, 0) != 0) return core::fail_errno(errno, "cannot write " + path);
    return lock;
  }
  return fail(Code::kExists,
              "--state: another aircheckd runs in " + state_directory + ": stop it or give another --state");
}

StateLock::StateLock(StateLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

StateLock& StateLock::operator=(StateLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

StateLock::~StateLock() {
  if (fd_ >= 0) close(fd_);
}

core::Result<void> StateLock::announce(const std::string& control_socket) const {
  const std::string text = std::to_string(getpid()) + "\n" + control_socket + "\n";
  const bool written =
      ftruncate(fd_, 0) == 0 && pwrite(fd_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  return written ? core::Result<void>() : core::fail_errno(errno, "cannot write the lock file");
}

core::Result<std::optional<RunningDaemon>> running_daemon(const std::string& state_directory) {
  const std::string path = path_in(state_directory);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::optional<RunningDaemon>();
  if (fd < 0) return core::fail_errno(errno, "cannot open " + path);
  // Locks of one open file description do not disturb a daemon that starts meanwhile for longer than this.
  const bool free = flock(fd, LOCK_SH | LOCK_NB) == 0;
  std::array<char, 512> buffer{};
  const ssize_t size = free ? 0 : pread(fd, buffer.data(), buffer.size(), 0);
  close(fd);
  if (free) return std::optional<RunningDaemon>();
  RunningDaemon daemon;
  const std::string text(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  std::from_chars(text.data(), text.data() + text.size(), daemon.pid);
  if (const std::size_t line = text.find('\n'); line != std::string::npos && text.ends_with('\n')) {
    daemon.control_socket = text.substr(line + 1, text.size() - line - 2);
  }
  return std::optional(daemon);
}

}  // namespace aircheck::operations
