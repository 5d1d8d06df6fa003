#include "base/log.hpp"

#define G_LOG_USE_STRUCTURED
#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>

#include "core/time.hpp"

namespace aircheck::base {

namespace {

constexpr const char* kDomain = "aircheck";
std::atomic<LogLevel> minimum_level{LogLevel::kInfo};

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

GLogWriterOutput write_line(GLogLevelFlags flags, const GLogField* fields, gsize count, gpointer) noexcept {
  const LogLevel level = from_glib(flags);
  if (level < minimum_level.load(std::memory_order_relaxed)) return G_LOG_WRITER_HANDLED;
  if (g_log_writer_is_journald(STDERR_FILENO) != FALSE) return g_log_writer_journald(flags, fields, count, nullptr);

  std::string line = core::to_rfc3339(core::Utc{g_get_real_time() * 1000}, 3);
  line += ' ';
  line += level_name(level);
  line += ' ';
  const std::string_view area = field(fields, count, "AIRCHECK_AREA");
  line += area.empty() ? field(fields, count, "GLIB_DOMAIN") : area;
  if (const std::string_view channel = field(fields, count, "AIRCHECK_CHANNEL"); !channel.empty()) {
    line += '[';
    line += channel;
    line += ']';
  }
  line += ": ";
  line += redact(field(fields, count, "MESSAGE"));
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
  for (const char* marker : {"token=", "signature=", "password=", "Bearer ", " key="})
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
  const std::array fields = {
      GLogField{"GLIB_DOMAIN", kDomain, -1},
      GLogField{"PRIORITY", priority(level), -1},
      GLogField{"MESSAGE", text.data(), static_cast<gssize>(text.size())},
      GLogField{"AIRCHECK_AREA", area.data(), static_cast<gssize>(area.size())},
      GLogField{"AIRCHECK_CHANNEL", channel.data(), static_cast<gssize>(channel.size())},
  };
  g_log_structured_array(to_glib(level), fields.data(), channel.empty() ? fields.size() - 1 : fields.size());
}

void install_log_writer(LogLevel minimum) {
  minimum_level.store(minimum, std::memory_order_relaxed);
  g_log_set_writer_func(write_line, nullptr, nullptr);
}

}  // namespace aircheck::base
