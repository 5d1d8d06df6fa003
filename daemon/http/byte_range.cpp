#include "http/byte_range.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace aircheck::http {

namespace {

// Digits alone; a number that is too large is as far away as any.
std::optional<std::size_t> read_position(std::string_view text) {
  std::size_t position = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), position);
  if (text.empty() || end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return static_cast<std::size_t>(-1);
  return error == std::errc() ? std::optional(position) : std::nullopt;
}

}  // namespace

ByteRange read_byte_range(std::string_view header, std::size_t size) {
  using Kind = ByteRange::Kind;
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return {};
  header.remove_prefix(kUnit.size());
  const std::size_t dash = header.find('-');
  if (dash == std::string_view::npos) return {};
  const auto first = read_position(header.substr(0, dash));
  const auto last = read_position(header.substr(dash + 1));
  const bool open = dash + 1 == header.size();
  if (dash == 0) {  // the last N bytes
    if (!last) return {};
    if (*last == 0 || size == 0) return {.kind = Kind::kUnsatisfiable};
    const std::size_t count = std::min(*last, size);
    return {.kind = Kind::kPart, .first = size - count, .size = count};
  }
  if (!first || (!last && !open) || (last && *last < *first)) return {};
  if (*first >= size) return {.kind = Kind::kUnsatisfiable};
  const std::size_t end = open ? size : std::min(*last, size - 1) + 1;
  return {.kind = Kind::kPart, .first = *first, .size = end - *first};
}

}  // namespace aircheck::http
