#include "channels/worker_process.hpp"

#include <fcntl.h>
#include <glib-unix.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <utility>

namespace aircheck::channels {

using core::Code;
using core::fail;
using core::fail_errno;

namespace {

constexpr off_t kRotateAbove = 10 << 20;  // bytes; one old log is kept

// Runs between fork and exec: only async-signal-safe calls.
void in_child(gpointer) noexcept {
  setsid();
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  // Threads of libraries block signals of their own choice.
  sigset_t no_signals;
  sigemptyset(&no_signals);
  sigprocmask(SIG_SETMASK, &no_signals, nullptr);
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  // g_spawn takes char** but writes nothing there.
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

core::Result<int> open_log(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) == 0 && status.st_size > kRotateAbove) rename(path.c_str(), (path + ".1").c_str());
  const int fd = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (fd < 0) return fail_errno(errno, "cannot open the log " + path);
  return fd;
}

std::string describe(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit code " + std::to_string(info.si_status);
  return "signal " + std::to_string(info.si_status) + " (" + strsignal(info.si_status) + ")";
}

}  // namespace

WorkerProcess::WorkerProcess(pid_t pid, bool child, int pidfd, Ended ended)
    : pid_(pid), child_(child), pidfd_(pidfd), ended_(std::move(ended)) {
  watch();
}

WorkerProcess::~WorkerProcess() {
  if (source_ != nullptr) {
    g_source_destroy(source_);
    g_source_unref(source_);
  }
  close(pidfd_);
}

core::Result<std::unique_ptr<WorkerProcess>> WorkerProcess::launch(const LaunchOptions& options, Ended ended) {
  AIRCHECK_TRY(const int log, open_log(options.log_file));
  std::vector<char*> argv = pointers(options.command);
  std::vector<char*> envp = pointers(options.environment);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  GPid pid = 0;
  g_autoptr(GError) error = nullptr;
  const gboolean spawned = g_spawn_async_with_fds(nullptr, argv.data(), envp.data(), G_SPAWN_DO_NOT_REAP_CHILD,
                                                  in_child, nullptr, &pid, null, log, log, &error);
  close(null);
  close(log);
  if (spawned == FALSE) return fail(Code::kNotFound, "cannot launch the worker: " + std::string(error->message));
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return fail_errno(errno, "cannot watch process " + std::to_string(pid));
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(pid, true, pidfd, std::move(ended)));
}

core::Result<std::unique_ptr<WorkerProcess>> WorkerProcess::adopt(pid_t pid, Ended ended) {
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0 && errno == ESRCH) return fail(Code::kNotFound, "process " + std::to_string(pid) + " is gone");
  if (pidfd < 0) return fail_errno(errno, "cannot watch process " + std::to_string(pid));
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(pid, false, pidfd, std::move(ended)));
}

void WorkerProcess::watch() {
  source_ = g_unix_fd_source_new(pidfd_, G_IO_IN);
  const auto callback = +[](gint, GIOCondition, gpointer data) noexcept -> gboolean {
    static_cast<WorkerProcess*>(data)->on_ended();
    return G_SOURCE_REMOVE;
  };
  g_source_set_callback(source_, reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(callback)), this, nullptr);
  g_source_attach(source_, nullptr);
}

void WorkerProcess::on_ended() {
  g_source_unref(std::exchange(source_, nullptr));
  grace_.cancel();
  std::string how = "it ended";
  siginfo_t info = {};
  if (child_ && waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) == 0) how = describe(info);
  // The callback may destroy this.
  const Ended ended = std::exchange(ended_, nullptr);
  if (ended) ended(how);
}

void WorkerProcess::send(int signal_number) const {
  syscall(SYS_pidfd_send_signal, pidfd_, signal_number, nullptr, 0);
}

void WorkerProcess::terminate() {
  if (terminating_) return;
  terminating_ = true;
  send(SIGTERM);
  grace_ = base::Timer::once(kGraceMs, [this] { kill(); });
}

void WorkerProcess::kill() {
  send(SIGKILL);
}

std::vector<std::string> scrub_environment(const std::vector<std::string>& environment) {
  static constexpr std::array<std::string_view, 15> kAllowed = {"PATH=",
                                                                "LANG=",
                                                                "LC_ALL=",
                                                                "TZ=",
                                                                "HOME=",
                                                                "XDG_CACHE_HOME=",
                                                                "GST_",
                                                                "FONTCONFIG_FILE=",
                                                                "FONTCONFIG_PATH=",
                                                                "LD_LIBRARY_PATH=",
                                                                "AIRCHECK_PIPELINE_DIR=",
                                                                "ASAN_OPTIONS=",
                                                                "LSAN_OPTIONS=",
                                                                "UBSAN_OPTIONS=",
                                                                "TSAN_OPTIONS="};
  std::vector<std::string> kept;
  for (const std::string& variable : environment) {
    const bool allowed = std::any_of(kAllowed.begin(), kAllowed.end(),
                                     [&](std::string_view prefix) { return variable.starts_with(prefix); });
    if (allowed) kept.push_back(variable);
  }
  return kept;
}

}  // namespace aircheck::channels
