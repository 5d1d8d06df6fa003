#include "timeshift/location_form.hpp"

#include <array>
#include <chrono>

namespace aircheck::timeshift {

namespace {

using Digits = LocationForm::Digits;

constexpr std::size_t kSecondsLength = 14;  // YYYYMMDDHHMMSS
constexpr std::size_t kMostLength = 18;     // and .fff

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

void put(char* to, int count, std::int64_t value) {
  while (count-- > 0) {
    to[count] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

// All eighteen characters; of years with four digits, which are all that a start can have (core::Utc ends in 2262).
std::array<char, kMostLength> digits_at(core::Utc start) {
  const std::int64_t seconds = start.ns / core::kNsPerSecond;
  const std::chrono::year_month_day date(std::chrono::sys_days(std::chrono::days(seconds / 86'400)));
  const std::int64_t of_day = seconds % 86'400;
  std::array<char, kMostLength> text;
  put(text.data(), 4, static_cast<int>(date.year()));
  put(text.data() + 4, 2, static_cast<unsigned>(date.month()));
  put(text.data() + 6, 2, static_cast<unsigned>(date.day()));
  put(text.data() + 8, 2, of_day / 3600);
  put(text.data() + 10, 2, of_day / 60 % 60);
  put(text.data() + 12, 2, of_day % 60);
  text[14] = '.';
  put(text.data() + 15, 3, start.ns % core::kNsPerSecond / core::kNsPerMs);
  return text;
}

std::size_t length_of(Digits digits) {
  switch (digits) {
    case Digits::kNone: return 0;
    case Digits::kSeconds: return kSecondsLength;
    case Digits::kMilliseconds: return kMostLength;
  }
  return 0;
}

}  // namespace

LocationForm form_of(std::string_view location, core::Utc start) {
  const auto text = digits_at(start);
  const std::string_view whole(text.data(), text.size());
  const std::size_t at = location.rfind(whole.substr(0, kSecondsLength));
  if (at == std::string_view::npos) return {std::string(location), "", Digits::kNone};
  const bool milliseconds = location.substr(at).starts_with(whole);
  const Digits digits = milliseconds ? Digits::kMilliseconds : Digits::kSeconds;
  return {std::string(location.substr(0, at)), std::string(location.substr(at + length_of(digits))), digits};
}

std::string location_of(const LocationForm& form, core::Utc start) {
  if (form.digits == Digits::kNone) return form.prefix;
  const auto text = digits_at(start);
  std::string location;
  location.reserve(form.prefix.size() + text.size() + form.suffix.size());
  location += form.prefix;
  location.append(text.data(), length_of(form.digits));
  location += form.suffix;
  return location;
}

bool is_location(std::string_view location, const LocationForm& form, core::Utc start) {
  if (form.digits == Digits::kNone) return location == form.prefix;
  const std::size_t length = length_of(form.digits);
  if (location.size() != form.prefix.size() + length + form.suffix.size()) return false;
  if (!location.starts_with(form.prefix) || !location.ends_with(form.suffix)) return false;
  const auto text = digits_at(start);
  return location.substr(form.prefix.size(), length) == std::string_view(text.data(), length);
}

std::optional<core::Utc> digits_of(std::string_view location) {
  std::size_t end = location.size();
  while (end > 0) {
    while (end > 0 && !is_digit(location[end - 1])) --end;
    std::size_t begin = end;
    while (begin > 0 && is_digit(location[begin - 1])) --begin;
    if (end - begin == kSecondsLength) {
      const auto number = [&](std::size_t at, std::size_t count) {
        int value = 0;
        for (std::size_t i = 0; i < count; ++i) value = value * 10 + (location[begin + at + i] - '0');
        return value;
      };
      const std::chrono::year_month_day date(std::chrono::year(number(0, 4)),
                                             std::chrono::month(static_cast<unsigned>(number(4, 2))),
                                             std::chrono::day(static_cast<unsigned>(number(6, 2))));
      if (!date.ok() || number(0, 4) < 1970 || number(0, 4) > 2200) return std::nullopt;
      const std::int64_t of_day = std::int64_t{number(8, 2)} * 3600 + number(10, 2) * 60 + number(12, 2);
      return core::Utc::from_seconds(std::chrono::sys_days(date).time_since_epoch().count() * 86'400 + of_day);
    }
    end = begin;
  }
  return std::nullopt;
}

}  // namespace aircheck::timeshift
