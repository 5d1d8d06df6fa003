// Ref<T> for GStreamer's mini objects. GstObject and its children are GObjects: gobj/ref.hpp has them already.
#pragma once

#include <gst/gst.h>

#include <memory>

#include "gobj/ref.hpp"

namespace aircheck::gobj {

template <typename T>
struct MiniObjectTraits {
  static void ref(T* object) { gst_mini_object_ref(GST_MINI_OBJECT_CAST(object)); }
  static void unref(T* object) { gst_mini_object_unref(GST_MINI_OBJECT_CAST(object)); }
};

template <>
struct RefTraits<GstBuffer> : MiniObjectTraits<GstBuffer> {};
template <>
struct RefTraits<GstBufferList> : MiniObjectTraits<GstBufferList> {};
template <>
struct RefTraits<GstCaps> : MiniObjectTraits<GstCaps> {};
template <>
struct RefTraits<GstEvent> : MiniObjectTraits<GstEvent> {};
template <>
struct RefTraits<GstMemory> : MiniObjectTraits<GstMemory> {};
template <>
struct RefTraits<GstMessage> : MiniObjectTraits<GstMessage> {};
template <>
struct RefTraits<GstQuery> : MiniObjectTraits<GstQuery> {};
template <>
struct RefTraits<GstSample> : MiniObjectTraits<GstSample> {};
template <>
struct RefTraits<GstTagList> : MiniObjectTraits<GstTagList> {};

}  // namespace aircheck::gobj

namespace aircheck::gstx {

using gobj::Ref;

// A GstStructure has one owner and no count.
struct FreeStructure {
  void operator()(GstStructure* structure) const { gst_structure_free(structure); }
};
using Structure = std::unique_ptr<GstStructure, FreeStructure>;

}  // namespace aircheck::gstx
