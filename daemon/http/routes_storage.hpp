// GET /api/v1/admin/storage: what the archives take, how long the disk lasts, and what retention deleted.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

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

// How long the disk lasts at the rate of the last hour, or of what there is of it in a younger archive.
struct DiskOutlook {
  std::uint64_t bytes_per_hour = 0;  // of all channels
  // Until retention has to delete what could still be watched; infinity: never, as enough expires before. None: not
  // known.
  std::optional<double> hours_left;
};
[[nodiscard]] DiskOutlook disk_outlook(const channels::ChannelStore& channels, const timeshift::Archive& archive,
                                       const timeshift::Retention& retention, core::Utc now);

void register_storage_routes(Router& router, const StorageServices& services);

}  // namespace aircheck::http
