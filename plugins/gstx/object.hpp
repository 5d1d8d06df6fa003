// The glue between a C++ class and a GObject type: type, construction, finalize, properties, virtual methods.
//
// An element is one .cpp file. The GObject is its parent's plain struct and one pointer to the C++ object:
//
//   struct Settings {                     // what the user asked for; the defaults exist here and nowhere else
//     std::uint32_t target_duration = 6;  // s
//     std::string location;
//   };
//
//   class MySink : public gstx::Object<GstBaseSink, GstBaseSinkClass, Settings> {
//    public:
//     static constexpr const char* kTypeName = "AircheckMySink";  // unique in the process
//     static constexpr gstx::ElementMetadata kMetadata = {"My sink", "Sink/File", "Writes what it gets"};
//     static constexpr gstx::Property<Settings> kProperties[] = {
//         {"target-duration", &Settings::target_duration, "Length of a segment in seconds", {1, 60}},
//         {"location", &Settings::location, "Name of the file", {}, gstx::Mutable::kPlaying},
//     };
//     static GType parent_type() { return GST_TYPE_BASE_SINK; }
//     static void class_init(GstBaseSinkClass* sink_class) {
//       GST_DEBUG_CATEGORY_INIT(mysink_debug, "mysink", 0, "My sink");
//       gstx::add_pad_template(GST_ELEMENT_CLASS(sink_class), "sink", GST_PAD_SINK, "ANY");
//       sink_class->start = gstx::vmethod<&MySink::start>;
//       GST_ELEMENT_CLASS(sink_class)->change_state = gstx::vmethod<&MySink::change_state>;
//     }
//
//     explicit MySink(GstBaseSink* self) : Object(self) {}  // instance_init: set up pads and parent fields here
//
//     // Optional: runs after each set_property, in the setter's thread, without the lock.
//     void property_changed(const char* name);
//
//    private:
//     gboolean start() { settings_in_use_ = settings().copy(); ... }
//     GstStateChangeReturn change_state(GstStateChange transition) {
//       return GST_ELEMENT_CLASS(gstx::parent_class<MySink>())->change_state(element(), transition);
//     }
//   };
//
//   gstx::register_element<MySink>(plugin, "mysink", GST_RANK_NONE);
//
// kProperties may be absent; `static void add_interfaces(GType)` may add interfaces. A class without kMetadata works
// for other types, such as a pad of one's own: gstx::object_type<MyPad>() is its GType. gstx::impl<MySink>(instance) is
// the C++ object behind an instance of it.
#pragma once

#include <gst/gst.h>

#include <iterator>

#include "gobj/guarded.hpp"
#include "gobj/handoff.hpp"
#include "gstx/property.hpp"

namespace aircheck::gstx {

struct ElementMetadata {
  const char* long_name;
  const char* classification;  // "Codec/Encryptor/Video"
  const char* description;
};

// Base of the C++ side. Instance and Class are the C structs of the parent type.
template <typename InstanceT, typename ClassT, typename SettingsT>
class Object {
 public:
  using Instance = InstanceT;
  using Class = ClassT;
  using Settings = SettingsT;

  explicit Object(Instance* self) : self_(self) {}
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  // Shared by the threads of the application and the streaming threads.
  [[nodiscard]] gobj::Guarded<Settings>& settings() { return settings_; }

 protected:
  ~Object() = default;

  [[nodiscard]] Instance* self() const { return self_; }
  // Of use in elements only.
  [[nodiscard]] GstElement* element() const { return GST_ELEMENT_CAST(self_); }

 private:
  Instance* self_;
  gobj::Guarded<Settings> settings_;
};

namespace detail {

template <typename Impl>
struct Glue {
  struct Instance {
    typename Impl::Instance parent;
    Impl* impl;
  };

  static inline gpointer parent_class = nullptr;

  static const auto& property(guint id) { return Impl::kProperties[id - 1]; }

  static void class_init(gpointer klass, gpointer) noexcept {
    parent_class = g_type_class_peek_parent(klass);
    GObjectClass* const object_class = G_OBJECT_CLASS(klass);
    object_class->finalize = finalize;
    if constexpr (requires { Impl::kProperties; }) {
      object_class->set_property = set_property;
      object_class->get_property = get_property;
      for (guint id = 1; id <= std::size(Impl::kProperties); ++id) {
        g_object_class_install_property(object_class, id, param_spec(property(id)));
      }
    }
    if constexpr (requires { Impl::kMetadata; }) {
      gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(klass), Impl::kMetadata.long_name,
                                            Impl::kMetadata.classification, Impl::kMetadata.description,
                                            "Aircheck developers");
    }
    Impl::class_init(static_cast<typename Impl::Class*>(klass));
  }

  static void instance_init(GTypeInstance* instance, gpointer) noexcept {
    auto* const object = reinterpret_cast<Instance*>(instance);
    object->impl = new Impl(&object->parent);
    gobj::hand_over(&object->impl);
  }

  // GStreamer's own threads are not new ones each time, so that their start tells the thread sanitizer nothing.
  static Impl& impl_of(Instance* object) {
    gobj::take_over(&object->impl);
    return *object->impl;
  }

  static void finalize(GObject* object) noexcept {
    gobj::take_over(object);
    delete reinterpret_cast<Instance*>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
  }

  // Who drops the last reference takes over from all who called.
  static void set_property(GObject* object, guint id, const GValue* value, GParamSpec*) noexcept {
    const gobj::HandOverAtEnd to_the_last(object);
    Impl& impl = *reinterpret_cast<Instance*>(object)->impl;
    write_value(property(id), *impl.settings().lock(), value);
    if constexpr (requires { impl.property_changed(""); }) impl.property_changed(property(id).name);
  }

  static void get_property(GObject* object, guint id, GValue* value, GParamSpec*) noexcept {
    const gobj::HandOverAtEnd to_the_last(object);
    Impl& impl = *reinterpret_cast<Instance*>(object)->impl;
    read_value(property(id), *impl.settings().lock(), value);
  }

  static GType register_type() {
    GTypeInfo info{};
    info.class_size = sizeof(typename Impl::Class);
    info.class_init = class_init;
    info.instance_size = sizeof(Instance);
    info.instance_init = instance_init;
    const GType type = g_type_register_static(Impl::parent_type(), Impl::kTypeName, &info, GTypeFlags{});
    if constexpr (requires { Impl::add_interfaces(type); }) Impl::add_interfaces(type);
    return type;
  }
};

template <auto Method>
struct ImplOf;
template <typename Impl, typename R, typename... Args, R (Impl::*Method)(Args...)>
struct ImplOf<Method> {
  using type = Impl;
};

// Turns into whatever function pointer it is assigned to: the first parameter is the instance.
template <auto Method, bool kStreaming>
struct VMethod {
  template <typename R, typename Self, typename... Args>
  using Function = R (*)(Self*, Args...);

  template <typename R, typename Self, typename... Args>
  static R call(Self* self, Args... args) noexcept {
    using Impl = typename ImplOf<Method>::type;
    const gobj::HandOverAtEnd to_the_last(self);
    Impl& impl = Glue<Impl>::impl_of(reinterpret_cast<typename Glue<Impl>::Instance*>(self));
    if constexpr (!kStreaming) {
      return (impl.*Method)(args...);
    } else {
      const gobj::HandOverAtEnd to_the_next(&impl);
      gobj::take_over(&impl);
      return (impl.*Method)(args...);
    }
  }

  template <typename R, typename Self, typename... Args>
  constexpr operator Function<R, Self, Args...>() const {  // NOLINT(google-explicit-constructor)
    return &call<R, Self, Args...>;
  }
};

}  // namespace detail

template <auto Method>
inline constexpr detail::VMethod<Method, false> vmethod{};

// Of those that GStreamer calls under the stream lock, or while pads are inactive (start, stop): one after another, of
// which the thread sanitizer is told.
template <auto Method>
inline constexpr detail::VMethod<Method, true> streaming_vmethod{};

// The GType, registered at the first call.
template <typename Impl>
GType object_type() {
  static const GType type = detail::Glue<Impl>::register_type();
  return type;
}

// The instance struct of object_type<Impl>(), for a class whose parent type is that one: impl<Impl>() works on it too.
template <typename Impl>
using InstanceOf = typename detail::Glue<Impl>::Instance;

// The class struct to chain up to: GST_ELEMENT_CLASS(parent_class<MySink>())->change_state(...).
template <typename Impl>
gpointer parent_class() {
  return detail::Glue<Impl>::parent_class;
}

// `instance` is an instance of object_type<Impl>().
template <typename Impl>
Impl& impl(gpointer instance) {
  return detail::Glue<Impl>::impl_of(static_cast<typename detail::Glue<Impl>::Instance*>(instance));
}

template <typename Impl>
[[nodiscard]] bool register_element(GstPlugin* plugin, const char* name, guint rank) {
  return gst_element_register(plugin, name, rank, object_type<Impl>()) != FALSE;
}

}  // namespace aircheck::gstx
