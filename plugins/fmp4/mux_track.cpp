#include "fmp4/mux_track.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/time.hpp"

namespace aircheck::fmp4 {
namespace {

using core::kNsPerSecond;

// H.264 reorders by at most 16 frames (annex A.3.1: MaxDpbFrames).
constexpr std::size_t kMaxReorder = 16;

// A source that wants a frame decoded so long before it is shown does not know its times.
constexpr std::int64_t kMaxDelaySeconds = 10;

// An audio frame that begins this close to the end of the last one follows it: containers round times to ms.
constexpr std::uint32_t kAudioSnapsPerSecond = 500;

// What lies this much before the sample in front of it has a wrong time; less is the rounding of a container.
constexpr std::int64_t kRoundingPerSecond = 500;

// Frames of Opus last a multiple of 2.5 ms (RFC 6716 section 2.1.4).
constexpr std::uint32_t kOpusUnit = 120;

std::int64_t to_units(std::int64_t ns, std::uint32_t timescale) {
  return core::scale_round(ns, timescale, kNsPerSecond);
}
std::int64_t to_ns(std::int64_t units, std::uint32_t timescale) {
  return core::scale_round(units, kNsPerSecond, timescale);
}

// What holds for all samples to come of the format of these.
std::int64_t announced_delay(std::span<const MuxSample> samples) {
  const MuxSample& first = samples.front();
  if (first.source_delay) return *first.source_delay;
  const TrackConfig& config = *first.config;
  const std::size_t depth = config.reorder_depth.value_or(0);
  if (config.nominal_duration != 0) {
    // Containers without decode times round to milliseconds, and two rounded times may lie as much as this apart.
    const auto units = static_cast<std::int64_t>(depth * config.nominal_duration);
    return core::scale_ceil(core::scale_ceil(units, 1000, config.timescale), config.timescale, 1000);
  }
  std::int64_t longest = 0;
  for (std::size_t i = depth; i < samples.size(); ++i) {
    longest = std::max(longest, samples[i].decode - samples[i - depth].decode);
  }
  return longest;
}

}  // namespace

std::int64_t MuxSample::end_ns() const {
  return to_ns(decode + duration, config->timescale);
}

void MuxTrack::set_config(TrackConfig config) {
  if (config_) config.tags = config_->tags;
  if (config_ && *config_ == config) return;
  if (config_ && !config.key.key_id) config.key = config_->key;
  release_all();
  if (!config_ || !config_->same_media(config)) {
    config.tags = tags_;
    has_samples_ = false;
    if (config_) ++media_;
  }
  config_ = std::make_shared<const TrackConfig>(std::move(config));
}

void MuxTrack::merge_tags(const GstTagList* list) {
  tags_.merge(list);
  if (!config_ || has_samples_ || config_->tags == tags_) return;
  TrackConfig config = *config_;
  config.tags = tags_;
  config_ = std::make_shared<const TrackConfig>(std::move(config));
}

MuxSample MuxTrack::timed(IncomingSample& incoming) {
  if (incoming.key && config_->key != *incoming.key) {
    TrackConfig config = *config_;
    config.key = *incoming.key;
    set_config(std::move(config));
  }
  has_samples_ = true;
  MuxSample sample;
  sample.buffer = std::move(incoming.buffer);
  sample.protection = std::move(incoming.protection);
  sample.config = config_;
  sample.media = media_;
  sample.sync = incoming.sync;
  sample.presentation = to_units(incoming.presentation_ns, config_->timescale);
  sample.duration_known = incoming.duration_ns.has_value() || kind_ == TrackKind::kAudio;
  sample.duration = config_->nominal_duration;
  if (incoming.duration_ns) {
    sample.duration = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(to_units(*incoming.duration_ns, config_->timescale), 0, UINT32_MAX));
  }
  return sample;
}

void MuxTrack::push(IncomingSample incoming) {
  const auto decode_ns = incoming.decode_ns;
  MuxSample sample = timed(incoming);
  if (kind_ == TrackKind::kAudio) {
    push_audio(std::move(sample), incoming);
  } else {
    std::optional<std::int64_t> decode;
    if (decode_ns) decode = to_units(*decode_ns, config_->timescale);
    has_decode_times_ = decode.has_value();
    if (decode) sample.source_delay = sample.presentation - *decode;
    push_video(std::move(sample), decode);
  }
}

// The length of an audio frame that a source gives with the rounding of its time stamps.
std::uint32_t MuxTrack::whole_frame(std::uint32_t duration) const {
  const std::uint32_t nominal = config_->nominal_duration;
  const std::uint32_t tolerance = config_->timescale / kAudioSnapsPerSecond;
  if (config_->codec == Codec::kOpus && duration != 0) {
    return std::max((duration + kOpusUnit / 2) / kOpusUnit, 1U) * kOpusUnit;
  }
  const bool close = duration + tolerance >= nominal && duration <= nominal + tolerance;
  return duration == 0 || close ? nominal : duration;
}

void MuxTrack::push_audio(MuxSample sample, const IncomingSample& incoming) {
  const std::int64_t tolerance = config_->timescale / kAudioSnapsPerSecond;
  const std::uint32_t clipped = incoming.clip_start + incoming.clip_end;
  // What is clipped an encoder leaves out of the duration, and a demuxer may not. A frame that is clipped behind is
  // told to be shorter than it is.
  const std::uint32_t usual = whole_frame(last_interval_);
  const bool left_out = sample.duration != 0 && sample.duration + tolerance < usual;
  const std::uint32_t frame = whole_frame(sample.duration + (left_out ? clipped : 0));
  sample.duration = frame - std::min(incoming.clip_end, frame - 1);
  sample.presentation -= incoming.clip_start;
  if (!priming_end_) priming_end_ = encoder_delay_ > 0 ? sample.presentation : INT64_MIN;
  sample.decode = sample.presentation - encoder_delay_;
  if (!incoming.discont && last_decode_ && last_timescale_ == config_->timescale) {
    const std::int64_t follows = *last_decode_ + last_interval_;
    if (std::abs(sample.decode - follows) <= tolerance) sample.decode = follows;
  }
  sample.presentation = sample.decode;
  last_ns_ = to_ns(sample.presentation, sample.config->timescale);
  const bool priming = sample.decode + sample.duration <= *priming_end_;
  if (!in_order(sample)) return;
  last_interval_ = frame;
  if (!priming) make_ready(std::move(sample));
}

void MuxTrack::push_video(MuxSample sample, std::optional<std::int64_t> decode) {
  last_ns_ = to_ns(sample.presentation, sample.config->timescale);
  if (sample.sync) release_all();  // nothing before an IDR in decode order is presented after it
  times_.push(sample.presentation);
  waiting_.push_back(std::move(sample));
  // The smallest time is final when nothing to come can be presented before it: later frames are presented at or
  // after their decode times, which are later than this one's.
  while (!times_.empty() && (decode ? times_.top() <= *decode : times_.size() > kMaxReorder)) release_first();
}

void MuxTrack::release_first() {
  MuxSample sample = std::move(waiting_.front());
  waiting_.pop_front();
  sample.decode = times_.top();
  times_.pop();
  const std::int64_t before = last_decode_.value_or(sample.decode);
  if (!in_order(sample)) return;
  if (sample.decode > before) {
    last_interval_ = static_cast<std::uint32_t>(std::min<std::int64_t>(sample.decode - before, UINT32_MAX));
  }
  if (sample.duration == 0) sample.duration = last_interval_;
  make_ready(std::move(sample));
}

// Decode times never go back, whatever the source says: a little is put right, a second or more is dropped.
bool MuxTrack::in_order(MuxSample& sample) {
  const std::uint32_t timescale = sample.config->timescale;
  if (last_decode_ && last_timescale_ == timescale) {
    if (sample.decode < *last_decode_ - timescale) {
      ++dropped_;
      return false;
    }
    const std::int64_t late = *last_decode_ + 1 - sample.decode;
    if (late > timescale / kRoundingPerSecond) {
      ++moved_;
      sample.presentation += late;
    }
    sample.decode = std::max(sample.decode, *last_decode_ + 1);
  }
  last_decode_ = sample.decode;
  last_timescale_ = timescale;
  return true;
}

void MuxTrack::release_all() {
  while (!waiting_.empty()) release_first();
}

void MuxTrack::make_ready(MuxSample sample) {
  sample.presentation_ns = to_ns(sample.presentation, sample.config->timescale);
  sample.decode_ns = to_ns(sample.decode, sample.config->timescale);
  if (origin_ns_ == INT64_MIN) origin_ns_ = sample.decode_ns;
  known_ns_ = std::max(known_ns_, sample.end_ns());
  if (sample.decode_ns < discard_before_ns_ || (wait_for_sync_ && !sample.sync)) {
    ++dropped_;
    return;
  }
  wait_for_sync_ = left_behind_ = false;
  ready_.push_back(std::move(sample));
}

void MuxTrack::gap_until(std::int64_t utc_ns) {
  // Without decode times a demuxer cannot know what its reordered frames leave empty: matroskademux announces gaps that
  // frames then fall into.
  if (kind_ == TrackKind::kVideo && config_ != nullptr && !has_decode_times_) return;
  while (!times_.empty() && to_ns(times_.top(), config_->timescale) <= utc_ns) release_first();
  gap_end_ns_ = std::max(gap_end_ns_, utc_ns);
  known_ns_ = std::max(known_ns_, utc_ns);
}

void MuxTrack::end() {
  release_all();
  ended_ = true;
}

std::int64_t MuxTrack::decode_lead(std::span<const MuxSample> samples) {
  const auto& config = samples.front().config;
  if (lead_media_ != samples.front().media) {
    const std::int64_t most = kMaxDelaySeconds * config->timescale;
    decode_lead_ = std::clamp<std::int64_t>(announced_delay(samples), 0, most);
    for (const MuxSample& sample : samples) decode_lead_ = std::max(decode_lead_, sample.decode - sample.presentation);
    decode_lead_ = std::min(decode_lead_, most);
  }
  lead_media_ = samples.front().media;
  return decode_lead_;
}

void MuxTrack::flush() {
  MuxTrack fresh(id_, kind_, std::move(name_));
  fresh.lead_media_ = lead_media_;
  fresh.media_ = media_;
  fresh.tags_ = std::move(tags_);
  fresh.has_samples_ = has_samples_;
  fresh.decode_lead_ = decode_lead_;
  fresh.config_ = std::move(config_);
  fresh.encoder_delay_ = encoder_delay_;
  *this = std::move(fresh);
}

void MuxTrack::discard_before(std::int64_t utc_ns) {
  discard_before_ns_ = std::max(discard_before_ns_, utc_ns);
  wait_for_sync();
  while (!ready_.empty() && (ready_.front().decode_ns < utc_ns || (wait_for_sync_ && !ready_.front().sync))) {
    ++dropped_;
    ready_.pop_front();
  }
  if (!ready_.empty()) wait_for_sync_ = false;
}

}  // namespace aircheck::fmp4
