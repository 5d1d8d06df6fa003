#include "core/naming.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace aircheck::core {

namespace {

struct Field {
  char name;
  std::size_t width;  // digits; 0: as many as there are
};

constexpr char kTrackField = 'T';

constexpr Field kFields[] = {{'Y', 4}, {'m', 2}, {'d', 2}, {'H', 2}, {'M', 2}, {'S', 2}, {'j', 3}, {'s', 0}, {'N', 3}};

// Where a field stands in kFields, by its name: names are read by the thousand. -1: there is none.
constexpr auto kFieldIndex = [] {
  std::array<std::int8_t, 256> indexes{};
  indexes.fill(-1);
  std::int8_t next = 0;
  for (const Field& field : kFields) indexes[static_cast<unsigned char>(field.name)] = next++;
  return indexes;
}();

constexpr const Field* find_field(char name) {
  const std::int8_t index = kFieldIndex[static_cast<unsigned char>(name)];
  return index < 0 ? nullptr : kFields + index;
}

bool is_digit(char character) {
  return character >= '0' && character <= '9';
}

bool is_track_character(char character) {
  return is_digit(character) || (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
         character == '_';
}

void append_padded(std::string& out, std::int64_t value, std::size_t width) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

int day_of_year(const CivilTime& civil) {
  const Utc day = from_civil({civil.year, civil.month, civil.day}).value_or(Utc{});
  const Utc new_year = from_civil({civil.year, 1, 1}).value_or(Utc{});
  return static_cast<int>((day - new_year) / (86400 * kNsPerSecond)) + 1;
}

std::int64_t field_value(char field, Utc utc, const CivilTime& civil) {
  switch (field) {
    case 'Y': return civil.year;
    case 'm': return civil.month;
    case 'd': return civil.day;
    case 'H': return civil.hour;
    case 'M': return civil.minute;
    case 'S': return civil.second;
    case 'j': return day_of_year(civil);
    case 's': return utc.ns / kNsPerSecond;
    default: return civil.nanosecond / kNsPerMs;
  }
}

// Takes all digits that follow, of which there are at least `width`: as append_padded() would have written them.
std::optional<std::int64_t> take_number(std::string_view& text, std::size_t width) {
  constexpr std::size_t kMostDigits = 18;  // of an int64_t, whatever they are
  std::size_t count = 0;
  std::int64_t value = 0;
  while (count < text.size() && is_digit(text[count])) {
    if (count == kMostDigits) return std::nullopt;
    value = value * 10 + (text[count++] - '0');
  }
  if (count < width || (count > width && text.front() == '0')) return std::nullopt;
  text.remove_prefix(count);
  return value;
}

// Takes so many digits.
std::optional<std::int64_t> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return std::nullopt;
  std::int64_t value = 0;
  for (const char digit : text.substr(0, width)) {
    if (!is_digit(digit)) return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take_text(std::string_view& text, std::string_view expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// What the fields of a name said.
class FieldValues {
 public:
  // False where the field stands again and says something else.
  bool set(char field, std::int64_t value) {
    std::optional<std::int64_t>& known = values_[static_cast<std::size_t>(find_field(field) - kFields)];
    const bool agrees = !known || *known == value;
    known = value;
    return agrees;
  }

  Result<Utc> utc() const {
    if (const auto seconds = get('s')) {
      constexpr std::int64_t kLast = 9'214'646'399;  // 2261-12-31T23:59:59Z
      if (*seconds > kLast) return fail(Code::kParse, "the time is beyond the year 2261");
      return Utc{*seconds * kNsPerSecond + small('N', 0) * kNsPerMs};
    }
    CivilTime civil{small('Y', 1970),
                    small('m', 1),
                    small('d', 1),
                    small('H', 0),
                    small('M', 0),
                    small('S', 0),
                    small('N', 0) * static_cast<int>(kNsPerMs)};
    const auto day = get('j');
    if (!day) return from_civil(civil);
    if (*day > 366) return fail(Code::kParse, "there is no such day in the year");
    civil.month = civil.day = 1;
    AIRCHECK_TRY(const Utc start, from_civil(civil));
    return start + (*day - 1) * 86400 * kNsPerSecond;
  }

  // Whether each field says what it would say of that instant: %j or %s may contradict the others, which do not
  // contradict each other.
  [[nodiscard]] bool agree(Utc utc) const {
    if (!get('j') && !get('s')) return true;
    const CivilTime civil = to_civil(utc);
    for (std::size_t i = 0; i < values_.size(); ++i) {
      if (values_[i] && *values_[i] != field_value(kFields[i].name, utc, civil)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] std::optional<std::int64_t> get(char field) const {
    return values_[static_cast<std::size_t>(find_field(field) - kFields)];
  }
  // Of four digits at most.
  [[nodiscard]] int small(char field, int otherwise) const { return static_cast<int>(get(field).value_or(otherwise)); }

  std::array<std::optional<std::int64_t>, std::size(kFields)> values_;
};

}  // namespace

bool is_track(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, is_track_character);
}

Result<std::vector<NamePattern::Token>> NamePattern::tokenize(std::string_view pattern) {
  std::vector<Token> tokens;
  const auto add_literal = [&tokens](char character) {
    if (tokens.empty() || tokens.back().field != 0) tokens.push_back({});
    tokens.back().text += character;
  };
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\0') return fail(Code::kInvalidArgument, "a file name cannot hold a zero byte");
    if (pattern[i] != '%') {
      add_literal(pattern[i]);
      continue;
    }
    const std::string_view rest = pattern.substr(i + 1);
    if (rest.starts_with("%")) {
      add_literal('%');
      i += 1;
    } else if (pattern.substr(i).starts_with(kTrackMark)) {
      tokens.push_back({kTrackField, {}});
      i += kTrackMark.size() - 1;
    } else if (rest.starts_with("3N")) {
      tokens.push_back({'N', {}});
      i += 2;
    } else if (!rest.empty() && rest[0] != 'N' && find_field(rest[0]) != nullptr) {
      tokens.push_back({rest[0], {}});
      i += 1;
    } else {
      return fail(Code::kInvalidArgument,
                  "%" + std::string(rest.substr(0, 1)) +
                      " is not a field of a segment name; known are %Y %m %d %H %M %S %j %s %3N %{track} and %%");
    }
  }
  return tokens;
}

// Whether every name can be read back.
Result<void> NamePattern::check(const std::vector<Token>& tokens) {
  std::string seen;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const char field = tokens[i].field;
    if (field == 0) continue;
    if (field == kTrackField && seen.find(field) != std::string::npos) {
      return fail(Code::kInvalidArgument, "%{track} may stand in a name once");
    }
    seen += field;
    if ((field != 's' && field != kTrackField) || i + 1 == tokens.size()) continue;
    const Token& next = tokens[i + 1];
    const bool runs_on = next.field != 0 || (field == 's' ? is_digit(next.text[0]) : is_track_character(next.text[0]));
    if (runs_on) {
      return fail(Code::kInvalidArgument, std::string(field == 's' ? "%s" : kTrackMark) +
                                              " has no fixed width: put a separator such as - after it");
    }
  }
  const auto has = [&seen](char field) { return seen.find(field) != std::string::npos; };
  if (has('s')) return {};
  std::string missing;
  for (const char field : {'Y', 'm', 'd', 'H', 'M', 'S'}) {
    const bool by_day_of_year = (field == 'm' || field == 'd') && has('j');
    if (!has(field) && !by_day_of_year) missing += std::string(missing.empty() ? "%" : " %") + field;
  }
  if (missing.empty()) return {};
  return fail(Code::kInvalidArgument, "the pattern lacks " + missing +
                                          ", so a name would not tell its instant; an example that does is "
                                          "ch1-%Y%m%d%H%M%S.m4s");
}

Result<NamePattern> NamePattern::parse(std::string_view pattern) {
  AIRCHECK_TRY(std::vector<Token> tokens, tokenize(pattern));
  AIRCHECK_TRY_VOID(check(tokens));
  NamePattern result;
  result.text_ = pattern;
  for (const Token& token : tokens) {
    if (token.field == 'N') result.resolution_ns_ = kNsPerMs;
  }
  if (Token& last = tokens.back(); last.field == 0) {
    if (last.text.back() == '/')
      return fail(Code::kInvalidArgument, "the pattern ends in a folder, not in a file name");
    const std::size_t dot = last.text.rfind('.');
    const std::size_t slash = last.text.rfind('/');
    if (dot != std::string::npos && (slash == std::string::npos || dot > slash + 1)) {
      result.extension_ = last.text.substr(dot);
      last.text.resize(dot);
    }
  }
  result.head_ = std::move(tokens);
  return result;
}

std::string NamePattern::stem(Utc utc, std::string_view track) const {
  const CivilTime civil = to_civil(utc);
  std::string out;
  for (const Token& token : head_) {
    if (token.field == 0) {
      out += token.text;
    } else if (token.field == kTrackField) {
      out += track;
    } else {
      append_padded(out, field_value(token.field, utc, civil), find_field(token.field)->width);
    }
  }
  return out;
}

std::string NamePattern::format(const NameParts& parts) const {
  std::string out = stem(parts.utc, parts.track);
  if (parts.epoch != 0) out += "-e" + std::to_string(parts.epoch);
  if (parts.duplicate != 0) {
    out += '-';
    append_padded(out, parts.duplicate, 3);
  }
  return out + extension_;
}

bool NamePattern::sorts_by_time() const {
  // From coarse to fine; what stands again changes nothing where everything before it is equal.
  std::string_view expected = "YmdHMSN";
  std::string seen;
  for (const Token& token : head_) {
    const char field = token.field;
    if (field == 0 || field == kTrackField || seen.find(field) != std::string::npos) continue;
    seen += field;
    if (field == 's' && expected.starts_with('Y')) {
      expected = "N";
    } else if (field == 'j' && expected.starts_with('m')) {
      expected.remove_prefix(2);
    } else if (expected.starts_with(field)) {
      expected.remove_prefix(1);
    } else {
      return false;
    }
  }
  return true;
}

std::int64_t NamePattern::folder_period_ns() const {
  std::int64_t period = 0;
  std::int64_t finest = 0;
  for (const Token& token : head_) {
    if (token.text.find('/') != std::string::npos) period = finest;
    std::int64_t span = 0;
    switch (token.field) {
      case 'Y':
      case 'm':
      case 'd':
      case 'j': span = 86400 * kNsPerSecond; break;
      case 'H': span = 3600 * kNsPerSecond; break;
      case 'M': span = 60 * kNsPerSecond; break;
      case 'S':
      case 's': span = kNsPerSecond; break;
      case 'N': span = kNsPerMs; break;
      default: continue;
    }
    finest = finest == 0 ? span : std::min(finest, span);
  }
  return period;
}

Result<NameParts> NamePattern::parse_name(std::string_view path) const {
  const auto no_match = [&] { return fail(Code::kParse, "the name does not follow the pattern '" + text_ + "'"); };
  std::string_view rest = path;
  FieldValues values;
  std::string track;
  for (const Token& token : head_) {
    if (token.field == 0) {
      if (!take_text(rest, token.text)) return no_match();
      continue;
    }
    if (token.field == kTrackField) {
      while (!rest.empty() && is_track_character(rest.front())) {
        track += rest.front();
        rest.remove_prefix(1);
      }
      if (track.empty()) return no_match();
      continue;
    }
    const std::size_t width = find_field(token.field)->width;
    const auto value = width == 0 ? take_number(rest, 1) : take_digits(rest, width);
    if (!value || !values.set(token.field, *value)) return no_match();
  }
  // Each file has one name only, so that its padding has to be ours.
  const auto take_suffix = [&rest](std::string_view mark, std::size_t width) -> std::optional<std::uint32_t> {
    if (!take_text(rest, mark)) return 0;
    const auto value = take_number(rest, width);
    if (!value || *value == 0 || *value > UINT32_MAX) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
  };
  const auto epoch = take_suffix("-e", 1);
  if (!epoch) return no_match();
  const auto duplicate = take_suffix("-", 3);
  if (!duplicate || rest != extension_) return no_match();
  AIRCHECK_TRY(const Utc utc, values.utc());
  if (!values.agree(utc)) return no_match();
  return NameParts{utc, *epoch, *duplicate, std::move(track)};
}

std::string NamePattern::directory() const {
  const std::string& text = head_.front().text;  // empty when a field comes first
  return text.substr(0, text.rfind('/') + 1);
}

bool NamePattern::has_dated_folders() const {
  for (std::size_t i = 1; i < head_.size(); ++i) {
    if (head_[i].text.find('/') != std::string::npos) return true;
  }
  return false;
}

bool NamePattern::has_track() const {
  for (const Token& token : head_) {
    if (token.field == kTrackField) return true;
  }
  return false;
}

std::string NamePattern::file_prefix() const {
  std::string prefix = head_.front().text;
  for (const Token& token : head_) {
    const std::size_t slash = token.text.rfind('/');
    if (slash != std::string::npos) prefix = token.text.substr(slash + 1);
  }
  if (!prefix.empty() && std::string_view("-_.").find(prefix.back()) == std::string_view::npos) prefix += '-';
  return prefix;
}

}  // namespace aircheck::core
