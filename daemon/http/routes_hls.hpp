// GET /hls/...: playlists, init segments and media segments, for any player.
#pragma once

#include "http/router.hpp"
#include "http/streams.hpp"

namespace aircheck::http {

void register_hls_routes(Router& router, StreamServices services);

}  // namespace aircheck::http
