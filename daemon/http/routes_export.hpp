// What IPTV apps read: the channels as M3U with catch-up, the guide as XMLTV.
#pragma once

#include "http/router.hpp"
#include "http/streams.hpp"

namespace aircheck::http {

void register_export_routes(Router& router, StreamServices services);

}  // namespace aircheck::http
