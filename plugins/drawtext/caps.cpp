#include "drawtext/caps.hpp"

#include <gst/video/video.h>

#include <string>

#include "drawtext/sprite.hpp"
#include "gstx/caps.hpp"

namespace aircheck::drawtext {

namespace {

using gstx::Ref;

constexpr const char* kFeature = GST_CAPS_FEATURE_META_GST_VIDEO_OVERLAY_COMPOSITION;

std::string blendable_text() {
  return std::string("video/x-raw, format=(string)") + PixelFormat::blendable();
}

Ref<GstCaps> blendable() {
  return gstx::caps_from_text(blendable_text().c_str());
}

// Every structure of `caps` with the feature added to or taken from those that it has.
Ref<GstCaps> with_feature(GstCaps* caps, bool wanted) {
  auto result = Ref<GstCaps>::adopt(gst_caps_copy(caps));
  for (guint i = 0; i < gst_caps_get_size(result.get()); ++i) {
    GstCapsFeatures* const features = gst_caps_get_features(result.get(), i);
    if (gst_caps_features_is_any(features) ||
        gst_caps_features_contains(features, kFeature) == (wanted ? TRUE : FALSE)) {
      continue;
    }
    if (wanted) {
      gst_caps_features_add(features, kFeature);
    } else {
      gst_caps_features_remove(features, kFeature);
    }
  }
  return result;
}

Ref<GstCaps> structures_with_feature(GstCaps* caps) {
  auto result = Ref<GstCaps>::adopt(gst_caps_new_empty());
  for (guint i = 0; i < gst_caps_get_size(caps); ++i) {
    GstCapsFeatures* const features = gst_caps_get_features(caps, i);
    if (!gst_caps_features_is_any(features) && !gst_caps_features_contains(features, kFeature)) continue;
    gst_caps_append_structure_full(result.get(), gst_structure_copy(gst_caps_get_structure(caps, i)),
                                   gst_caps_features_copy(features));
  }
  return result;
}

Ref<GstCaps> intersect(GstCaps* first, GstCaps* second) {
  return Ref<GstCaps>::adopt(gst_caps_intersect_full(first, second, GST_CAPS_INTERSECT_FIRST));
}

}  // namespace

const char* template_caps() {
  static const std::string caps = blendable_text() + "; video/x-raw(ANY)";
  return caps.c_str();
}

bool has_overlay_feature(GstCaps* caps) {
  return gst_caps_features_contains(gst_caps_get_features(caps, 0), kFeature) != FALSE;
}

Ref<GstCaps> with_overlay_feature(GstCaps* caps) {
  return with_feature(caps, true);
}

bool can_blend(GstCaps* caps) {
  return gst_caps_is_subset(caps, blendable().get()) != FALSE;
}

Ref<GstCaps> caps_for_sink(GstCaps* downstream) {
  const auto ours = blendable();
  if (gst_caps_is_any(downstream))
    return Ref<GstCaps>::adopt(gst_caps_merge(gst_caps_copy(ours.get()), with_feature(ours.get(), true).release()));
  auto result = intersect(downstream, ours.get());
  const auto overlaid = structures_with_feature(downstream);
  result = Ref<GstCaps>::adopt(gst_caps_merge(result.release(), with_feature(overlaid.get(), false).release()));
  return Ref<GstCaps>::adopt(gst_caps_merge(result.release(), gst_caps_copy(overlaid.get())));
}

Ref<GstCaps> caps_for_src(GstCaps* upstream) {
  const auto ours = blendable();
  if (gst_caps_is_any(upstream)) return caps_for_sink(upstream);
  auto result = intersect(upstream, ours.get());
  return Ref<GstCaps>::adopt(gst_caps_merge(result.release(), with_feature(upstream, true).release()));
}

}  // namespace aircheck::drawtext
