// One daemon per state directory, and how its operators' commands find it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "core/result.hpp"

namespace aircheck::operations {

// What the daemon that runs in a state directory left in its lock file.
struct RunningDaemon {
  pid_t pid = 0;
  std::string control_socket;  // empty: it has none yet
};

// Held as long as the object lives; the system lets go of it with the process, however that ends.
class StateLock {
 public:
  // kExists: another process holds it.
  static core::Result<StateLock> acquire(const std::string& state_directory);
  StateLock(StateLock&& other) noexcept;
  StateLock& operator=(StateLock&& other) noexcept;
  ~StateLock();

  // For running_daemon() of others.
  core::Result<void> announce(const std::string& control_socket) const;

 private:
  explicit StateLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

// The daemon that holds the lock; nothing when nobody does. Makes no file.
[[nodiscard]] core::Result<std::optional<RunningDaemon>> running_daemon(const std::string& state_directory);

}  // namespace aircheck::operations
