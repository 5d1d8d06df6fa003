// GET /api/v1/epg and /api/v1/tstv/...: the guide, start-over and catch-up.
#pragma once

#include "http/router.hpp"
#include "http/streams.hpp"

namespace aircheck::http {

void register_epg_routes(Router& router, StreamServices services);
void register_tstv_routes(Router& router, StreamServices services);

}  // namespace aircheck::http
