#include "control/values.hpp"

#include <array>
#include <cstdlib>
#include <utility>

namespace aircheck::control {
namespace {

constexpr std::array kStates{
    std::pair{WorkerState::kIdle, std::string_view("idle")},
    std::pair{WorkerState::kStarting, std::string_view("starting")},
    std::pair{WorkerState::kRunning, std::string_view("running")},
    std::pair{WorkerState::kStopping, std::string_view("stopping")},
    std::pair{WorkerState::kFailed, std::string_view("failed")},
};

constexpr std::string_view kErrorPrefix = "org.aircheck.Error.";

constexpr std::array kErrors{
    std::pair{core::Code::kInvalidArgument, std::string_view("InvalidArgument")},
    std::pair{core::Code::kParse, std::string_view("Parse")},
    std::pair{core::Code::kTruncated, std::string_view("Truncated")},
    std::pair{core::Code::kUnsupported, std::string_view("Unsupported")},
    std::pair{core::Code::kNotFound, std::string_view("NotFound")},
    std::pair{core::Code::kExists, std::string_view("Exists")},
    std::pair{core::Code::kConflict, std::string_view("Conflict")},
    std::pair{core::Code::kPermission, std::string_view("Permission")},
    std::pair{core::Code::kNoSpace, std::string_view("NoSpace")},
    std::pair{core::Code::kIo, std::string_view("Io")},
    std::pair{core::Code::kTimeout, std::string_view("Timeout")},
    std::pair{core::Code::kUnavailable, std::string_view("Unavailable")},
    std::pair{core::Code::kInternal, std::string_view("Internal")},
};

std::string in_run_dir(std::string_view run_dir, std::string_view channel_key, std::string_view suffix) {
  std::string path(run_dir);
  if (!path.ends_with('/')) path += '/';
  path += channel_key;
  path += suffix;
  return path;
}

}  // namespace

std::string_view to_string(WorkerState state) {
  for (const auto& [value, name] : kStates) {
    if (value == state) return name;
  }
  return "failed";
}

core::Result<WorkerState> worker_state_from_string(std::string_view text) {
  for (const auto& [value, name] : kStates) {
    if (name == text) return value;
  }
  return core::fail(core::Code::kParse, "unknown worker state '" + std::string(text) + "'");
}

std::string error_name(core::Code code) {
  for (const auto& [value, name] : kErrors) {
    if (value == code) return std::string(kErrorPrefix) + std::string(name);
  }
  return std::string(kErrorPrefix) + "Internal";
}

core::Code code_from_error_name(std::string_view name) {
  if (!name.starts_with(kErrorPrefix)) return core::Code::kInternal;
  name.remove_prefix(kErrorPrefix.size());
  for (const auto& [value, known] : kErrors) {
    if (known == name) return value;
  }
  return core::Code::kInternal;
}

core::Result<void> check_channel_key(std::string_view key) {
  constexpr std::size_t kMaxLength = 64;
  const auto is_alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  bool good = !key.empty() && key.size() <= kMaxLength && is_alphanumeric(key.front());
  for (const char c : key) good = good && (is_alphanumeric(c) || c == '-' || c == '_');
  if (good) return {};
  return core::fail(core::Code::kInvalidArgument,
                    "channel key '" + std::string(key.substr(0, kMaxLength)) +
                        "' is not usable in file names: use 1 to 64 of a-z, 0-9, '-' and '_', beginning with a "
                        "letter or digit");
}

std::string socket_path(std::string_view run_dir, std::string_view channel_key) {
  return in_run_dir(run_dir, channel_key, ".sock");
}

std::string lock_path(std::string_view run_dir, std::string_view channel_key) {
  return in_run_dir(run_dir, channel_key, ".lock");
}

void forbid_message_dumps() {
  ::unsetenv("G_DBUS_DEBUG");
}

}  // namespace aircheck::control
