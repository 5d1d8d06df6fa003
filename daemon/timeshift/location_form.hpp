// What the locations of segments have in common: a name is mostly the time at which its segment begins.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.hpp"

namespace aircheck::timeshift {

// prefix, the start as YYYYMMDDHHMMSS[.fff], suffix. A location that does not say its start is its own prefix.
struct LocationForm {
  enum class Digits : std::uint8_t { kNone, kSeconds, kMilliseconds };

  std::string prefix;
  std::string suffix;
  Digits digits = Digits::kNone;

  friend bool operator==(const LocationForm&, const LocationForm&) = default;
};

[[nodiscard]] LocationForm form_of(std::string_view location, core::Utc start);
[[nodiscard]] std::string location_of(const LocationForm& form, core::Utc start);
// location == location_of(form, start), without making one.
[[nodiscard]] bool is_location(std::string_view location, const LocationForm& form, core::Utc start);

// The last fourteen digits in a row of a location, as a time: where a row of that name is looked for.
[[nodiscard]] std::optional<core::Utc> digits_of(std::string_view location);

}  // namespace aircheck::timeshift
