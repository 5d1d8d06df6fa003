// GET /api/v1/admin/storage: what the archives take, how long the disk lasts, and what retention deleted.
#pragma once

#include <functional>

#include "channels/channel_store.hpp"
#include "http/authenticate.hpp"
#include "http/router.hpp"
#include "timeshift/archive.hpp"
#include "timeshift/retention.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct StorageServices {
  const channels::ChannelStore& channels;
  const timeshift::Archive& archive;
  const timeshift::Retention& retention;
  const Authenticator& authenticator;
  std::function<core::Utc()> now;
};

void register_storage_routes(Router& router, const StorageServices& services);

}  // namespace aircheck::http
