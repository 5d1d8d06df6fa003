// Problem: an HTTP error as RFC 9457 has it, with the stable `code` that clients switch on.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "core/result.hpp"

namespace aircheck::base {

struct Problem {
  int status = 500;
  std::string code;                                          // stable, snake_case: "window_expired"
  std::string detail;                                        // for a person; never a secret
  std::vector<Json::Member> members;                         // more members of the body ("upsell")
  std::vector<std::pair<std::string, std::string>> headers;  // more headers of the answer ("Retry-After")

  // The body: type about:blank, title (the status's phrase), status, detail, code, then members.
  [[nodiscard]] Json to_json() const;
};

// The one translation of our errors to HTTP. kInternal and kIo keep their message for the log, not for the client.
[[nodiscard]] Problem to_problem(const core::Error& error);

// The reason phrase of RFC 9110 section 15, "Error" for others.
[[nodiscard]] std::string_view reason_phrase(int status);

// The problems that more than one resource gives.
[[nodiscard]] Problem bad_request(std::string detail);                  // 400 invalid_request
[[nodiscard]] Problem unauthorized(std::string detail);                 // 401 unauthorized, WWW-Authenticate: Bearer
[[nodiscard]] Problem forbidden(std::string code, std::string detail);  // 403
[[nodiscard]] Problem not_found(std::string detail);                    // 404 not_found
[[nodiscard]] Problem conflict(std::string code, std::string detail);   // 409

}  // namespace aircheck::base
