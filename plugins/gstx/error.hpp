// core::Error as the error message of an element: the only translation to GST_ELEMENT_ERROR.
#pragma once

#include <gst/gst.h>

#include "core/result.hpp"

namespace aircheck::gstx {

struct ErrorDomain {
  GQuark domain;
  int code;
};
[[nodiscard]] ErrorDomain error_domain(core::Code code);

// Posts an error message with error.message as its text; the place of the call goes into the debug string. Do not hold
// a lock. Returns nothing useful: follow it with `return GST_FLOW_ERROR;` or `return FALSE;`.
void post_error(GstElement* element, const core::Error& error, const char* file = __builtin_FILE(),
                int line = __builtin_LINE(), const char* function = __builtin_FUNCTION());
void post_warning(GstElement* element, const core::Error& warning, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE(), const char* function = __builtin_FUNCTION());

}  // namespace aircheck::gstx
