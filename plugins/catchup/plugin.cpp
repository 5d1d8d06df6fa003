#include "gstx/plugin.hpp"
#include "catchup/elements.hpp"

namespace {

bool register_elements(GstPlugin* plugin) {
  return aircheck::catchup::register_catchupplaylistsrc(plugin) && aircheck::catchup::register_catchupsrc(plugin);
}

}  // namespace

AIRCHECK_PLUGIN(catchup, "Past windows of a segment directory", register_elements);
