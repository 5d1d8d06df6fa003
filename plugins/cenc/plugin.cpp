#include "gstx/plugin.hpp"
#include "cenc/cencdec.hpp"
#include "cenc/cencenc.hpp"

namespace {

bool register_elements(GstPlugin* plugin) {
  return aircheck::cenc::register_cencenc(plugin) && aircheck::cenc::register_cencdec(plugin);
}

}  // namespace

AIRCHECK_PLUGIN(cenc, "Common Encryption (ISO/IEC 23001-7)", register_elements);
