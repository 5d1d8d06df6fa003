#include "drawtext/expansion.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include "gobj/text.hpp"

namespace aircheck::drawtext {

namespace {

constexpr std::size_t kLongestTime = 1024;
constexpr const char* kStandardFormat = "%F %T";

// What strftime() does not have (fractions of a second) or takes from the zone of the machine (%s).
std::string own_fields(std::string_view format, core::Utc utc) {
  const std::int64_t second = core::scale_floor(utc.ns, 1, core::kNsPerSecond);
  std::array<char, 16> fraction{};
  const std::int64_t rest = utc.ns % core::kNsPerSecond;  // negative before 1970
  std::snprintf(fraction.data(), fraction.size(), "%09d",
                static_cast<int>(rest < 0 ? rest + core::kNsPerSecond : rest));
  std::string result;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const bool field = format[i] == '%' && i + 1 < format.size();
    if (field && format[i + 1] == 's') {
      result += std::to_string(second);
      i += 1;
    } else if (field && format[i + 1] >= '1' && format[i + 1] <= '9' && i + 2 < format.size() && format[i + 2] == 'N') {
      result.append(fraction.data(), static_cast<std::size_t>(format[i + 1] - '0'));
      i += 2;
    } else if (field) {
      result.append(format.substr(i, 2));
      i += 1;
    } else {
      result += format[i];
    }
  }
  return result;
}

std::string format_time(std::string_view format, core::Utc utc, GTimeZone* zone) {
  const std::int64_t second = core::scale_floor(utc.ns, 1, core::kNsPerSecond);
  std::int32_t offset = 0;
  const char* name = "UTC";
  if (zone != nullptr) {
    const gint interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, second);
    offset = g_time_zone_get_offset(zone, interval);
    name = g_time_zone_get_abbreviation(zone, interval);
  }
  const auto shifted = static_cast<std::time_t>(second + offset);
  std::tm fields{};
  if (gmtime_r(&shifted, &fields) == nullptr) return "";
  fields.tm_gmtoff = offset;
  fields.tm_zone = name;
  std::array<char, kLongestTime> text{};
  const std::string complete = own_fields(format, utc);
  const std::size_t length = std::strftime(text.data(), text.size(), complete.c_str(), &fields);
  return {text.data(), length};
}

// 1:02:03.456
std::string format_pts(std::uint64_t ns) {
  const std::uint64_t ms = ns / static_cast<std::uint64_t>(core::kNsPerMs);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%u:%02u:%02u.%03u", static_cast<unsigned>(ms / 3'600'000),
                static_cast<unsigned>(ms / 60'000 % 60), static_cast<unsigned>(ms / 1000 % 60),
                static_cast<unsigned>(ms % 1000));
  return text.data();
}

}  // namespace

Expansion Expansion::parse(std::string_view text) {
  Expansion expansion;
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) expansion.parts_.push_back({Kind::kLiteral, std::exchange(literal, {})});
  };
  while (!text.empty()) {
    const std::size_t begin = text.find("%{");
    if (begin == std::string_view::npos) break;
    const bool escaped = begin > 0 && text[begin - 1] == '%';
    if (escaped) {
      literal.append(text.substr(0, begin - 1)).append("%{");
      text.remove_prefix(begin + 2);
      continue;
    }
    const std::size_t end = text.find('}', begin);
    const std::string_view inside =
        end == std::string_view::npos ? std::string_view() : text.substr(begin + 2, end - begin - 2);
    if (auto part = part_of(inside)) {
      literal.append(text.substr(0, begin));
      end_literal();
      expansion.parts_.push_back(std::move(*part));
      expansion.constant_ = false;
      text.remove_prefix(end + 1);
    } else {
      if (expansion.complaint_.empty()) {
        const std::size_t shown = end == std::string_view::npos ? 2 : end - begin + 1;
        expansion.complaint_ = "'" + std::string(text.substr(begin, std::min<std::size_t>(shown, 40))) +
                               "' is nothing that can be put in: write %{utc:FMT}, %{localtime:FMT}, %{pts}, %{frame}, "
                               "%{channel} or %{metadata:KEY}, and %%{ for a plain %{";
      }
      literal.append(text.substr(0, begin + 2));
      text.remove_prefix(begin + 2);
    }
  }
  literal.append(text);
  end_literal();
  return expansion;
}

std::optional<Expansion::Part> Expansion::part_of(std::string_view inside) {
  const std::size_t colon = inside.find(':');
  const std::string_view name = inside.substr(0, colon);
  const bool has_argument = colon != std::string_view::npos && colon + 1 < inside.size();
  const std::string argument(has_argument ? inside.substr(colon + 1) : "");
  if (name == "utc") return Part{Kind::kUtc, has_argument ? argument : kStandardFormat};
  if (name == "localtime") return Part{Kind::kLocalTime, has_argument ? argument : kStandardFormat};
  if (name == "metadata" && has_argument) return Part{Kind::kMetadata, argument};
  if (colon != std::string_view::npos) return std::nullopt;
  if (name == "pts") return Part{Kind::kPts, ""};
  if (name == "frame") return Part{Kind::kFrame, ""};
  if (name == "channel") return Part{Kind::kChannel, ""};
  return std::nullopt;
}

std::string Expansion::value_of(const Part& part, const Moment& moment) {
  switch (part.kind) {
    case Kind::kLiteral: return part.argument;
    case Kind::kUtc: return moment.utc ? format_time(part.argument, *moment.utc, nullptr) : "";
    case Kind::kLocalTime: return moment.utc ? format_time(part.argument, *moment.utc, moment.zone) : "";
    case Kind::kPts: return moment.pts ? format_pts(*moment.pts) : "";
    case Kind::kFrame: return std::to_string(moment.frame);
    case Kind::kChannel: return moment.channel;
    case Kind::kMetadata: return moment.metadata ? moment.metadata(part.argument) : "";
  }
  return "";
}

std::string Expansion::expand(const Moment& moment, bool escape) const {
  std::string text;
  for (const Part& part : parts_) {
    const std::string value = value_of(part, moment);
    const bool plain = part.kind == Kind::kLiteral || !escape;
    text += plain ? value : gobj::take_text(g_markup_escape_text(value.c_str(), static_cast<gssize>(value.size())));
  }
  return text;
}

}  // namespace aircheck::drawtext
