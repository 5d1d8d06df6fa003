#include "fmp4/segmentwriter.hpp"

#include "fmp4/segment_meta.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/ref.hpp"

GST_DEBUG_CATEGORY_STATIC(segmentwriter_debug);
#define GST_CAT_DEFAULT segmentwriter_debug

namespace aircheck::fmp4 {

namespace {

using core::Result;

// The bytes of a list's buffers. Memory by memory: mapping a buffer of several would copy them together.
class ListMap {
 public:
  ListMap() = default;
  ListMap(const ListMap&) = delete;
  ListMap& operator=(const ListMap&) = delete;
  ~ListMap() {
    for (GstMapInfo& map : maps_) gst_memory_unmap(map.memory, &map);
  }

  Result<void> map(GstBufferList* list) {
    const guint buffers = gst_buffer_list_length(list);
    maps_.reserve(buffers);
    views_.reserve(buffers);
    for (guint i = 0; i < buffers; ++i) {
      GstBuffer* const buffer = gst_buffer_list_get(list, i);
      for (guint k = 0; k < gst_buffer_n_memory(buffer); ++k) {
        GstMapInfo info;
        if (!gst_memory_map(gst_buffer_peek_memory(buffer, k), &info, GST_MAP_READ)) {
          return core::fail(core::Code::kInternal, "a buffer of the muxer cannot be read");
        }
        maps_.push_back(info);
        views_.emplace_back(info.data, info.size);
      }
    }
    return {};
  }

  [[nodiscard]] std::span<const core::ByteView> views() const { return views_; }

 private:
  std::vector<GstMapInfo> maps_;
  std::vector<core::ByteView> views_;
};

core::Bytes joined(std::span<const core::ByteView> views) {
  core::Bytes bytes;
  for (const core::ByteView view : views) bytes.insert(bytes.end(), view.begin(), view.end());
  return bytes;
}

}  // namespace

void SegmentWriter::class_init(GstBaseSinkClass* sink_class) {
  GST_DEBUG_CATEGORY_INIT(segmentwriter_debug, "strftimefmp4sink", 0, "fragmented MP4 segments named by UTC");
  gstx::add_pad_template(GST_ELEMENT_CLASS(sink_class), "sink", GST_PAD_SINK,
                         "video/quicktime, variant=(string)iso-fragmented");
  GST_ELEMENT_CLASS(sink_class)->change_state = gstx::vmethod<&SegmentWriter::change_state>;
  sink_class->event = gstx::vmethod<&SegmentWriter::event>;
  sink_class->render = gstx::vmethod<&SegmentWriter::render>;
  sink_class->render_list = gstx::vmethod<&SegmentWriter::render_list>;
}

SegmentWriter::SegmentWriter(GstBaseSink* self) : Object(self) {
  gst_base_sink_set_sync(self, FALSE);
  // Nothing is shown, so there is nothing to preroll, and the first segment may be long in coming.
  gst_base_sink_set_async_enabled(self, FALSE);
  gst_base_sink_set_last_sample_enabled(self, FALSE);
}

void SegmentWriter::configure(StoreSettings wanted, GstElement* owner) {
  *settings().lock() = std::move(wanted);
  owner_ = owner;
}

// Not GstBaseSink.start: that one runs on the way to READY, where settings may still change.
bool SegmentWriter::open() {
  auto store = SegmentStore::open(settings().copy());
  if (!store) {
    gstx::post_error(owner_, store.error());
    return false;
  }
  for (const std::string& warning : store->warnings()) {
    gstx::post_warning(owner_, {core::Code::kParse, "location: " + warning});
  }
  store_.emplace(std::move(*store));
  return true;
}

GstStateChangeReturn SegmentWriter::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !open()) return GST_STATE_CHANGE_FAILURE;
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gstx::parent_class<SegmentWriter>())->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) store_.reset();
  return result;
}

gboolean SegmentWriter::event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS && store_) {
    if (const auto finished = store_->finish(); !finished) gstx::post_error(owner_, finished.error());
  }
  return GST_BASE_SINK_CLASS(gstx::parent_class<SegmentWriter>())->event(self(), event);
}

GstFlowReturn SegmentWriter::render(GstBuffer* buffer) {
  const auto list = gstx::Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(1));
  gst_buffer_list_add(list.get(), gst_buffer_ref(buffer));
  return render_list(list.get());
}

GstFlowReturn SegmentWriter::render_list(GstBufferList* list) {
  if (gst_buffer_list_length(list) == 0) return GST_FLOW_OK;
  if (!store_) return GST_FLOW_ERROR;
  const auto consumed = consume(list);
  if (consumed) return GST_FLOW_OK;
  gstx::post_error(owner_, consumed.error());
  store_.reset();  // what is written stays as it is: no more segments, and no end of the playlist
  return GST_FLOW_ERROR;
}

Result<void> SegmentWriter::consume(GstBufferList* list) {
  ListMap map;
  AIRCHECK_TRY_VOID(map.map(list));
  GstBuffer* const first = gst_buffer_list_get(list, 0);
  if (GST_BUFFER_FLAG_IS_SET(first, GST_BUFFER_FLAG_HEADER)) return store_->write_init(joined(map.views()));
  const auto meta = segment_meta(first);
  if (!meta) return core::fail(core::Code::kInternal, "a segment comes without what the muxer knows of it");
  SegmentFacts facts;
  facts.start = meta->start;
  facts.duration_ns = meta->duration_ns;
  facts.key_id = meta->key_id;
  facts.discontinuity = meta->discontinuity;
  facts.target_duration_s = meta->target_duration_s;
  facts.max_duration_s = meta->max_duration_s;
  const bool independent = meta->independent && meta->key_frames_on_request;
  AIRCHECK_TRY(const StoredSegment stored, store_->write_segment(facts, map.views(), independent));
  GST_INFO_OBJECT(owner_, "wrote %s: sequence %" G_GUINT64_FORMAT ", %" GST_TIME_FORMAT ", %" G_GUINT64_FORMAT " bytes",
                  stored.path.c_str(), stored.info.sequence,
                  GST_TIME_ARGS(static_cast<GstClockTime>(stored.info.duration_ns)), stored.size);
  post_closed(stored);
  return {};
}

void SegmentWriter::post_closed(const StoredSegment& segment) {
  const core::SegmentInfo& info = segment.info;
  const std::string key_id = info.key_id ? core::to_hex(*info.key_id) : "";
  GstStructure* const structure = gst_structure_new(
      "strftimefmp4sink-segment-closed", "location", G_TYPE_STRING, segment.path.c_str(), "init-location",
      G_TYPE_STRING, segment.init_path.c_str(), "start-utc", G_TYPE_UINT64, static_cast<guint64>(info.start.ns),
      "duration", G_TYPE_UINT64, static_cast<guint64>(info.duration_ns), "size", G_TYPE_UINT64,
      static_cast<guint64>(segment.size), "sequence", G_TYPE_UINT64, static_cast<guint64>(info.sequence),
      "discontinuity-sequence", G_TYPE_UINT64, static_cast<guint64>(info.discontinuity_sequence), "epoch",
      G_TYPE_UINT64, static_cast<guint64>(info.epoch), "key-id", G_TYPE_STRING, key_id.c_str(), "discontinuity",
      G_TYPE_BOOLEAN, info.discontinuity ? TRUE : FALSE, nullptr);
  gst_element_post_message(owner_, gst_message_new_element(GST_OBJECT_CAST(owner_), structure));
}

}  // namespace aircheck::fmp4
