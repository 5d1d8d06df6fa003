#include "core/time.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace aircheck::core {

namespace {

constexpr std::int64_t kSecondsPerDay = 86400;

__extension__ using Wide = __int128;  // a GNU type, in both compilers that we support

// Days since 1970-01-01 of a proleptic Gregorian date, and back (the era-based method: 400 years are 146097 days).
std::int64_t days_from_civil(std::int64_t year, int month, int day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146097 + day_of_era - 719468;
}

void civil_from_days(std::int64_t days, CivilTime& civil) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  civil.day = static_cast<int>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  civil.month = static_cast<int>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  civil.year = static_cast<int>(year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0));
}

int days_in_month(int year, int month) {
  static constexpr std::array<int, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<std::size_t>(month - 1)];
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  const std::int64_t quotient = value / by;
  return quotient - (value % by < 0 ? 1 : 0);
}

// Takes `count` decimal digits from the front of text.
Result<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return fail(Code::kParse, "the text is too short for a date and time");
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return fail(Code::kParse, "a digit is missing");
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

Result<void> take_character(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) {
    return fail(Code::kParse, "expected '" + std::string(any_of.substr(0, 1)) + "'");
  }
  text.remove_prefix(1);
  return {};
}

Result<int> take_fraction(std::string_view& text) {
  if (text.empty() || text.front() != '.') return 0;
  text.remove_prefix(1);
  int nanosecond = 0;
  int digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (++digits > 9) return fail(Code::kParse, "more than nine decimals of a second");
    nanosecond = nanosecond * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return fail(Code::kParse, "a digit is missing after the decimal point");
  for (; digits < 9; ++digits) nanosecond *= 10;
  return nanosecond;
}

// "Z" or "+hh:mm": seconds to subtract from the local time.
Result<std::int64_t> take_offset(std::string_view& text) {
  if (!text.empty() && (text.front() == 'Z' || text.front() == 'z')) {
    text.remove_prefix(1);
    return 0;
  }
  if (text.empty() || (text.front() != '+' && text.front() != '-')) {
    return fail(Code::kParse, "a time zone is missing: end it with Z or an offset such as +01:00");
  }
  const std::int64_t sign = text.front() == '-' ? -1 : 1;
  text.remove_prefix(1);
  AIRCHECK_TRY(const int hours, take_digits(text, 2));
  AIRCHECK_TRY_VOID(take_character(text, ":"));
  AIRCHECK_TRY(const int minutes, take_digits(text, 2));
  if (hours > 23 || minutes > 59) return fail(Code::kParse, "an offset beyond 23:59");
  return sign * (hours * 3600 + minutes * 60);
}

Result<Utc> parse_rfc3339(std::string_view text) {
  CivilTime civil;
  AIRCHECK_TRY(civil.year, take_digits(text, 4));
  AIRCHECK_TRY_VOID(take_character(text, "-"));
  AIRCHECK_TRY(civil.month, take_digits(text, 2));
  AIRCHECK_TRY_VOID(take_character(text, "-"));
  AIRCHECK_TRY(civil.day, take_digits(text, 2));
  AIRCHECK_TRY_VOID(take_character(text, "Tt "));
  AIRCHECK_TRY(civil.hour, take_digits(text, 2));
  AIRCHECK_TRY_VOID(take_character(text, ":"));
  AIRCHECK_TRY(civil.minute, take_digits(text, 2));
  AIRCHECK_TRY_VOID(take_character(text, ":"));
  AIRCHECK_TRY(civil.second, take_digits(text, 2));
  AIRCHECK_TRY(civil.nanosecond, take_fraction(text));
  AIRCHECK_TRY(const std::int64_t offset, take_offset(text));
  if (!text.empty()) return fail(Code::kParse, "text after the time");
  AIRCHECK_TRY(const Utc local, from_civil(civil));
  return local - offset * kNsPerSecond;
}

// Writes the last `count` decimal digits of a number over those that stand there.
void set_digits(std::span<char> text, std::size_t at, std::size_t count, int value) {
  for (std::size_t i = at + count; i > at; value /= 10) text[--i] = static_cast<char>('0' + value % 10);
}

}  // namespace

CivilTime to_civil(Utc utc) {
  CivilTime civil;
  const std::int64_t seconds = floor_divide(utc.ns, kNsPerSecond);
  const std::int64_t days = floor_divide(seconds, kSecondsPerDay);
  const std::int64_t second_of_day = seconds - days * kSecondsPerDay;
  civil_from_days(days, civil);
  civil.hour = static_cast<int>(second_of_day / 3600);
  civil.minute = static_cast<int>(second_of_day / 60 % 60);
  civil.second = static_cast<int>(second_of_day % 60);
  civil.nanosecond = static_cast<int>(utc.ns - seconds * kNsPerSecond);
  return civil;
}

Result<Utc> from_civil(const CivilTime& civil) {
  if (civil.year < 1970 || civil.year > 2261) return fail(Code::kParse, "the year is outside 1970 to 2261");
  if (civil.month < 1 || civil.month > 12) return fail(Code::kParse, "there is no such month");
  if (civil.day < 1 || civil.day > days_in_month(civil.year, civil.month)) {
    return fail(Code::kParse, "there is no such day in the month");
  }
  if (civil.hour < 0 || civil.hour > 23 || civil.minute < 0 || civil.minute > 59 || civil.second < 0 ||
      civil.second > 59) {
    return fail(Code::kParse, "there is no such time of day");
  }
  const std::int64_t seconds = days_from_civil(civil.year, civil.month, civil.day) * kSecondsPerDay +
                               civil.hour * 3600 + civil.minute * 60 + civil.second;
  return Utc{seconds * kNsPerSecond + civil.nanosecond};
}

void append_rfc3339(std::string& out, Utc utc, int decimals) {
  const CivilTime civil = to_civil(utc);
  std::array<char, 30> text{"0000-00-00T00:00:00.000000000"};
  set_digits(text, 0, 4, civil.year);
  set_digits(text, 5, 2, civil.month);
  set_digits(text, 8, 2, civil.day);
  set_digits(text, 11, 2, civil.hour);
  set_digits(text, 14, 2, civil.minute);
  set_digits(text, 17, 2, civil.second);
  if (decimals > 0) set_digits(text, 20, 9, civil.nanosecond);
  out.append(text.data(), decimals > 0 ? 20 + static_cast<std::size_t>(std::min(decimals, 9)) : 19);
  out += 'Z';
}

std::string to_rfc3339(Utc utc, int decimals) {
  std::string text;
  append_rfc3339(text, utc, decimals);
  return text;
}

Result<Utc> from_rfc3339(std::string_view text) {
  return parse_rfc3339(text).with_context("not an RFC 3339 instant such as 2026-02-25T14:30:00Z");
}

std::int64_t scale_floor(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
  const Wide product = static_cast<Wide>(value) * numerator;
  const Wide quotient = product / denominator;
  const bool down = product % denominator != 0 && (product < 0) != (denominator < 0);
  return static_cast<std::int64_t>(quotient - (down ? 1 : 0));
}

std::int64_t scale_round(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
  const Wide product = static_cast<Wide>(value) * numerator * 2 + denominator;
  const Wide by = static_cast<Wide>(denominator) * 2;
  const Wide quotient = product / by;
  const bool down = product % by != 0 && (product < 0) != (by < 0);
  return static_cast<std::int64_t>(quotient - (down ? 1 : 0));
}

std::int64_t scale_ceil(std::int64_t value, std::int64_t numerator, std::int64_t denominator) {
  return -scale_floor(-value, numerator, denominator);
}

std::int64_t slot_of(Utc utc, std::int64_t slot_ns) {
  return floor_divide(utc.ns, slot_ns);
}

Utc slot_start(std::int64_t slot, std::int64_t slot_ns) {
  return Utc{slot * slot_ns};
}

}  // namespace aircheck::core
