// A disposable pipeline that decodes one file to the channel's raster, frame rate apart, and 48 kHz stereo.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "core/result.hpp"
#include "core/time.hpp"
#include "gstx/ref.hpp"
#include "worker/clock.hpp"

namespace aircheck::worker {

// The picture format that every item is brought to; letterboxed, square pixels.
struct Raster {
  int width = 640;
  int height = 360;

  friend bool operator==(const Raster&, const Raster&) = default;
};

// bt601 below 720 lines, bt709 from there on: what decoders assume where a file says nothing.
[[nodiscard]] const char* colorimetry_of(const Raster& raster);

// A decoded buffer and where it lies on the file's own timeline, ns.
struct Decoded {
  gstx::Ref<GstBuffer> buffer;
  std::int64_t time = 0;
  std::optional<std::int64_t> duration;
  std::int64_t stamp = 0;  // as in the container, which may not begin at 0
};

// Used by one thread. What goes on in GStreamer's own threads reaches it through the bus, which it looks at itself.
class Decoder {
 public:
  // Begins to open the file; `from_ns`: seek there first, accurately. Comes back at once; nothing is checked yet. Once
  // `interruption` is interrupted, nobody waits for longer than half a second; null: there is none.
  Decoder(const std::string& path, Raster raster, std::optional<std::int64_t> from_ns,
          std::shared_ptr<Interruption> interruption = nullptr);
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder();

  // Until the file is open and its streams are known. The error names the file and the remedy.
  core::Result<void> wait_ready(std::int64_t timeout_ns);
  enum class Health { kOpening, kReady, kFailed };
  // Never blocks. Opening goes on only when this or wait_ready() is called now and then.
  [[nodiscard]] Health health();

  // After wait_ready(). The first video and the first audio stream that can be decoded.
  [[nodiscard]] bool has_video() const { return static_cast<bool>(graph_->video.sink); }
  [[nodiscard]] bool has_audio() const { return static_cast<bool>(graph_->audio.sink); }
  [[nodiscard]] std::optional<std::int64_t> container_duration() const;
  // Goes on from another place: to the key frame before it, quickly.
  core::Result<void> seek_near(std::int64_t time_ns);

  // The next buffer; nothing at the end of the stream; kTimeout when none came in time.
  core::Result<std::optional<Decoded>> next_video(std::int64_t timeout_ns) { return next(graph_->video, timeout_ns); }
  core::Result<std::optional<Decoded>> next_audio(std::int64_t timeout_ns) { return next(graph_->audio, timeout_ns); }
  // The file says that no sound lies before this time, although none of it has come yet.
  [[nodiscard]] std::int64_t silent_until() const { return graph_->silent_until; }

 private:
  struct Stream {
    gstx::Ref<GstAppSink> sink;
    std::int64_t next_time = 0;  // for a buffer without a time stamp: the end of the one before
  };

  // What GStreamer's threads reach. They may outlive the decoder: a read that hangs is not waited for.
  struct Graph {
    Raster raster;
    GstElement* pipeline = nullptr;  // as long as there are such threads
    Stream video;                    // the sinks are set before the pipeline has prerolled, and never after
    Stream audio;
    std::atomic<std::int64_t> silent_until{-1};
  };
  using SharedGraph = std::shared_ptr<Graph>;

  core::Result<std::optional<Decoded>> next(Stream& stream, std::int64_t timeout_ns);
  void read_bus(std::int64_t timeout_ns);
  void play();
  [[nodiscard]] bool waited_enough(std::int64_t waited_ns, std::int64_t timeout_ns) const;

  // One owner of the graph, for a callback's data.
  static gpointer share(const SharedGraph& graph);
  static void unshare(gpointer graph) noexcept;
  static void add_branch(const SharedGraph& graph, GstPad* pad, const std::string& description, Stream& stream);
  static void on_pad_added(GstElement*, GstPad* pad, gpointer graph) noexcept;
  static GstPadProbeReturn on_audio_event(GstPad* pad, GstPadProbeInfo* info, gpointer graph) noexcept;

  const std::string path_;
  const std::optional<std::int64_t> from_ns_;
  const std::shared_ptr<Interruption> interruption_;
  gstx::Ref<GstElement> pipeline_;
  gstx::Ref<GstBus> bus_;
  SharedGraph graph_;
  Health health_ = Health::kOpening;
  std::optional<core::Error> error_;
  bool missing_decoder_ = false;
  bool stalled_ = false;
};

// The sentence for a person when GStreamer could not play `path`. missing_decoder: it holds video or audio of a kind
// that no installed plugin decodes.
[[nodiscard]] core::Error explain(const std::string& path, const GError& error, bool missing_decoder);

}  // namespace aircheck::worker
