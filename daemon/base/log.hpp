// The daemon's log: structured g_log records with area and channel, one line each on stderr (or to the journal).
#pragma once

#include <string>
#include <string_view>

namespace aircheck::base {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

// area: the ring or resource ("channels", "http"). channel: its cdn_channel_key, or empty. Secrets that stand in URLs
// and headers (token=, Bearer, user info) are replaced here, whatever the caller passes. Any thread.
void log(LogLevel level, std::string_view area, std::string_view message, std::string_view channel = {});

inline void log_debug(std::string_view area, std::string_view message, std::string_view channel = {}) {
  log(LogLevel::kDebug, area, message, channel);
}
inline void log_info(std::string_view area, std::string_view message, std::string_view channel = {}) {
  log(LogLevel::kInfo, area, message, channel);
}
inline void log_warning(std::string_view area, std::string_view message, std::string_view channel = {}) {
  log(LogLevel::kWarning, area, message, channel);
}
inline void log_error(std::string_view area, std::string_view message, std::string_view channel = {}) {
  log(LogLevel::kError, area, message, channel);
}

// Installs the writer for the whole process: records at or above `minimum`, GLib's and libsoup's own included.
void install_log_writer(LogLevel minimum);

// token=..., signature=..., Bearer ... and user:password@ replaced by ***; control characters by spaces.
[[nodiscard]] std::string redact(std::string_view text);

}  // namespace aircheck::base
