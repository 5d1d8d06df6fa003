#include "fmp4/segmentwriter.hpp"

#include <algorithm>
#include <utility>

#include "fmp4/segment_meta.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/ref.hpp"

GST_DEBUG_CATEGORY_STATIC(segmentwriter_debug);
#define GST_CAT_DEFAULT segmentwriter_debug

namespace aircheck::fmp4 {

namespace {

using core::Result;

// Of a second, for each second of the target duration.
constexpr std::int64_t kSparePatienceNs = core::kNsPerSecond / 4;

constexpr const char* kTooSlow =
    "the disk is too slow: the queue of segments to be written is full (max-queue-bytes, max-queue-time)";

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

// The name of the sink's pad behind the muxer's "video_0" or "audio_2"; the first of a kind has no number.
std::string track_name(const FileFacts& file) {
  const std::string& name = file.track_name;
  return name.ends_with("_0") ? name.substr(0, name.size() - 2) : name;
}

Rendition rendition_of(const FileFacts& file) {
  Rendition rendition;
  rendition.title = file.title;
  rendition.video = file.kind == core::bmff::TrackKind::kVideo;
  for (std::size_t at = 0; at < file.codecs.size();) {
    const std::size_t comma = std::min(file.codecs.find(',', at), file.codecs.size());
    rendition.codecs.push_back(file.codecs.substr(at, comma - at));
    at = comma + 1;
  }
  rendition.width = file.width;
  rendition.height = file.height;
  rendition.frame_rate_num = file.frame_rate_n;
  rendition.frame_rate_den = file.frame_rate_d;
  rendition.channels = file.audio_channels;
  rendition.language = file.language;
  return rendition;
}

// What may be well again with the next segment: the disk's troubles, not ours.
bool may_pass(core::Code code) {
  using core::Code;
  switch (code) {
    case Code::kNoSpace:
    case Code::kIo:
    case Code::kPermission:
    case Code::kNotFound:
    case Code::kTimeout:
    case Code::kUnavailable: return true;
    default: return false;
  }
}

}  // namespace

void SegmentWriter::class_init(GstBaseSinkClass* sink_class) {
  GST_DEBUG_CATEGORY_INIT(segmentwriter_debug, "strftimefmp4sink", 0, "fragmented MP4 segments named by UTC");
  gstx::add_pad_template(GST_ELEMENT_CLASS(sink_class), "sink", GST_PAD_SINK,
                         "video/quicktime, variant=(string)iso-fragmented");
  GST_ELEMENT_CLASS(sink_class)->change_state = gstx::vmethod<&SegmentWriter::change_state>;
  sink_class->event = gstx::vmethod<&SegmentWriter::event>;
  sink_class->unlock = gstx::vmethod<&SegmentWriter::unlock>;
  sink_class->unlock_stop = gstx::vmethod<&SegmentWriter::unlock_stop>;
  sink_class->render = gstx::vmethod<&SegmentWriter::render>;
  sink_class->render_list = gstx::vmethod<&SegmentWriter::render_list>;
}

SegmentWriter::SegmentWriter(GstBaseSink* self)
    : Object(self), overdue_(GST_ELEMENT_CAST(self), [](gpointer element) {
        gstx::impl<SegmentWriter>(element).queue_.push_always({.overdue = true});
      }) {
  gst_base_sink_set_sync(self, FALSE);
  // Nothing is shown, so there is nothing to preroll, and the first segment may be long in coming.
  gst_base_sink_set_async_enabled(self, FALSE);
  gst_base_sink_set_last_sample_enabled(self, FALSE);
}

void SegmentWriter::configure(WriterSettings wanted, GstElement* owner) {
  *settings().lock() = std::move(wanted);
  owner_ = owner;
}

// Not GstBaseSink.start: that one runs on the way to READY, where settings may still change.
bool SegmentWriter::open() {
  in_use_ = settings().copy();
  auto store = SegmentStore::open(in_use_.store);
  if (!store) {
    gstx::post_error(owner_, store.error());
    return false;
  }
  for (const std::string& warning : store->warnings()) {
    gstx::post_warning(owner_, {core::Code::kParse, "location: " + warning});
  }
  store_.emplace(std::move(*store));
  failed_ = false;
  lost_ = kept_ = mixed_keys_ = false;
  gathered_.clear();
  expected_.reset();
  overflow_ = {};
  failures_ = {};
  queue_.set_limits(in_use_.queue_limits);
  queue_.reopen();
  thread_ = std::thread([this] { write_jobs(); });
  return true;
}

// Whole segments that are queued are still written.
void SegmentWriter::close() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
  store_.reset();
}

GstStateChangeReturn SegmentWriter::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !open()) return GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) overdue_.set_playing(false);
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gstx::parent_class<SegmentWriter>())->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING && result != GST_STATE_CHANGE_FAILURE) {
    overdue_.set_playing(true);
    queue_.push_always({.overdue = true});  // what was expected before a pause still is
  }
  const bool never_paused = transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE;
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || never_paused) close();
  return result;
}

gboolean SegmentWriter::event(GstEvent* event) {
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) {
    queue_.push_always({});
    // The bus hears of the end when all is written and listed. A change of state or a flush wants the lock that the
    // serialised event holds.
    while (!queue_.wait_until_idle()) {
      if (gst_base_sink_wait_preroll(self()) == GST_FLOW_OK) continue;
      gst_event_unref(event);  // the base class would wait to be flushed, which it has been
      return FALSE;
    }
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_STOP) gathered_.clear();
  return GST_BASE_SINK_CLASS(gstx::parent_class<SegmentWriter>())->event(self(), event);
}

gboolean SegmentWriter::unlock() {
  queue_.interrupt(true);
  return TRUE;
}

gboolean SegmentWriter::unlock_stop() {
  queue_.interrupt(false);
  return TRUE;
}

GstFlowReturn SegmentWriter::render(GstBuffer* buffer) {
  const auto list = gstx::Ref<GstBufferList>::adopt(gst_buffer_list_new_sized(1));
  gst_buffer_list_add(list.get(), gst_buffer_ref(buffer));
  return render_list(list.get());
}

GstFlowReturn SegmentWriter::render_list(GstBufferList* list) {
  if (gst_buffer_list_length(list) == 0) return GST_FLOW_OK;
  if (failed_) return GST_FLOW_ERROR;
  GstBuffer* const first = gst_buffer_list_get(list, 0);
  const auto meta = segment_meta(first);
  if (!meta) {
    gstx::post_error(owner_, {core::Code::kInternal, "a segment comes without what the muxer knows of it"});
    return GST_FLOW_ERROR;
  }
  if (GST_BUFFER_FLAG_IS_SET(first, GST_BUFFER_FLAG_HEADER)) {
    Job job;
    job.lists.push_back(gstx::Ref<GstBufferList>::retain(list));
    queue_.push_always(std::move(job));
    return GST_FLOW_OK;
  }
  gathered_.push_back(gstx::Ref<GstBufferList>::retain(list));
  if (!meta->last_of_segment) return GST_FLOW_OK;
  return enqueue({std::exchange(gathered_, {})}, *meta);
}

GstFlowReturn SegmentWriter::enqueue(Job job, const SegmentMeta& meta) {
  using Push = WriteQueue<Job>::Push;
  QueueCost cost{0, static_cast<std::uint64_t>(meta.duration_ns)};
  for (const auto& list : job.lists) cost.bytes += gst_buffer_list_calculate_size(list.get());
  job.after_loss = lost_;
  for (;;) {
    const Push pushed = queue_.push(job, cost, in_use_.on_full == OnFull::kWait);
    if (pushed == Push::kTaken) break;
    if (pushed == Push::kFull) {
      skip(meta);
      return GST_FLOW_OK;
    }
    // A change of state or a flush wants the lock that rendering holds.
    const GstFlowReturn waited = gst_base_sink_wait_preroll(self());
    if (waited != GST_FLOW_OK) return waited;
  }
  lost_ = false;
  if (const auto loss = overflow_.well()) post_recovered(*loss);
  return GST_FLOW_OK;
}

void SegmentWriter::skip(const SegmentMeta& meta) {
  lost_ = true;
  if (overflow_.trouble()) {
    gstx::post_warning(
        owner_, {core::Code::kUnavailable, std::string(kTooSlow) + "; segments are dropped until there is room"});
  }
  overflow_.lose(meta.duration_ns);
  post_dropped(meta, "queue-full", kTooSlow);
}

void SegmentWriter::write_jobs() {
  while (auto job = queue_.pop()) {
    if (!failed_) {
      if (const auto done = do_job(*job); !done) {
        // What is written stays as it is: no more segments, and no end of the playlist.
        failed_ = true;
        gstx::post_error(owner_, done.error());
      }
    }
    job.reset();
    queue_.done();
  }
}

Result<void> SegmentWriter::do_job(const Job& job) {
  if (job.overdue) return list_overdue();
  if (job.lists.empty()) {
    expected_.reset();
    overdue_.disarm();
    const auto finished = store_->finish();
    return finished ? finished : survive(finished.error());
  }
  const bool init = GST_BUFFER_FLAG_IS_SET(gst_buffer_list_get(job.lists[0].get(), 0), GST_BUFFER_FLAG_HEADER);
  return init ? write_init(job) : write_segment(job);
}

Result<void> SegmentWriter::write_init(const Job& job) {
  ListMap map;
  AIRCHECK_TRY_VOID(map.map(job.lists[0].get()));
  const auto meta = segment_meta(gst_buffer_list_get(job.lists[0].get(), 0));
  const auto written = store_->write_init(track_name(meta->file), joined(map.views()));
  return written ? written : survive(written.error());
}

Result<void> SegmentWriter::write_segment(const Job& job) {
  std::vector<ListMap> maps(job.lists.size());
  std::vector<SegmentFile> files(job.lists.size());
  SegmentMeta meta;
  for (std::size_t i = 0; i < job.lists.size(); ++i) {
    AIRCHECK_TRY_VOID(maps[i].map(job.lists[i].get()));
    meta = *segment_meta(gst_buffer_list_get(job.lists[i].get(), 0));
    files[i] = {track_name(meta.file), maps[i].views(), meta.key_id, meta.independent && meta.key_frames_on_request,
                rendition_of(meta.file)};
  }
  SegmentFacts facts;
  facts.start = meta.start;
  facts.duration_ns = meta.duration_ns;
  facts.discontinuity = meta.discontinuity;
  facts.target_duration_s = meta.target_duration_s;
  facts.max_duration_s = meta.max_duration_s;
  tell_of_keys(meta);
  if (job.after_loss) store_->lose_segment();
  const auto stored = store_->write_segment(facts, files);
  expect_after(meta);
  if (!stored) {
    AIRCHECK_TRY_VOID(survive(stored.error()));
    store_->lose_segment();
    failures_.lose(meta.duration_ns);
    // The playlist goes on while the hole lasts. Where it cannot be written either, the trouble has been told.
    if (const auto listed = store_->list_hole(meta.start + meta.duration_ns, meta.target_duration_s); !listed) {
      AIRCHECK_TRY_VOID(survive(listed.error()));
    }
    post_dropped(meta, core::to_string(stored.error().code).data(), stored.error().message);
    return {};
  }
  if (stored->unlisted) {
    AIRCHECK_TRY_VOID(survive(*stored->unlisted));
  } else if (const auto loss = failures_.well()) {
    post_recovered(*loss);
  }
  report(*stored);
  return {};
}

// EXT-X-KEY can name one key for a segment (RFC 8216 section 4.3.2.4). Told when it begins.
void SegmentWriter::tell_of_keys(const SegmentMeta& meta) {
  const bool mixed = meta.other_key_id && !in_use_.store.playlist_location.empty();
  if (std::exchange(mixed_keys_, mixed) || !mixed) return;
  gstx::post_warning(owner_, {core::Code::kUnsupported,
                              "the segment at " + core::to_rfc3339(meta.start, 3) + " has tracks under key ids " +
                                  core::to_hex(*meta.key_id) + " and " + core::to_hex(*meta.other_key_id) +
                                  ", and its playlist can name the first only: change the keys of all tracks at one "
                                  "running time, or set layout=separate"});
}

void SegmentWriter::expect_after(const SegmentMeta& meta) {
  expected_ = Expected{meta.start + meta.duration_ns, meta.anchor_ns, meta.target_duration_s,
                       overdue_.running_time_ns().value_or(INT64_MIN)};
  if (const auto due = overdue_at()) overdue_.arm(*due);
}

// The running time at which what is expected is overdue. It may be as long as a segment gets, and as late as upstream
// says, or as the one before it was; beyond that it has time for as long as the playlist has: 1.5 target durations
// without an update are too many.
std::optional<std::int64_t> SegmentWriter::overdue_at() const {
  if (!expected_ || in_use_.store.playlist_location.empty()) return std::nullopt;
  const auto latency = OverdueTimer::live_latency_ns(GST_BASE_SINK_PAD(self()));
  if (!latency) return std::nullopt;
  const std::int64_t patience = std::max(core::kNsPerSecond / 2, expected_->target_duration_s * kSparePatienceNs);
  const std::int64_t as_late = expected_->last_came_ns + expected_->target_duration_s * core::kNsPerSecond;
  return std::max(expected_->start.ns - expected_->anchor_ns + *latency, as_late) + patience;
}

Result<void> SegmentWriter::list_overdue() {
  const auto due = overdue_at();
  const auto now = overdue_.running_time_ns();
  if (!due || !now) return {};
  Result<bool> listed = false;
  if (overdue_.is_over(*due)) {
    const std::int64_t target_ns = expected_->target_duration_s * core::kNsPerSecond;
    const std::int64_t rows = (*now - *due) / target_ns + 1;
    expected_->start = expected_->start + rows * target_ns;
    listed = store_->list_hole(expected_->start, expected_->target_duration_s);
    GST_INFO_OBJECT(owner_, "nothing has come: the playlist has a hole up to %s",
                    core::to_rfc3339(expected_->start, 3).c_str());
  }
  if (const auto next = overdue_at()) overdue_.arm(std::max(*next, *now + core::kNsPerSecond / 4));
  return listed ? Result<void>() : survive(listed.error());
}

void SegmentWriter::report(const StoredSegments& stored) {
  for (const StoredSegment& file : stored.files) {
    GST_INFO_OBJECT(owner_,
                    "wrote %s: sequence %" G_GUINT64_FORMAT ", %" GST_TIME_FORMAT ", %" G_GUINT64_FORMAT " bytes",
                    file.path.c_str(), file.info.sequence,
                    GST_TIME_ARGS(static_cast<GstClockTime>(file.info.duration_ns)), file.size);
    post_closed(file);
  }
  if (stored.kept && !std::exchange(kept_, true)) gstx::post_warning(owner_, *stored.kept);
  if (!stored.kept) kept_ = false;
}

// Tells the trouble once; the error itself where it will not pass, or shall end the pipeline.
Result<void> SegmentWriter::survive(const core::Error& error) {
  if (in_use_.on_error == OnError::kStop || !may_pass(error.code)) return core::Unexpected(error);
  if (failures_.trouble()) {
    gstx::post_warning(owner_, {error.code, error.message + "; segments are dropped until it is well again"});
  }
  return {};
}

void SegmentWriter::post_closed(const StoredSegment& segment) {
  const core::SegmentInfo& info = segment.info;
  const std::string key_id = info.key_id ? core::to_hex(*info.key_id) : "";
  GstStructure* const structure = gst_structure_new(
      "strftimefmp4sink-segment-closed", "track", G_TYPE_STRING, segment.track.c_str(), "location", G_TYPE_STRING,
      segment.path.c_str(), "init-location", G_TYPE_STRING, segment.init_path.c_str(), "start-utc", G_TYPE_UINT64,
      static_cast<guint64>(info.start.ns), "duration", G_TYPE_UINT64, static_cast<guint64>(info.duration_ns), "size",
      G_TYPE_UINT64, static_cast<guint64>(segment.size), "sequence", G_TYPE_UINT64, static_cast<guint64>(info.sequence),
      "discontinuity-sequence", G_TYPE_UINT64, static_cast<guint64>(info.discontinuity_sequence), "epoch",
      G_TYPE_UINT64, static_cast<guint64>(info.epoch), "key-id", G_TYPE_STRING, key_id.c_str(), "discontinuity",
      G_TYPE_BOOLEAN, info.discontinuity ? TRUE : FALSE, nullptr);
  gst_element_post_message(owner_, gst_message_new_element(GST_OBJECT_CAST(owner_), structure));
}

void SegmentWriter::post_dropped(const SegmentMeta& meta, const char* reason, const std::string& message) {
  GstStructure* const structure = gst_structure_new("strftimefmp4sink-segment-dropped", "start-utc", G_TYPE_UINT64,
                                                    static_cast<guint64>(meta.start.ns), "duration", G_TYPE_UINT64,
                                                    static_cast<guint64>(meta.duration_ns), "reason", G_TYPE_STRING,
                                                    reason, "message", G_TYPE_STRING, message.c_str(), nullptr);
  gst_element_post_message(owner_, gst_message_new_element(GST_OBJECT_CAST(owner_), structure));
}

void SegmentWriter::post_recovered(const Loss& loss) {
  GST_ELEMENT_INFO(owner_, RESOURCE, WRITE,
                   ("segments are written again; %" G_GUINT64_FORMAT " of them, %.3f s, were lost", loss.segments,
                    static_cast<double>(loss.duration_ns) / core::kNsPerSecond),
                   (nullptr));
}

}  // namespace aircheck::fmp4
