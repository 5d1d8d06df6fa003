// What stands before the body of a request, as it came, and whether we take it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::http {

struct RequestHead {
  std::string method;
  std::string target;                                        // as sent: "/path?query", or "http://host/path?query"
  std::string version;                                       // "HTTP/1.1"
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, in order

  // The first of that name, or null.
  [[nodiscard]] const std::string* header(std::string_view lower_case_name) const;
};

struct Target {
  std::string_view authority;  // empty: it is the Host header's word
  std::string_view path;       // "/..." or "*", percent-encoded
  std::string_view query;      // without the question mark
};

// Nothing for what is neither origin-form, absolute-form of http(s) nor "*" (RFC 9112 section 3.2), and for characters
// that no URI has: blanks, control characters, "#", bytes above ASCII.
[[nodiscard]] std::optional<Target> parse_target(std::string_view target);

// Why a head is refused: whoever stands between a client and us could read it in another way than we do, and take the
// end of one request for the beginning of another (RFC 9112 section 11.2). Nothing: it is good.
[[nodiscard]] std::optional<std::string_view> fault_of(const RequestHead& head);

// The client waits for a word before it sends its body.
[[nodiscard]] bool expects_continue(const RequestHead& head);

}  // namespace aircheck::http
