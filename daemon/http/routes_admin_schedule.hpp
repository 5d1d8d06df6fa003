// /api/v1/admin/schedule: the guide's entries, by hand.
#pragma once

#include <functional>

#include "channels/channel_store.hpp"
#include "core/time.hpp"
#include "http/authenticate.hpp"
#include "http/idempotency.hpp"
#include "http/router.hpp"
#include "schedule/guide.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct AdminScheduleServices {
  const channels::ChannelStore& channels;
  schedule::Guide& guide;
  const Authenticator& authenticator;
  Idempotency& idempotency;
  std::function<core::Utc()> now;
};

void register_admin_schedule_routes(Router& router, AdminScheduleServices services);

}  // namespace aircheck::http
