// One HTTP request as the resources see it: a value.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "core/result.hpp"

namespace aircheck::http {

struct Request {
  std::string id;                                            // X-Request-Id
  std::string method;                                        // a HEAD request comes as GET
  std::string path;                                          // as sent, percent-encoded
  std::map<std::string, std::string> params;                 // of the route's template, decoded
  std::vector<std::pair<std::string, std::string>> query;    // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::string client_address;  // numeric; X-Forwarded-For counts only from a trusted proxy
  std::string base_url;        // how this client reaches us: "https://tv.example.org", no slash at the end

  // The parameter of the route's template; it has to exist.
  [[nodiscard]] const std::string& param(std::string_view name) const;
  // The first value, or null.
  [[nodiscard]] const std::string* query_value(std::string_view name) const;
  [[nodiscard]] const std::string* header(std::string_view lower_case_name) const;
  // If-None-Match names this ETag, or any (RFC 9110 section 13.1.2: in a list, and weak or not).
  [[nodiscard]] bool has_etag(std::string_view etag) const;
  // The token of "Authorization: Bearer TOKEN".
  [[nodiscard]] std::optional<std::string> bearer_token() const;

  // kInvalidArgument naming the first query parameter that is not listed or stands twice. Not for /hls/.
  [[nodiscard]] core::Result<void> only_query(std::initializer_list<std::string_view> names) const;
  // The body as JSON; kUnsupported when its Content-Type is another one.
  [[nodiscard]] core::Result<base::Json> json() const;
};

// RFC 9110 section 8.8.3.2: the weak comparison takes W/"x" for "x".
enum class EtagComparison { kStrong, kWeak };
// A list of entity tags, or "*", names `etag`, which is a strong one.
[[nodiscard]] bool lists_etag(std::string_view list, std::string_view etag, EtagComparison comparison);

// Percent-decoding of one path segment or, with `plus_is_space`, of one query part. Nothing for malformed escapes, NUL
// or bytes that are not UTF-8.
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);
// Everything outside RFC 3986's unreserved characters as %XX.
[[nodiscard]] std::string percent_encode(std::string_view text);
// name=value pairs of a query. What cannot be decoded stays as it was sent: left out, it would be overlooked, and with
// a percent sign in it, it is no value that a parameter takes.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_query(std::string_view query);

}  // namespace aircheck::http
