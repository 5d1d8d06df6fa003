#include "gobj/time_zone.hpp"

#include <algorithm>
#include <string_view>

namespace aircheck::gobj {

namespace {

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// One part between slashes: GMT+5, Port-au-Prince, Buenos_Aires. None begins with a dot.
bool is_part(std::string_view text) {
  const auto allowed = [](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+';
  };
  return !text.empty() && is_letter(text.front()) && std::all_of(text.begin(), text.end(), allowed);
}

bool is_name(std::string_view text) {
  if (text == "UTC") return true;
  if (text.size() > 64 || text.find('/') == std::string_view::npos) return false;
  while (true) {
    const std::size_t slash = text.find('/');
    if (!is_part(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

TimeZone find_time_zone(const std::string& name) {
  return TimeZone(is_name(name) ? g_time_zone_new_identifier(name.c_str()) : nullptr);
}

}  // namespace aircheck::gobj
