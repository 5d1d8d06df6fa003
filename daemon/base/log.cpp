#include "base/log.hpp"

#define G_LOG_USE_STRUCTURED
#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <utility>

#include "base/json.hpp"
#include "base/utf8.hpp"
#include "core/time.hpp"

namespace aircheck::base {

namespace {

constexpr const char* kDomain = "aircheck";
std::atomic<LogLevel> minimum_level{LogLevel::kInfo};
std::atomic<LogFormat> line_format{LogFormat::kText};
thread_local RequestId this_request;

GLogLevelFlags to_glib(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug: return G_LOG_LEVEL_DEBUG;
    case LogLevel::kInfo: return G_LOG_LEVEL_INFO;
    case LogLevel::kWarning: return G_LOG_LEVEL_WARNING;
    case LogLevel::kError: break;
  }
  return G_LOG_LEVEL_CRITICAL;
}

// syslog(3) priorities, which the journal reads.
const char* priority(LogLevel level) {
  static constexpr std::array kPriorities = {"7", "6", "4", "3"};
  return kPriorities[static_cast<std::size_t>(level)];
}

LogLevel from_glib(GLogLevelFlags flags) {
  if ((flags & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) != 0) return LogLevel::kError;
  if ((flags & G_LOG_LEVEL_WARNING) != 0) return LogLevel::kWarning;
  if ((flags & (G_LOG_LEVEL_MESSAGE | G_LOG_LEVEL_INFO)) != 0) return LogLevel::kInfo;
  return LogLevel::kDebug;
}

const char* level_name(LogLevel level) {
  static constexpr std::array kNames = {"debug", "info", "warning", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string_view field(const GLogField* fields, gsize count, std::string_view key) {
  for (gsize i = 0; i < count; ++i) {
    if (key != fields[i].key) continue;
    const auto* text = static_cast<const char*>(fields[i].value);
    return fields[i].length < 0 ? std::string_view(text)
                                : std::string_view(text, static_cast<std::size_t>(fields[i].length));
  }
  return {};
}

std::string_view area_of(const GLogField* fields, gsize count) {
  const std::string_view area = field(fields, count, "AIRCHECK_AREA");
  return area.empty() ? field(fields, count, "GLIB_DOMAIN") : area;
}

std::string text_line(LogLevel level, const GLogField* fields, gsize count) {
  std::string line = core::to_rfc3339(core::Utc{g_get_real_time() * 1000}, 3);
  line += ' ';
  line += level_name(level);
  line += ' ';
  line += area_of(fields, count);
  if (const std::string_view channel = field(fields, count, "AIRCHECK_CHANNEL"); !channel.empty()) {
    line += '[';
    line += channel;
    line += ']';
  }
  line += ": ";
  line += redact(field(fields, count, "MESSAGE"));
  if (const std::string_view request = field(fields, count, "AIRCHECK_REQUEST_ID"); !request.empty()) {
    line += " (request ";
    line += request;
    line += ')';
  }
  return line;
}

// Whoever reads the file takes the fields apart by their names; those that are empty are left out.
std::string json_line(LogLevel level, const GLogField* fields, gsize count) {
  Json line = Json::object({{"time", core::to_rfc3339(core::Utc{g_get_real_time() * 1000}, 3)},
                            {"level", level_name(level)},
                            {"area", std::string(area_of(fields, count))}});
  const auto add = [&](const char* name, std::string_view value) {
    if (!value.empty()) line.set(name, std::string(value));
  };
  add("channel", field(fields, count, "AIRCHECK_CHANNEL"));
  add("request_id", field(fields, count, "AIRCHECK_REQUEST_ID"));
  const std::string message = redact(field(fields, count, "MESSAGE"));
  line.set("message", is_utf8(message) ? message : "(bytes that are not UTF-8)");
  return line.dump();
}

GLogWriterOutput write_line(GLogLevelFlags flags, const GLogField* fields, gsize count, gpointer) noexcept {
  const LogLevel level = from_glib(flags);
  if (level < minimum_level.load(std::memory_order_relaxed)) return G_LOG_WRITER_HANDLED;
  if (g_log_writer_is_journald(STDERR_FILENO) != FALSE) return g_log_writer_journald(flags, fields, count, nullptr);

  std::string line = line_format.load(std::memory_order_relaxed) == LogFormat::kJson ? json_line(level, fields, count)
                                                                                     : text_line(level, fields, count);
  line += '\n';
  // One write, so that lines of two threads never mix. Nobody is there to be told when stderr is gone.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
  return G_LOG_WRITER_HANDLED;
}

// Replaces what follows `marker` up to a character of `stops` by ***.
void hide_after(std::string& text, std::string_view marker, std::string_view stops) {
  for (std::size_t at = text.find(marker); at != std::string::npos; at = text.find(marker, at)) {
    at += marker.size();
    const std::size_t end = std::min(text.find_first_of(stops, at), text.size());
    text.replace(at, end - at, "***");
    at += 3;
  }
}

}  // namespace

std::string redact(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  for (const char* marker :
       {"token=", "signature=", "sig=", "md5=", "password=", "passphrase=", "secret=", "Bearer ", "Basic ", " key="})
    hide_after(out, marker, " &\"',;#");
  for (std::size_t at = out.find("://"); at != std::string::npos; at = out.find("://", at + 3)) {
    const std::size_t end = std::min(out.find_first_of("/ ?\"'", at + 3), out.size());
    const std::size_t user_end = out.rfind('@', end);
    if (user_end != std::string::npos && user_end > at + 2) out.replace(at + 3, user_end - at - 3, "***");
  }
  return out;
}

void log(LogLevel level, std::string_view area, std::string_view message, std::string_view channel) {
  const std::string text = redact(message);
  std::array<GLogField, 6> fields = {
      GLogField{"GLIB_DOMAIN", kDomain, -1},
      GLogField{"PRIORITY", priority(level), -1},
      GLogField{"MESSAGE", text.data(), static_cast<gssize>(text.size())},
      GLogField{"AIRCHECK_AREA", area.data(), static_cast<gssize>(area.size())},
  };
  std::size_t count = 4;
  const auto add = [&](const char* name, std::string_view value) {
    if (!value.empty()) fields[count++] = GLogField{name, value.data(), static_cast<gssize>(value.size())};
  };
  add("AIRCHECK_CHANNEL", channel);
  if (this_request) add("AIRCHECK_REQUEST_ID", *this_request);
  g_log_structured_array(to_glib(level), fields.data(), count);
}

bool log_wants(LogLevel level) {
  return level >= minimum_level.load(std::memory_order_relaxed);
}

RequestId current_request() {
  return this_request;
}

RequestScope::RequestScope(RequestId id) : before_(std::exchange(this_request, std::move(id))) {}

RequestScope::~RequestScope() {
  this_request = std::move(before_);
}

void install_log_writer(LogLevel minimum, LogFormat format) {
  minimum_level.store(minimum, std::memory_order_relaxed);
  line_format.store(format, std::memory_order_relaxed);
  // GLib takes a writer once per process.
  static const bool installed = [] {
    g_log_set_writer_func(write_line, nullptr, nullptr);
    return true;
  }();
  static_cast<void>(installed);
}

}  // namespace aircheck::base
