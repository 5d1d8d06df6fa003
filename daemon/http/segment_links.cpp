#include "http/segment_links.hpp"

#include <glib.h>

#include <array>

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

}  // namespace aircheck::http
