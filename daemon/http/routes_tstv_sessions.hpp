// /api/v1/tstv/sessions: what the viewer's players say of their playing, and the operator's list of it.
#pragma once

#include "access/request_limits.hpp"
#include "access/tstv_sessions.hpp"
#include "http/idempotency.hpp"
#include "http/router.hpp"
#include "http/streams.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct TstvSessionServices {
  StreamServices streams;
  access::TstvSessions& sessions;
  access::RequestLimits& limits;
  Idempotency& idempotency;
};

void register_tstv_session_routes(Router& router, TstvSessionServices services);

}  // namespace aircheck::http
