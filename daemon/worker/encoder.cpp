#include "worker/encoder.hpp"

#include <gst/video/video.h>

#include <algorithm>

namespace aircheck::worker {
namespace {

using gstx::Ref;

constexpr std::int64_t kNsPerUs = 1000;
constexpr guint64 kQueuedPictures = 8;
constexpr guint64 kQueuedBlocks = 64;

Ref<GstCaps> video_caps(const ChannelSettings& settings) {
  return Ref<GstCaps>::adopt(gst_caps_new_simple(
      "video/x-raw", "format", G_TYPE_STRING, "I420", "width", G_TYPE_INT, settings.raster.width, "height", G_TYPE_INT,
      settings.raster.height, "framerate", GST_TYPE_FRACTION, static_cast<int>(settings.frame_rate.numerator),
      static_cast<int>(settings.frame_rate.denominator), "pixel-aspect-ratio", GST_TYPE_FRACTION, 1, 1,
      "interlace-mode", G_TYPE_STRING, "progressive", "colorimetry", G_TYPE_STRING, colorimetry_of(settings.raster),
      nullptr));
}

Ref<GstCaps> audio_caps() {
  return Ref<GstCaps>::adopt(
      gst_caps_new_simple("audio/x-raw", "format", G_TYPE_STRING, "F32LE", "layout", G_TYPE_STRING, "interleaved",
                          "rate", G_TYPE_INT, static_cast<int>(kSampleRate), "channels", G_TYPE_INT,
                          static_cast<int>(kChannels), "channel-mask", GST_TYPE_BITMASK, guint64{0x3}, nullptr));
}

void set_up(GstAppSrc* source, GstCaps* caps, guint64 queued_buffers) {
  g_object_set(source, "caps", caps, "format", GST_FORMAT_TIME, "block", TRUE, "max-buffers", queued_buffers,
               "max-bytes", guint64{0}, "max-time", guint64{0}, "emit-signals", FALSE, nullptr);
}

std::string text_field(const GstStructure& structure, const char* name) {
  const char* text = gst_structure_get_string(&structure, name);
  return text != nullptr ? text : "";
}

std::uint64_t number_field(const GstStructure& structure, const char* name) {
  guint64 number = 0;
  guint small = 0;
  if (gst_structure_get_uint64(&structure, name, &number)) return number;
  return gst_structure_get_uint(&structure, name, &small) ? small : 0;
}

// Raises *result (std::int64_t, ns) to the latency of what comes before the pad.
gboolean add_latency(GstElement*, GstPad* pad, gpointer result) {
  const auto query = Ref<GstQuery>::adopt(gst_query_new_latency());
  if (!gst_pad_peer_query(pad, query.get())) return TRUE;
  GstClockTime minimum = 0;
  gst_query_parse_latency(query.get(), nullptr, &minimum, nullptr);
  auto& latency = *static_cast<std::int64_t*>(result);
  if (GST_CLOCK_TIME_IS_VALID(minimum)) latency = std::max(latency, static_cast<std::int64_t>(minimum));
  return TRUE;
}

std::string file_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

core::Error to_error(GstMessage* message) {
  GError* raw = nullptr;
  gst_message_parse_error(message, &raw, nullptr);
  core::Error error{core::Code::kInternal, raw->message};
  if (raw->domain == GST_RESOURCE_ERROR) {
    error.code = raw->code == GST_RESOURCE_ERROR_NO_SPACE_LEFT ? core::Code::kNoSpace : core::Code::kIo;
  }
  g_clear_error(&raw);
  return error.with_context(GST_MESSAGE_SRC_NAME(message));
}

}  // namespace

core::Result<std::unique_ptr<Encoder>> Encoder::launch(const Description& description, const DescriptionValues& values,
                                                       const std::optional<control::Encryption>& encryption,
                                                       const ChannelSettings& settings, core::Utc start,
                                                       Events events) {
  AIRCHECK_TRY(auto pipeline, description.build(values, encryption));
  std::unique_ptr<Encoder> encoder(new Encoder(std::move(pipeline), settings, start, std::move(events)));
  AIRCHECK_TRY_VOID(encoder->start());
  return encoder;
}

Encoder::Encoder(Ref<GstElement> pipeline, const ChannelSettings& settings, core::Utc start, Events events)
    : pipeline_(std::move(pipeline)),
      video_(Ref<GstAppSrc>::adopt(GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "video")))),
      audio_(Ref<GstAppSrc>::adopt(GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "audio")))),
      timeline_(settings.frame_rate, 1),
      start_(start),
      segment_directory_(settings.segment_directory),
      events_(std::move(events)) {
  set_up(video_.get(), video_caps(settings).get(), kQueuedPictures);
  set_up(audio_.get(), audio_caps().get(), kQueuedBlocks);
}

core::Result<void> Encoder::start() {
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  bus_watch_ = gst_bus_add_watch(bus.get(), on_message, this);
  if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE) return {};
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  if (message) return core::Unexpected(to_error(message.get()));
  return core::fail(core::Code::kInternal, "the encoder pipeline cannot be set to PLAYING");
}

Encoder::~Encoder() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
  if (bus_watch_ != 0) g_source_remove(bus_watch_);
}

bool Encoder::push(GstAppSrc* source, Ref<GstBuffer> buffer, core::Utc begin, core::Utc end) {
  GST_BUFFER_PTS(buffer.get()) = static_cast<GstClockTime>(begin - start_);
  GST_BUFFER_DTS(buffer.get()) = GST_CLOCK_TIME_NONE;
  GST_BUFFER_DURATION(buffer.get()) = static_cast<GstClockTime>(end - begin);
  GST_BUFFER_OFFSET(buffer.get()) = GST_BUFFER_OFFSET_NONE;
  GST_BUFFER_OFFSET_END(buffer.get()) = GST_BUFFER_OFFSET_NONE;
  GST_BUFFER_FLAG_UNSET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
  return gst_app_src_push_buffer(source, buffer.release()) == GST_FLOW_OK;
}

bool Encoder::video(std::int64_t frame, Ref<GstBuffer> picture) {
  // The same picture may be pushed again: the buffer is our own, its memory is shared.
  constexpr auto kWhat = static_cast<GstBufferCopyFlags>(GST_BUFFER_COPY_MEMORY | GST_BUFFER_COPY_META);
  auto own = Ref<GstBuffer>::adopt(gst_buffer_copy_region(picture.get(), kWhat, 0, static_cast<gsize>(-1)));
  picture.reset();
  return push(video_.get(), std::move(own), timeline_.frame_time(frame), timeline_.frame_time(frame + 1));
}

bool Encoder::audio(std::int64_t block, std::span<const float> interleaved) {
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, interleaved.size_bytes(), nullptr));
  gst_buffer_fill(buffer.get(), 0, interleaved.data(), interleaved.size_bytes());
  return push(audio_.get(), std::move(buffer), Timeline::block_time(block), Timeline::block_time(block + 1));
}

void Encoder::end_of_stream() {
  gst_app_src_end_of_stream(video_.get());
  gst_app_src_end_of_stream(audio_.get());
}

core::Result<void> Encoder::rotate(const Description& description, const control::Encryption& next, core::Utc from) {
  // The picture that begins a slot may be stamped a fraction of a microsecond before it.
  const std::int64_t running = std::max<std::int64_t>(from - start_ - kNsPerUs, 0);
  return description.rotate(pipeline_.get(), next, static_cast<GstClockTime>(running));
}

void Encoder::cancel() {
  gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
}

std::int64_t Encoder::latency_ns() {
  // Asked above the sinks: a sink that does not wait for a clock says that there is no latency.
  std::int64_t latency = 0;
  GstIterator* sinks = gst_bin_iterate_sinks(GST_BIN(pipeline_.get()));
  gst_iterator_foreach(
      sinks,
      [](const GValue* sink, gpointer result) {
        gst_element_foreach_sink_pad(GST_ELEMENT(g_value_get_object(sink)), add_latency, result);
      },
      &latency);
  gst_iterator_free(sinks);
  return latency;
}

Ref<GstBuffer> Encoder::black_picture(const Raster& raster) {
  GstVideoInfo info;
  gst_video_info_set_format(&info, GST_VIDEO_FORMAT_I420, static_cast<guint>(raster.width),
                            static_cast<guint>(raster.height));
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, info.size, nullptr));
  constexpr guint8 kBlackLuma = 16, kNoChroma = 128;  // ITU-R BT.601 and BT.709, limited range
  const auto luma = GST_VIDEO_INFO_PLANE_OFFSET(&info, 1);
  gst_buffer_memset(buffer.get(), 0, kBlackLuma, luma);
  gst_buffer_memset(buffer.get(), luma, kNoChroma, info.size - luma);
  return buffer;
}

void Encoder::on_segment_dropped(const GstStructure& message) {
  const core::Utc start{static_cast<std::int64_t>(number_field(message, "start-utc"))};
  segments_lost_ = true;
  events_.segment_lost(start + static_cast<std::int64_t>(number_field(message, "duration")));
  events_.warning(control::kSegmentLost,
                  "the segment of " + core::to_rfc3339(start, 3) + " is lost: " + text_field(message, "message"));
}

void Encoder::on_segment_closed(const GstStructure& message) {
  if (std::exchange(segments_lost_, false)) {
    events_.warning(control::kSegmentsWritten, "segments are written again");
  }
  control::SegmentRow row;
  row.location = file_name(text_field(message, "location"));
  row.init_location = file_name(text_field(message, "init-location"));
  row.start = core::Utc{static_cast<std::int64_t>(number_field(message, "start-utc"))};
  row.duration_ns = static_cast<std::int64_t>(number_field(message, "duration"));
  row.size = number_field(message, "size");
  row.sequence = number_field(message, "sequence");
  row.discontinuity_sequence = number_field(message, "discontinuity-sequence");
  row.epoch = static_cast<std::uint32_t>(number_field(message, "epoch"));
  if (const auto key_id = core::key_id_from_hex(text_field(message, "key-id"))) row.key_id = *key_id;
  gboolean discontinuity = FALSE;
  gst_structure_get_boolean(&message, "discontinuity", &discontinuity);
  row.discontinuity = discontinuity != FALSE;
  events_.segment_closed(row);
}

gboolean Encoder::on_message(GstBus*, GstMessage* message, gpointer data) noexcept {
  auto& self = *static_cast<Encoder*>(data);
  // An event may destroy the encoder: it is the last thing that is done with it.
  switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name(message, "strftimefmp4sink-segment-closed")) {
        self.on_segment_closed(*gst_message_get_structure(message));
      } else if (gst_message_has_name(message, "strftimefmp4sink-segment-dropped")) {
        self.on_segment_dropped(*gst_message_get_structure(message));
      }
      break;
    case GST_MESSAGE_EOS: self.events_.drained(); break;
    case GST_MESSAGE_ERROR: self.events_.failed(to_error(message)); break;
    case GST_MESSAGE_WARNING: {
      GError* warning = nullptr;
      gst_message_parse_warning(message, &warning, nullptr);
      self.events_.warning("encoder", std::string(GST_MESSAGE_SRC_NAME(message)) + ": " + warning->message);
      g_clear_error(&warning);
      break;
    }
    default: break;
  }
  return G_SOURCE_CONTINUE;
}

}  // namespace aircheck::worker
