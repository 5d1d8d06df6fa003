// The writing half of strftimefmp4sink: a GstBaseSink that takes the buffer lists of fmp4mux and hands them to a
// SegmentStore. Not registered as an element of its own.
#pragma once

#include <gst/base/gstbasesink.h>

#include <optional>

#include "fmp4/segment_store.hpp"
#include "gstx/object.hpp"

namespace aircheck::fmp4 {

class SegmentWriter : public gstx::Object<GstBaseSink, GstBaseSinkClass, StoreSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckSegmentWriter";
  static constexpr gstx::ElementMetadata kMetadata = {"Segment writer", "Sink/File",
                                                      "Names, numbers, writes and lists the segments of fmp4mux"};

  static GType parent_type() { return GST_TYPE_BASE_SINK; }
  static void class_init(GstBaseSinkClass* sink_class);

  explicit SegmentWriter(GstBaseSink* self);

  // What the next change to PAUSED opens. Messages are posted as coming from `owner`, which outlives the writer.
  void configure(StoreSettings wanted, GstElement* owner);

 private:
  GstStateChangeReturn change_state(GstStateChange transition);
  gboolean event(GstEvent* event);
  GstFlowReturn render(GstBuffer* buffer);
  GstFlowReturn render_list(GstBufferList* list);

  bool open();
  core::Result<void> consume(GstBufferList* list);
  void post_closed(const StoredSegment& segment);

  GstElement* owner_ = nullptr;
  std::optional<SegmentStore> store_;  // from PAUSED on, up to the first error
};

}  // namespace aircheck::fmp4
