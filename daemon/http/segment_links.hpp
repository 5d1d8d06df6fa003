// Signed addresses of segments that nginx's secure_link module checks without asking the station.
#pragma once

#include <string>

#include "core/time.hpp"

namespace aircheck::http {

// "~SIGNATURE,EXPIRES/KEY/": what stands between /hls/ and a file of the channel. SIGNATURE is MD5 of
// "EXPIRES/KEY SECRET" in base64url without padding, as `secure_link_md5 "$expires/$key SECRET"` computes it. One for a
// whole playlist: it costs nothing, and no address changes between reloads.
[[nodiscard]] std::string signed_folder(const std::string& secret, const std::string& channel_key, core::Utc expires);

// When an address of a segment ends that is given out now, where the playlist's token lasts until `token_end`: with it,
// and where that is a device's, which lasts for years, after 12 to 13 hours. nginx asks nobody, so this is how long
// somebody who has lost his rights can still fetch what he was given.
[[nodiscard]] core::Utc link_expiry(core::Utc token_end, core::Utc now);
// The same for a start-over, whose rows are listed again for a day: by its start, while that lasts.
[[nodiscard]] core::Utc startover_link_expiry(core::Utc token_end, core::Utc start, core::Utc now);
// The same for live, by the start of the row: 2 to 3 hours after it. Rows of one hour have one.
[[nodiscard]] core::Utc live_link_expiry(core::Utc token_end, core::Utc row_start);
inline constexpr std::int64_t kLinkStepNs = 3600 * core::kNsPerSecond;

}  // namespace aircheck::http
