// A text property that shows the UTC of the picture which its element is about to draw on.
#pragma once

#include <gst/gst.h>

#include <string>

#include "core/result.hpp"
#include "core/time.hpp"
#include "worker/description.hpp"

namespace aircheck::worker {

// Up to 64 bytes of strftime(3) fields and other characters. The error says what to write instead.
core::Result<void> check_utc_format(const std::string& format);

// Sets the property whenever the second changes, before the first picture of that second enters the element, in the
// thread that brings the picture: which picture shows which text does not depend on the speed. Not more often, because
// overlays lay text out anew whenever it is set. `start` is the UTC of running time zero. The element needs one linked
// sink pad.
core::Result<void> show_utc(GstElement* pipeline, const Binding& binding, const std::string& format, core::Utc start);

}  // namespace aircheck::worker
