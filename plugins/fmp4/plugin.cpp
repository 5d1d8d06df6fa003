#include "gstx/plugin.hpp"
#include "fmp4/elements.hpp"

namespace {

bool register_elements(GstPlugin* plugin) {
  return aircheck::fmp4::register_fmp4mux(plugin) && aircheck::fmp4::register_strftimefmp4sink(plugin);
}

}  // namespace

AIRCHECK_PLUGIN(fmp4, "Fragmented MP4 for HLS, named from wall-clock time", register_elements);
