#include "worker/binding.hpp"

#include <charconv>

#include "gobj/text.hpp"

namespace aircheck::worker {
namespace {

using gstx::Ref;

constexpr const char* kRotateKey = "rotate-key";
constexpr const char* kCut = "cut";

core::Unexpected<core::Error> wrong(std::string message) {
  return core::fail(core::Code::kInvalidArgument, std::move(message));
}

core::Result<Ref<GstElement>> find_element(GstElement* pipeline, const std::string& name) {
  auto element = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), name.c_str()));
  if (!element) return wrong("the pipeline has no element named '" + name + "': write name=" + name + " behind it");
  return element;
}

// The object whose property is meant: the element, or its pad (of a ghost pad: what stands behind it).
core::Result<Ref<GObject>> find_object(GstElement* pipeline, const Binding& binding) {
  AIRCHECK_TRY(const auto element, find_element(pipeline, binding.element));
  if (binding.pad.empty()) return Ref<GObject>::retain(G_OBJECT(element.get()));
  auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(element.get(), binding.pad.c_str()));
  while (pad && GST_IS_GHOST_PAD(pad.get())) {
    pad = Ref<GstPad>::adopt(gst_ghost_pad_get_target(GST_GHOST_PAD(pad.get())));
  }
  if (!pad) return wrong("element '" + binding.element + "' has no pad '" + binding.pad + "' in this pipeline");
  return Ref<GObject>::retain(G_OBJECT(pad.get()));
}

// A GValue that is cleared with the object.
class Value {
 public:
  explicit Value(GType type) { g_value_init(&value_, type); }
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  ~Value() { g_value_unset(&value_); }
  [[nodiscard]] GValue* get() { return &value_; }

 private:
  GValue value_ = G_VALUE_INIT;
};

struct Fill {
  GValue* target;
  GType type;
  std::int64_t factor;

  bool operator()(const std::string& text) const {
    if (type != G_TYPE_STRING) return false;
    g_value_set_string(target, text.c_str());
    return true;
  }
  bool operator()(std::int64_t number) const {
    std::int64_t scaled = 0;
    if (__builtin_mul_overflow(number, factor, &scaled)) return false;
    switch (type) {
      case G_TYPE_INT: g_value_set_int(target, static_cast<gint>(scaled)); return g_value_get_int(target) == scaled;
      case G_TYPE_UINT:
        g_value_set_uint(target, static_cast<guint>(scaled));
        return std::int64_t{g_value_get_uint(target)} == scaled;
      case G_TYPE_INT64: g_value_set_int64(target, scaled); return true;
      case G_TYPE_UINT64: g_value_set_uint64(target, static_cast<guint64>(scaled)); return scaled >= 0;
      case G_TYPE_DOUBLE: g_value_set_double(target, static_cast<double>(scaled)); return true;
      default: return false;
    }
  }
  bool operator()(core::Utc utc) const {
    if (type == G_TYPE_STRING) {
      g_value_set_string(target, core::to_rfc3339(utc, utc.ns % core::kNsPerSecond == 0 ? 0 : 9).c_str());
      return true;
    }
    if (type != G_TYPE_DATE_TIME) return false;
    GDateTime* whole = g_date_time_new_from_unix_utc(utc.ns / core::kNsPerSecond);
    GDateTime* exact = g_date_time_add(whole, (utc.ns % core::kNsPerSecond) / 1000);
    g_date_time_unref(whole);
    g_value_take_boxed(target, exact);
    return true;
  }
};

std::string text_of(const Binding& binding) {
  return binding.element + (binding.pad.empty() ? "" : ":" + binding.pad) + "." + binding.property;
}

core::Result<GParamSpec*> find_property(GObject* object, const Binding& binding) {
  GParamSpec* property = g_object_class_find_property(G_OBJECT_GET_CLASS(object), binding.property.c_str());
  if (property == nullptr || (property->flags & G_PARAM_WRITABLE) == 0) {
    return wrong(text_of(binding) + ": " + G_OBJECT_TYPE_NAME(object) +
                 " has no property of this name that can be set");
  }
  return property;
}

}  // namespace

core::Result<Binding> parse_binding(std::string_view text) {
  const core::Error malformed{core::Code::kParse, "'" + std::string(text) +
                                                      "': write ELEMENT.PROPERTY or ELEMENT:PAD.PROPERTY, with *FACTOR "
                                                      "behind it if a number is to be multiplied"};
  Binding binding;
  if (const auto star = text.find('*'); star != std::string_view::npos) {
    const auto factor = text.substr(star + 1);
    const auto [end, error] = std::from_chars(factor.data(), factor.data() + factor.size(), binding.factor);
    if (error != std::errc() || end != factor.data() + factor.size()) return core::Unexpected(malformed);
    text = text.substr(0, star);
  }
  const auto dot = text.find('.');
  if (dot == std::string_view::npos) return core::Unexpected(malformed);
  binding.property = text.substr(dot + 1);
  std::string_view owner = text.substr(0, dot);
  if (const auto colon = owner.find(':'); colon != std::string_view::npos) {
    binding.pad = owner.substr(colon + 1);
    owner = owner.substr(0, colon);
    if (binding.pad.empty()) return core::Unexpected(malformed);
  }
  binding.element = owner;
  if (binding.element.empty() || binding.property.empty()) return core::Unexpected(malformed);
  return binding;
}

core::Result<void> set_binding(GstElement* pipeline, const Binding& binding, const DescriptionValue& value) {
  AIRCHECK_TRY(const auto object, find_object(pipeline, binding));
  AIRCHECK_TRY(GParamSpec* const property, find_property(object.get(), binding));
  Value converted(property->value_type);
  if (!std::visit(Fill{converted.get(), property->value_type, binding.factor}, value)) {
    return wrong(text_of(binding) + ": a property of type " + g_type_name(property->value_type) +
                 " cannot take this value");
  }
  // Validation clamps in place and says so; text is left alone.
  if (property->value_type != G_TYPE_STRING && g_param_value_validate(property, converted.get())) {
    return wrong(text_of(binding) + ": the value is out of the range of " + G_OBJECT_TYPE_NAME(object.get()));
  }
  g_object_set_property(object.get(), binding.property.c_str(), converted.get());
  return {};
}

core::Result<void> set_secret(GstElement* pipeline, const std::string& element, const char* property,
                              const core::ContentKey& key) {
  const Binding binding{element, "", property};
  AIRCHECK_TRY(const auto object, find_object(pipeline, binding));
  AIRCHECK_TRY_VOID(find_property(object.get(), binding));
  std::string text = core::to_hex(core::ByteView(key.reveal()));
  g_object_set(object.get(), property, text.c_str(), nullptr);
  core::wipe(text.data(), text.size());
  return {};
}

core::Result<void> check_rotates(GstElement* pipeline, const std::string& name) {
  AIRCHECK_TRY(const auto element, find_element(pipeline, name));
  GSignalQuery query = {};
  const guint id = g_signal_lookup(kRotateKey, G_OBJECT_TYPE(element.get()));
  if (id != 0) g_signal_query(id, &query);
  if (query.n_params == 3 && query.return_type == G_TYPE_BOOLEAN) return {};
  return core::fail(core::Code::kUnsupported, "element '" + name + "' has no signal " + kRotateKey);
}

core::Result<void> rotate_key(GstElement* pipeline, const std::string& name, const control::Encryption& next,
                              GstClockTime running_time) {
  AIRCHECK_TRY(const auto element, find_element(pipeline, name));
  std::string key = core::to_hex(core::ByteView(next.key.reveal()));
  gboolean taken = FALSE;
  g_signal_emit_by_name(element.get(), kRotateKey, core::to_hex(next.key_id).c_str(), key.c_str(), running_time,
                        &taken);
  core::wipe(key.data(), key.size());
  if (!taken) return core::fail(core::Code::kInternal, "element '" + name + "' refuses its next key");
  return {};
}

void ask_for_cut(GstElement* pipeline, GstClockTime running_time) {
  GstIterator* elements = gst_bin_iterate_elements(GST_BIN(pipeline));
  gst_iterator_foreach(
      elements,
      [](const GValue* item, gpointer time) {
        auto* element = g_value_get_object(item);
        GSignalQuery query = {};
        const guint id = g_signal_lookup(kCut, G_OBJECT_TYPE(element));
        if (id != 0) g_signal_query(id, &query);
        const bool cuts = query.n_params == 1 && query.param_types[0] == G_TYPE_UINT64;
        if (cuts) g_signal_emit(element, id, 0, *static_cast<GstClockTime*>(time));
      },
      &running_time);
  gst_iterator_free(elements);
}

core::Result<void> bypass_element(GstElement* pipeline, const std::string& name) {
  AIRCHECK_TRY(const auto element, find_element(pipeline, name));
  const auto sink = Ref<GstPad>::adopt(gst_element_get_static_pad(element.get(), "sink"));
  const auto source = Ref<GstPad>::adopt(gst_element_get_static_pad(element.get(), "src"));
  const auto before = sink ? Ref<GstPad>::adopt(gst_pad_get_peer(sink.get())) : Ref<GstPad>();
  const auto after = source ? Ref<GstPad>::adopt(gst_pad_get_peer(source.get())) : Ref<GstPad>();
  if (!before || !after) {
    return wrong("element '" + name + "' cannot be left out: it needs one linked sink pad and one linked source pad");
  }
  gst_pad_unlink(before.get(), sink.get());
  gst_pad_unlink(source.get(), after.get());
  const auto parent = Ref<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(element.get())));
  gst_bin_remove(GST_BIN(parent.get()), element.get());
  if (gst_pad_link(before.get(), after.get()) != GST_PAD_LINK_OK) {
    return wrong("without element '" + name + "' its neighbours do not fit together");
  }
  return {};
}

}  // namespace aircheck::worker
