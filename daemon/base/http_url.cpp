#include "base/http_url.hpp"

#include <glib.h>

#include <string_view>

namespace aircheck::base {

bool is_http_url(const std::string& text) {
  g_autoptr(GUri) uri = g_uri_parse(text.c_str(), G_URI_FLAGS_NONE, nullptr);
  if (uri == nullptr || g_uri_get_host(uri) == nullptr || *g_uri_get_host(uri) == '\0') return false;
  const std::string_view scheme = g_uri_get_scheme(uri);
  return scheme == "http" || scheme == "https";
}

}  // namespace aircheck::base
