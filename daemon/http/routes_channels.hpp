// GET /api/v1/channels: what a viewer can watch, with now and next.
#pragma once

#include "http/router.hpp"
#include "http/streams.hpp"

namespace aircheck::http {

void register_channel_routes(Router& router, StreamServices services);

}  // namespace aircheck::http
