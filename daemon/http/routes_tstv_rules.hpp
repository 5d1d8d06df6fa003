// /api/v1/admin/tstv/rules: which channels have start-over and catch-up, and for how long.
#pragma once

#include <functional>

#include "channels/channel_store.hpp"
#include "core/time.hpp"
#include "http/authenticate.hpp"
#include "http/router.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct TstvRulesServices {
  channels::ChannelStore& channels;
  const Authenticator& authenticator;
  std::function<core::Utc()> now;
};

void register_tstv_rules_routes(Router& router, TstvRulesServices services);

}  // namespace aircheck::http
