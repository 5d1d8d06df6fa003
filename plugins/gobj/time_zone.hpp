// IANA time zones, by name only.
#pragma once

#include <glib.h>

#include <memory>
#include <string>

namespace aircheck::gobj {

struct UnrefTimeZone {
  void operator()(GTimeZone* zone) const { g_time_zone_unref(zone); }
};
using TimeZone = std::unique_ptr<GTimeZone, UnrefTimeZone>;

// The zone of an IANA name, as Europe/London or UTC; null for any other text. GLib alone would take file names, offsets
// and POSIX rules too.
[[nodiscard]] TimeZone find_time_zone(const std::string& name);

}  // namespace aircheck::gobj
