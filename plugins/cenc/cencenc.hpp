#pragma once

#include <gst/gst.h>

namespace aircheck::cenc {

[[nodiscard]] bool register_cencenc(GstPlugin* plugin);

}  // namespace aircheck::cenc
