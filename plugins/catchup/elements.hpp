#pragma once

#include <gst/gst.h>

namespace aircheck::catchup {

[[nodiscard]] bool register_catchupplaylistsrc(GstPlugin* plugin);

}  // namespace aircheck::catchup
