// POST /api/v1/drm/license (W3C ClearKey JSON) and GET /api/v1/drm/key/{kid} (the 16 bytes).
#pragma once

#include <functional>

#include "access/gate.hpp"
#include "access/request_limits.hpp"
#include "channels/key_store.hpp"
#include "core/time.hpp"
#include "http/authenticate.hpp"
#include "http/router.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct DrmServices {
  const access::Gate& gate;
  const Authenticator& authenticator;
  access::RequestLimits& limits;
  const channels::KeyStore& keys;
  std::function<core::Utc()> now;
};

void register_drm_routes(Router& router, const DrmServices& services);

}  // namespace aircheck::http
