#include "gstx/caps.hpp"

namespace aircheck::gstx {

Ref<GstCaps> caps_from_text(const char* text) {
  auto caps = Ref<GstCaps>::adopt(gst_caps_from_string(text));
  if (!caps) g_error("not caps: %s", text);
  return caps;
}

std::optional<std::string_view> text_field(const GstStructure* structure, const char* name) {
  const char* text = gst_structure_get_string(structure, name);
  return text != nullptr ? std::optional<std::string_view>(text) : std::nullopt;
}

std::optional<int> int_field(const GstStructure* structure, const char* name) {
  int value = 0;
  return gst_structure_get_int(structure, name, &value) ? std::optional<int>(value) : std::nullopt;
}

std::optional<Fraction> fraction_field(const GstStructure* structure, const char* name) {
  Fraction value;
  if (!gst_structure_get_fraction(structure, name, &value.numerator, &value.denominator)) return std::nullopt;
  return value;
}

Ref<GstBuffer> buffer_field(const GstStructure* structure, const char* name) {
  GstBuffer* buffer = nullptr;
  gst_structure_get(structure, name, GST_TYPE_BUFFER, &buffer, nullptr);
  return Ref<GstBuffer>::adopt(buffer);
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
