#include "fmp4/sink_pad.hpp"

#include "fmp4/mux_pad.hpp"
#include "gstx/ref.hpp"

namespace aircheck::fmp4 {

void SinkPad::pass_on(GstGhostPad* pad, const char* name) {
  const auto target = gstx::Ref<GstPad>::adopt(gst_ghost_pad_get_target(pad));
  if (!target) return;  // being made, or released
  GValue value = G_VALUE_INIT;
  g_object_get_property(G_OBJECT(pad), name, &value);
  g_object_set_property(G_OBJECT(target.get()), name, &value);
  g_value_unset(&value);
}

GstPad* new_sink_pad(GstPadTemplate* pad_template, const std::string& name, GstPad* target) {
  const GType type = is_video(pad_template) ? gstx::object_type<SinkPad>() : gstx::object_type<AudioSinkPad>();
  GstPad* const pad =
      GST_PAD(g_object_new(type, "name", name.c_str(), "direction", GST_PAD_SINK, "template", pad_template, nullptr));
  if (gst_ghost_pad_set_target(GST_GHOST_PAD(pad), target)) return pad;
  gst_object_unref(gst_object_ref_sink(pad));
  return nullptr;
}

void init_sink_child_proxy(gpointer interface, gpointer) noexcept {
  auto* const proxy = static_cast<GstChildProxyInterface*>(interface);
  proxy->get_child_by_name = [](GstChildProxy* parent, const gchar* name) noexcept -> GObject* {
    if (GstPad* const pad = gst_element_get_static_pad(GST_ELEMENT(parent), name)) return G_OBJECT(pad);
    const auto child = gst_bin_get_by_name(GST_BIN(parent), name);
    return child != nullptr ? G_OBJECT(child) : nullptr;
  };
}

}  // namespace aircheck::fmp4
