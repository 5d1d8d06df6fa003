// UTC instants, their RFC 3339 text, and exact conversion between nanoseconds and media timescales.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace aircheck::core {

inline constexpr std::int64_t kNsPerSecond = 1'000'000'000;
inline constexpr std::int64_t kNsPerMs = 1'000'000;

// Nanoseconds since 1970-01-01T00:00:00Z, without leap seconds (POSIX time). Differences are plain int64 nanoseconds.
struct Utc {
  std::int64_t ns = 0;

  friend auto operator<=>(const Utc&, const Utc&) = default;
  friend Utc operator+(Utc a, std::int64_t delta_ns) { return Utc{a.ns + delta_ns}; }
  friend Utc operator-(Utc a, std::int64_t delta_ns) { return Utc{a.ns - delta_ns}; }
  friend std::int64_t operator-(Utc a, Utc b) { return a.ns - b.ns; }

  static constexpr Utc from_seconds(std::int64_t seconds) { return Utc{seconds * kNsPerSecond}; }
};

// RFC 3339 in UTC: 2026-02-25T14:30:00Z, or with `decimals` (0, 3, 6 or 9) digits of a second, truncated.
[[nodiscard]] std::string to_rfc3339(Utc utc, int decimals = 0);
void append_rfc3339(std::string& out, Utc utc, int decimals = 0);

// RFC 3339 with "Z" or a numeric offset, up to nine decimals, years 1970 to 2261. A leap second (:60) is refused.
Result<Utc> from_rfc3339(std::string_view text);

struct CivilTime {
  int year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31
  int hour = 0;
  int minute = 0;
  int second = 0;
  int nanosecond = 0;
};

[[nodiscard]] CivilTime to_civil(Utc utc);
// Fails on a date that does not exist (month 13, 30 February).
Result<Utc> from_civil(const CivilTime& civil);

// value * numerator / denominator with 128-bit intermediates. Floor rounds towards minus infinity, round half up.
[[nodiscard]] std::int64_t scale_floor(std::int64_t value, std::int64_t numerator, std::int64_t denominator);
[[nodiscard]] std::int64_t scale_round(std::int64_t value, std::int64_t numerator, std::int64_t denominator);
[[nodiscard]] std::int64_t scale_ceil(std::int64_t value, std::int64_t numerator, std::int64_t denominator);

// slot = floor(UTC / length): which slot of the target duration an instant falls in, and where that slot begins.
[[nodiscard]] std::int64_t slot_of(Utc utc, std::int64_t slot_ns);
[[nodiscard]] Utc slot_start(std::int64_t slot, std::int64_t slot_ns);

}  // namespace aircheck::core
