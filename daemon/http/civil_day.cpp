#include "http/civil_day.hpp"

#include <glib.h>

#include <algorithm>

#include "gobj/time_zone.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

core::Result<std::pair<core::Utc, core::Utc>> civil_day(const std::string& date, const std::string& zone) {
  const auto noon = core::from_rfc3339(date + "T12:00:00Z");
  if (date.size() != 10 || !noon) return fail(Code::kInvalidArgument, "date has to be a day, as 2026-02-25");
  const gobj::TimeZone found = gobj::find_time_zone(zone);
  if (found == nullptr) {
    return fail(Code::kInvalidArgument, "tz has to be an IANA time zone, as Europe/London: '" + zone + "' is none");
  }
  const auto midnight = [&](core::Utc day) {
    const core::CivilTime civil = core::to_civil(day);
    g_autoptr(GDateTime) instant = g_date_time_new(found.get(), civil.year, civil.month, civil.day, 0, 0, 0);
    // Where a day has its first hour twice, GLib takes the second midnight.
    g_autoptr(GDateTime) day_before = g_date_time_add(instant, -G_TIME_SPAN_DAY);
    const GTimeSpan set_back = g_date_time_get_utc_offset(day_before) - g_date_time_get_utc_offset(instant);
    g_autoptr(GDateTime) first = g_date_time_add(instant, -std::max<GTimeSpan>(set_back, 0));
    const bool twice = g_date_time_get_day_of_month(first) == civil.day;
    return core::Utc::from_seconds(g_date_time_to_unix(twice ? first : instant));
  };
  return std::make_pair(midnight(*noon), midnight(*noon + 24 * 3600 * core::kNsPerSecond));
}

}  // namespace aircheck::http
