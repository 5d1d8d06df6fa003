#include "worker/timeline.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace aircheck::worker {
namespace {

constexpr std::int64_t kMaxTerm = 1'000'000;  // UTC in units of the numerator stays below 2^53
constexpr std::int64_t kMaxRate = 120;

bool parse_positive(std::string_view text, std::int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 1 && value <= kMaxTerm;
}

std::int64_t ceil_div(std::int64_t value, std::int64_t divisor) {
  return core::scale_ceil(value, 1, divisor);
}

}  // namespace

core::Result<FrameRate> parse_frame_rate(std::string_view text) {
  FrameRate rate;
  const auto slash = text.find('/');
  const bool good = parse_positive(text.substr(0, slash), rate.numerator) &&
                    (slash == std::string_view::npos || parse_positive(text.substr(slash + 1), rate.denominator)) &&
                    rate.numerator >= rate.denominator && rate.numerator <= kMaxRate * rate.denominator;
  if (good) return rate;
  return core::fail(core::Code::kInvalidArgument, "framerate '" + std::string(text) +
                                                      "': give 1 to 120 frames per second as a fraction such as 25/1");
}

core::Utc Timeline::frame_time(std::int64_t frame) const {
  return core::Utc{core::scale_round(frame, rate_.denominator * core::kNsPerSecond, rate_.numerator)};
}

std::int64_t Timeline::first_frame_from(core::Utc utc) const {
  return core::scale_ceil(utc.ns, rate_.numerator, rate_.denominator * core::kNsPerSecond);
}

std::int64_t Timeline::first_sample_of(std::int64_t frame) const {
  return core::scale_ceil(frame, rate_.denominator * kSampleRate, rate_.numerator);
}

core::Utc Timeline::block_time(std::int64_t block) {
  return core::Utc{core::scale_round(block * kBlockSamples, core::kNsPerSecond, kSampleRate)};
}

std::int64_t Timeline::first_block_from(core::Utc utc) {
  return ceil_div(core::scale_ceil(utc.ns, kSampleRate, core::kNsPerSecond), kBlockSamples);
}

LoopPosition Timeline::position_of(std::int64_t frame) const {
  return {frame / loop_frames_, frame % loop_frames_};
}

std::int64_t Timeline::offset_of(std::int64_t frame_in_pass) const {
  return frame_time(frame_in_pass).ns;
}

std::int64_t Timeline::frames_in(FrameRate rate, std::int64_t duration_ns) {
  const auto frames = core::scale_round(duration_ns, rate.numerator, rate.denominator * core::kNsPerSecond);
  return std::max<std::int64_t>(1, frames);
}

std::int64_t Timeline::frames_in_seconds(std::int64_t seconds) const {
  return core::scale_ceil(seconds, rate_.numerator, rate_.denominator);
}

core::Utc choose_anchor(core::Utc now, core::Utc end_of_store, core::Utc not_before, std::int64_t target_ns) {
  const core::Utc earliest = std::max(end_of_store, not_before);
  const core::Utc present = core::slot_start(core::slot_of(now, target_ns), target_ns);
  if (present >= earliest) return present;
  return core::Utc{ceil_div(earliest.ns, target_ns) * target_ns};
}

}  // namespace aircheck::worker
