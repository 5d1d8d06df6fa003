#include "fmp4/mux_pad.hpp"

#include <algorithm>

namespace aircheck::fmp4 {

bool is_video(GstPadTemplate* pad_template) {
  return g_str_has_prefix(GST_PAD_TEMPLATE_NAME_TEMPLATE(pad_template), "video") != FALSE;
}

UpstreamLatency upstream_latency(GstElement* element) {
  UpstreamLatency upstream;
  gst_element_foreach_sink_pad(
      element,
      [](GstElement*, GstPad* pad, gpointer data) noexcept -> gboolean {
        auto& all = *static_cast<UpstreamLatency*>(data);
        all.video = all.video || is_video(GST_PAD_PAD_TEMPLATE(pad));
        const auto own = gstx::Ref<GstQuery>::adopt(gst_query_new_latency());
        if (!gst_pad_peer_query(pad, own.get())) return TRUE;
        gboolean live = FALSE;
        GstClockTime min = 0;
        GstClockTime max = 0;
        gst_query_parse_latency(own.get(), &live, &min, &max);
        if (!live) return TRUE;
        all.live = true;
        all.min = std::max(all.min, min);
        all.max = std::min(all.max, max);  // none is the largest
        return TRUE;
      },
      &upstream);
  return upstream;
}

void init_child_proxy(gpointer interface, gpointer) noexcept {
  auto* proxy = static_cast<GstChildProxyInterface*>(interface);
  proxy->get_children_count = [](GstChildProxy* parent) noexcept {
    GST_OBJECT_LOCK(parent);
    const guint count = GST_ELEMENT_CAST(parent)->numsinkpads;
    GST_OBJECT_UNLOCK(parent);
    return count;
  };
  proxy->get_child_by_index = [](GstChildProxy* parent, guint index) noexcept {
    GST_OBJECT_LOCK(parent);
    auto* pad = static_cast<GObject*>(g_list_nth_data(GST_ELEMENT_CAST(parent)->sinkpads, index));
    if (pad != nullptr) g_object_ref(pad);
    GST_OBJECT_UNLOCK(parent);
    return pad;
  };
}

}  // namespace aircheck::fmp4
