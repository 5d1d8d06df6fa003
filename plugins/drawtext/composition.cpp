#include "drawtext/composition.hpp"

#include <gst/video/video.h>

namespace aircheck::drawtext {

namespace {

using gstx::Ref;

Rect covered(const std::vector<Placed>& placed, int width, int height) {
  Rect all;
  for (const Placed& piece : placed) {
    all = bounding_box(all, {piece.from, piece.y, piece.to - piece.from, piece.sprite->height()});
  }
  return intersection(all, {0, 0, width, height});
}

}  // namespace

GstVideoOverlayRectangle* LayerRectangle::of(const std::vector<Placed>& placed, int width, int height) {
  if (placed == placed_) return rectangle_.get();
  placed_ = placed;
  rectangle_.reset();
  const Rect rect = covered(placed, width, height);
  if (rect.empty()) return nullptr;
  const auto columns = static_cast<guint>(rect.width);
  const auto rows = static_cast<guint>(rect.height);
  const auto pixels = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, gsize{4} * columns * rows, nullptr));
  gst_buffer_memset(pixels.get(), 0, 0, gst_buffer_get_size(pixels.get()));
  gst_buffer_add_video_meta(pixels.get(), GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, columns,
                            rows);
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_OVERLAY_COMPOSITION_FORMAT_RGB, columns, rows);
  GstVideoFrame frame;
  if (gst_video_frame_map(&frame, &info, pixels.get(), GST_MAP_READWRITE) == FALSE) return nullptr;
  for (const Placed& piece : placed) {
    piece.sprite->blend(&frame, piece.x - std::int64_t{rect.x} * 256, piece.y - rect.y, piece.from - rect.x,
                        piece.to - rect.x, piece.opacity);
  }
  gst_video_frame_unmap(&frame);
  rectangle_ = Ref<GstVideoOverlayRectangle>::adopt(gst_video_overlay_rectangle_new_raw(
      pixels.get(), rect.x, rect.y, columns, rows, GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA));
  return rectangle_.get();
}

void attach(GstBuffer* buffer, const std::vector<GstVideoOverlayRectangle*>& rectangles) {
  GstVideoOverlayCompositionMeta* const old = gst_buffer_get_video_overlay_composition_meta(buffer);
  auto composition = Ref<GstVideoOverlayComposition>::adopt(
      old != nullptr ? gst_video_overlay_composition_copy(old->overlay) : gst_video_overlay_composition_new(nullptr));
  for (GstVideoOverlayRectangle* rectangle : rectangles) {
    gst_video_overlay_composition_add_rectangle(composition.get(), rectangle);
  }
  if (old != nullptr) gst_buffer_remove_video_overlay_composition_meta(buffer, old);
  gst_buffer_add_video_overlay_composition_meta(buffer, composition.get());
}

}  // namespace aircheck::drawtext
