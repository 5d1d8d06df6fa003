// /api/v1/admin/simlive: start, stop, restart and status of the channels' workers.
#pragma once

#include "channels/supervisor.hpp"
#include "http/authenticate.hpp"
#include "http/router.hpp"
#include "timeshift/archive.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct SimliveServices {
  const channels::ChannelStore& channels;
  channels::Supervisor& supervisor;
  const timeshift::Archive& archive;
  const Authenticator& authenticator;
};

void register_simlive_routes(Router& router, SimliveServices services);

}  // namespace aircheck::http
