// The GstObject of a further layer: child `layer_0`, `layer_1` ... of the element, with a layer's properties.
#pragma once

#include <gst/gst.h>

#include <atomic>

#include "drawtext/layer_settings.hpp"
#include "gstx/object.hpp"

namespace aircheck::drawtext {

class Layer : public gstx::Object<GstObject, GstObjectClass, LayerSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckDrawTextLayer";
  static constexpr auto kProperties = layer_properties<LayerSettings>();

  static GType parent_type() { return GST_TYPE_OBJECT; }
  static void class_init(GstObjectClass*) {}

  explicit Layer(GstObject* self) : Object(self) {}

  void property_changed(const char*) { ++version_; }

  // Another one after each change, read it before the settings.
  [[nodiscard]] std::uint64_t version() const { return version_; }

 private:
  std::atomic<std::uint64_t> version_ = 1;
};

}  // namespace aircheck::drawtext
