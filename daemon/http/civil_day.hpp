// Days as viewers count them: from midnight to midnight in a time zone.
#pragma once

#include <string>
#include <utility>

#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::http {

// [first, second) of the day "YYYY-MM-DD" in an IANA time zone; 23 or 25 hours where clocks change.
[[nodiscard]] core::Result<std::pair<core::Utc, core::Utc>> civil_day(const std::string& date, const std::string& zone);

}  // namespace aircheck::http
