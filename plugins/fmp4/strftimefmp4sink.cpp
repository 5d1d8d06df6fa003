// SECTION:element-strftimefmp4sink
//
// Writes encrypted or clear video and audio as fragmented MP4 segments that are named by the UTC instant at which they
// start, and lists them in an HLS playlist. See plugins/fmp4/README.md.
//
//   gst-launch-1.0 filesrc location=film.mp4 ! qtdemux name=d  d.video_0 ! queue ! h264parse ! sink.video
//     d.audio_0 ! queue ! aacparse ! sink.audio  strftimefmp4sink name=sink location=out/ch1-%Y%m%d%H%M%S.m4s
//     playlist-location=out/ch1.m3u8 target-duration=6 start-utc=2026-02-25T14:30:00Z
#include "fmp4/elements.hpp"

#include "fmp4/segmentwriter.hpp"
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

struct Settings {
  std::string location;
  std::string init_location;
  std::string playlist_location;
  std::uint32_t playlist_length = 0;
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
};

class StrftimeFmp4Sink : public gstx::Object<GstBin, GstBinClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckStrftimeFmp4Sink";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Fragmented MP4 sink named by UTC", "Sink/Muxer/File",
      "Writes fragmented MP4 segments named by their UTC start, and an HLS playlist of them"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"location", &Settings::location,
       "Name of a segment with fields of strftime (%Y %m %d %H %M %S %j %s, and %3N for milliseconds), in UTC"},
      {"init-location", &Settings::init_location,
       "Name of an init segment, with %{hash} for 16 digits of its SHA-256 (unset: init-%{hash}.mp4 behind the text "
       "that location begins with)"},
      {"playlist-location", &Settings::playlist_location, "Name of the HLS media playlist (unset: none is written)"},
      {"playlist-length", &Settings::playlist_length, "Segments that the playlist lists (0: all)"},
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
  };

  static GType parent_type() { return GST_TYPE_BIN; }
  static void class_init(GstBinClass* bin_class);

  explicit StrftimeFmp4Sink(GstBin* self);

 private:
  GstStateChangeReturn change_state(GstStateChange transition);
  GstPad* request_new_pad(GstPadTemplate* pad_template, const gchar* name, const GstCaps* caps);
  void release_pad(GstPad* pad);

  void configure_children();

  GstElement* muxer_ = nullptr;  // children of the bin, which owns them
  GstElement* writer_ = nullptr;
};

void StrftimeFmp4Sink::class_init(GstBinClass* bin_class) {
  GstElementClass* const element_class = GST_ELEMENT_CLASS(bin_class);
  for (const auto& [name, caps] : {std::pair("video", kVideoCaps), std::pair("audio", kAudioCaps)}) {
    gstx::add_pad_template(element_class, name, GST_PAD_SINK, GST_PAD_REQUEST, caps, GST_TYPE_GHOST_PAD);
  }
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
  g_object_set(muxer_, "target-duration", wanted.target_duration, "max-duration", wanted.max_duration, "start-utc",
               wanted.start_utc.empty() ? nullptr : wanted.start_utc.c_str(), "write-pssh",
               wanted.write_pssh ? TRUE : FALSE, nullptr);
  WriterSettings writer;
  StoreSettings& store = writer.store;
  store.location = wanted.location;
  store.init_location = wanted.init_location;
  store.playlist_location = wanted.playlist_location;
  store.playlist_length = wanted.playlist_length;
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

GstPad* StrftimeFmp4Sink::request_new_pad(GstPadTemplate* pad_template, const gchar*, const GstCaps*) {
  const char* const kind = GST_PAD_TEMPLATE_NAME_TEMPLATE(pad_template);
  if (const auto taken = gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(element(), kind)); taken) return nullptr;
  const std::string wished = std::string(kind) + "_%u";
  const auto target = gstx::Ref<GstPad>::adopt(gst_element_request_pad_simple(muxer_, wished.c_str()));
  if (!target) return nullptr;
  GstPad* const pad = gst_ghost_pad_new_from_template(kind, target.get(), pad_template);
  gst_pad_set_active(pad, TRUE);
  return gst_element_add_pad(element(), pad) ? pad : nullptr;
}

void StrftimeFmp4Sink::release_pad(GstPad* pad) {
  const auto target = gstx::Ref<GstPad>::adopt(gst_ghost_pad_get_target(GST_GHOST_PAD(pad)));
  gst_pad_set_active(pad, FALSE);
  gst_ghost_pad_set_target(GST_GHOST_PAD(pad), nullptr);
  if (target) gst_element_release_request_pad(muxer_, target.get());
  gst_element_remove_pad(element(), pad);
}

}  // namespace

bool register_strftimefmp4sink(GstPlugin* plugin) {
  return gstx::register_element<StrftimeFmp4Sink>(plugin, "strftimefmp4sink", GST_RANK_NONE);
}

}  // namespace aircheck::fmp4
