// /api/v1/admin/channels: list, get, create, change and remove channels.
#pragma once

#include <functional>

#include "channels/channel_store.hpp"
#include "core/time.hpp"
#include "http/authenticate.hpp"
#include "http/idempotency.hpp"
#include "http/router.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct AdminChannelServices {
  channels::ChannelStore& channels;
  const Authenticator& authenticator;
  Idempotency& idempotency;
  int segment_duration_s;  // target duration of new channels
  std::function<core::Utc()> now;
};

void register_admin_channel_routes(Router& router, AdminChannelServices services);

}  // namespace aircheck::http
