/**
 * SECTION:element-catchupplaylistsrc
 * @title: catchupplaylistsrc
 * @short_description: The HLS media playlist of a window of a segment directory
 *
 * Reads a directory that strftimefmp4sink wrote, or still writes, and outputs the HLS media playlist of a window of
 * time: without a daemon, an index or a database. The names of the files tell which belong to the window, and only of
 * those the first bytes are read.
 *
 * The playlist is made once, when the element starts; it is one buffer, then the stream is over. What is wrong with a
 * setting or the archive is an error that names the property.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 -q catchupplaylistsrc location=out/ch1-%Y%m%d%H%M%S.m4s start=2026-02-25T14:30:10Z \
 *   end=2026-02-25T14:30:50Z key-uri=https://keys.example/%{kid} ! filesink location=out/catchup.m3u8
 * ]|
 */
#include <gst/base/gstpushsrc.h>

#include "catchup/elements.hpp"
#include "catchup/playlist.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/object.hpp"
#include "gstx/ref.hpp"

namespace aircheck::catchup {

namespace {

using core::Result;

GType kind_type() {
  static const GEnumValue kValues[] = {
      {static_cast<int>(Kind::kLive), "The newest six target durations at end (unset: now)", "live"},
      {static_cast<int>(Kind::kEvent), "From start on, ENDLIST when end is reached (unset: a day later)", "event"},
      {static_cast<int>(Kind::kVod), "From start to end, whole or not at all", "vod"},
      {0, nullptr, nullptr},
  };
  static const GType type = g_enum_register_static("AircheckCatchupKind", kValues);
  return type;
}

struct Settings {
  std::string location;
  std::string track = "video";
  std::string start;
  std::string end;
  Kind kind = Kind::kVod;
  std::string base_url;
  std::string key_uri;
};

class CatchupPlaylistSrc : public gstx::Object<GstPushSrc, GstPushSrcClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckCatchupPlaylistSrc";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Catch-up playlist source", "Source/File",
      "Outputs the HLS media playlist of a window of time out of a directory of segments"};
  static constexpr gstx::Property<Settings> kProperties[] = {
      {"location", &Settings::location,
       "Names of the segments, as location of the strftimefmp4sink that wrote them: out/ch1-%Y%m%d%H%M%S.m4s"},
      {"track", &Settings::track, "What stands for %{track} in location, where it has that"},
      {"start", &Settings::start,
       "UTC at which the window begins, such as 2026-02-25T14:30:00Z, or seconds since 1970 (of event and vod)"},
      {"end", &Settings::end, "UTC at which the window ends, written like start"},
      {"kind", gstx::enum_member<&Settings::kind>(kind_type), "Type of the playlist, and what it lists"},
      {"base-url", &Settings::base_url,
       "Address of the folder before the first field of location, with its last / (unset: the playlist stands there)"},
      {"key-uri", &Settings::key_uri,
       "Address of the 16 bytes of a key, with %{kid} for the key id (unset: the playlist names the key id only)"},
  };

  static GType parent_type() { return GST_TYPE_PUSH_SRC; }
  static void class_init(GstPushSrcClass* push_class) {
    gstx::add_pad_template(GST_ELEMENT_CLASS(push_class), "src", GST_PAD_SRC, "application/x-hls");
    GST_BASE_SRC_CLASS(push_class)->start = gstx::streaming_vmethod<&CatchupPlaylistSrc::start>;
    push_class->create = gstx::streaming_vmethod<&CatchupPlaylistSrc::create>;
  }

  explicit CatchupPlaylistSrc(GstPushSrc* self) : Object(self) {}

 private:
  gboolean start();
  GstFlowReturn create(GstBuffer** buffer);
  Result<std::string> playlist() const;

  Settings in_use_;
  WindowRequest request_;
  std::optional<Archive> archive_;
  bool done_ = false;
};

gboolean CatchupPlaylistSrc::start() {
  in_use_ = settings().copy();
  done_ = false;
  auto archive = Archive::open(in_use_.location, in_use_.track);
  const auto request = window_request(in_use_.kind, in_use_.start, in_use_.end);
  if (!archive || !request) {
    gstx::post_error(element(), archive ? request.error() : archive.error());
    return FALSE;
  }
  archive_.emplace(std::move(*archive));
  request_ = *request;
  return TRUE;
}

Result<std::string> CatchupPlaylistSrc::playlist() const {
  AIRCHECK_TRY(const Window window, read_window(*archive_, request_, system_now()));
  return write_playlist(*archive_, window, {in_use_.kind, in_use_.base_url, in_use_.key_uri});
}

// In the streaming thread, because a disk may be slow.
GstFlowReturn CatchupPlaylistSrc::create(GstBuffer** buffer) {
  if (done_) return GST_FLOW_EOS;
  done_ = true;
  auto text = playlist();
  if (!text) {
    gstx::post_error(element(), text.error());
    return GST_FLOW_ERROR;
  }
  *buffer = gst_buffer_new_memdup(text->data(), text->size());
  GST_BUFFER_OFFSET(*buffer) = 0;
  return GST_FLOW_OK;
}

}  // namespace

bool register_catchupplaylistsrc(GstPlugin* plugin) {
  return gstx::register_element<CatchupPlaylistSrc>(plugin, "catchupplaylistsrc", GST_RANK_NONE);
}

}  // namespace aircheck::catchup
