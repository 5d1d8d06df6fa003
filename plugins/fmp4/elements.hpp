// The elements of this plugin.
#pragma once

#include <gst/gst.h>

namespace aircheck::fmp4 {

[[nodiscard]] bool register_fmp4mux(GstPlugin* plugin);
[[nodiscard]] bool register_strftimefmp4sink(GstPlugin* plugin);

}  // namespace aircheck::fmp4
