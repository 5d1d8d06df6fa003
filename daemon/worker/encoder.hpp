// The encoder side of a channel: one pipeline from a description, which never stops or relinks while it is on air.
#pragma once

#include <gst/app/gstappsrc.h>
#include <gst/gst.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/values.hpp"
#include "core/result.hpp"
#include "gstx/ref.hpp"
#include "worker/description.hpp"
#include "worker/sequencer.hpp"

namespace aircheck::worker {

class Encoder : public Output {
 public:
  // All on the main context.
  struct Events {
    std::function<void(const control::SegmentRow& row)> segment_closed;
    std::function<void(core::Utc until)> segment_lost;  // until: its end
    std::function<void(const core::Error& why)> failed;
    std::function<void()> drained;  // after end_of_stream(): every segment is closed
    std::function<void(const std::string& code, const std::string& message)> warning;
  };

  // Builds the pipeline and sets it going; it waits for what is pushed. `start` is the UTC of running time zero.
  static core::Result<std::unique_ptr<Encoder>> launch(const Description& description, const DescriptionValues& values,
                                                       const std::optional<control::Encryption>& encryption,
                                                       const ChannelSettings& settings, core::Utc start, Events events);
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
  // Main context only; nothing may push any more (see cancel()).
  ~Encoder() override;

  // Any one thread; they block while the encoder is busy and return false after cancel() or a failure.
  bool video(std::int64_t frame, gstx::Ref<GstBuffer> picture) override;
  bool audio(std::int64_t block, std::span<const float> interleaved) override;
  void end_of_stream();
  // Another key from the first key frame at or after an instant. Main context.
  core::Result<void> rotate(const Description& description, const control::Encryption& next, core::Utc from);
  // Ends the pipeline where it stands; pushes fail, also those that wait. Any thread.
  void cancel();

  // From a picture's arrival to its appearance at the sink, ns; 0 until the encoder knows.
  [[nodiscard]] std::int64_t latency_ns();

  // A black picture of the encoder's format.
  [[nodiscard]] static gstx::Ref<GstBuffer> black_picture(const Raster& raster);

 private:
  Encoder(gstx::Ref<GstElement> pipeline, const ChannelSettings& settings, core::Utc start, Events events);

  core::Result<void> start();
  bool push(GstAppSrc* source, gstx::Ref<GstBuffer> buffer, core::Utc begin, core::Utc end);
  void on_segment_closed(const GstStructure& message);
  void on_segment_dropped(const GstStructure& message);
  static gboolean on_message(GstBus*, GstMessage* message, gpointer self) noexcept;

  gstx::Ref<GstElement> pipeline_;
  gstx::Ref<GstAppSrc> video_;
  gstx::Ref<GstAppSrc> audio_;
  const Timeline timeline_;
  const core::Utc start_;
  const std::string segment_directory_;
  const Events events_;
  guint bus_watch_ = 0;
  bool segments_lost_ = false;  // since the last one that was written
};

}  // namespace aircheck::worker
