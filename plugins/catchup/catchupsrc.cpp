/**
 * SECTION:element-catchupsrc
 * @title: catchupsrc
 * @short_description: Plays a past window of a segment directory
 *
 * Pushes the init segments and the segments of a window of time, out of a directory that strftimefmp4sink wrote, to
 * qtdemux. The stream is a TIME segment: stream time 0 is #catchupsrc:start, and times of buffers behind the demuxer
 * are UTC. Holes are gap events; another init segment, with another key or format, comes where it begins. Any position
 * can be sought. Keys are cencdec's matter.
 *
 * It is also the source of URIs `catchup:///folder/ch1?start=…&end=…`: segments of that folder are named as
 * `ch1-%Y%m%d%H%M%S.m4s` unless `name=` has another pattern, and `track=` stands for its `%{track}`. Signs that a URI
 * cannot hold are percent-encoded, `%` as `%25`.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 catchupsrc location=out/ch1-%Y%m%d%H%M%S.m4s start=2026-02-25T14:30:10Z end=2026-02-25T14:30:50Z ! \
 *   qtdemux ! cencdec keys=11223344556677889900aabbccddeeff:00112233445566778899aabbccddeeff ! h264parse ! \
 *   avdec_h264 ! autovideosink
 * ]| The pictures of forty seconds out of an encrypted archive.
 * |[
 * gst-launch-1.0 playbin3 uri="catchup:///srv/segments/ch1?start=2026-02-25T14:30:10Z&end=2026-02-25T14:30:50Z"
 * ]| The same out of a clear one, with its sound.
 */
#include <gst/base/gstpushsrc.h>

#include <algorithm>

#include "catchup/elements.hpp"
#include "catchup/window.hpp"
#include "core/gaps.hpp"
#include "gobj/handoff.hpp"
#include "gobj/text.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/object.hpp"
#include "gstx/ref.hpp"

GST_DEBUG_CATEGORY_STATIC(catchupsrc_debug);
#define GST_CAT_DEFAULT catchupsrc_debug

namespace aircheck::catchup {

namespace {

using core::Result;
using core::Utc;

constexpr const char* kScheme = "catchup";

struct Settings {
  std::string location;
  std::string track = "video";
  std::string start;
  std::string end;
  std::string uri;  // as it was set, else empty; no property
};

// What a URI asks for.
Result<Settings> settings_from_uri(const char* text) {
  const std::unique_ptr<GstUri, void (*)(GstUri*)> uri(gst_uri_from_string(text), gst_uri_unref);
  const auto bad = [](const char* why) { return core::fail(core::Code::kInvalidArgument, std::string("uri: ") + why); };
  if (uri == nullptr || g_strcmp0(gst_uri_get_scheme(uri.get()), kScheme) != 0) return bad("is no URI of catchup:");
  std::string folder = gobj::take_text(gst_uri_get_path(uri.get()));
  while (folder.ends_with('/')) folder.pop_back();
  if (!folder.starts_with('/'))
    return bad("names no folder; an example is catchup:///srv/segments/ch1?start=...&end=...");
  Settings settings;
  std::string name = folder.substr(folder.rfind('/') + 1) + "-%Y%m%d%H%M%S.m4s";
  const auto take = [&](const char* key, std::string& to) {
    if (const char* const value = gst_uri_get_query_value(uri.get(), key)) to = value;
  };
  take("name", name);
  take("track", settings.track);
  take("start", settings.start);
  take("end", settings.end);
  // A folder is not a pattern, its percent signs are its own.
  for (std::size_t at = folder.find('%'); at != std::string::npos; at = folder.find('%', at + 2))
    folder.insert(at, "%");
  settings.location = folder + "/" + name;
  settings.uri = text;
  return settings;
}

class CatchupSrc : public gstx::Object<GstPushSrc, GstPushSrcClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckCatchupSrc";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Catch-up source", "Source/File", "Plays a window of time out of a directory of encrypted or clear segments"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"location", &Settings::location,
       "Names of the segments, as location of the strftimefmp4sink that wrote them: out/ch1-%Y%m%d%H%M%S.m4s"},
      {"track", &Settings::track, "What stands for %{track} in location, where it has that"},
      {"start", &Settings::start,
       "UTC at which the window begins, such as 2026-02-25T14:30:00Z, or seconds since 1970"},
      {"end", &Settings::end, "UTC at which the window ends, written like start"},
  };

  static GType parent_type() { return GST_TYPE_PUSH_SRC; }
  static void class_init(GstPushSrcClass* push_class);
  static void add_interfaces(GType type);

  explicit CatchupSrc(GstPushSrc* self) : Object(self) { gst_base_src_set_format(GST_BASE_SRC(self), GST_FORMAT_TIME); }

  // The URI is no longer what describes the window.
  void property_changed(const char*) { settings().lock()->uri.clear(); }

  Result<void> set_uri(const char* uri) {
    AIRCHECK_TRY(Settings asked, settings_from_uri(uri));
    *settings().lock() = std::move(asked);
    return {};
  }

 private:
  gboolean start();
  gboolean stop();
  gboolean is_seekable() { return TRUE; }
  gboolean do_seek(GstSegment* segment);
  GstFlowReturn create(GstBuffer** buffer);

  Result<void> open_window();
  // Nothing at the end.
  Result<gstx::Ref<GstBuffer>> next_buffer();
  void push_gap(Utc from, Utc to);

  Settings in_use_;
  WindowRequest request_;
  std::optional<Archive> archive_;

  // The streaming thread's; a seek has its lock.
  std::vector<Segment> segments_;  // read when the first buffer is asked for
  SegmentReader reader_;
  Utc target_;           // of the last seek
  bool sought_ = false;  // and not followed yet
  std::size_t next_ = 0;
  std::string init_path_;         // that was pushed last
  std::optional<Utc> pushed_to_;  // the end of the last segment since the last seek
};

void CatchupSrc::class_init(GstPushSrcClass* push_class) {
  GST_DEBUG_CATEGORY_INIT(catchupsrc_debug, "catchupsrc", 0, "Catch-up source");
  gstx::add_pad_template(GST_ELEMENT_CLASS(push_class), "src", GST_PAD_SRC, "video/quicktime, variant=iso-fragmented");
  GstBaseSrcClass* const base_class = GST_BASE_SRC_CLASS(push_class);
  base_class->start = gstx::streaming_vmethod<&CatchupSrc::start>;
  base_class->stop = gstx::streaming_vmethod<&CatchupSrc::stop>;
  base_class->is_seekable = gstx::vmethod<&CatchupSrc::is_seekable>;
  base_class->do_seek = gstx::streaming_vmethod<&CatchupSrc::do_seek>;
  push_class->create = gstx::streaming_vmethod<&CatchupSrc::create>;
}

void CatchupSrc::add_interfaces(GType type) {
  static const GInterfaceInfo kInfo = {
      [](gpointer data, gpointer) noexcept {
        auto* const handler = static_cast<GstURIHandlerInterface*>(data);
        handler->get_type = [](GType) noexcept { return GST_URI_SRC; };
        handler->get_protocols = [](GType) noexcept {
          static const gchar* const kProtocols[] = {kScheme, nullptr};
          return kProtocols;
        };
        handler->get_uri = [](GstURIHandler* self) noexcept -> gchar* {
          const gobj::HandOverAtEnd to_the_last(self);
          const std::string uri = gstx::impl<CatchupSrc>(self).settings().copy().uri;
          return uri.empty() ? nullptr : g_strdup(uri.c_str());
        };
        handler->set_uri = [](GstURIHandler* self, const gchar* uri, GError** error) noexcept -> gboolean {
          const gobj::HandOverAtEnd to_the_last(self);
          const auto set = gstx::impl<CatchupSrc>(self).set_uri(uri);
          if (!set) g_set_error_literal(error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI, set.error().message.c_str());
          return set ? TRUE : FALSE;
        };
      },
      nullptr, nullptr};
  g_type_add_interface_static(type, GST_TYPE_URI_HANDLER, &kInfo);
}

gboolean CatchupSrc::start() {
  in_use_ = settings().copy();
  auto archive = Archive::open(in_use_.location, in_use_.track);
  const auto request = window_request(Kind::kVod, in_use_.start, in_use_.end);
  if (!archive || !request) {
    gstx::post_error(element(), archive ? request.error() : archive.error());
    return FALSE;
  }
  archive_.emplace(std::move(*archive));
  request_ = *request;
  return TRUE;
}

gboolean CatchupSrc::stop() {
  segments_.clear();
  return TRUE;
}

// Positions of seeks are stream time; the segment has UTC from then on, which a seek that leaves its stop leaves too.
gboolean CatchupSrc::do_seek(GstSegment* segment) {
  if (segment->rate <= 0) return FALSE;
  const auto origin = static_cast<guint64>(request_.start.ns);
  const auto end = static_cast<guint64>(request_.end->ns);
  const guint64 duration = end - origin;
  const auto to_utc = [&](guint64 time) { return time <= duration ? time + origin : std::min(time, end); };
  segment->time = segment->start <= duration ? segment->start : segment->start - origin;
  segment->start = to_utc(segment->start);
  segment->position = segment->start;
  segment->stop = to_utc(segment->stop);
  segment->duration = duration;
  target_ = Utc{static_cast<std::int64_t>(segment->start)};
  sought_ = true;
  return TRUE;
}

// Time goes on through a window: it ends with the epoch in which it begins.
Result<void> CatchupSrc::open_window() {
  AIRCHECK_TRY(Window window, read_window(*archive_, request_, system_now()));
  const auto later = std::find_if(window.segments.begin(), window.segments.end(), [&](const Segment& segment) {
    return segment.info.epoch != window.segments.front().info.epoch;
  });
  if (later != window.segments.end()) {
    gstx::post_warning(element(), {core::Code::kUnsupported,
                                   "end: the clock was set back in this window, which is played up to there"});
    window.segments.erase(later, window.segments.end());
  }
  segments_ = std::move(window.segments);
  return {};
}

void CatchupSrc::push_gap(Utc from, Utc to) {
  GST_DEBUG_OBJECT(element(), "a hole of %" G_GINT64_FORMAT " ns", to - from);
  gst_pad_push_event(GST_BASE_SRC_PAD(self()),
                     gst_event_new_gap(static_cast<GstClockTime>(from.ns), static_cast<GstClockTime>(to - from)));
}

Result<gstx::Ref<GstBuffer>> CatchupSrc::next_buffer() {
  using Buffer = gstx::Ref<GstBuffer>;
  if (segments_.empty()) AIRCHECK_TRY_VOID(open_window());
  if (sought_) {
    const auto covers = std::find_if(segments_.begin(), segments_.end(),
                                     [&](const Segment& segment) { return segment.end() > target_; });
    next_ = static_cast<std::size_t>(covers - segments_.begin());
    init_path_.clear();
    pushed_to_.reset();
    sought_ = false;
  }
  for (; next_ < segments_.size(); ++next_) {
    const Segment& segment = segments_[next_];
    const std::string init_path = Archive::init_path(segment);
    const bool init = init_path != init_path_;
    auto bytes = reader_.read_file(init ? init_path : segment.path);
    // Deleted meanwhile: a hole.
    if (!bytes && !init && bytes.error().code == core::Code::kNotFound) continue;
    if (!bytes) return bytes.unexpected();
    auto buffer = Buffer::adopt(gst_buffer_new_memdup(bytes->data(), bytes->size()));
    if (init) {
      init_path_ = init_path;
      GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
      return buffer;
    }
    if (pushed_to_ && segment.info.start - *pushed_to_ > core::kLongestSeamNs)
      push_gap(*pushed_to_, segment.info.start);
    pushed_to_ = segment.end();
    ++next_;
    return buffer;
  }
  return Buffer();
}

GstFlowReturn CatchupSrc::create(GstBuffer** buffer) {
  if (static_cast<std::int64_t>(GST_BASE_SRC(self())->segment.stop) <= (pushed_to_ && !sought_ ? pushed_to_->ns : 0)) {
    return GST_FLOW_EOS;
  }
  auto next = next_buffer();
  if (!next) {
    gstx::post_error(element(), next.error());
    return GST_FLOW_ERROR;
  }
  *buffer = next->release();
  return *buffer != nullptr ? GST_FLOW_OK : GST_FLOW_EOS;
}

}  // namespace

bool register_catchupsrc(GstPlugin* plugin) {
  return gstx::register_element<CatchupSrc>(plugin, "catchupsrc", GST_RANK_PRIMARY);
}

}  // namespace aircheck::catchup
