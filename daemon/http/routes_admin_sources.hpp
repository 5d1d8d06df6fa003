// /api/v1/admin/schedule/sources: XMLTV files that fill guides, and their import.
#pragma once

#include <functional>

#include "channels/channel_store.hpp"
#include "core/time.hpp"
#include "http/authenticate.hpp"
#include "http/idempotency.hpp"
#include "http/router.hpp"
#include "schedule/importer.hpp"
#include "schedule/sources.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct AdminSourcesServices {
  const channels::ChannelStore& channels;
  schedule::Sources& sources;
  schedule::Importer& importer;
  const Authenticator& authenticator;
  Idempotency& idempotency;
  std::function<core::Utc()> now;
};

void register_admin_source_routes(Router& router, AdminSourcesServices services);

}  // namespace aircheck::http
