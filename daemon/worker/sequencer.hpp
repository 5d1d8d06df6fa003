// Strings the passes of a looped source together on the output timeline: one picture for every frame, one block of
// samples for every AAC frame, whatever the source does. No clock inside: it runs as fast as it is asked.
#pragma once

#include <gst/gst.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/result.hpp"
#include "gstx/ref.hpp"
#include "worker/timeline.hpp"

namespace aircheck::worker {

// One pass of the source, being decoded. Used by one thread.
class Item {
 public:
  enum class Health { kOpening, kReady, kFailed };

  virtual ~Item() = default;
  // Never blocks.
  [[nodiscard]] virtual Health health() = 0;
  // The picture for an output frame of the pass; frames are asked in rising order. Blocks until it is decoded, for a
  // bounded time; the error says what is wrong with the source. Null where the source has no picture.
  virtual core::Result<gstx::Ref<GstBuffer>> video(std::int64_t frame_in_pass) = 0;
  // Interleaved stereo from this sample of the pass on, in rising order; silence where the source has no sound.
  virtual core::Result<void> audio(std::int64_t sample_in_pass, std::span<float> interleaved) = 0;
};

// Where frames and blocks go. False: nobody takes them any more.
class Output {
 public:
  virtual ~Output() = default;
  virtual bool video(std::int64_t frame, gstx::Ref<GstBuffer> picture) = 0;
  virtual bool audio(std::int64_t block, std::span<const float> interleaved) = 0;
};

class Sequencer {
 public:
  // Begins to decode a pass at one of its frames; comes back at once.
  using OpenItem = std::function<std::unique_ptr<Item>(std::int64_t frame_in_pass)>;
  using Warn = std::function<void(const std::string& code, const std::string& message)>;

  // Starts with the first frame and the first block at or after `start`. `black` stands in where there is no picture.
  Sequencer(Timeline timeline, core::Utc start, gstx::Ref<GstBuffer> black, OpenItem open, Output& output, Warn warn);

  // When the frame or block that emit() gives next begins.
  [[nodiscard]] core::Utc next_time() const;
  // False when the output takes no more.
  bool emit();

 private:
  // A pass that is or will be on air.
  struct Pass {
    std::unique_ptr<Item> item;
    std::int64_t number = 0;
    std::int64_t first_frame = 0;   // on air from here on: the pass's first frame, or where it was joined
    std::int64_t first_sample = 0;  // of first_frame
    bool joined_after_outage = false;
  };

  bool emit_video();
  bool emit_audio();
  void fill(std::int64_t first_sample, std::span<float> interleaved);
  void ramp(const Pass& pass, std::int64_t first_sample, std::span<float> interleaved) const;

  void prepare(std::int64_t frame);
  void open(std::int64_t frame);
  void settle_joins(std::int64_t frame);
  void drop_finished(std::int64_t frame);
  Pass* pass_on_air(std::int64_t number, std::int64_t frame);
  void fail(std::int64_t number, const core::Error& error);
  [[nodiscard]] gstx::Ref<GstBuffer> stand_in(std::int64_t frame) const;
  [[nodiscard]] std::int64_t seconds(std::int64_t count) const { return timeline_.frames_in_seconds(count); }

  const Timeline timeline_;
  const gstx::Ref<GstBuffer> black_;
  const OpenItem open_;
  Output& output_;
  const Warn warn_;

  std::int64_t next_frame_;
  std::int64_t next_block_;
  std::deque<Pass> passes_;  // the one on air and the one after it
  bool outage_ = false;
  std::int64_t retry_frame_ = 0;  // during an outage: when to try again
  std::int64_t hold_until_ = 0;   // the last picture stands until this frame
  gstx::Ref<GstBuffer> last_picture_;
};

}  // namespace aircheck::worker
