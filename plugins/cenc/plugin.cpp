#include "gstx/plugin.hpp"
#include "cenc/cencenc.hpp"

AIRCHECK_PLUGIN(cenc, "Common Encryption (ISO/IEC 23001-7)", aircheck::cenc::register_cencenc);
