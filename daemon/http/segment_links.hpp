// Signed addresses of segments that nginx's secure_link module checks without asking the station.
#pragma once

#include <string>

#include "core/time.hpp"

namespace aircheck::http {

// "~SIGNATURE,EXPIRES/KEY/": what stands between /hls/ and a file of the channel. SIGNATURE is MD5 of
// "EXPIRES/KEY SECRET" in base64url without padding, as `secure_link_md5 "$expires/$key SECRET"` computes it. One for a
// whole playlist: it costs nothing, and lasts as long as the playlist's token, so no address changes between reloads.
[[nodiscard]] std::string signed_folder(const std::string& secret, const std::string& channel_key, core::Utc expires);

}  // namespace aircheck::http
