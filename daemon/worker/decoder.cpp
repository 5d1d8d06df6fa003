#include "worker/decoder.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <string_view>

#include "gobj/error.hpp"

namespace aircheck::worker {
namespace {

constexpr std::int64_t kPollNs = 50 * core::kNsPerMs;
// Up to this size one thread decodes many times faster than real time, and several cost more in all: they wait for each
// other.
constexpr int kOneThreadPixels = 1280 * 720;
// A file that is read slowly still gives the frame that was asked for, also when there is to be no other.
constexpr std::int64_t kPatienceNs = 500 * core::kNsPerMs;

// Asked of whoever reads the log, where GStreamer says nothing at all.
core::Error silent(const std::string& path) {
  return {core::Code::kTimeout,
          path + ": gives nothing; it is damaged, or the disk or network that it lies on hangs: copy it again"};
}

// Files that say nothing about their colours are taken as colorimetry_of() their size, as everywhere in GStreamer.
bool has_colours(const GstCaps* caps, const char* wanted) {
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  GstVideoInfo info;
  return !gst_structure_has_field(structure, "colorimetry") && gst_video_info_from_caps(&info, caps) &&
         gst_video_colorimetry_matches(&info.colorimetry, wanted);
}

std::string video_branch(const Raster& raster, const GstCaps* caps) {
  // Asking for what is not said, though it is so, would copy each picture.
  const char* colours = colorimetry_of(raster);
  return "videoconvertscale add-borders=true ! video/x-raw,format=I420,width=" + std::to_string(raster.width) +
         ",height=" + std::to_string(raster.height) + ",pixel-aspect-ratio=1/1" +
         (has_colours(caps, colours) ? "" : std::string(",colorimetry=") + colours) +
         " ! appsink name=sink sync=false enable-last-sample=false max-buffers=8";
}

constexpr const char* kAudioBranch =
    "audioconvert ! audioresample ! audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=2 ! "
    "appsink name=sink sync=false enable-last-sample=false max-buffers=64";

// decodebin asks for a plugin for anything that it does not know, a web page included.
bool is_missing_decoder(GstMessage* message) {
  const GstStructure* missing = gst_message_get_structure(message);
  if (missing == nullptr || !gst_structure_has_name(missing, "missing-plugin")) return false;
  GstCaps* detail = nullptr;
  gst_structure_get(missing, "detail", GST_TYPE_CAPS, &detail, nullptr);
  const auto caps = gstx::Ref<GstCaps>::adopt(detail);
  if (!caps || gst_caps_get_size(caps.get()) == 0) return false;
  const std::string_view type = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
  return type.starts_with("video/") || type.starts_with("audio/");
}

bool is_damage(const GError& error) {
  return error.domain == GST_STREAM_ERROR &&
         (error.code == GST_STREAM_ERROR_DEMUX || error.code == GST_STREAM_ERROR_DECODE ||
          error.code == GST_STREAM_ERROR_FAILED || error.code == GST_STREAM_ERROR_FORMAT);
}

// On the way into a decoder, which opens with the settings that it has when its caps come.
GstPadProbeReturn on_decoder_caps(GstPad*, GstPadProbeInfo* info, gpointer decoder) noexcept {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
  GstCaps* caps = nullptr;
  gst_event_parse_caps(event, &caps);
  const GstStructure* format = gst_caps_get_structure(caps, 0);
  int width = 0, height = 0;
  const bool small = gst_structure_get_int(format, "width", &width) &&
                     gst_structure_get_int(format, "height", &height) &&
                     std::int64_t{width} * height <= kOneThreadPixels;
  g_object_set(decoder, "max-threads", small ? 1 : 0, nullptr);
  return GST_PAD_PROBE_OK;
}

void on_element_added(GstBin*, GstElement* element, gpointer) noexcept {
  GstElementFactory* factory = gst_element_get_factory(element);
  if (factory == nullptr ||
      !gst_element_factory_list_is_type(factory,
                                        GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO) ||
      g_object_class_find_property(G_OBJECT_GET_CLASS(element), "max-threads") == nullptr) {
    return;
  }
  const auto pad = gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
  if (pad) gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_decoder_caps, element, nullptr);
}

}  // namespace

const char* colorimetry_of(const Raster& raster) {
  constexpr int kFirstHdHeight = 720;
  return raster.height >= kFirstHdHeight ? "bt709" : "bt601";
}

core::Error explain(const std::string& path, const GError& error, bool missing_decoder) {
  const bool no_element = g_error_matches(&error, GST_STREAM_ERROR, GST_STREAM_ERROR_CODEC_NOT_FOUND) ||
                          g_error_matches(&error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN);
  if (g_error_matches(&error, GST_STREAM_ERROR, GST_STREAM_ERROR_TYPE_NOT_FOUND) ||
      g_error_matches(&error, GST_STREAM_ERROR, GST_STREAM_ERROR_WRONG_TYPE) || (no_element && !missing_decoder)) {
    return {core::Code::kUnsupported, path + ": is not a film or a recording; give a media file such as MP4 or MKV"};
  }
  if (no_element) {
    return {core::Code::kUnsupported, path +
                                          ": no decoder for it is installed; install gstreamer1.0-libav and "
                                          "gstreamer1.0-plugins-bad, or convert the file to H.264 and AAC"};
  }
  if (g_error_matches(&error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND)) {
    return {core::Code::kNotFound, path + ": no such file; put it there or change the channel's source"};
  }
  if (error.domain == GST_RESOURCE_ERROR) {
    return {core::Code::kIo, path + ": cannot be read (" + error.message + "); check its permissions and the disk"};
  }
  if (is_damage(error)) {
    return {core::Code::kTruncated, path + ": is damaged or cut short (" + error.message + "); copy it again"};
  }
  return {core::Code::kInternal, path + ": cannot be played (" + error.message + "); try another file"};
}

Decoder::Decoder(const std::string& path, Raster raster, std::optional<std::int64_t> from_ns,
                 std::shared_ptr<Interruption> interruption)
    : path_(path),
      from_ns_(from_ns),
      interruption_(std::move(interruption)),
      pipeline_(gstx::Ref<GstElement>::sink(gst_pipeline_new(nullptr))),
      bus_(gstx::Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()))),
      graph_(std::make_shared<Graph>()) {
  graph_->raster = raster;
  graph_->pipeline = pipeline_.get();
  GstElement* source = gst_element_factory_make("filesrc", nullptr);
  GstElement* decode = gst_element_factory_make("decodebin", nullptr);
  if (source == nullptr || decode == nullptr) {
    gst_clear_object(&source);
    gst_clear_object(&decode);
    health_ = Health::kFailed;
    error_ = core::Error{core::Code::kUnsupported,
                         "GStreamer's filesrc or decodebin is missing: install gstreamer1.0-plugins-base"};
    return;
  }
  g_object_set(source, "location", path.c_str(), nullptr);
  g_object_set(decode, "force-sw-decoders", TRUE, nullptr);
  g_signal_connect_data(
      decode, "pad-added", G_CALLBACK(on_pad_added), share(graph_), [](gpointer data, GClosure*) { unshare(data); },
      GConnectFlags{});
  g_signal_connect(decode, "element-added", G_CALLBACK(on_element_added), nullptr);
  gst_bin_add_many(GST_BIN(pipeline_.get()), source, decode, nullptr);
  gst_element_link(source, decode);
  gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED);
}

Decoder::~Decoder() {
  if (stalled_) {
    // A read that hangs (a lost network file system) must not hang the channel.
    gst_element_call_async(
        pipeline_.get(), [](GstElement* pipeline, gpointer) { gst_element_set_state(pipeline, GST_STATE_NULL); },
        nullptr, nullptr);
  } else {
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  }
}

gpointer Decoder::share(const SharedGraph& graph) {
  return std::make_unique<SharedGraph>(graph).release();
}

void Decoder::unshare(gpointer graph) noexcept {
  const std::unique_ptr<SharedGraph> owned(static_cast<SharedGraph*>(graph));
}

void Decoder::on_pad_added(GstElement*, GstPad* pad, gpointer data) noexcept {
  const auto& graph = *static_cast<const SharedGraph*>(data);
  auto caps = gstx::Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad));
  if (!caps) caps = gstx::Ref<GstCaps>::adopt(gst_pad_query_caps(pad, nullptr));
  if (gst_caps_is_empty(caps.get()) || gst_caps_is_any(caps.get())) return;
  const std::string_view type = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
  if (type == "video/x-raw" && !graph->video.sink) {
    add_branch(graph, pad, video_branch(graph->raster, caps.get()), graph->video);
  }
  if (type == "audio/x-raw" && !graph->audio.sink) add_branch(graph, pad, kAudioBranch, graph->audio);
}

void Decoder::add_branch(const SharedGraph& graph, GstPad* pad, const std::string& description, Stream& stream) {
  gobj::ErrorSlot error;
  GstElement* branch = gst_parse_bin_from_description(description.c_str(), TRUE, error.out());
  if (error.is_set() || branch == nullptr) {
    // Shown by the bus like any other failure.
    GST_ELEMENT_ERROR(graph->pipeline, CORE, MISSING_PLUGIN, ("%s", error.error().message.c_str()), (nullptr));
    gst_clear_object(&branch);
    return;
  }
  gst_bin_add(GST_BIN(graph->pipeline), branch);
  stream.sink = gstx::Ref<GstAppSink>::adopt(GST_APP_SINK(gst_bin_get_by_name(GST_BIN(branch), "sink")));
  const auto entry = gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(branch, "sink"));
  if (&stream == &graph->audio) {
    gst_pad_add_probe(entry.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, on_audio_event, share(graph), unshare);
  }
  gst_pad_link(pad, entry.get());
  gst_element_sync_state_with_parent(branch);
}

GstPadProbeReturn Decoder::on_audio_event(GstPad* pad, GstPadProbeInfo* info, gpointer data) noexcept {
  GstEvent* event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_GAP) return GST_PAD_PROBE_OK;
  GstClockTime start = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
  gst_event_parse_gap(event, &start, &duration);
  const auto sticky = gstx::Ref<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
  if (!sticky || !GST_CLOCK_TIME_IS_VALID(start)) return GST_PAD_PROBE_OK;
  const GstSegment* segment = nullptr;
  gst_event_parse_segment(sticky.get(), &segment);
  const guint64 end = start + (GST_CLOCK_TIME_IS_VALID(duration) ? duration : 0);
  const guint64 time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, end);
  if (GST_CLOCK_TIME_IS_VALID(time)) {
    (*static_cast<const SharedGraph*>(data))->silent_until = static_cast<std::int64_t>(time);
  }
  return GST_PAD_PROBE_OK;
}

bool Decoder::waited_enough(std::int64_t waited_ns, std::int64_t timeout_ns) const {
  return waited_ns >= timeout_ns || (waited_ns >= kPatienceNs && interruption_ && interruption_->interrupted());
}

void Decoder::read_bus(std::int64_t timeout_ns) {
  constexpr auto kTypes = static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_ASYNC_DONE | GST_MESSAGE_ELEMENT);
  for (std::int64_t waited = 0; health_ != Health::kFailed;) {
    const bool waits = health_ == Health::kOpening && !waited_enough(waited, timeout_ns);
    const auto message =
        gstx::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus_.get(), waits ? kPollNs : 0, kTypes));
    if (!message && !waits) return;
    waited += kPollNs;
    if (!message) continue;
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ELEMENT) {
      missing_decoder_ = missing_decoder_ || is_missing_decoder(message.get());
    } else if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
      GError* error = nullptr;
      gst_message_parse_error(message.get(), &error, nullptr);
      error_ = explain(path_, *error, missing_decoder_);
      g_clear_error(&error);
      health_ = Health::kFailed;
    } else if (health_ == Health::kOpening) {
      play();
    }
  }
}

void Decoder::play() {
  if (!has_video() && !has_audio()) {
    error_ =
        core::Error{core::Code::kUnsupported, path_ + ": has neither picture nor sound; give a film or a recording"};
    health_ = Health::kFailed;
    return;
  }
  health_ = Health::kReady;
  if (from_ns_) {
    constexpr auto kFlags = static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE);
    if (!gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME, kFlags, *from_ns_)) {
      error_ = core::Error{core::Code::kUnsupported,
                           path_ + ": cannot be entered in the middle; remux it with ffmpeg -i FILE -c copy NEW.mp4"};
      health_ = Health::kFailed;
      return;
    }
  }
  gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
}

core::Result<void> Decoder::wait_ready(std::int64_t timeout_ns) {
  if (health_ == Health::kOpening) read_bus(timeout_ns);
  if (health_ == Health::kReady) return {};
  if (error_) return core::Unexpected(*error_);
  stalled_ = true;
  return core::Unexpected(silent(path_));
}

Decoder::Health Decoder::health() {
  read_bus(0);
  return health_;
}

std::optional<std::int64_t> Decoder::container_duration() const {
  gint64 duration = 0;
  if (!gst_element_query_duration(pipeline_.get(), GST_FORMAT_TIME, &duration) || duration <= 0) return std::nullopt;
  return duration;
}

core::Result<void> Decoder::seek_near(std::int64_t time_ns) {
  constexpr auto kFlags =
      static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_KEY_UNIT | GST_SEEK_FLAG_SNAP_BEFORE);
  if (gst_element_seek_simple(pipeline_.get(), GST_FORMAT_TIME, kFlags, time_ns)) return {};
  return core::fail(core::Code::kUnsupported,
                    path_ + ": cannot be entered in the middle; remux it with ffmpeg -i FILE -c copy NEW.mp4");
}

core::Result<std::optional<Decoded>> Decoder::next(Stream& stream, std::int64_t timeout_ns) {
  if (!stream.sink) return std::optional<Decoded>();
  gstx::Ref<GstSample> sample;
  for (std::int64_t waited = 0; !sample; waited += kPollNs) {
    sample = gstx::Ref<GstSample>::adopt(gst_app_sink_try_pull_sample(stream.sink.get(), kPollNs));
    if (sample) break;
    if (gst_app_sink_is_eos(stream.sink.get())) return std::optional<Decoded>();
    read_bus(0);
    if (error_) return core::Unexpected(*error_);
    if (waited_enough(waited, timeout_ns)) {
      stalled_ = true;
      return core::Unexpected(silent(path_));
    }
  }
  Decoded decoded;
  decoded.buffer = gstx::Ref<GstBuffer>::retain(gst_sample_get_buffer(sample.get()));
  const GstSegment* segment = gst_sample_get_segment(sample.get());
  const guint64 time = gst_segment_to_stream_time(segment, GST_FORMAT_TIME, GST_BUFFER_PTS(decoded.buffer.get()));
  if (GST_BUFFER_PTS_IS_VALID(decoded.buffer.get())) {
    decoded.stamp = static_cast<std::int64_t>(GST_BUFFER_PTS(decoded.buffer.get()));
  }
  decoded.time = GST_CLOCK_TIME_IS_VALID(time) ? static_cast<std::int64_t>(time) : stream.next_time;
  if (GST_BUFFER_DURATION_IS_VALID(decoded.buffer.get())) {
    decoded.duration = static_cast<std::int64_t>(GST_BUFFER_DURATION(decoded.buffer.get()));
  }
  stream.next_time = decoded.time + decoded.duration.value_or(0);
  return std::optional<Decoded>(std::move(decoded));
}

}  // namespace aircheck::worker
