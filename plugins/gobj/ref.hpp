// Ref<T>: one reference to a reference-counted object of GLib, GObject or (with gstx/ref.hpp) GStreamer.
#pragma once

#include <gio/gio.h>

#include <utility>

namespace aircheck::gobj {

// How T counts its references. Every GObject class works as it is; a boxed type needs a specialisation.
template <typename T>
struct RefTraits {
  static void ref(T* object) { g_object_ref(object); }
  static void unref(T* object) { g_object_unref(object); }
  static void sink(T* object) { g_object_ref_sink(object); }
};

// Ownership is said where a pointer comes in or goes out:
//   Ref<GstPad>::adopt(x)   x is "transfer full": the reference becomes ours
//   Ref<GstPad>::retain(x)  x is "transfer none": we take a reference of our own
//   Ref<GstPad>::sink(x)    x may be floating, as from *_new() of a GInitiallyUnowned
//   ref.get()               lends it;  ref.release() gives our reference away
// All three take null, and then hold null.
template <typename T>
class Ref {
 public:
  Ref() = default;
  Ref(const Ref& other) : object_(other.object_) {
    if (object_ != nullptr) RefTraits<T>::ref(object_);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) RefTraits<T>::unref(object_);
  }

  [[nodiscard]] static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  [[nodiscard]] static Ref retain(T* object) {
    if (object != nullptr) RefTraits<T>::ref(object);
    return adopt(object);
  }
  [[nodiscard]] static Ref sink(T* object) {
    if (object != nullptr) RefTraits<T>::sink(object);
    return adopt(object);
  }

  [[nodiscard]] T* get() const { return object_; }
  [[nodiscard]] T* operator->() const { return object_; }
  [[nodiscard]] T* release() { return std::exchange(object_, nullptr); }
  void reset() { *this = Ref(); }
  explicit operator bool() const { return object_ != nullptr; }
  friend bool operator==(const Ref&, const Ref&) = default;

 private:
  T* object_ = nullptr;
};

template <>
struct RefTraits<GBytes> {
  static void ref(GBytes* bytes) { g_bytes_ref(bytes); }
  static void unref(GBytes* bytes) { g_bytes_unref(bytes); }
};

template <>
struct RefTraits<GVariant> {
  static void ref(GVariant* variant) { g_variant_ref(variant); }
  static void unref(GVariant* variant) { g_variant_unref(variant); }
  static void sink(GVariant* variant) { g_variant_ref_sink(variant); }
};

template <>
struct RefTraits<GMainContext> {
  static void ref(GMainContext* context) { g_main_context_ref(context); }
  static void unref(GMainContext* context) { g_main_context_unref(context); }
};

template <>
struct RefTraits<GMainLoop> {
  static void ref(GMainLoop* loop) { g_main_loop_ref(loop); }
  static void unref(GMainLoop* loop) { g_main_loop_unref(loop); }
};

template <>
struct RefTraits<GSource> {
  static void ref(GSource* source) { g_source_ref(source); }
  static void unref(GSource* source) { g_source_unref(source); }
};

}  // namespace aircheck::gobj
