#include "http/segment_links.hpp"

#include <glib.h>

#include <algorithm>
#include <array>

#include "access/playback_token.hpp"
#include "core/bytes.hpp"

namespace aircheck::http {

std::string signed_folder(const std::string& secret, const std::string& channel_key, core::Utc expires) {
  const std::string until = std::to_string(expires.ns / core::kNsPerSecond);
  const std::string text = until + "/" + channel_key + " " + secret;
  g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_MD5);
  g_checksum_update(sum, reinterpret_cast<const guchar*>(text.data()), static_cast<gssize>(text.size()));
  std::array<std::uint8_t, 16> digest{};
  gsize size = digest.size();
  g_checksum_get_digest(sum, digest.data(), &size);
  return "~" + core::to_base64url(digest) + "," + until + "/" + channel_key + "/";
}

namespace {

constexpr std::int64_t kStartoverNs = 24 * kLinkStepNs;

core::Utc full_step(core::Utc instant) {
  return core::slot_start(core::slot_of(instant - 1, kLinkStepNs) + 1, kLinkStepNs);
}

}  // namespace

core::Utc link_expiry(core::Utc token_end, core::Utc now) {
  return std::min(token_end, full_step(now + access::kPlaybackTokenSeconds * core::kNsPerSecond));
}

core::Utc startover_link_expiry(core::Utc token_end, core::Utc start, core::Utc now) {
  return link_expiry(token_end, now < start + kStartoverNs ? start + kStartoverNs : now);
}

core::Utc live_link_expiry(core::Utc token_end, core::Utc row_start) {
  return std::min(token_end, core::slot_start(core::slot_of(row_start, kLinkStepNs) + 3, kLinkStepNs));
}

}  // namespace aircheck::http
