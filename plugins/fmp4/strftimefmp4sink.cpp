/**
 * SECTION:element-strftimefmp4sink
 * @title: strftimefmp4sink
 * @short_description: Fragmented MP4 segments named by their UTC, and their HLS playlist
 *
 * Writes encrypted or clear video and audio as fragmented MP4 segments that are named by the UTC instant at which they
 * start, and lists them in an HLS playlist. A segment has its name only when it is whole; nothing is listed before that
 * and nothing is overwritten. It is told on the bus by a `strftimefmp4sink-segment-closed` message, whose fields are in
 * plugins/fmp4/README.md.
 *
 * A segment ends before its time at the action signal #strftimefmp4sink::cut, as that of fmp4mux does.
 *
 * A hole is listed while it lasts: with each segment that cannot be written, and in a live pipeline by its clock, when
 * a segment is overdue. A row that says GAP stays one; a segment that comes later for its time is dropped with a
 * warning.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! qtdemux name=d  d.video_0 ! sink.video \
 *   d.audio_0 ! sink.audio  strftimefmp4sink name=sink location=out/ch1-%Y%m%d%H%M%S.m4s \
 *   playlist-location=out/ch1.m3u8 target-duration=6 start-utc=2026-02-25T14:30:00Z
 * ]| Segments of six seconds that hold picture and sound, and a playlist. What comes from an encoder or MPEG-TS needs
 * parsers before the sink.
 * |[
 * gst-launch-1.0 filesrc location=film.mp4 ! qtdemux name=d  d.video_0 ! sink.video \
 *   d.audio_0 ! sink.audio  strftimefmp4sink name=sink layout=separate \
 *   location=out/ch1-%{track}-%Y%m%d%H%M%S.m4s playlist-location=out/ch1-%{track}.m3u8 \
 *   multivariant-location=out/index.m3u8
 * ]| A file for each track, a playlist of each, and one of these.
 */
#include "fmp4/elements.hpp"

#include "fmp4/segmentwriter.hpp"
#include "fmp4/sink_pad.hpp"
#include "fmp4/track_config.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/object.hpp"
#include "gstx/ref.hpp"

namespace aircheck::fmp4 {

namespace {

GType sync_policy_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(SyncPolicy::kNone), "Leave it to the system", "none"},
      {static_cast<int>(SyncPolicy::kFile), "A segment's data, before it gets its name", "file"},
      {static_cast<int>(SyncPolicy::kDirectory), "And the folder's entry, before it is listed", "directory"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckFmp4SyncPolicy", kValues);
  return type;
}

GType on_full_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(OnFull::kWait), "The stream waits for the disk", "wait"},
      {static_cast<int>(OnFull::kDrop), "Whole segments are dropped", "drop"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckFmp4OnFull", kValues);
  return type;
}

GType on_error_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(OnError::kDrop), "Drop whole segments until the disk is well again", "drop"},
      {static_cast<int>(OnError::kStop), "Post an error, which ends the stream", "stop"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckFmp4OnError", kValues);
  return type;
}

GType playlist_type_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(PlaylistKind::kAuto), "EVENT where playlist-length is 0, else live", "auto"},
      {static_cast<int>(PlaylistKind::kLive), "The newest segments, without EXT-X-PLAYLIST-TYPE", "live"},
      {static_cast<int>(PlaylistKind::kEvent), "All segments, appended to while the stream lasts", "event"},
      {static_cast<int>(PlaylistKind::kVod), "All segments, written when the stream is over", "vod"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckFmp4PlaylistType", kValues);
  return type;
}

// fmp4mux has an enum of its own for this; its values are named the same.
enum class Layout { kMuxed, kSeparate };

GType layout_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(Layout::kMuxed), "All tracks in each file", "muxed"},
      {static_cast<int>(Layout::kSeparate), "A file for each track, %{track} in its name", "separate"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckFmp4SinkLayout", kValues);
  return type;
}

struct Settings {
  std::string location;
  std::string init_location;
  std::string playlist_location;
  std::uint32_t playlist_length = 0;
  PlaylistKind playlist_type = PlaylistKind::kAuto;
  std::string multivariant_location;
  Layout layout = Layout::kMuxed;
  std::uint32_t target_duration = 6;
  std::uint32_t max_duration = 0;
  std::string start_utc;
  std::string key_uri;
  bool write_pssh = true;
  SyncPolicy fsync = SyncPolicy::kFile;
  std::uint64_t max_queue_bytes = 16 << 20;
  std::uint64_t max_queue_time = 0;
  OnFull on_full = OnFull::kWait;
  OnError on_error = OnError::kDrop;
  std::uint32_t max_age = 0;
  std::uint64_t max_size = 0;
  std::uint64_t min_free_space = 0;
};

class StrftimeFmp4Sink : public gstx::Object<GstBin, GstBinClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckStrftimeFmp4Sink";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Fragmented MP4 sink named by UTC", "Sink/Muxer/File",
      "Writes fragmented MP4 segments named by their UTC start, and an HLS playlist of them"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"location", &Settings::location,
       "Name of a segment with fields of strftime (%Y %m %d %H %M %S %j %s, and %3N for milliseconds), in UTC, and "
       "%{track} with layout=separate"},
      {"init-location", &Settings::init_location,
       "Name of an init segment, with %{hash} for 16 digits of its SHA-256 (unset: init-%{hash}.mp4 behind the text "
       "that location begins with)"},
      {"playlist-location", &Settings::playlist_location,
       "Name of the HLS media playlist, with %{track} where location has it (unset: none is written)"},
      {"playlist-length", &Settings::playlist_length, "Segments that the playlist lists (0: all)"},
      {"playlist-type", gstx::enum_member<&Settings::playlist_type>(playlist_type_type),
       "Which segments a playlist lists, and when it is written"},
      {"multivariant-location", &Settings::multivariant_location,
       "Name of the HLS multivariant playlist of the media playlists; sinks of one process may name the same"},
      {"layout", gstx::enum_member<&Settings::layout>(layout_type), "Which tracks a file holds"},
      {"target-duration", &Settings::target_duration, "Length of a segment in seconds", {1, 3600}},
      {"max-duration",
       &Settings::max_duration,
       "Longest a segment may be in seconds, which the playlist announces (0: target-duration, or twice that where the "
       "stream's key frames are not ours to place)",
       {0, 7200}},
      {"start-utc", &Settings::start_utc,
       "UTC of running time zero, such as 2026-02-25T14:30:00Z (unset: the clock when the first buffer comes)"},
      {"key-uri", &Settings::key_uri,
       "Address of the 16 bytes of a key, with %{kid} for the key id (unset: the playlist names the key id only)"},
      {"write-pssh", &Settings::write_pssh, "Put a pssh box of the common system into init segments"},
      {"fsync", gstx::enum_member<&Settings::fsync>(sync_policy_type), "What is safe on the disk before it is listed"},
      {"max-queue-bytes", &Settings::max_queue_bytes,
       "Bytes of segments that may wait to be written (0: no limit); a larger segment goes alone"},
      {"max-queue-time", &Settings::max_queue_time,
       "Duration of the segments that may wait to be written, in ns (0: no limit)"},
      {"on-full", gstx::enum_member<&Settings::on_full>(on_full_type), "What happens when the queue is full"},
      {"on-error", gstx::enum_member<&Settings::on_error>(on_error_type),
       "What happens when a segment cannot be written: a full disk, a folder that is gone"},
      {"max-age", &Settings::max_age,
       "Segments that end more than these seconds of media before the newest are deleted (0: none)"},
      {"max-size", &Settings::max_size, "Bytes of segments above which the oldest are deleted (0: no limit)"},
      {"min-free-space", &Settings::min_free_space,
       "Bytes free on the disk below which the oldest segments are deleted (0: none)"},
  };

  static GType parent_type() { return GST_TYPE_BIN; }
  static void class_init(GstBinClass* bin_class);

  explicit StrftimeFmp4Sink(GstBin* self);

 private:
  GstStateChangeReturn change_state(GstStateChange transition);
  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps* caps);
  void release_pad(GstPad* pad);

  [[nodiscard]] std::string free_pad_name(const std::string& pad_template, const gchar* wished) const;
  void configure_children();
  void cut(guint64 running_time) { g_signal_emit_by_name(muxer_, "cut", running_time); }

  GstElement* muxer_ = nullptr;  // children of the bin, which owns them
  GstElement* writer_ = nullptr;
};

void StrftimeFmp4Sink::class_init(GstBinClass* bin_class) {
  GstElementClass* const element_class = GST_ELEMENT_CLASS(bin_class);
  for (const auto& [name, caps] : {std::pair("video", kVideoCaps), std::pair("audio", kAudioCaps),
                                   std::pair("video_%u", kVideoCaps), std::pair("audio_%u", kAudioCaps)}) {
    const bool video = std::string_view(name).starts_with("video");
    gstx::add_pad_template(element_class, name, GST_PAD_SINK, GST_PAD_REQUEST, caps,
                           video ? gstx::object_type<SinkPad>() : gstx::object_type<AudioSinkPad>());
  }
  g_signal_new_class_handler(
      "cut", G_TYPE_FROM_CLASS(element_class), static_cast<GSignalFlags>(G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION),
      G_CALLBACK(+[](GstElement* self, guint64 time) noexcept { gstx::impl<StrftimeFmp4Sink>(self).cut(time); }),
      nullptr, nullptr, nullptr, G_TYPE_NONE, 1, G_TYPE_UINT64);
  element_class->change_state = gstx::vmethod<&StrftimeFmp4Sink::change_state>;
  element_class->request_new_pad = gstx::vmethod<&StrftimeFmp4Sink::request_new_pad>;
  element_class->release_pad = gstx::vmethod<&StrftimeFmp4Sink::release_pad>;
}

StrftimeFmp4Sink::StrftimeFmp4Sink(GstBin* self) : Object(self) {
  // Both come from this plugin.
  muxer_ = gst_element_factory_make("fmp4mux", "muxer");
  writer_ = GST_ELEMENT_CAST(g_object_new(gstx::object_type<SegmentWriter>(), "name", "writer", nullptr));
  gst_bin_add_many(self, muxer_, writer_, nullptr);
  gst_element_link(muxer_, writer_);
}

void StrftimeFmp4Sink::configure_children() {
  const Settings wanted = *settings().lock();
  gst_util_set_object_arg(G_OBJECT(muxer_), "layout", wanted.layout == Layout::kSeparate ? "separate" : "muxed");
  g_object_set(muxer_, "target-duration", wanted.target_duration, "max-duration", wanted.max_duration, "start-utc",
               wanted.start_utc.empty() ? nullptr : wanted.start_utc.c_str(), "write-pssh",
               wanted.write_pssh ? TRUE : FALSE, nullptr);
  WriterSettings writer;
  StoreSettings& store = writer.store;
  store.location = wanted.location;
  store.init_location = wanted.init_location;
  store.playlist_location = wanted.playlist_location;
  store.playlist_length = wanted.playlist_length;
  store.playlist_kind = wanted.playlist_type;
  store.multivariant_location = wanted.multivariant_location;
  store.retention = {wanted.max_age, wanted.max_size, wanted.min_free_space};
  store.key_uri = wanted.key_uri;
  store.sync = wanted.fsync;
  writer.queue_limits = {wanted.max_queue_bytes, wanted.max_queue_time};
  writer.on_full = wanted.on_full;
  writer.on_error = wanted.on_error;
  gstx::impl<SegmentWriter>(writer_).configure(std::move(writer), element());
}

GstStateChangeReturn StrftimeFmp4Sink::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) configure_children();
  return GST_ELEMENT_CLASS(gstx::parent_class<StrftimeFmp4Sink>())->change_state(element(), transition);
}

// "video" and "audio" are the muxer's "video_0" and "audio_0"; the others have its names.
std::string StrftimeFmp4Sink::free_pad_name(const std::string& pad_template, const gchar* wished) const {
  const bool numbered = pad_template.ends_with("_%u");
  if (!numbered || (wished != nullptr && std::string_view(wished) != pad_template)) {
    return numbered ? wished : pad_template;
  }
  const std::string prefix = pad_template.substr(0, pad_template.size() - 2);
  for (int number = 1;; ++number) {
    std::string name = prefix + std::to_string(number);
    if (!gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(element(), name.c_str()))) return name;
  }
}

GstPad* StrftimeFmp4Sink::request_new_pad(GstPadTemplate* pad_template, const gchar* wished, const GstCaps*) {
  const std::string name = free_pad_name(GST_PAD_TEMPLATE_NAME_TEMPLATE(pad_template), wished);
  if (gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(element(), name.c_str()))) return nullptr;
  const std::string of_muxer = name.find('_') == std::string::npos ? name + "_0" : name;
  const auto target = gstx::Ref<GstPad>::adopt(gst_element_request_pad_simple(muxer_, of_muxer.c_str()));
  if (!target) return nullptr;
  GstPad* const pad = new_sink_pad(pad_template, name, target.get());
  if (pad == nullptr) return nullptr;
  gst_pad_set_active(pad, TRUE);
  if (!gst_element_add_pad(element(), pad)) return nullptr;
  gst_child_proxy_child_added(GST_CHILD_PROXY(element()), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  return pad;
}

void StrftimeFmp4Sink::release_pad(GstPad* pad) {
  const auto target = gstx::Ref<GstPad>::adopt(gst_ghost_pad_get_target(GST_GHOST_PAD(pad)));
  gst_child_proxy_child_removed(GST_CHILD_PROXY(element()), G_OBJECT(pad), GST_OBJECT_NAME(pad));
  GST_OBJECT_LOCK(pad);
  GST_PAD_SET_FLUSHING(pad);  // nothing more goes in
  GST_OBJECT_UNLOCK(pad);
  // The pad's thread may wait within the muxer, which ends that wait; deactivating the ghost waits for the thread.
  if (target) gst_element_release_request_pad(muxer_, target.get());
  gst_pad_set_active(pad, FALSE);
  gst_ghost_pad_set_target(GST_GHOST_PAD(pad), nullptr);
  gst_element_remove_pad(element(), pad);
}

}  // namespace

bool register_strftimefmp4sink(GstPlugin* plugin) {
  const GInterfaceInfo child_proxy{init_sink_child_proxy, nullptr, nullptr};
  g_type_add_interface_static(gstx::object_type<StrftimeFmp4Sink>(), GST_TYPE_CHILD_PROXY, &child_proxy);
  return gstx::register_element<StrftimeFmp4Sink>(plugin, "strftimefmp4sink", GST_RANK_NONE);
}

}  // namespace aircheck::fmp4
