#include "schedule/xmltv_time.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace aircheck::schedule {

namespace {

using core::Code;
using core::fail;
using core::Utc;

struct Zone {
  std::string_view name;
  int minutes;  // east of UTC
};

// IST, CST of China, AST and others mean several zones: they are not here.
constexpr std::array kZones = {
    Zone{"UTC", 0},    Zone{"GMT", 0},    Zone{"UT", 0},     Zone{"Z", 0},      Zone{"WET", 0},     Zone{"WEST", 60},
    Zone{"BST", 60},   Zone{"CET", 60},   Zone{"MET", 60},   Zone{"CEST", 120}, Zone{"MEST", 120},  Zone{"EET", 120},
    Zone{"EEST", 180}, Zone{"MSK", 180},  Zone{"EST", -300}, Zone{"EDT", -240}, Zone{"CST", -360},  Zone{"CDT", -300},
    Zone{"MST", -420}, Zone{"MDT", -360}, Zone{"PST", -480}, Zone{"PDT", -420}, Zone{"AKST", -540}, Zone{"HST", -600},
    Zone{"JST", 540},  Zone{"AEST", 600}, Zone{"AEDT", 660}, Zone{"ACST", 570}, Zone{"ACDT", 630},  Zone{"AWST", 480},
    Zone{"NZST", 720}, Zone{"NZDT", 780}, Zone{"NST", -210}, Zone{"NDT", -150}, Zone{"SAST", 120},
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int number(std::string_view digits) {
  int value = 0;
  for (const char c : digits) value = 10 * value + (c - '0');
  return value;
}

core::Result<core::CivilTime> civil_time(std::string_view digits) {
  if (digits.size() < 4 || digits.size() > 14 || digits.size() % 2 != 0) {
    return fail(Code::kParse, "has to begin with 4 to 14 digits, YYYYMMDDhhmmss");
  }
  const auto part = [&](std::size_t at, int otherwise) {
    return digits.size() >= at + 2 ? number(digits.substr(at, 2)) : otherwise;
  };
  return core::CivilTime{.year = number(digits.substr(0, 4)),
                         .month = part(4, 1),
                         .day = part(6, 1),
                         .hour = part(8, 0),
                         .minute = part(10, 0),
                         .second = part(12, 0)};
}

core::Result<int> zone_minutes(std::string_view zone) {
  const auto* named = std::ranges::find(kZones, zone, &Zone::name);
  if (named != kZones.end()) return named->minutes;
  if (zone.front() == '+' || zone.front() == '-') {
    std::string digits(zone.substr(1));
    if (digits.size() == 5 && digits[2] == ':') digits.erase(2, 1);
    if (digits.size() == 4 && std::ranges::all_of(digits, is_digit)) {
      const int hours = number(std::string_view(digits).substr(0, 2));
      const int minutes = number(std::string_view(digits).substr(2));
      if (hours <= 15 && minutes <= 59) return (zone.front() == '-' ? -1 : 1) * (60 * hours + minutes);
    }
  }
  return fail(Code::kParse, "has a time zone that means nothing here: write an offset, as +0100");
}

std::int64_t offset_s(GTimeZone* zone, std::int64_t utc_s) {
  const int interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, utc_s);
  return interval < 0 ? 0 : g_time_zone_get_offset(zone, interval);
}

Utc local_instant(std::int64_t local_s, GTimeZone* zone, std::optional<Utc> not_before) {
  constexpr std::int64_t kDayS = 24 * 3600;
  const std::int64_t before = offset_s(zone, local_s - kDayS);
  const std::int64_t after = offset_s(zone, local_s + kDayS);
  const std::int64_t first = local_s - std::max(before, after);
  const std::int64_t second = local_s - std::min(before, after);
  const bool first_exists = offset_s(zone, first) == local_s - first;
  const bool second_exists = offset_s(zone, second) == local_s - second;
  if (!first_exists && !second_exists) return Utc::from_seconds(local_s - before);
  if (!first_exists) return Utc::from_seconds(second);
  const bool too_early = not_before && Utc::from_seconds(first) < *not_before;
  return Utc::from_seconds(second_exists && too_early ? second : first);
}

}  // namespace

core::Result<Utc> xmltv_instant(std::string_view text, GTimeZone* local, std::optional<Utc> not_before) {
  const auto* digits_end = std::ranges::find_if_not(text, is_digit);
  const auto length = static_cast<std::size_t>(digits_end - text.begin());
  AIRCHECK_TRY(const core::CivilTime civil, civil_time(text.substr(0, length)));
  AIRCHECK_TRY(const Utc wall, core::from_civil(civil));
  std::string_view zone = text.substr(length);
  zone.remove_prefix(std::min(zone.find_first_not_of(' '), zone.size()));
  zone = zone.substr(0, zone.find_last_not_of(' ') + 1);
  if (zone.empty()) return local_instant(wall.ns / core::kNsPerSecond, local, not_before);
  AIRCHECK_TRY(const int minutes, zone_minutes(zone));
  return wall - std::int64_t{minutes} * 60 * core::kNsPerSecond;
}

}  // namespace aircheck::schedule
