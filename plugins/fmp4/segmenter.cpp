#include "fmp4/segmenter.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace aircheck::fmp4 {
namespace {

using core::kNsPerSecond;

constexpr std::int64_t kHoleNs = kNsPerSecond / 2;

// Index of the first sample that begins at or after utc_ns.
std::size_t first_from(const std::deque<MuxSample>& samples, std::int64_t utc_ns) {
  if (samples.empty() || samples.back().decode_ns < utc_ns) return samples.size();  // mostly: asked for each sample
  const auto found =
      std::ranges::partition_point(samples, [utc_ns](const MuxSample& sample) { return sample.decode_ns < utc_ns; });
  return static_cast<std::size_t>(found - samples.begin());
}

bool is_hole(const MuxSample& before, const MuxSample& after, std::int64_t longest_ns) {
  return before.duration_known && after.decode_ns - before.end_ns() > longest_ns;
}

// A sample's duration reaches to the next one, so that nothing accumulates; the last one's only if `next` is given.
void set_durations(std::vector<MuxSample>& samples, const MuxSample* next) {
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const bool last = i + 1 == samples.size();
    const MuxSample* following = last ? next : &samples[i + 1];
    if (following == nullptr || following->config->timescale != samples[i].config->timescale) continue;
    samples[i].duration =
        static_cast<std::uint32_t>(std::clamp<std::int64_t>(following->decode - samples[i].decode, 0, UINT32_MAX));
  }
}

}  // namespace

void Segmenter::reset() {
  if (open_) discontinuity_ = true;
  open_ = false;
  origin_ns_ = INT64_MIN;
  interrupted_ns_.reset();
  cuts_.clear();
}

void Segmenter::request_cut(std::int64_t utc_ns) {
  cuts_.insert(std::ranges::upper_bound(cuts_, utc_ns), utc_ns);
}

// A segment begins here: what was asked for up to this time is done.
void Segmenter::forget_cuts_until(std::int64_t utc_ns) {
  cuts_.erase(cuts_.begin(), std::ranges::upper_bound(cuts_, utc_ns));
}

// A track that has brought nothing at all stands where the first one began.
bool Segmenter::stalled(const MuxTrack& track, Tracks tracks) const {
  if (track.ended() || origin_ns_ == INT64_MIN) return false;
  std::int64_t last = INT64_MIN;
  for (const MuxTrack* other : tracks) last = std::max(last, other->known_ns());
  return last - std::max(track.known_ns(), origin_ns_) > kStalledNs;
}

bool Segmenter::reached(const MuxTrack& track, Tracks tracks, std::int64_t utc_ns) const {
  const auto& ready = track.ready();
  if (!ready.empty() && (ready.back().decode_ns >= utc_ns || ready.back().config != ready.front().config)) return true;
  return impatient_ || track.ended() || track.gap_end_ns() >= utc_ns || track.waits_for_sync() ||
         stalled(track, tracks);
}

bool Segmenter::all_reached(Tracks tracks, const MuxTrack* except, std::int64_t utc_ns) const {
  return std::ranges::all_of(tracks,
                             [&](const MuxTrack* track) { return track == except || reached(*track, tracks, utc_ns); });
}

// Whether the track can say nothing about where this segment ends.
bool Segmenter::exhausted(const MuxTrack& track, Tracks tracks) const {
  if (first_from(track.ready(), scan_ns_) < track.ready().size()) return false;
  const bool silent = track.gap_end_ns() > start_ns_ + rules_.max_duration_s * kNsPerSecond;
  return impatient_ || track.ended() || silent || track.waits_for_sync() || stalled(track, tracks);
}

MuxTrack* Segmenter::reference(Tracks tracks) {
  for (const TrackKind kind : {TrackKind::kVideo, TrackKind::kAudio}) {
    for (MuxTrack* track : tracks) {
      if (track->kind() == kind && !exhausted(*track, tracks)) return track;
      // What another track decides from here on lies behind what this one has brought.
      if (track->kind() == kind && !track->ready().empty()) {
        scan_ns_ = std::max(scan_ns_, track->ready().back().end_ns());
      }
    }
  }
  return nullptr;
}

void Segmenter::leave_out_first(MuxTrack& track) {
  ++left_out_.samples;
  left_out_.until_ns = std::max(left_out_.until_ns, track.ready().front().end_ns());
  track.ready().pop_front();
}

// While no IDR comes, sound is kept for as long as a stalled track is waited for.
void Segmenter::leave_out_sound_before(std::int64_t pictures_end_ns, Tracks tracks) {
  if (pictures_end_ns == INT64_MIN) return;
  for (MuxTrack* track : tracks) {
    if (track->kind() != TrackKind::kAudio) continue;
    while (!track->ready().empty() && track->ready().front().decode_ns < pictures_end_ns - kStalledNs) {
      leave_out_first(*track);
    }
  }
}

std::optional<Segmenter::LeftOut> Segmenter::take_left_out(Tracks tracks) {
  if (left_out_.samples == 0) return std::nullopt;
  const bool over = open_ || std::ranges::all_of(tracks, [](const MuxTrack* track) { return track->ended(); });
  const bool long_wait = !waiting_was_told_ && left_out_.until_ns - origin_ns_ > kStalledNs;
  if (!over && !long_wait) return std::nullopt;
  waiting_was_told_ = !over;
  return std::exchange(left_out_, {});
}

// Of a track that has nothing with which a segment may begin. Another video track does not wait for its IDR for ever.
bool Segmenter::may_open_without(MuxTrack& track, Tracks tracks) {
  if (track.ended() || track.gap_end_ns() != INT64_MIN || track.waits_for_sync()) return true;
  const bool no_idr =
      track.kind() == TrackKind::kVideo && track.known_ns() != INT64_MIN &&
      track.known_ns() - origin_ns_ > kStalledNs && std::ranges::any_of(tracks, [](const MuxTrack* other) {
        return other->kind() == TrackKind::kVideo && !other->ready().empty() && other->ready().front().sync;
      });
  if (!no_idr && !stalled(track, tracks)) return false;
  track.wait_for_sync();
  leave_behind(track);
  return true;
}

void Segmenter::leave_behind(MuxTrack& track) {
  if (track.leave_behind()) left_behind_.push_back(track.name());
}

bool Segmenter::open(Tracks tracks) {
  for (MuxTrack* track : tracks) {
    if (origin_ns_ == INT64_MIN && !track->ready().empty()) origin_ns_ = track->ready().front().decode_ns;
    if (track->kind() == TrackKind::kVideo && !interrupted_ns_) {
      while (!track->ready().empty() && !track->ready().front().sync) leave_out_first(*track);
    }
  }
  MuxTrack* first = nullptr;
  for (MuxTrack* track : tracks) {
    if (track->ready().empty() && !may_open_without(*track, tracks)) {
      leave_out_sound_before(track->known_ns(), tracks);
      return false;
    }
    const bool better = first == nullptr || (first->kind() == TrackKind::kAudio && track->kind() == TrackKind::kVideo);
    if (!track->ready().empty() && better) first = track;
  }
  if (first == nullptr) return false;
  open_ = true;
  const MuxSample& sample = first->ready().front();
  start_ns_ = std::min(sample.decode_ns, sample.presentation_ns);
  if (sample.sync) last_slot_ = core::slot_of(core::Utc{sample.presentation_ns}, rules_.slot_ns);
  first_scan_ns_ = scan_ns_ = sample.decode_ns + 1;
  independent_ = sample.sync;
  cause_ = interrupted_ns_ ? Cause::kInterruption : Cause::kSlot;
  if (interrupted_ns_) discontinuity_ = start_ns_ - *std::exchange(interrupted_ns_, std::nullopt) > kHoleNs;
  forget_cuts_until(sample.presentation_ns);
  for (MuxTrack* track : tracks) {
    auto& ready = track->ready();
    while (track != first && !ready.empty() && ready.front().decode_ns < start_ns_ - kHoleNs) leave_out_first(*track);
  }
  return true;
}

// The earliest time at which another track's value is not that of its first sample.
template <typename Value>
std::int64_t Segmenter::change_ns(Tracks tracks, const MuxTrack* except, Value MuxSample::*value) {
  std::int64_t earliest = INT64_MAX;
  for (const MuxTrack* track : tracks) {
    const auto& ready = track->ready();
    if (track == except || ready.empty() || ready.front().*value == ready.back().*value) continue;
    const auto changed =
        std::ranges::find_if(ready, [&](const MuxSample& one) { return one.*value != ready.front().*value; });
    earliest = std::min(earliest, changed->decode_ns);
  }
  return earliest;
}

// What was found to be inside the segment before a change on a slower track was known.
void Segmenter::look_again_at_changes(Tracks tracks) {
  const std::int64_t changed_ns = change_ns(tracks, nullptr, &MuxSample::config);
  scan_ns_ = std::min(scan_ns_, std::max(changed_ns, first_scan_ns_));
}

// Whether the segment ends at this sample because another track's key has changed.
Segmenter::Verdict Segmenter::judge_keys(Tracks tracks, const MuxTrack& reference, std::size_t index) const {
  const auto& ready = reference.ready();
  const std::int64_t changed_ns = change_ns(tracks, &reference, &MuxSample::config);
  if (ready[index].decode_ns < changed_ns) return Verdict::kInside;
  if (ready[index].sync) return Verdict::kCut;
  const std::int64_t until_ns = changed_ns + kKeySeamNs;
  const auto idr =
      std::find_if(ready.begin() + static_cast<std::ptrdiff_t>(index), ready.end(), std::mem_fn(&MuxSample::sync));
  if (idr != ready.end() && idr->decode_ns <= until_ns) return Verdict::kInside;
  return reached(reference, tracks, until_ns) ? Verdict::kCut : Verdict::kUnknown;
}

Segmenter::Verdict Segmenter::judge(Tracks tracks, MuxTrack& reference, std::size_t index, Boundary& boundary) const {
  const auto& ready = reference.ready();
  const MuxSample& sample = ready[index];
  const MuxSample* before = index > 0 ? &ready[index - 1] : nullptr;
  boundary.reference = &reference;
  boundary.index = index;
  boundary.sync = sample.sync;
  boundary.presentation_ns = sample.sync ? sample.presentation_ns : sample.decode_ns;
  // Pictures that lead it are presented before it and belong to its segment.
  boundary.utc_ns = std::min(sample.decode_ns, boundary.presentation_ns);
  boundary.end_ns = boundary.utc_ns;

  const std::int64_t silent_from = before != nullptr ? before->end_ns() : scan_ns_;
  // A video frame may be shown for long: while nothing else runs beside it, as long as a segment may be.
  const bool alone = reference.kind() == TrackKind::kVideo && !std::ranges::any_of(tracks, [&](const MuxTrack* track) {
                       return track != &reference && !(track->ended() && track->ready().empty());
                     });
  const std::int64_t limit_ns = rules_.max_duration_s * kNsPerSecond + kNsPerSecond / 2;
  const std::int64_t longest_ns = alone ? limit_ns : kHoleNs;
  const bool far =
      before != nullptr ? is_hole(*before, sample, longest_ns) : sample.decode_ns - silent_from > longest_ns;
  if (far) {
    if (!all_reached(tracks, &reference, sample.decode_ns)) return Verdict::kUnknown;
    const bool others_go_on = std::ranges::any_of(tracks, [&](const MuxTrack* track) {
      const std::size_t next = track == &reference ? 0 : first_from(track->ready(), silent_from + kHoleNs);
      return track != &reference && next < track->ready().size() && track->ready()[next].decode_ns < sample.decode_ns;
    });
    if (!others_go_on) {
      boundary.end_ns = silent_from;
      boundary.cause = Cause::kHole;
      return Verdict::kCut;
    }
  }
  const std::int64_t slot = core::slot_of(core::Utc{sample.presentation_ns}, rules_.slot_ns);
  const bool format = before != nullptr && before->config != sample.config;
  const bool too_long = sample.end_ns() - start_ns_ >= limit_ns;
  const bool others_format = change_ns(tracks, &reference, &MuxSample::media) <= sample.decode_ns;
  const bool asked = !cuts_.empty() && cuts_.front() <= sample.presentation_ns;
  const Verdict keys = judge_keys(tracks, reference, index);
  const bool new_key = keys == Verdict::kCut || (format && before->media == sample.media);
  boundary.cause = new_key                   ? Cause::kNewKey
                   : format || others_format ? Cause::kNewFormat
                   : too_long                ? Cause::kTooLong
                                             : Cause::kSlot;
  const bool cut = format || others_format || too_long || (sample.sync && (asked || slot > last_slot_));
  return cut ? Verdict::kCut : keys;
}

// Audio that ends a little after the video stays in the video's last segment.
bool Segmenter::may_be_tail(Tracks tracks, const MuxTrack& track) const {
  return track.kind() == TrackKind::kAudio && std::ranges::any_of(tracks, [&](const MuxTrack* other) {
           return other->kind() == TrackKind::kVideo && other->ended() && !other->ready().empty() &&
                  track.known_ns() - other->ready().back().end_ns() <= kHoleNs;
         });
}

std::optional<Segmenter::Boundary> Segmenter::find_boundary(Tracks tracks) {
  look_again_at_changes(tracks);
  for (;;) {
    MuxTrack* const track = reference(tracks);
    if (track == nullptr || (track->ended() && may_be_tail(tracks, *track))) {
      const bool over = std::ranges::all_of(tracks, [](const MuxTrack* one) { return one->ended(); });
      if (!over) return std::nullopt;
      const std::int64_t end = final_end_ns(tracks);
      return Boundary{.utc_ns = end, .end_ns = end};
    }
    const std::size_t index = first_from(track->ready(), scan_ns_);
    if (index == track->ready().size() || may_be_tail(tracks, *track)) return std::nullopt;
    Boundary boundary;
    switch (judge(tracks, *track, index, boundary)) {
      case Verdict::kUnknown: return std::nullopt;
      case Verdict::kInside: scan_ns_ = track->ready()[index].decode_ns + 1; continue;
      case Verdict::kCut:
        if (!all_reached(tracks, track, boundary.utc_ns + (boundary.cause == Cause::kNewKey ? kKeySeamNs : 0)))
          return std::nullopt;
        return boundary;
    }
  }
}

// The end of the first track with samples, video before audio, unless another goes on for long.
std::int64_t Segmenter::final_end_ns(Tracks tracks) const {
  std::int64_t end = INT64_MIN;
  std::int64_t last = INT64_MIN;
  for (const TrackKind kind : {TrackKind::kVideo, TrackKind::kAudio}) {
    for (const MuxTrack* track : tracks) {
      if (track->kind() != kind || track->ready().empty()) continue;
      const std::int64_t own = track->ready().back().end_ns();
      if (end == INT64_MIN) end = own;
      last = std::max(last, own);
    }
  }
  return last - end > kHoleNs ? last : end;
}

// How many of the track's samples belong to the segment that ends there.
std::size_t Segmenter::samples_before(const MuxTrack& track, const Boundary& boundary) {
  const auto& ready = track.ready();
  const std::size_t count = boundary.reference == nullptr  ? ready.size()
                            : &track == boundary.reference ? boundary.index
                                                           : first_from(ready, boundary.utc_ns);
  const auto changed =
      std::ranges::find_if(ready, [&](const MuxSample& sample) { return sample.config != ready.front().config; });
  const auto same = static_cast<std::size_t>(changed - ready.begin());
  if (same <= count || changed == ready.end()) return std::min(same, count);
  // The last samples under the old key, where the other track has changed a little earlier.
  const bool follows_soon = changed->media == ready.front().media && changed->decode_ns - boundary.utc_ns <= kKeySeamNs;
  return boundary.cause == Cause::kNewKey && &track != boundary.reference && follows_soon ? same : count;
}

Segment Segmenter::close(Tracks tracks, const Boundary& boundary) {
  Segment segment;
  segment.start = core::Utc{start_ns_};
  segment.duration_ns = boundary.end_ns - start_ns_;
  segment.discontinuity = discontinuity_;
  segment.independent = independent_;
  segment.cause = cause_;
  for (MuxTrack* track : tracks) {
    auto& ready = track->ready();
    const std::size_t count = samples_before(*track, boundary);
    const bool late = stalled(*track, tracks);
    if (count > 0) {
      TrackSlice slice{track, track->id(), {}, 0};
      slice.samples.reserve(count);
      const auto end = ready.begin() + static_cast<std::ptrdiff_t>(count);
      std::move(ready.begin(), end, std::back_inserter(slice.samples));
      ready.erase(ready.begin(), end);
      slice.decode_lead = track->decode_lead(slice.samples);
      const MuxSample* next = ready.empty() ? nullptr : &ready.front();
      const bool audio = track->kind() == TrackKind::kAudio;
      const bool hole = track == boundary.reference ? boundary.end_ns != boundary.utc_ns
                        : audio && next != nullptr  ? is_hole(slice.samples.back(), *next, kHoleNs)
                                                    : false;
      set_durations(slice.samples, hole ? nullptr : next);
      segment.tracks.push_back(std::move(slice));
    }
    if (late) {
      track->discard_before(boundary.utc_ns);
      leave_behind(*track);
    }
  }
  open_ = boundary.reference != nullptr;
  discontinuity_ = boundary.end_ns != boundary.utc_ns;
  independent_ = boundary.sync;
  cause_ = boundary.cause;
  start_ns_ = boundary.utc_ns;
  if (boundary.sync) {
    last_slot_ = core::slot_of(core::Utc{boundary.presentation_ns}, rules_.slot_ns);
    forget_cuts_until(boundary.presentation_ns);
  }
  if (open_) first_scan_ns_ = scan_ns_ = boundary.reference->ready().front().decode_ns + 1;
  return segment;
}

std::optional<Segment> Segmenter::interrupt(std::span<MuxTrack* const> tracks) {
  if (!open_) return std::nullopt;
  impatient_ = true;
  auto segment = next(tracks);
  impatient_ = false;
  if (segment || !open_) return segment;
  for (MuxTrack* track : tracks) track->release_waiting();
  const std::int64_t end = final_end_ns(tracks);
  if (end <= start_ns_) return std::nullopt;
  segment = close(tracks, {.utc_ns = end, .end_ns = end});
  interrupted_ns_ = end;
  return segment;
}

std::optional<Segment> Segmenter::next(std::span<MuxTrack* const> tracks) {
  if (!open_ && !open(tracks)) return std::nullopt;
  const auto boundary = find_boundary(tracks);
  if (!boundary) return std::nullopt;
  return close(tracks, *boundary);
}

}  // namespace aircheck::fmp4
