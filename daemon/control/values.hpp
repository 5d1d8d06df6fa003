// The values of the worker protocol (schemas/org.aircheck.Channel1.xml) as plain types.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/secret.hpp"
#include "core/time.hpp"

namespace aircheck::control {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr const char* kObjectPath = "/org/aircheck/Channel1";
inline constexpr std::uint32_t kMaxRowsPerAnswer = 4096;

// A finished media segment, as the worker's sink numbered and timed it.
struct SegmentRow {
  std::string location;  // file names, relative to the segment directory
  std::string init_location;
  core::Utc start;
  std::int64_t duration_ns = 0;
  std::uint64_t size = 0;  // bytes
  std::uint64_t sequence = 0;
  std::uint64_t discontinuity_sequence = 0;
  std::uint32_t epoch = 0;
  std::optional<core::KeyId> key_id;  // none: clear
  bool discontinuity = false;

  friend bool operator==(const SegmentRow&, const SegmentRow&) = default;
};

enum class WorkerState { kIdle, kStarting, kRunning, kStopping, kFailed };

[[nodiscard]] std::string_view to_string(WorkerState state);
core::Result<WorkerState> worker_state_from_string(std::string_view text);

// D-Bus types s, i, u, x.
using Value = std::variant<std::string, std::int32_t, std::uint32_t, std::int64_t>;
using Variables = std::map<std::string, Value>;

struct Encryption {
  core::KeyId key_id{};
  core::ContentKey key;
};

struct Configuration {
  std::string pipeline;  // the name of a description
  Variables variables;
  std::optional<Encryption> encryption;
};

// Codes of Warning: black and silence are on air instead of the source, from the one to the other.
inline constexpr const char* kSourceFailed = "source-failed";
inline constexpr const char* kSourceRecovered = "source-recovered";
// A segment could not be written and is a hole; sent for each, so that silence means a worker that hangs.
inline constexpr const char* kSegmentLost = "segment-lost";
inline constexpr const char* kSegmentsWritten = "segments-written";  // again
inline constexpr const char* kClockBehind = "clock-behind";          // nothing is played out before the archive's end

struct Status {
  WorkerState state = WorkerState::kIdle;
  std::string reason;  // of the last change of state; while it runs without its source, why
  pid_t pid = 0;
  core::Utc since;  // of the last change of state
  std::uint32_t protocol_version = kProtocolVersion;
  std::string channel;
  std::string description;
  std::string segment_directory;
  std::optional<std::uint64_t> last_sequence;
  std::string error;  // the last one; empty if there was none since Start
};

// The D-Bus error name of a failure ("org.aircheck.Error.NotFound"), and back; an unknown name is kInternal.
[[nodiscard]] std::string error_name(core::Code code);
[[nodiscard]] core::Code code_from_error_name(std::string_view name);

// A channel's key in file names: 1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit.
core::Result<void> check_channel_key(std::string_view key);
[[nodiscard]] std::string socket_path(std::string_view run_dir, std::string_view channel_key);
[[nodiscard]] std::string lock_path(std::string_view run_dir, std::string_view channel_key);

// GDBus prints whole messages, and so keys, where G_DBUS_DEBUG asks for it. Call this first in main().
void forbid_message_dumps();

}  // namespace aircheck::control
