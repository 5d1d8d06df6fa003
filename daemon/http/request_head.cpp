#include "http/request_head.hpp"

#include <algorithm>
#include <cctype>

namespace aircheck::http {

namespace {

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) ||
           std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// RFC 9110 section 5.5; bytes above ASCII are allowed.
bool is_field_value(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

bool has_only(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [others](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) || others.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// uri-host [":" port] of RFC 9110 section 7.2, empty too. It comes back in addresses that we give out.
bool is_authority(std::string_view text) {
  const bool literal = text.starts_with('[');
  const std::size_t end = literal ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return false;
  const std::string_view host = literal ? text.substr(1, end - 1) : text.substr(0, end);
  std::string_view port = text.substr(literal ? end + 1 : end);
  if (!has_only(host, literal ? ":." : "-._~%!$&'()*+,;=")) return false;
  if (port.starts_with(':'))
    port.remove_prefix(1);
  else if (!port.empty())
    return false;
  return port.size() <= 5 && std::ranges::all_of(port, [](unsigned char c) { return c >= '0' && c <= '9'; });
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

const std::string* RequestHead::header(std::string_view lower_case_name) const {
  const auto found =
      std::ranges::find(headers, lower_case_name, [](const auto& header) { return std::string_view(header.first); });
  return found == headers.end() ? nullptr : &found->second;
}

std::optional<Target> parse_target(std::string_view target) {
  const bool printable = std::ranges::all_of(target, [](unsigned char c) { return c > 0x20 && c < 0x7f && c != '#'; });
  if (!printable || target.empty()) return std::nullopt;
  Target parts;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!same_word(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    parts.authority = target.substr(0, target.find_first_of("/?"));
    if (parts.authority.empty() || !is_authority(parts.authority)) return std::nullopt;
    target.remove_prefix(parts.authority.size());
    break;
  }
  const std::size_t question = std::min(target.find('?'), target.size());
  parts.path = target.substr(0, question);
  parts.query = target.substr(std::min(question + 1, target.size()));
  if (parts.path.empty() && !parts.authority.empty()) parts.path = "/";
  if (!parts.path.starts_with('/') && parts.path != "*") return std::nullopt;
  return parts;
}

std::optional<std::string_view> fault_of(const RequestHead& head) {
  if (!is_token(head.method)) return "the method is no token";
  if (!parse_target(head.target)) return "the request target is no path";
  int hosts = 0;
  int lengths = 0;
  int codings = 0;
  for (const auto& [name, value] : head.headers) {
    if (!is_token(name)) return "the name of a header is no token";
    if (!is_field_value(value)) return "a header has control characters";
    if (name == "host" && ++hosts == 1 && !is_authority(value)) return "the Host header is no host";
    if (name == "content-length") ++lengths;
    if (name != "transfer-encoding") continue;
    ++codings;
    if (!same_word(value, "chunked")) return "the transfer coding is not chunked";
  }
  if (hosts > 1) return "there are two Host headers";
  if (lengths + codings > 1) return "the length of the body stands there twice";
  if (codings > 0 && head.version == "HTTP/1.0") return "HTTP/1.0 has no transfer codings";
  return std::nullopt;
}

bool expects_continue(const RequestHead& head) {
  const std::string* expect = head.header("expect");
  return expect != nullptr && same_word(*expect, "100-continue");
}

}  // namespace aircheck::http
