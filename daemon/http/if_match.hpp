// Changes that start from a version (RFC 9110 section 13.1.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/request.hpp"
#include "http/responder.hpp"

namespace aircheck::http {

// The version of a resource as its ETag: "\"7\"".
[[nodiscard]] std::string version_etag(std::int64_t version);

// If-Match is necessary, because a change that starts from an old version would undo another one. Answers 428 or 412
// where it returns false. what: "channel".
[[nodiscard]] bool if_match(const Request& request, std::string_view etag, std::string_view what, Responder& responder);

}  // namespace aircheck::http
