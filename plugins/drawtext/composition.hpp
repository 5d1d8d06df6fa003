// Layers as rectangles of a GstVideoOverlayComposition, for those downstream that blend by themselves.
#pragma once

#include <gst/video/video-overlay-composition.h>

#include <vector>

#include "drawtext/layer_view.hpp"
#include "gstx/ref.hpp"

namespace aircheck::gobj {

template <>
struct RefTraits<GstVideoOverlayRectangle> : MiniObjectTraits<GstVideoOverlayRectangle> {};
template <>
struct RefTraits<GstVideoOverlayComposition> : MiniObjectTraits<GstVideoOverlayComposition> {};

}  // namespace aircheck::gobj

namespace aircheck::drawtext {

// The rectangle of one layer, which stays the same object while the layer does: a sink need not upload it again.
class LayerRectangle {
 public:
  // The sprites are those of PixelFormat::rectangle(). Null when nothing of them lies in the video.
  GstVideoOverlayRectangle* of(const std::vector<Placed>& placed, int width, int height);

 private:
  std::vector<Placed> placed_;
  gstx::Ref<GstVideoOverlayRectangle> rectangle_;
};

// Adds the rectangles to the buffer, above those that it has. The buffer must be writable.
void attach(GstBuffer* buffer, const std::vector<GstVideoOverlayRectangle*>& rectangles);

}  // namespace aircheck::drawtext
