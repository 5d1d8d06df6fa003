// The daemon's log: structured g_log records with area and channel, one line each on stderr (or to the journal).
#pragma once

#include <memory>
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

// Whether a record of this level would be written: for texts that cost something.
[[nodiscard]] bool log_wants(LogLevel level);

enum class LogFormat {
  kText,  // TIME level area[channel]: message (request ID)
  kJson,  // {"time": ..., "level": ..., "area": ..., "channel": ..., "request_id": ..., "message": ...}
};

// Installs the writer for the whole process: records at or above `minimum`, GLib's and libsoup's own included. Under
// systemd records go to the journal with fields AIRCHECK_AREA, AIRCHECK_CHANNEL and AIRCHECK_REQUEST_ID, whatever the
// format. Called again, it changes level and format.
void install_log_writer(LogLevel minimum, LogFormat format = LogFormat::kText);

// The X-Request-Id on whose behalf a thread works; null: none.
using RequestId = std::shared_ptr<const std::string>;
[[nodiscard]] RequestId current_request();

// While it lives, records of this thread carry the request's id, and so do those of tasks and pool work that are posted
// meanwhile.
class RequestScope {
 public:
  explicit RequestScope(RequestId id);
  ~RequestScope();
  RequestScope(const RequestScope&) = delete;
  RequestScope& operator=(const RequestScope&) = delete;

 private:
  RequestId before_;
};

// token=, signature= and its like, Bearer, Basic and user:password@ replaced by ***; control characters by spaces.
[[nodiscard]] std::string redact(std::string_view text);

}  // namespace aircheck::base
