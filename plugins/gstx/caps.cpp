#include "gstx/caps.hpp"

namespace aircheck::gstx {

Ref<GstCaps> caps_from_text(const char* text) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_from_string(text));
  if (!caps) g_error("not caps: %s", text);
  return caps;
}

Ref<GstBuffer> buffer_field(const GstStructure* structure, const char* name) {
  GstBuffer* buffer = nullptr;
  gst_structure_get(structure, name, GST_TYPE_BUFFER, &buffer, nullptr);
  return Ref<GstBuffer>::adopt(buffer);
}

GstBuffer* peek_buffer(const GstStructure* structure, GQuark name) {
  const GValue* const value = gst_structure_id_get_value(structure, name);
  return value != nullptr && G_VALUE_HOLDS(value, GST_TYPE_BUFFER) ? gst_value_get_buffer(value) : nullptr;
}

std::optional<std::uint32_t> peek_uint(const GstStructure* structure, GQuark name) {
  const GValue* const value = gst_structure_id_get_value(structure, name);
  if (value == nullptr || !G_VALUE_HOLDS_UINT(value)) return std::nullopt;
  return g_value_get_uint(value);
}

void add_pad_template(GstElementClass* element_class, const char* name, GstPadDirection direction, const char* caps) {
  add_pad_template(element_class, name, direction, GST_PAD_ALWAYS, caps, GST_TYPE_PAD);
}

void add_pad_template(GstElementClass* element_class, const char* name, GstPadDirection direction,
                      GstPadPresence presence, const char* caps, GType pad_type) {
  gst_element_class_add_pad_template(
      element_class, gst_pad_template_new_with_gtype(name, direction, presence, caps_from_text(caps).get(), pad_type));
}

}  // namespace aircheck::gstx
