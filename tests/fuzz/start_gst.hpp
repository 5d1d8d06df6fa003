// gst_init() for a fuzz target; include it in one file of each.
#pragma once

#include <gst/gst.h>

// GLib's first table of quarks is made while the program is loaded, and left behind when it grows. To see that, the
// leak sanitizer has to look further than GLib, which has no frame pointers, lets it by default.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
  return "fast_unwind_on_malloc=0";
}
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() {
  return "leak:_dl_init\n";
}

namespace aircheck::fuzz {

inline void start_gst() {
  gst_init(nullptr, nullptr);
  gst_debug_set_default_threshold(GST_LEVEL_NONE);
}

}  // namespace aircheck::fuzz
