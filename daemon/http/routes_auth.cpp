#include "http/routes_auth.hpp"

#include <string>
#include <utility>
#include <variant>

namespace aircheck::http {

namespace {

void answer(Responder& responder, const access::SignIn::Answer& outcome) {
  if (const auto* problem = std::get_if<base::Problem>(&outcome)) return responder.problem(*problem);
  const auto& tokens = std::get<access::Tokens>(outcome);
  responder.header("Cache-Control", "no-store");
  responder.json(200, base::Json::object({{"access_token", tokens.access_token},
                                          {"token_type", "Bearer"},
                                          {"expires_in", tokens.expires_in},
                                          {"refresh_token", tokens.refresh_token}}));
}

core::Result<access::LoginRequest> read_login(const Request& request) {
  AIRCHECK_TRY_VOID(request.only_query({}));
  AIRCHECK_TRY(const base::Json body, request.json());
  base::JsonReader in(body);
  access::LoginRequest login{.email = in.required<std::string>("email"),
                             .password = in.required<std::string>("password"),
                             .address = request.client_address};
  AIRCHECK_TRY_VOID(in.finish());
  return login;
}

core::Result<std::string> read_refresh_token(const Request& request) {
  AIRCHECK_TRY_VOID(request.only_query({}));
  AIRCHECK_TRY(const base::Json body, request.json());
  base::JsonReader in(body);
  std::string token = in.required<std::string>("refresh_token");
  AIRCHECK_TRY_VOID(in.finish());
  return token;
}

void me(const AuthServices& services, const Request& request, Responder responder) {
  if (auto query = request.only_query({}); !query) return responder.error(query.error());
  const auto caller = services.authenticator.with_role(request, responder, access::Role::kViewer);
  if (!caller) return;
  responder.header("Cache-Control", "no-store");
  base::Json body = base::Json::object({{"id", caller->account_id}, {"role", access::to_string(caller->role)}});
  if (caller->own) {
    const auto account = services.accounts.find(caller->account_id);
    if (!account) return responder.error(account.error());
    body.set("role", access::to_string(account->role));
    body.set("email", account->email);
  }
  responder.json(200, body);
}

}  // namespace

void register_auth_routes(Router& router, AuthServices services) {
  router.post("/api/v1/auth/login", [services](const Request& request, Responder responder) {
    auto login = read_login(request);
    if (!login) return responder.error(login.error());
    services.sign_in.login(std::move(*login),
                           [responder](const access::SignIn::Answer& outcome) mutable { answer(responder, outcome); });
  });
  router.post("/api/v1/auth/refresh", [services](const Request& request, Responder responder) {
    const auto token = read_refresh_token(request);
    if (!token) return responder.error(token.error());
    answer(responder, services.sign_in.refresh(*token));
  });
  router.post("/api/v1/auth/logout", [services](const Request& request, Responder responder) {
    const auto token = read_refresh_token(request);
    if (!token) return responder.error(token.error());
    const auto done = services.sign_in.logout(*token);
    if (!done) return responder.error(done.error());
    services.tstv_sessions.sign_out(*done);
    responder.header("Cache-Control", "no-store").empty(204);
  });
  router.get("/api/v1/me",
             [services](const Request& request, Responder responder) { me(services, request, std::move(responder)); });
}

}  // namespace aircheck::http
