// The process of one worker, whether this daemon launched it or an earlier one did.
#pragma once

#include <glib.h>
#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/main_context.hpp"
#include "core/result.hpp"

namespace aircheck::channels {

struct LaunchOptions {
  std::vector<std::string> command;
  std::vector<std::string> environment;  // "NAME=value"; nothing else is passed on
  std::string log_file;                  // what the process writes is appended here
};

// Main context only. Dropping the object leaves the process alone.
class WorkerProcess {
 public:
  // `ended` gets how: "exit code 1", "signal 11 (Segmentation fault)". Called once, never after destruction.
  using Ended = std::function<void(const std::string& how)>;

  // In a session of its own, with /dev/null as standard input and no core dumps.
  static core::Result<std::unique_ptr<WorkerProcess>> launch(const LaunchOptions& options, Ended ended);
  // Watches a process that is not our child. kNotFound when it is gone already.
  static core::Result<std::unique_ptr<WorkerProcess>> adopt(pid_t pid, Ended ended);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  // SIGTERM, and SIGKILL to one that is still there after kGraceMs. Again: nothing.
  void terminate();
  [[nodiscard]] bool terminating() const { return terminating_; }
  void kill();

  static constexpr std::int64_t kGraceMs = 10'000;

 private:
  WorkerProcess(pid_t pid, bool child, int pidfd, Ended ended);
  void watch();
  void on_ended();
  void send(int signal_number) const;

  pid_t pid_;
  bool child_;
  int pidfd_;  // so that a signal never reaches another process that got the number
  Ended ended_;
  GSource* source_ = nullptr;
  bool terminating_ = false;
  base::Timer grace_;
};

// Of the environment given as "NAME=value", what a worker may have: paths and locale, GStreamer's and the sanitizers'
// settings. No secret of the daemon.
[[nodiscard]] std::vector<std::string> scrub_environment(const std::vector<std::string>& environment);

}  // namespace aircheck::channels
