// Who sent a request. Every route but sign-in, health and the page begins here.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "access/gate.hpp"
#include "access/request_limits.hpp"
#include "base/problem.hpp"
#include "core/time.hpp"
#include "http/request.hpp"
#include "http/responder.hpp"

namespace aircheck::http {

// 429 with Retry-After.
[[nodiscard]] base::Problem too_many_requests(std::int64_t retry_after_s);

// Each function answers the request itself (401, 403, 429) where it returns nothing.
class Authenticator {
 public:
  // Gate and limits have to outlive this.
  Authenticator(const access::Gate& gate, access::RequestLimits& limits, std::function<core::Utc()> now)
      : gate_(gate), limits_(limits), now_(std::move(now)) {}

  // "Authorization: Bearer".
  [[nodiscard]] std::optional<access::Caller> bearer(const Request& request, Responder& responder) const;
  // `token=` of the query where it is given, else as above.
  [[nodiscard]] std::optional<access::Caller> bearer_or_token(const Request& request, Responder& responder) const;
  // `token=` of the query, a device's.
  [[nodiscard]] std::optional<access::Caller> device(const Request& request, Responder& responder) const;
  // "Authorization: Bearer", of an account that has this role now.
  [[nodiscard]] std::optional<access::Caller> with_role(const Request& request, Responder& responder,
                                                        access::Role role) const;
  // As with_role(), for an answer that nobody may store and a query of no other names than these (400).
  [[nodiscard]] std::optional<access::Caller> admits(const Request& request, Responder& responder, access::Role role,
                                                     std::initializer_list<std::string_view> query) const;
  // Has the caller's account this role now?
  [[nodiscard]] bool has_role(const access::Caller& caller, access::Role role) const {
    return gate_.require(caller, role).allowed;
  }

 private:
  [[nodiscard]] std::optional<access::Caller> identify(const Request& request, const std::string* token,
                                                       Responder& responder) const;
  [[nodiscard]] std::optional<access::Caller> admit(core::Result<access::Caller> caller, const Request& request,
                                                    Responder& responder) const;

  const access::Gate& gate_;
  access::RequestLimits& limits_;
  std::function<core::Utc()> now_;
};

}  // namespace aircheck::http
