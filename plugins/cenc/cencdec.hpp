#pragma once

#include <gst/gst.h>

namespace aircheck::cenc {

[[nodiscard]] bool register_cencdec(GstPlugin* plugin);

}  // namespace aircheck::cenc
