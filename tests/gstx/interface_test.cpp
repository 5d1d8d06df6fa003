// What a user of our elements can rely on: rank, interfaces, pads, properties, signals and children as text in
// tests/golden/elements, so that a change of the interface is a diff to be read. AIRCHECK_UPDATE_GOLDEN=1 writes the
// files anew.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "gobj/text.hpp"
#include "gstx/our_elements.hpp"
#include "gstx/ref.hpp"
#include "support/golden.hpp"

namespace aircheck::gstx {
namespace {

std::string value_text(const GValue* value) {
  if (G_VALUE_HOLDS_BOXED(value) && g_value_get_boxed(value) == nullptr) return "none";
  const std::string text = gobj::take_text(gst_value_serialize(value));
  return text.empty() ? "none" : text;
}

template <typename Spec>
std::string bounds(GParamSpec* spec) {
  const auto* const number = reinterpret_cast<const Spec*>(spec);
  std::ostringstream out;
  out << " " << number->minimum << ".." << number->maximum;
  return out.str();
}

std::string range_text(GParamSpec* spec) {
  if (G_IS_PARAM_SPEC_UINT(spec)) return bounds<GParamSpecUInt>(spec);
  if (G_IS_PARAM_SPEC_INT(spec)) return bounds<GParamSpecInt>(spec);
  if (G_IS_PARAM_SPEC_UINT64(spec)) return bounds<GParamSpecUInt64>(spec);
  if (G_IS_PARAM_SPEC_DOUBLE(spec)) return bounds<GParamSpecDouble>(spec);
  return "";
}

std::string property_text(GParamSpec* spec) {
  std::string text = std::string("  ") + spec->name + ": " + g_type_name(spec->value_type) + range_text(spec);
  if ((spec->flags & G_PARAM_READABLE) != 0) text += ", default " + value_text(g_param_spec_get_default_value(spec));
  if ((spec->flags & G_PARAM_READABLE) == 0) text += ", write only";
  if ((spec->flags & G_PARAM_WRITABLE) == 0) text += ", read only";
  if ((spec->flags & GST_PARAM_MUTABLE_PLAYING) != 0) text += ", at any time";
  text += std::string("\n    ") + g_param_spec_get_blurb(spec) + "\n";
  if (!G_IS_PARAM_SPEC_ENUM(spec)) return text;
  const GEnumClass* const values = reinterpret_cast<const GParamSpecEnum*>(spec)->enum_class;
  for (guint i = 0; i < values->n_values; ++i) {
    text += std::string("      ") + values->values[i].value_nick + ": " + values->values[i].value_name + "\n";
  }
  return text;
}

// Properties that the type itself brings, not its parents from GStreamer.
std::string properties_text(GObjectClass* object_class) {
  std::map<std::string, std::string> by_name;
  guint count = 0;
  GParamSpec** const specs = g_object_class_list_properties(object_class, &count);
  for (guint i = 0; i < count; ++i) {
    if (g_str_has_prefix(g_type_name(specs[i]->owner_type), "Aircheck")) {
      by_name[specs[i]->name] = property_text(specs[i]);
    }
  }
  g_free(specs);
  std::string text;
  for (const auto& [name, property] : by_name) text += property;
  return text;
}

// Signals that the type itself brings: what they take and give, and whether an application emits them.
std::string signals_text(GType type) {
  std::map<std::string, std::string> by_name;
  guint count = 0;
  guint* const ids = g_signal_list_ids(type, &count);
  for (guint i = 0; i < count; ++i) {
    GSignalQuery signal;
    g_signal_query(ids[i], &signal);
    std::string text = std::string("  ") + signal.signal_name + "(";
    for (guint j = 0; j < signal.n_params; ++j)
      text += (j == 0 ? "" : ", ") + std::string(g_type_name(signal.param_types[j]));
    text += std::string("): ") + g_type_name(signal.return_type);
    by_name[signal.signal_name] = text + ((signal.signal_flags & G_SIGNAL_ACTION) != 0 ? ", action\n" : "\n");
  }
  g_free(ids);
  std::string text = by_name.empty() ? "" : "signals\n";
  for (const auto& [name, signal] : by_name) text += signal;
  return text;
}

std::string pad_template_text(GstPadTemplate* pad) {
  static constexpr const char* kDirections[] = {"unknown", "src", "sink"};
  static constexpr const char* kPresences[] = {"always", "sometimes", "request"};
  std::string text = std::string("  ") + GST_PAD_TEMPLATE_NAME_TEMPLATE(pad) + ": " +
                     kDirections[GST_PAD_TEMPLATE_DIRECTION(pad)] + ", " + kPresences[GST_PAD_TEMPLATE_PRESENCE(pad)] +
                     "\n";
  const auto caps = Ref<GstCaps>::adopt(gst_pad_template_get_caps(pad));
  if (gst_caps_is_any(caps.get())) text += "    ANY\n";
  for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
    text += "    " + gobj::take_text(gst_structure_to_string(gst_caps_get_structure(caps.get(), i))) + "\n";
  }
  const GType type = GST_PAD_TEMPLATE_GTYPE(pad);
  if (type != G_TYPE_NONE && g_str_has_prefix(g_type_name(type), "Aircheck")) {
    gpointer const pad_class = g_type_class_ref(type);
    text += properties_text(G_OBJECT_CLASS(pad_class));
    g_type_class_unref(pad_class);
  }
  return text;
}

// What it is beside an element, and the URIs that it takes.
std::string interfaces_text(GstElement* element) {
  std::string text;
  guint count = 0;
  GType* const interfaces = g_type_interfaces(G_OBJECT_TYPE(element), &count);
  for (guint i = 0; i < count; ++i) text += std::string("is a ") + g_type_name(interfaces[i]) + "\n";
  g_free(interfaces);
  if (!GST_IS_URI_HANDLER(element)) return text;
  for (const gchar* const* scheme = gst_uri_handler_get_protocols(GST_URI_HANDLER(element)); *scheme != nullptr;
       ++scheme) {
    text += std::string("takes ") + *scheme + ": URIs\n";
  }
  return text;
}

// The properties of a child, by name: they are those of the element that bear the same names.
std::string children_text(GstElement* element) {
  if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "layers") == nullptr) return "";
  g_object_set(element, "layers", 1, nullptr);
  std::string text = "children\n";
  for (guint i = 0; i < gst_child_proxy_get_children_count(GST_CHILD_PROXY(element)); ++i) {
    const auto child = Ref<GObject>::adopt(gst_child_proxy_get_child_by_index(GST_CHILD_PROXY(element), i));
    text += "  " + gobj::take_text(gst_object_get_name(GST_OBJECT(child.get()))) + ": " +
            G_OBJECT_TYPE_NAME(child.get()) + "\n";
    const std::string properties = properties_text(G_OBJECT_GET_CLASS(child.get()));
    const std::string own = properties_text(G_OBJECT_GET_CLASS(element));
    std::istringstream lines(properties);
    for (std::string head, blurb; std::getline(lines, head);) {
      if (!head.starts_with("  ") || head.starts_with("   ")) continue;
      EXPECT_NE(own.find(head + "\n"), std::string::npos) << "the element's own layer has another: " << head;
      text += "    " + head.substr(2, head.find(':') - 2) + "\n";
    }
  }
  return text;
}

class InterfaceTest : public testing::TestWithParam<std::string> {};

TEST_P(InterfaceTest, IsTheOneOnRecord) {
  const auto element = Ref<GstElement>::sink(gst_element_factory_make(GetParam().c_str(), nullptr));
  ASSERT_TRUE(element);
  GstElementClass* const element_class = GST_ELEMENT_GET_CLASS(element.get());
  std::map<std::string, std::string> pads;
  for (GList* pad = gst_element_class_get_pad_template_list(element_class); pad != nullptr; pad = pad->next) {
    auto* const pad_template = GST_PAD_TEMPLATE(pad->data);
    pads[GST_PAD_TEMPLATE_NAME_TEMPLATE(pad_template)] = pad_template_text(pad_template);
  }
  const auto metadata = [&](const char* key) {
    return std::string(gst_element_class_get_metadata(element_class, key)) + "\n";
  };
  const guint rank = gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(gst_element_get_factory(element.get())));
  std::string text = GetParam() + ": " + metadata(GST_ELEMENT_METADATA_KLASS) +
                     metadata(GST_ELEMENT_METADATA_LONGNAME) + metadata(GST_ELEMENT_METADATA_DESCRIPTION) + "rank " +
                     std::to_string(rank) + "\n" + interfaces_text(element.get()) + "pads\n";
  for (const auto& [name, pad] : pads) text += pad;
  text += "properties\n" + properties_text(G_OBJECT_CLASS(element_class)) + signals_text(G_OBJECT_TYPE(element.get())) +
          children_text(element.get());
  test::expect_golden("elements/" + GetParam() + ".txt", text);
}

std::string test_name(const testing::TestParamInfo<std::string>& tested) {
  return tested.param;
}

INSTANTIATE_TEST_SUITE_P(Elements, InterfaceTest, testing::ValuesIn(test::our_elements()), test_name);

}  // namespace
}  // namespace aircheck::gstx
