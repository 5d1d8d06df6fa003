// What makes aircheck-channel a process of its own: its lock, its log, and nothing of it in a core dump.
#pragma once

#include <string>

#include "core/result.hpp"

namespace aircheck::worker {

// Held as long as the object lives; the file stays.
class ChannelLock {
 public:
  // kConflict, with the holder's process id in the text, when another worker has it.
  static core::Result<ChannelLock> take(const std::string& path);
  ChannelLock(ChannelLock&& other) noexcept;
  ChannelLock& operator=(ChannelLock&&) = delete;
  ~ChannelLock();

 private:
  explicit ChannelLock(int fd) : fd_(fd) {}
  int fd_;
};

// No core dumps and no reading by other processes of the same user: keys are in memory.
void harden_process();

// stdout and stderr go to the end of this file, mode 0600, from now on.
core::Result<void> redirect_output(const std::string& path);

// Creates the run directory with mode 0700 if it is missing.
core::Result<void> prepare_run_dir(const std::string& path);

}  // namespace aircheck::worker
