/**
 * SECTION:element-fmp4mux
 * @title: fmp4mux
 * @short_description: Fragmented MP4 segments cut on UTC slots
 *
 * Muxes H.264, HEVC, AAC and Opus, clear or encrypted, into fragmented MP4 whose presentation times are UTC. Each
 * segment is one buffer list downstream; the init segment comes before the first and after every change of it.
 *
 * With `layout=separate` each track is a file of its own: a segment is one list for each track, all of them cut at the
 * same times, and init segments are one for each track.
 *
 * A segment ends before its time at the action signal `cut(running-time: guint64)`: at the first IDR at or after that
 * running time, or at the next that comes with GST_CLOCK_TIME_NONE. The event `aircheck-cut`
 * (GST_EVENT_CUSTOM_DOWNSTREAM) on any pad does the same for the time of the buffer behind it, or for its field
 * `running-time` (guint64). Both ask upstream for a key frame.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! qtdemux name=d  d.video_0 ! mux.video_0 \
 *   d.audio_0 ! mux.audio_0  fmp4mux name=mux start-utc=2026-02-25T14:30:00Z ! \
 *   filesink location=fragmented.mp4
 * ]| A film as one fragmented MP4 file: an init segment and a segment of six seconds behind the other. What comes from
 * an encoder or MPEG-TS needs a parser before the muxer.
 */
#include <gst/audio/audio.h>
#include <gst/video/video.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "fmp4/elements.hpp"
#include "fmp4/mux_balance.hpp"
#include "fmp4/mux_output.hpp"
#include "fmp4/mux_pad.hpp"
#include "fmp4/mux_reports.hpp"
#include "fmp4/overdue_timer.hpp"
#include "fmp4/random_access.hpp"
#include "fmp4/sample_protection.hpp"
#include "fmp4/segmenter.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"

GST_DEBUG_CATEGORY(fmp4mux_debug);  // mux_reports.cpp logs there too
#define GST_CAT_DEFAULT fmp4mux_debug

namespace aircheck::fmp4 {
namespace {

using core::Code;
using core::kNsPerSecond;

GType layout_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(Layout::kMuxed), "One file with all tracks", "muxed"},
      {static_cast<int>(Layout::kSeparate), "One file for each track, cut at the same times", "separate"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckFmp4Layout", kValues);
  return type;
}

struct Settings {
  Layout layout = Layout::kMuxed;
  std::uint32_t target_duration = 6;  // s
  std::uint32_t max_duration = 0;     // s; 0 = by what upstream can do
  std::string start_utc;
  bool write_pssh = true;
  std::uint32_t chunk_duration = 0;  // ms
  bool write_sidx = false;
  bool write_prft = false;
};

constexpr const char* kSourceCaps = "video/quicktime, variant=(string)iso-fragmented";

// The event that asks for a cut, and its field with a running time (guint64), which it may leave out.
constexpr const char* kCutEvent = "aircheck-cut";
constexpr const char* kCutTimeField = "running-time";

// Key frames are asked for this long ahead, and for two slots at least: an encoder that looks ahead has taken frames in
// long before it gives the first one out.
constexpr std::int64_t kKeyRequestAheadNs = 10 * kNsPerSecond;

class Fmp4Mux : public gstx::Object<GstElement, GstElementClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckFmp4Mux";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Fragmented MP4 muxer on UTC", "Codec/Muxer",
      "Muxes H.264, HEVC, AAC and Opus, clear or encrypted, into fMP4 segments cut on UTC slots"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"layout", gstx::enum_member<&Settings::layout>(layout_type),
       "Which tracks a segment's files hold: one list of buffers goes downstream for each file"},
      {"target-duration",
       &Settings::target_duration,
       "Length of a UTC slot in seconds; a segment begins in each",
       {1, 3600}},
      {"max-duration",
       &Settings::max_duration,
       "Longest segment in seconds, rounded; 0: the target, or twice it where upstream makes no key frames on request",
       {0, 7200}},
      {"start-utc", &Settings::start_utc, "UTC of running time zero (RFC 3339); unset: the clock at the first buffer"},
      {"write-pssh", &Settings::write_pssh, "Write a pssh box of the common system with all key ids"},
      {"chunk-duration",
       &Settings::chunk_duration,
       "Length of a chunk (moof and mdat) in ms, counted from the start of its segment (0: a segment is one chunk)",
       {0, 3'600'000}},
      {"write-sidx", &Settings::write_sidx, "Write an index of its chunks into each segment that has one track"},
      {"write-prft", &Settings::write_prft, "Write the UTC of its first sample (NTP) before each chunk"},
  };
  static GType parent_type() { return GST_TYPE_ELEMENT; }
  static void class_init(GstElementClass* element_class);

  explicit Fmp4Mux(GstElement* self);

 private:
  using Pad = MuxPad;

  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps*);
  void release_pad(GstPad* pad);
  [[nodiscard]] std::string free_name(const std::string& prefix, std::uint32_t number) const;
  GstStateChangeReturn change_state(GstStateChange transition);

  static GstFlowReturn chain(GstPad* pad, GstObject* parent, GstBuffer* buffer) noexcept;
  static gboolean sink_event(GstPad* pad, GstObject* parent, GstEvent* event) noexcept;
  static gboolean source_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept;
  bool answer_latency(GstQuery* query);

  GstFlowReturn take(GstPad* gst_pad, gstx::Ref<GstBuffer> buffer);
  gboolean handle_event(GstPad* gst_pad, gstx::Ref<GstEvent> event);
  void finish(Pad& pad);
  core::Result<void> set_caps(Pad& pad, const GstCaps* caps);
  core::Result<void> push_sample(Pad& pad, gstx::Ref<GstBuffer> buffer);
  void push_gap(Pad& pad, GstClockTime time, GstClockTime duration);
  [[nodiscard]] static std::optional<std::int64_t> running_time(const Pad& pad, GstClockTime time);
  void set_anchor(std::int64_t first_running_time);
  void cut(GstClockTime running_time);
  void force_key_units(GstClockTime running_time);
  void request_earlier_cuts(GstPad* pad);
  static bool force_key_unit(GstPad* pad, GstClockTime running_time);
  void hand_over_cuts();
  void take_cut_event(Pad& pad, GstEvent* event);
  void request_key_frames(GstPad* gst_pad, std::int64_t from_running_time);

  GstFlowReturn drain();
  void watch_segment();
  void end_overdue_segment();
  void push_eos_if_over();
  GstFlowReturn push_segment(Segment segment);
  [[nodiscard]] std::uint32_t max_duration_s() const;
  core::Result<void> start();
  void reset();

  GstPad* source_ = nullptr;  // owned by the element
  std::atomic<bool> key_frames_on_request_{false};
  std::atomic<std::int64_t> anchor_ns_{INT64_MIN};       // UTC of running time zero
  gobj::Guarded<std::vector<GstClockTime>> cuts_asked_;  // running times, not yet handed to the segmenter

  // Serialises the pads' threads like the stream lock of a pad, and like one it is held while pushing downstream.
  std::mutex stream_lock_;
  Settings settings_;
  std::vector<MuxTrack*> tracks_;  // of the pads, in the order of their request
  std::uint32_t last_track_id_ = 0;
  Segmenter segmenter_;
  MuxOutput output_{nullptr};
  std::uint32_t announced_max_s_ = 0;
  MuxReports reports_;
  GstFlowReturn flow_ = GST_FLOW_OK;
  std::atomic<bool> stopping_{false};
  MuxBalance balance_;
  OverdueTimer overdue_;
  std::int64_t watched_ns_ = INT64_MIN;  // start of the segment that overdue_ is set for
  std::int64_t behind_ns_ = 0;           // how far the clock was ahead of all samples when it began
};

void Fmp4Mux::class_init(GstElementClass* element_class) {
  GST_DEBUG_CATEGORY_INIT(fmp4mux_debug, "fmp4mux", 0, "Fragmented MP4 muxer on UTC");
  gstx::add_pad_template(element_class, "video_%u", GST_PAD_SINK, GST_PAD_REQUEST, kVideoCaps,
                         gstx::object_type<MuxPad>());
  gstx::add_pad_template(element_class, "audio_%u", GST_PAD_SINK, GST_PAD_REQUEST, kAudioCaps,
                         gstx::object_type<AudioMuxPad>());
  gstx::add_pad_template(element_class, "src", GST_PAD_SRC, kSourceCaps);
  element_class->request_new_pad = gstx::vmethod<&Fmp4Mux::request_new_pad>;
  element_class->release_pad = gstx::vmethod<&Fmp4Mux::release_pad>;
  g_signal_new_class_handler(
      "cut", G_TYPE_FROM_CLASS(element_class), static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
      G_CALLBACK(+[](GstElement* self, guint64 time) noexcept { gstx::impl<Fmp4Mux>(self).cut(time); }), nullptr,
      nullptr, nullptr, G_TYPE_NONE, 1, G_TYPE_UINT64);
  element_class->change_state = gstx::vmethod<&Fmp4Mux::change_state>;
}

// The thread of a clock is everybody's: what may block runs in another.
Fmp4Mux::Fmp4Mux(GstElement* self)
    : Object(self), reports_(self), overdue_(self, [](gpointer element) {
        gst_element_call_async(
            GST_ELEMENT_CAST(element),
            [](GstElement* one, gpointer) noexcept { gstx::impl<Fmp4Mux>(one).end_overdue_segment(); }, nullptr,
            nullptr);
      }) {
  GstPadTemplate* source_template = gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self), "src");
  source_ = gst_pad_new_from_template(source_template, "src");
  gst_pad_use_fixed_caps(source_);
  gst_pad_set_query_function(source_, source_query);
  gst_element_add_pad(self, source_);
  output_ = MuxOutput(source_);
}

// Somebody may have asked for video_1 by name before the second pad without one.
std::string Fmp4Mux::free_name(const std::string& prefix, std::uint32_t number) const {
  for (;; ++number) {
    std::string name = prefix + std::to_string(number);
    if (!gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(element(), name.c_str()))) return name;
  }
}

GstPad* Fmp4Mux::request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps*) {
  const bool video = is_video(pad_template);
  GstPad* pad = nullptr;
  {
    const std::lock_guard lock(stream_lock_);
    const std::uint32_t id = ++last_track_id_;
    const std::string own = name != nullptr ? name : free_name(video ? "video_" : "audio_", id - 1);
    const GType type = video ? gstx::object_type<MuxPad>() : gstx::object_type<AudioMuxPad>();
    pad =
        GST_PAD(g_object_new(type, "name", own.c_str(), "direction", GST_PAD_SINK, "template", pad_template, nullptr));
    Pad& impl = gstx::impl<MuxPad>(pad);
    impl.track = std::make_unique<MuxTrack>(id, video ? TrackKind::kVideo : TrackKind::kAudio, own);
    tracks_.push_back(impl.track.get());
  }
  gst_pad_set_chain_function(pad, chain);
  gst_pad_set_event_function(pad, sink_event);
  gst_pad_set_active(pad, TRUE);
  if (!gst_element_add_pad(element(), pad)) {
    release_pad(pad);
    return nullptr;
  }
  gst_child_proxy_child_added(GST_CHILD_PROXY(element()), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  return pad;
}

void Fmp4Mux::release_pad(GstPad* pad) {
  const auto keep = gstx::Ref<GstPad>::retain(pad);
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element()), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  gstx::impl<MuxPad>(pad).released = true;
  balance_.moved();  // its thread may wait for the others, and the pad waits for its thread
  gst_pad_set_active(pad, FALSE);
  gst_element_remove_pad(element(), pad);
  {
    const std::lock_guard lock(stream_lock_);
    const MuxTrack& track = *gstx::impl<MuxPad>(pad).track;
    if (!track.ready().empty()) reports_.lost_by_release(track);
    std::erase(tracks_, &track);
    flow_ = flow_ == GST_FLOW_OK ? drain() : flow_;
  }
  balance_.moved();
  reports_.post(stream_lock_);
  push_eos_if_over();
}

core::Result<void> Fmp4Mux::start() {
  const std::lock_guard lock(stream_lock_);
  settings_ = settings().copy();
  output_.configure({.layout = settings_.layout,
                     .write_pssh = settings_.write_pssh,
                     .fragments = {.chunk_ns = settings_.chunk_duration * core::kNsPerMs,
                                   .write_sidx = settings_.write_sidx,
                                   .write_prft = settings_.write_prft}});
  if (settings_.max_duration != 0 && settings_.max_duration < settings_.target_duration) {
    return core::fail(Code::kInvalidArgument, "property max-duration: " + std::to_string(settings_.max_duration) +
                                                  " s is less than target-duration; set it to " +
                                                  std::to_string(settings_.target_duration) + " or more, or to 0");
  }
  if (settings_.start_utc.empty()) return {};
  const auto utc = core::from_rfc3339(settings_.start_utc);
  if (!utc) return core::Unexpected<core::Error>(utc.error().with_context("property start-utc"));
  anchor_ns_ = utc->ns;
  return {};
}

void Fmp4Mux::reset() {
  const std::lock_guard lock(stream_lock_);
  GST_OBJECT_LOCK(element());
  for (GList* item = element()->sinkpads; item != nullptr; item = item->next) {
    Pad& pad = gstx::impl<MuxPad>(item->data);
    auto fresh = std::make_unique<MuxTrack>(pad.track->id(), pad.track->kind(), pad.track->name());
    std::ranges::replace(tracks_, pad.track.get(), fresh.get());
    pad.track = std::move(fresh);
    pad.next_key_slot = INT64_MIN;
    pad.cut_asked = false;
    pad.logged_drops = pad.reported_drops = pad.reported_moves = 0;
    gst_segment_init(&pad.segment, GST_FORMAT_TIME);
  }
  GST_OBJECT_UNLOCK(element());
  segmenter_ = Segmenter();
  output_ = MuxOutput(source_);
  announced_max_s_ = 0;
  watched_ns_ = INT64_MIN;
  reports_.reset();
  cuts_asked_.lock()->clear();
  flow_ = GST_FLOW_OK;
  stopping_ = false;
  anchor_ns_ = INT64_MIN;
  key_frames_on_request_ = false;
}

GstStateChangeReturn Fmp4Mux::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (const auto started = start(); !started) {
      gstx::post_error(element(), started.error());
      return GST_STATE_CHANGE_FAILURE;
    }
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    stopping_ = true;
    balance_.moved();
  }
  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) overdue_.set_playing(false);
  const auto result = GST_ELEMENT_CLASS(gstx::parent_class<Fmp4Mux>())->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING && result != GST_STATE_CHANGE_FAILURE) {
    overdue_.set_playing(true);
    overdue_.arm(0);  // what began before a pause
  }
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) reset();
  return result;
}

GstFlowReturn Fmp4Mux::chain(GstPad* pad, GstObject* parent, GstBuffer* buffer) noexcept {
  return gstx::impl<Fmp4Mux>(parent).take(pad, gstx::Ref<GstBuffer>::adopt(buffer));
}

gboolean Fmp4Mux::sink_event(GstPad* pad, GstObject* parent, GstEvent* event) noexcept {
  return gstx::impl<Fmp4Mux>(parent).handle_event(pad, gstx::Ref<GstEvent>::adopt(event));
}

gboolean Fmp4Mux::source_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return gst_pad_query_default(pad, parent, query);
  return gstx::impl<Fmp4Mux>(parent).answer_latency(query) ? TRUE : FALSE;
}

// A segment leaves when it is over, so its first sample waits for all of it. Any thread; not under the stream lock.
bool Fmp4Mux::answer_latency(GstQuery* query) {
  UpstreamLatency upstream = upstream_latency(element());
  const Settings wanted = settings().copy();
  std::uint32_t longest_s = wanted.max_duration;
  if (longest_s == 0) longest_s = (upstream.video && !key_frames_on_request_ ? 2 : 1) * wanted.target_duration;
  const GstClockTime own = longest_s * GST_SECOND + GST_SECOND / 2;  // what still rounds to it
  if (GST_CLOCK_TIME_IS_VALID(upstream.max)) upstream.max += own;
  gst_query_set_latency(query, upstream.live ? TRUE : FALSE, upstream.min + own, upstream.max);
  return true;
}

// Also before the pad's segment, where encoders put decode times and priming.
std::optional<std::int64_t> Fmp4Mux::running_time(const Pad& pad, GstClockTime time) {
  guint64 running = 0;
  const int sign = GST_CLOCK_TIME_IS_VALID(time)
                       ? gst_segment_to_running_time_full(&pad.segment, GST_FORMAT_TIME, time, &running)
                       : 0;
  if (sign == 0) return std::nullopt;
  return sign * static_cast<std::int64_t>(running);
}

void Fmp4Mux::set_anchor(std::int64_t first_running_time) {
  std::int64_t unset = INT64_MIN;
  if (anchor_ns_ != unset) return;
  anchor_ns_.compare_exchange_strong(unset, g_get_real_time() * 1000 - first_running_time);
}

core::Result<void> Fmp4Mux::set_caps(Pad& pad, const GstCaps* caps) {
  AIRCHECK_TRY(TrackConfig config, track_config_from_caps(pad.track->kind(), caps));
  config.name = pad.settings().copy().track_name;
  pad.has_parameter_sets = false;
  pad.track->set_config(std::move(config));
  return {};
}

core::Result<void> Fmp4Mux::push_sample(Pad& pad, gstx::Ref<GstBuffer> buffer) {
  MuxTrack& track = *pad.track;
  GstBuffer* raw = buffer.get();
  if (!track.has_config()) return core::fail(Code::kInvalidArgument, "a buffer came before its caps");
  const GstClockTime pts = GST_BUFFER_PTS(raw);
  const auto presentation = running_time(pad, pts);
  if (!presentation) {
    const std::int64_t known = track.known_ns();
    return core::fail(Code::kInvalidArgument,
                      "a buffer has no presentation time; the last good one ended at " +
                          (known == INT64_MIN ? std::string("the start") : core::to_rfc3339(core::Utc{known}, 3)) +
                          ": put a parser before the muxer");
  }
  IncomingSample sample;
  set_anchor(*presentation);
  sample.presentation_ns = anchor_ns_ + *presentation;
  if (const auto decode = running_time(pad, GST_BUFFER_DTS(raw))) sample.decode_ns = anchor_ns_ + *decode;
  if (GST_BUFFER_DURATION_IS_VALID(raw)) sample.duration_ns = static_cast<std::int64_t>(GST_BUFFER_DURATION(raw));
  sample.discont = GST_BUFFER_FLAG_IS_SET(raw, GST_BUFFER_FLAG_DISCONT);
  const TrackConfig& config = track.config();
  if (track.kind() == TrackKind::kVideo) {
    sample.sync = is_random_access(raw, config.codec, config.nal_length_size());
    if (sample.sync && !pad.has_parameter_sets) {
      pad.has_parameter_sets =
          config.has_parameter_sets() || brings_parameter_sets(raw, config.codec, config.nal_length_size());
      if (!pad.has_parameter_sets) {
        return core::fail(Code::kInvalidArgument,
                          "neither the codec_data nor the key frame at " +
                              core::to_rfc3339(core::Utc{sample.presentation_ns}, 3) +
                              " has parameter sets: let the parser put them in (config-interval=-1)");
      }
    }
  } else {
    track.set_encoder_delay(gstx::impl<AudioMuxPad>(pad.pad()).settings().copy().encoder_delay);
    const GstAudioClippingMeta* clipping = gst_buffer_get_audio_clipping_meta(raw);
    if (clipping != nullptr && clipping->format == GST_FORMAT_DEFAULT) {
      const std::uint64_t most = config.nominal_duration;
      if (clipping->start >= most) return {};  // nothing of this frame is to be heard
      sample.clip_start = static_cast<std::uint32_t>(clipping->start);
      sample.clip_end = static_cast<std::uint32_t>(std::min<std::uint64_t>(clipping->end, most));
    }
  }
  sample.buffer = std::move(buffer);
  AIRCHECK_TRY_VOID(take_protection(config, sample));
  track.push(std::move(sample));
  if (std::exchange(pad.cut_asked, false)) segmenter_.request_cut(track.last_ns());
  return {};
}

void Fmp4Mux::push_gap(Pad& pad, GstClockTime time, GstClockTime duration) {
  if (anchor_ns_ == INT64_MIN || !GST_CLOCK_TIME_IS_VALID(time)) return;
  // Without a duration nothing is known beyond its start.
  const GstClockTime length = GST_CLOCK_TIME_IS_VALID(duration) ? duration : 0;
  if (const auto end = running_time(pad, time + length)) pad.track->gap_until(anchor_ns_ + *end);
}

GstFlowReturn Fmp4Mux::take(GstPad* gst_pad, gstx::Ref<GstBuffer> buffer) {
  Pad& pad = gstx::impl<MuxPad>(gst_pad);
  const GstClockTime pts = GST_BUFFER_PTS(buffer.get());
  if (const auto now = running_time(pad, pts); now && pad.track->kind() == TrackKind::kVideo) {
    set_anchor(*now);
    request_key_frames(gst_pad, *now);
  }
  GstFlowReturn flow = GST_FLOW_OK;
  {
    std::unique_lock lock(stream_lock_);
    const auto stopped = [&] { return stopping_ || pad.released || GST_PAD_IS_FLUSHING(gst_pad); };
    balance_.wait(lock, *pad.track, tracks_, [&] { return flow_ != GST_FLOW_OK || stopped(); });
    if (flow_ != GST_FLOW_OK) return flow_;
    if (stopped()) return GST_FLOW_FLUSHING;
    hand_over_cuts();
    core::Result<void> taken;
    if (gst_buffer_get_size(buffer.get()) == 0) {
      if (!GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_GAP)) pad.track->drop_empty();
      push_gap(pad, pts, GST_BUFFER_DURATION(buffer.get()));
    } else {
      taken = push_sample(pad, std::move(buffer));
    }
    if (!taken) reports_.error(taken.error().with_context(GST_OBJECT_NAME(gst_pad)));
    flow = flow_ = taken ? drain() : GST_FLOW_ERROR;
    reports_.drops(pad, false);
    reports_.moves(pad, false);
  }
  balance_.moved();
  reports_.post(stream_lock_);
  return flow;
}

// Nothing more comes on the pad.
void Fmp4Mux::finish(Pad& pad) {
  {
    const std::lock_guard lock(stream_lock_);
    pad.track->end();
    reports_.drops(pad, true);
    reports_.moves(pad, true);
    if (flow_ == GST_FLOW_OK) flow_ = drain();
  }
  reports_.post(stream_lock_);
  {
    const std::lock_guard lock(stream_lock_);
    pad.track->close();
  }
  balance_.moved();
  push_eos_if_over();
}

gboolean Fmp4Mux::handle_event(GstPad* gst_pad, gstx::Ref<GstEvent> event) {
  Pad& pad = gstx::impl<MuxPad>(gst_pad);
  core::Result<void> result;
  switch (GST_EVENT_TYPE(event.get())) {
    case GST_EVENT_FLUSH_START: {
      balance_.moved();
      return gst_pad_push_event(source_, event.release());
    }
    case GST_EVENT_FLUSH_STOP: {
      {
        const std::lock_guard lock(stream_lock_);
        pad.track->flush();
        segmenter_.reset();
        output_.flush();
        pad.cut_asked = false;
        gst_segment_init(&pad.segment, GST_FORMAT_TIME);
        flow_ = GST_FLOW_OK;
      }
      pad.next_key_slot = INT64_MIN;  // the encoder has forgotten what it was asked for
      return gst_pad_push_event(source_, event.release());
    }
    case GST_EVENT_CAPS: {
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event.get(), &caps);
      const std::lock_guard lock(stream_lock_);
      result = set_caps(pad, caps);
      break;
    }
    case GST_EVENT_SEGMENT: {
      const GstSegment* segment = nullptr;
      gst_event_parse_segment(event.get(), &segment);
      if (segment->format != GST_FORMAT_TIME) {
        result = core::fail(Code::kUnsupported, "the stream has no times: put a parser before the muxer");
        break;
      }
      {
        const std::lock_guard lock(stream_lock_);
        pad.segment = *segment;
      }
      // The encoder may have begun already: with the anchor known, it gets the first slots now.
      if (pad.track->kind() == TrackKind::kVideo && anchor_ns_ != INT64_MIN) request_key_frames(gst_pad, 0);
      break;
    }
    case GST_EVENT_GAP: {
      GstClockTime time = 0;
      GstClockTime duration = 0;
      gst_event_parse_gap(event.get(), &time, &duration);
      const std::lock_guard lock(stream_lock_);
      push_gap(pad, time, duration);
      if (flow_ == GST_FLOW_OK) flow_ = drain();
      balance_.moved();
      break;
    }
    case GST_EVENT_EOS: finish(pad); return TRUE;
    case GST_EVENT_TAG: {
      GstTagList* tags = nullptr;
      gst_event_parse_tag(event.get(), &tags);
      const std::lock_guard lock(stream_lock_);
      if (gst_tag_list_get_scope(tags) == GST_TAG_SCOPE_STREAM) pad.track->merge_tags(tags);
      break;
    }
    case GST_EVENT_CUSTOM_DOWNSTREAM:
      if (gst_event_has_name(event.get(), kCutEvent)) take_cut_event(pad, event.get());
      break;
    default: break;  // the names of single streams do not describe the muxed one
  }
  reports_.post(stream_lock_);
  if (result) return TRUE;
  gstx::post_error(element(), result.error().with_context(GST_OBJECT_NAME(gst_pad)));
  return FALSE;
}

// Asks the encoder for an IDR at the first frame of each slot that begins soon after this running time.
void Fmp4Mux::request_key_frames(GstPad* gst_pad, std::int64_t from_running_time) {
  Pad& pad = gstx::impl<MuxPad>(gst_pad);
  const bool first = pad.next_key_slot == INT64_MIN;
  if (!first && !key_frames_on_request_) return;
  const std::int64_t slot_ns = settings_.target_duration * kNsPerSecond;
  const core::Utc now{anchor_ns_ + from_running_time};
  pad.next_key_slot = std::max(pad.next_key_slot.load(), core::slot_of(now, slot_ns) + 1);
  // After that: a cut that is asked for meanwhile finds either the pad or its place in the list.
  if (first) request_earlier_cuts(gst_pad);
  const core::Utc until = now + std::max(kKeyRequestAheadNs, 2 * slot_ns);
  for (; core::slot_start(pad.next_key_slot, slot_ns) <= until; ++pad.next_key_slot) {
    // A frame at the slot's start may be stamped up to a microsecond before it.
    const std::int64_t running = core::slot_start(pad.next_key_slot, slot_ns).ns - anchor_ns_ - 1000;
    if (running < 0) continue;
    const bool taken = force_key_unit(gst_pad, static_cast<GstClockTime>(running));
    const bool known = key_frames_on_request_;
    if (first || taken) key_frames_on_request_ = taken;
    if (taken && !known) gst_element_post_message(element(), gst_message_new_latency(GST_OBJECT(element())));
    GST_DEBUG_OBJECT(gst_pad, "key frame for running time %" GST_TIME_FORMAT ": %s",
                     GST_TIME_ARGS(static_cast<GstClockTime>(running)), taken ? "yes" : "no");
    if (!taken) break;
  }
}

// What was asked for before its encoder ran, that encoder has not been told.
void Fmp4Mux::request_earlier_cuts(GstPad* pad) {
  std::vector<GstClockTime> times = cuts_asked_.copy();
  {
    const std::lock_guard lock(stream_lock_);
    for (const std::int64_t utc_ns : segmenter_.cuts()) {
      times.push_back(static_cast<GstClockTime>(std::max<std::int64_t>(utc_ns - anchor_ns_, 0)));
    }
  }
  for (const GstClockTime time : times) force_key_unit(pad, time);
}

bool Fmp4Mux::force_key_unit(GstPad* pad, GstClockTime running_time) {
  return gst_pad_push_event(pad, gst_video_event_new_upstream_force_key_unit(running_time, FALSE, 0)) != FALSE;
}

// Any thread. Not under the stream lock, which may be held for as long as downstream takes.
void Fmp4Mux::cut(GstClockTime running_time) {
  cuts_asked_.lock()->push_back(running_time);
  force_key_units(running_time);
}

void Fmp4Mux::force_key_units(GstClockTime running_time) {
  gst_element_foreach_sink_pad(
      element(),
      [](GstElement*, GstPad* pad, gpointer time) noexcept -> gboolean {
        // GstVideoEncoder 1.22 that is asked before its first frame takes that one for it, by x264enc's running time of
        // 1000 hours, and refuses every later request as too soon.
        const bool runs = gstx::impl<MuxPad>(pad).next_key_slot != INT64_MIN;
        if (runs && is_video(GST_PAD_PAD_TEMPLATE(pad))) force_key_unit(pad, *static_cast<GstClockTime*>(time));
        return TRUE;
      },
      &running_time);
}

// Before what comes next is looked at: a cut without a time is to be at the next IDR that comes.
void Fmp4Mux::hand_over_cuts() {
  auto asked = cuts_asked_.lock();
  if (asked->empty() || anchor_ns_ == INT64_MIN) return;
  std::int64_t now = INT64_MIN;
  for (const MuxTrack* track : tracks_) {
    if (track->kind() == TrackKind::kVideo || now == INT64_MIN) now = std::max(now, track->last_ns());
  }
  for (const GstClockTime time : *asked) {
    const bool at_once = !GST_CLOCK_TIME_IS_VALID(time);
    if (at_once && now == INT64_MIN) continue;  // the first segment is still to begin
    segmenter_.request_cut(at_once ? now + 1 : anchor_ns_ + static_cast<std::int64_t>(time));
  }
  asked->clear();
}

// Its position is the time of what comes next on its pad, unless it says one.
void Fmp4Mux::take_cut_event(Pad& pad, GstEvent* event) {
  guint64 time = GST_CLOCK_TIME_NONE;
  const bool has_time = gst_structure_get_uint64(gst_event_get_structure(event), kCutTimeField, &time) != FALSE;
  if (has_time && GST_CLOCK_TIME_IS_VALID(time)) return cut(time);
  {
    const std::lock_guard lock(stream_lock_);
    pad.cut_asked = true;
  }
  force_key_units(GST_CLOCK_TIME_NONE);
}

std::uint32_t Fmp4Mux::max_duration_s() const {
  if (settings_.max_duration != 0) return settings_.max_duration;
  const bool video =
      std::ranges::any_of(tracks_, [](const MuxTrack* track) { return track->kind() == TrackKind::kVideo; });
  return video && !key_frames_on_request_ ? 2 * settings_.target_duration : settings_.target_duration;
}

GstFlowReturn Fmp4Mux::drain() {
  const std::uint32_t max_s = announced_max_s_ != 0 ? announced_max_s_ : max_duration_s();
  segmenter_.set_rules({.slot_ns = settings_.target_duration * kNsPerSecond, .max_duration_s = max_s});
  while (auto segment = segmenter_.next(tracks_)) {
    announced_max_s_ = max_s;
    if (const GstFlowReturn flow = push_segment(std::move(*segment)); flow != GST_FLOW_OK) return flow;
  }
  reports_.left_out(segmenter_, tracks_);
  watch_segment();
  return GST_FLOW_OK;
}

// Under the stream lock.
void Fmp4Mux::watch_segment() {
  const auto since = segmenter_.open_since_ns();
  if (!since || std::exchange(watched_ns_, *since) == *since) return;
  std::int64_t known_ns = *since;
  for (const MuxTrack* track : tracks_) known_ns = std::max(known_ns, track->known_ns());
  const auto now = overdue_.running_time_ns();
  behind_ns_ = now ? std::max<std::int64_t>(*now + anchor_ns_ - known_ns, 0) : 0;
  overdue_.arm(*since - anchor_ns_ + max_duration_s() * kNsPerSecond);
}

// A live source may vanish in the midst of a segment, or one of several: what has come does not wait for what may
// never. Not before the segment could be no longer and upstream's latency is over (what it says of it, and what it is),
// and for as long as the sink may still wait with its playlist (a quarter of a target duration) less the time to write
// it.
void Fmp4Mux::end_overdue_segment() {
  constexpr std::int64_t kQuarterNs = kNsPerSecond / 4;
  const UpstreamLatency upstream = upstream_latency(element());
  const auto now = overdue_.running_time_ns();
  if (!upstream.live || !now) return;
  {
    const std::lock_guard lock(stream_lock_);
    overdue_.stood_still(overdue_.running_time_ns().value_or(*now) - *now);  // downstream did not take what we have
    const auto since = segmenter_.open_since_ns();
    if (flow_ != GST_FLOW_OK || stopping_ || !since) return;
    const std::int64_t grace = std::max(kQuarterNs, (std::int64_t{settings_.target_duration} - 1) * kQuarterNs);
    const std::int64_t due = *since - anchor_ns_ + max_duration_s() * kNsPerSecond + kNsPerSecond / 2 +
                             std::max(static_cast<std::int64_t>(upstream.min), behind_ns_) + grace;
    if (!overdue_.is_over(due)) return overdue_.arm(std::max(due, *now + kQuarterNs));
    GST_INFO_OBJECT(element(), "the segment at %s is overdue", core::to_rfc3339(core::Utc{*since}, 3).c_str());
    while (flow_ == GST_FLOW_OK) {
      auto segment = segmenter_.interrupt(tracks_);
      if (!segment) break;
      flow_ = push_segment(std::move(*segment));
    }
    watch_segment();
  }
  reports_.post(stream_lock_);
}

// Behind the messages about the last segments: who sees the end on the bus does not look for more.
void Fmp4Mux::push_eos_if_over() {
  const std::lock_guard lock(stream_lock_);
  if (flow_ != GST_FLOW_OK || tracks_.empty()) return;
  if (!std::ranges::all_of(tracks_, [](const MuxTrack* track) { return track->closed(); })) return;
  output_.push_eos();
  flow_ = GST_FLOW_EOS;
}

GstFlowReturn Fmp4Mux::push_segment(Segment segment) {
  if (segment.tracks.empty()) return GST_FLOW_OK;
  SegmentMeta meta;
  meta.start = segment.start;
  meta.duration_ns = segment.duration_ns;
  meta.anchor_ns = anchor_ns_;
  meta.independent = segment.independent;
  meta.discontinuity = segment.discontinuity;
  meta.key_frames_on_request = key_frames_on_request_;
  meta.target_duration_s = settings_.target_duration;
  meta.max_duration_s = announced_max_s_;
  const std::string start = core::to_rfc3339(segment.start, 3);
  if (!segment.independent) reports_.cut_without_idr(segment, announced_max_s_);
  GST_DEBUG_OBJECT(element(), "segment at %s, %" GST_TIME_FORMAT "%s", start.c_str(),
                   GST_TIME_ARGS(static_cast<GstClockTime>(segment.duration_ns)),
                   meta.discontinuity ? ", after a hole" : "");
  const auto flow = output_.push(std::move(segment), std::move(meta), anchor_ns_);
  if (flow) return *flow;
  reports_.error(flow.error());
  return GST_FLOW_ERROR;
}

}  // namespace

bool register_fmp4mux(GstPlugin* plugin) {
  const GInterfaceInfo child_proxy{init_child_proxy, nullptr, nullptr};
  g_type_add_interface_static(gstx::object_type<Fmp4Mux>(), GST_TYPE_CHILD_PROXY, &child_proxy);
  return gstx::register_element<Fmp4Mux>(plugin, "fmp4mux", GST_RANK_NONE);
}

}  // namespace aircheck::fmp4
