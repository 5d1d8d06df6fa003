// POST /api/v1/auth/login, /refresh, /logout and GET /api/v1/me.
#pragma once

#include "access/accounts.hpp"
#include "access/sign_in.hpp"
#include "access/tstv_sessions.hpp"
#include "http/authenticate.hpp"
#include "http/router.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct AuthServices {
  access::SignIn& sign_in;
  const access::Accounts& accounts;
  access::TstvSessions& tstv_sessions;
  const Authenticator& authenticator;
};

void register_auth_routes(Router& router, AuthServices services);

}  // namespace aircheck::http
