#include "http/request.hpp"

#include <algorithm>
#include <cctype>

#include "base/utf8.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

const std::string* find_in(const std::vector<std::pair<std::string, std::string>>& pairs, std::string_view name) {
  const auto found = std::find_if(pairs.begin(), pairs.end(), [&](const auto& pair) { return pair.first == name; });
  return found == pairs.end() ? nullptr : &found->second;
}

}  // namespace

const std::string& Request::param(std::string_view name) const {
  static const std::string kNone;
  const auto found = params.find(std::string(name));
  return found == params.end() ? kNone : found->second;
}

const std::string* Request::query_value(std::string_view name) const {
  return find_in(query, name);
}

const std::string* Request::header(std::string_view lower_case_name) const {
  return find_in(headers, lower_case_name);
}

bool Request::has_etag(std::string_view etag) const {
  const std::string* list = header("if-none-match");
  return list != nullptr && lists_etag(*list, etag, EtagComparison::kWeak);
}

bool lists_etag(std::string_view list, std::string_view etag, EtagComparison comparison) {
  while (!list.empty()) {
    std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(item.size() + 1, list.size()));
    item.remove_prefix(std::min(item.find_first_not_of(" \t"), item.size()));
    item = item.substr(0, item.find_last_not_of(" \t") + 1);
    if (item == "*") return true;
    if (comparison == EtagComparison::kWeak && item.starts_with("W/")) item.remove_prefix(2);
    if (item == etag) return true;
  }
  return false;
}

std::optional<std::string> Request::bearer_token() const {
  constexpr std::string_view kScheme = "Bearer ";
  const std::string* value = header("authorization");
  if (value == nullptr || value->size() <= kScheme.size()) return std::nullopt;
  if (!equal_ignoring_case(std::string_view(*value).substr(0, kScheme.size()), kScheme)) return std::nullopt;
  const std::size_t begin = value->find_first_not_of(' ', kScheme.size());
  if (begin == std::string::npos) return std::nullopt;
  return value->substr(begin);
}

core::Result<void> Request::only_query(std::initializer_list<std::string_view> names) const {
  for (auto part = query.begin(); part != query.end(); ++part) {
    if (std::find(names.begin(), names.end(), part->first) == names.end()) {
      return fail(Code::kInvalidArgument, "unknown query parameter '" + part->first + "'");
    }
    if (std::any_of(query.begin(), part, [&](const auto& earlier) { return earlier.first == part->first; })) {
      return fail(Code::kInvalidArgument, "query parameter '" + part->first + "' stands twice");
    }
  }
  return {};
}

core::Result<base::Json> Request::json() const {
  const std::string* type = header("content-type");
  if (type != nullptr) {
    const std::string_view media_type = std::string_view(*type).substr(0, type->find_first_of("; "));
    if (!equal_ignoring_case(media_type, "application/json") &&
        !equal_ignoring_case(media_type, "application/merge-patch+json")) {
      return fail(Code::kUnsupported, "the body has to be application/json, not " + std::string(media_type));
    }
  }
  return base::Json::parse(body);
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  const std::string_view special = plus_is_space ? "%+" : "%";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t plain = std::min(text.find_first_of(special), text.size());
    out += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.starts_with('+')) {
      out += ' ';
      text.remove_prefix(1);
    } else if (text.starts_with('%')) {
      if (text.size() < 3) return std::nullopt;
      const int high = hex_digit(text[1]);
      const int low = hex_digit(text[2]);
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      text.remove_prefix(3);
    }
  }
  // NUL is no text either.
  if (!base::is_utf8(out)) return std::nullopt;
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (byte < 0x80 && std::isalnum(byte) != 0) || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

namespace {

std::string decoded_or_as_sent(std::string_view text) {
  return percent_decode(text, true).value_or(std::string(text));
}

}  // namespace

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parts;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    parts.emplace_back(decoded_or_as_sent(part.substr(0, equals)),
                       decoded_or_as_sent(part.substr(std::min(equals + 1, part.size()))));
  }
  return parts;
}

}  // namespace aircheck::http
