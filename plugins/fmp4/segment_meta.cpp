#include "fmp4/segment_meta.hpp"

#include <new>

namespace aircheck::fmp4 {
namespace {

struct Holder {
  GstMeta meta;
  SegmentMeta segment;
};

// The first of the plugin and a test program that link this file registers the type; the other finds it.
GType api_type() {
  static const GType type = [] {
    static const gchar* no_tags[] = {nullptr};
    const GType known = g_type_from_name("AircheckSegmentMetaAPI");
    return known != 0 ? known : gst_meta_api_type_register("AircheckSegmentMetaAPI", no_tags);
  }();
  return type;
}

gboolean init_holder(GstMeta* meta, gpointer, GstBuffer*) noexcept {
  new (&reinterpret_cast<Holder*>(meta)->segment) SegmentMeta();
  return TRUE;
}

void free_holder(GstMeta* meta, GstBuffer*) noexcept {
  reinterpret_cast<Holder*>(meta)->segment.~SegmentMeta();
}

gboolean transform_holder(GstBuffer* destination, GstMeta* meta, GstBuffer*, GQuark, gpointer) noexcept {
  set_segment_meta(destination, reinterpret_cast<Holder*>(meta)->segment);
  return TRUE;
}

const GstMetaInfo* meta_info() {
  static const GstMetaInfo* info =
      gst_meta_register(api_type(), "AircheckSegmentMeta", sizeof(Holder), init_holder, free_holder, transform_holder);
  return info;
}

}  // namespace

void set_segment_meta(GstBuffer* buffer, const SegmentMeta& segment) {
  auto* holder = reinterpret_cast<Holder*>(gst_buffer_add_meta(buffer, meta_info(), nullptr));
  holder->segment = segment;
}

std::optional<SegmentMeta> segment_meta(GstBuffer* buffer) {
  const auto* holder = reinterpret_cast<const Holder*>(gst_buffer_get_meta(buffer, api_type()));
  if (holder == nullptr) return std::nullopt;
  return holder->segment;
}

}  // namespace aircheck::fmp4
