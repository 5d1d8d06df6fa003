#pragma once

#include <gst/gst.h>

namespace aircheck::drawtext {

[[nodiscard]] bool register_drawtextoverlay(GstPlugin* plugin);

}  // namespace aircheck::drawtext
