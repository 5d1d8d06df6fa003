#include "http/authenticate.hpp"

#include <glib.h>

#include <string>

#include "base/log.hpp"

namespace aircheck::http {

base::Problem too_many_requests(std::int64_t retry_after_s) {
  const std::string seconds = std::to_string(retry_after_s);
  return {
      429, "too_many_requests", "Too many requests: try again in " + seconds + " s.", {}, {{"Retry-After", seconds}}};
}

std::optional<access::Caller> Authenticator::identify(const Request& request, const std::string* token,
                                                      Responder& responder) const {
  return admit(gate_.caller(request.bearer_token(), token, now_()), request, responder);
}

std::optional<access::Caller> Authenticator::admit(core::Result<access::Caller> caller, const Request& request,
                                                   Responder& responder) const {
  if (caller) return std::move(*caller);
  base::log_debug("access", caller.error().message);
  if (const auto wait = limits_.refused(request.client_address, g_get_monotonic_time() * 1000)) {
    responder.problem(too_many_requests(*wait));
  } else {
    responder.problem(base::unauthorized("A valid token is needed: sign in."));
  }
  return std::nullopt;
}

std::optional<access::Caller> Authenticator::bearer(const Request& request, Responder& responder) const {
  return identify(request, nullptr, responder);
}

std::optional<access::Caller> Authenticator::bearer_or_token(const Request& request, Responder& responder) const {
  return identify(request, request.query_value("token"), responder);
}

std::optional<access::Caller> Authenticator::device(const Request& request, Responder& responder) const {
  const std::string* token = request.query_value("token");
  return admit(gate_.device_caller(token != nullptr ? *token : std::string(), now_()), request, responder);
}

std::optional<access::Caller> Authenticator::with_role(const Request& request, Responder& responder,
                                                       access::Role role) const {
  auto caller = identify(request, nullptr, responder);
  if (!caller) return std::nullopt;
  const access::Decision decision = gate_.require(*caller, role);
  if (decision.allowed) return caller;
  base::log_warning("access", "account " + caller->account_id + " refused: " + decision.code);
  responder.problem(access::to_problem(decision));
  return std::nullopt;
}

std::optional<access::Caller> Authenticator::admits(const Request& request, Responder& responder, access::Role role,
                                                    std::initializer_list<std::string_view> query) const {
  auto caller = with_role(request, responder, role);
  if (!caller) return std::nullopt;
  responder.header("Cache-Control", "no-store");
  if (const auto checked = request.only_query(query); !checked) {
    responder.error(checked.error());
    return std::nullopt;
  }
  return caller;
}

}  // namespace aircheck::http
