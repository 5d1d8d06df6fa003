// The output timeline of a channel: frames and samples on grids that are counted from 1970, and where in its looped
// source each of them lies. Pure arithmetic; positions are computed, never added up.
#pragma once

#include <cstdint>

#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::worker {

inline constexpr std::int64_t kSampleRate = 48'000;
inline constexpr std::int64_t kChannels = 2;
inline constexpr std::int64_t kBlockSamples = 1'024;  // one AAC frame

// Frames per second as a fraction; both positive.
struct FrameRate {
  std::int64_t numerator = 25;
  std::int64_t denominator = 1;

  friend bool operator==(const FrameRate&, const FrameRate&) = default;
};

// "25/1" or "25"; 1 to 120 frames per second.
core::Result<FrameRate> parse_frame_rate(std::string_view text);

// Where in the loop an output frame lies: the pass number since 1970 and the frame within the pass.
struct LoopPosition {
  std::int64_t pass = 0;
  std::int64_t frame = 0;

  friend bool operator==(const LoopPosition&, const LoopPosition&) = default;
};

class Timeline {
 public:
  // loop_frames: output frames of one pass, at least 1.
  Timeline(FrameRate rate, std::int64_t loop_frames) : rate_(rate), loop_frames_(loop_frames) {}

  [[nodiscard]] FrameRate rate() const { return rate_; }
  [[nodiscard]] std::int64_t loop_frames() const { return loop_frames_; }

  // Frame n begins at n x denominator / numerator seconds since 1970, rounded to nanoseconds.
  [[nodiscard]] core::Utc frame_time(std::int64_t frame) const;
  [[nodiscard]] std::int64_t first_frame_from(core::Utc utc) const;

  // Sample n is taken at n / 48000 s since 1970. A frame's sound begins with the first sample at or after its time.
  [[nodiscard]] std::int64_t first_sample_of(std::int64_t frame) const;

  // Block n holds the samples [n x 1024, (n + 1) x 1024).
  [[nodiscard]] static core::Utc block_time(std::int64_t block);
  [[nodiscard]] static std::int64_t first_block_from(core::Utc utc);

  // Position = UTC modulo the loop's length, in frames: a restart joins in progress.
  [[nodiscard]] LoopPosition position_of(std::int64_t frame) const;
  [[nodiscard]] std::int64_t first_frame_of_pass(std::int64_t pass) const { return pass * loop_frames_; }

  // Time from the start of a pass to one of its frames, in ns.
  [[nodiscard]] std::int64_t offset_of(std::int64_t frame_in_pass) const;
  // How many output frames `duration_ns` of source fill: the nearest whole number, at least 1.
  [[nodiscard]] static std::int64_t frames_in(FrameRate rate, std::int64_t duration_ns);
  // Frames of one second, rounded up.
  [[nodiscard]] std::int64_t frames_in_seconds(std::int64_t seconds) const;

 private:
  FrameRate rate_;
  std::int64_t loop_frames_;
};

// When a starting worker begins: the last slot start that is not after `now`, or, if that lies before what the segment
// store already holds or before `not_before`, the first slot start that does not.
[[nodiscard]] core::Utc choose_anchor(core::Utc now, core::Utc end_of_store, core::Utc not_before,
                                      std::int64_t target_ns);

}  // namespace aircheck::worker
