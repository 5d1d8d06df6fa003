#pragma once

#include <gst/gst.h>

namespace aircheck::catchup {

[[nodiscard]] bool register_catchupplaylistsrc(GstPlugin* plugin);
[[nodiscard]] bool register_catchupsrc(GstPlugin* plugin);

}  // namespace aircheck::catchup
