// Which video goes in and out: whatever we blend into, and whatever downstream overlays by itself.
#pragma once

#include "gstx/ref.hpp"

namespace aircheck::drawtext {

// For both pads.
[[nodiscard]] const char* template_caps();

[[nodiscard]] bool has_overlay_feature(GstCaps* caps);
[[nodiscard]] gstx::Ref<GstCaps> with_overlay_feature(GstCaps* caps);
// In memory and in one of the formats of PixelFormat::blendable().
[[nodiscard]] bool can_blend(GstCaps* caps);

// What may come in when downstream takes `downstream`.
[[nodiscard]] gstx::Ref<GstCaps> caps_for_sink(GstCaps* downstream);
// What may go out when upstream gives `upstream`.
[[nodiscard]] gstx::Ref<GstCaps> caps_for_src(GstCaps* upstream);

}  // namespace aircheck::drawtext
