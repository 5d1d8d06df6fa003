#include "worker/sequencer.hpp"

#include <algorithm>
#include <array>

#include "control/values.hpp"

namespace aircheck::worker {
namespace {

constexpr std::int64_t kPrerollSeconds = 5;
constexpr std::int64_t kRetrySeconds = 2;  // between attempts, and how long an attempt may take
constexpr std::int64_t kHoldSeconds = 2;
constexpr std::int64_t kRampSamples = kSampleRate / 200;  // 5 ms: a cut does not click

}  // namespace

Sequencer::Sequencer(Timeline timeline, core::Utc start, gstx::Ref<GstBuffer> black, OpenItem open, Output& output,
                     Warn warn)
    : timeline_(timeline),
      black_(std::move(black)),
      open_(std::move(open)),
      output_(output),
      warn_(std::move(warn)),
      next_frame_(timeline_.first_frame_from(start)),
      next_block_(Timeline::first_block_from(start)) {}

core::Utc Sequencer::next_time() const {
  return std::min(timeline_.frame_time(next_frame_), Timeline::block_time(next_block_));
}

bool Sequencer::emit() {
  return timeline_.frame_time(next_frame_) <= Timeline::block_time(next_block_) ? emit_video() : emit_audio();
}

bool Sequencer::emit_video() {
  const std::int64_t frame = next_frame_;
  prepare(frame);
  const LoopPosition position = timeline_.position_of(frame);
  gstx::Ref<GstBuffer> picture;
  if (Pass* pass = pass_on_air(position.pass, frame)) {
    auto decoded = pass->item->video(position.frame);
    if (!decoded) {
      fail(position.pass, decoded.error());
      picture = stand_in(frame);
    } else {
      picture = *decoded ? *decoded : black_;
      last_picture_ = picture;
    }
  } else {
    picture = stand_in(frame);
  }
  ++next_frame_;
  drop_finished(frame);
  return output_.video(frame, std::move(picture));
}

bool Sequencer::emit_audio() {
  std::array<float, kBlockSamples * kChannels> block{};
  // Sound is asked for only where its picture was: a block may reach into the next frame, which may be the next pass.
  prepare(next_frame_);
  fill(next_block_ * kBlockSamples, block);
  return output_.audio(next_block_++, block);
}

void Sequencer::fill(std::int64_t first_sample, std::span<float> interleaved) {
  while (!interleaved.empty()) {
    // The frame in which the sample lies: the last one that begins at or before it.
    const std::int64_t frame =
        core::scale_floor(first_sample, timeline_.rate().numerator, timeline_.rate().denominator * kSampleRate);
    const std::int64_t number = timeline_.position_of(frame).pass;
    const std::int64_t pass_start = timeline_.first_sample_of(timeline_.first_frame_of_pass(number));
    const std::int64_t pass_end = timeline_.first_sample_of(timeline_.first_frame_of_pass(number + 1));
    const auto count = std::min<std::int64_t>(std::ssize(interleaved) / kChannels, pass_end - first_sample);
    const auto part = interleaved.first(static_cast<std::size_t>(count * kChannels));
    if (Pass* pass = pass_on_air(number, frame); pass != nullptr && first_sample >= pass->first_sample) {
      if (auto done = pass->item->audio(first_sample - pass_start, part); done) {
        ramp(*pass, first_sample, part);
      } else {
        std::ranges::fill(part, 0.0F);
        fail(number, done.error());
      }
    }
    first_sample += count;
    interleaved = interleaved.subspan(part.size());
  }
}

void Sequencer::ramp(const Pass& pass, std::int64_t first_sample, std::span<float> interleaved) const {
  const std::int64_t pass_end = timeline_.first_sample_of(timeline_.first_frame_of_pass(pass.number + 1));
  const std::int64_t last_sample = first_sample + std::ssize(interleaved) / kChannels;
  if (first_sample - pass.first_sample >= kRampSamples && pass_end - last_sample >= kRampSamples) return;
  for (std::int64_t sample = first_sample; sample < last_sample; ++sample) {
    const std::int64_t from_edge = std::min(sample - pass.first_sample, pass_end - 1 - sample);
    if (from_edge >= kRampSamples) continue;
    const float gain = static_cast<float>(from_edge) / static_cast<float>(kRampSamples);
    for (std::int64_t channel = 0; channel < kChannels; ++channel) {
      interleaved[static_cast<std::size_t>((sample - first_sample) * kChannels + channel)] *= gain;
    }
  }
}

void Sequencer::prepare(std::int64_t frame) {
  settle_joins(frame);
  // Opening goes on only when somebody asks.
  if (!passes_.empty() && passes_.back().first_frame > frame) static_cast<void>(passes_.back().item->health());
  if (outage_) {
    if (frame >= retry_frame_ && (passes_.empty() || passes_.back().first_frame <= frame)) {
      open(frame + seconds(kRetrySeconds));
    }
    return;
  }
  const LoopPosition position = timeline_.position_of(frame);
  if (pass_on_air(position.pass, frame) == nullptr) open(frame);
  const std::int64_t boundary = timeline_.first_frame_of_pass(position.pass + 1);
  if (boundary - frame <= seconds(kPrerollSeconds) && passes_.back().number == position.pass) open(boundary);
}

void Sequencer::open(std::int64_t frame) {
  const LoopPosition position = timeline_.position_of(frame);
  Pass pass;
  pass.item = open_(position.frame);
  pass.number = position.pass;
  pass.first_frame = frame;
  pass.first_sample = timeline_.first_sample_of(frame);
  pass.joined_after_outage = outage_;
  passes_.push_back(std::move(pass));
}

// An attempt to come back has until its first frame; after that the stand-in goes on without waiting for it.
void Sequencer::settle_joins(std::int64_t frame) {
  if (!outage_ || passes_.empty() || passes_.back().first_frame != frame) return;
  if (!passes_.back().joined_after_outage) return;
  if (passes_.back().item->health() == Item::Health::kReady) {
    outage_ = false;
    warn_(control::kSourceRecovered, "the source plays again");
    return;
  }
  passes_.pop_back();
  retry_frame_ = frame;
}

void Sequencer::drop_finished(std::int64_t frame) {
  const std::int64_t pass_on_screen = timeline_.position_of(frame).pass;
  while (!passes_.empty() && passes_.front().number < pass_on_screen) {
    const std::int64_t end = timeline_.first_sample_of(timeline_.first_frame_of_pass(passes_.front().number + 1));
    if (next_block_ * kBlockSamples < end) return;
    passes_.pop_front();
  }
}

Sequencer::Pass* Sequencer::pass_on_air(std::int64_t number, std::int64_t frame) {
  for (Pass& pass : passes_) {
    if (pass.number == number && pass.first_frame <= frame) return &pass;
  }
  return nullptr;
}

void Sequencer::fail(std::int64_t number, const core::Error& error) {
  warn_(control::kSourceFailed, error.message + "; black and silence until it plays again");
  outage_ = true;
  hold_until_ = next_frame_ + seconds(kHoldSeconds);
  retry_frame_ = next_frame_;
  // What was made ready from the same source goes with it: a pass that begins now would play without its check.
  std::erase_if(passes_, [number](const Pass& other) { return other.number >= number; });
}

gstx::Ref<GstBuffer> Sequencer::stand_in(std::int64_t frame) const {
  return last_picture_ && frame < hold_until_ ? last_picture_ : black_;
}

}  // namespace aircheck::worker
