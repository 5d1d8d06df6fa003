// The entry point of a plugin.
#pragma once

#include <gst/gst.h>

// Its source module, as GST_PLUGIN_DEFINE wants it.
#define PACKAGE "aircheck"

// AIRCHECK_PLUGIN(cenc, "Common Encryption", register_elements)
// calls `bool register_elements(GstPlugin*)`. The library must be named libgst<name>.so.
#define AIRCHECK_PLUGIN(name, description, register_elements)                                          \
  /* GST_PLUGIN_DEFINE casts string literals to char*. */                                              \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wcast-qual\"") GST_PLUGIN_DEFINE(  \
      GST_VERSION_MAJOR, GST_VERSION_MINOR, name, description,                                         \
      [](GstPlugin* plugin) noexcept -> gboolean { return register_elements(plugin) ? TRUE : FALSE; }, \
      AIRCHECK_VERSION, "LGPL", "Aircheck", "Unknown package origin")                                  \
      _Pragma("GCC diagnostic pop") static_assert(true)
