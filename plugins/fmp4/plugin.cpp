// The GStreamer plugin `fmp4`: fragmented MP4 for HLS, named from wall-clock time.
#include <gst/gst.h>

#include "fmp4/elements.hpp"

namespace {

gboolean plugin_init(GstPlugin* plugin) noexcept {
  return aircheck::fmp4::register_fmp4mux(plugin) && aircheck::fmp4::register_strftimefmp4sink(plugin) ? TRUE : FALSE;
}

}  // namespace

// GST_PLUGIN_DEFINE casts string constants for the C struct.
#pragma GCC diagnostic ignored "-Wcast-qual"
#define PACKAGE "aircheck"
extern "C" {
GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, fmp4, "Fragmented MP4 for HLS, named from wall-clock time",
                  plugin_init, AIRCHECK_VERSION, "LGPL", "aircheck", "https://aircheck.example/")
}
