// Decides where segments begin and end. No GStreamer calls: it looks at the tracks' samples only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/time.hpp"
#include "fmp4/mux_track.hpp"

namespace aircheck::fmp4 {

struct SegmentRules {
  std::int64_t slot_ns = 6 * core::kNsPerSecond;  // target duration
  // A segment's duration, rounded to seconds as RFC 8216 section 4.3.3.1 does, is not above this.
  std::int64_t max_duration_s = 6;
};

// Samples of one track in one segment, with final durations.
struct TrackSlice {
  MuxTrack* track = nullptr;
  std::uint32_t id = 0;  // track_ID in the file
  std::vector<MuxSample> samples;
  std::int64_t decode_lead = 0;  // units: decode times are written so much earlier, see MuxTrack
};

// Why a segment begins where it does. Only the first of them is always an IDR.
enum class Cause {
  kSlot,  // or a cut that was asked for, or the first segment
  kTooLong,
  kNewKey,
  kNewFormat,
  kHole,
  kInterruption,
};

struct Segment {
  core::Utc start;
  std::int64_t duration_ns = 0;
  bool discontinuity = false;  // a hole lies before it
  bool independent = true;     // begins with an IDR
  Cause cause = Cause::kSlot;
  std::vector<TrackSlice> tracks;  // without those that have no samples in it
};

// The cut rule: at the first IDR of each new slot, slot = floor(UTC presentation time / target duration), of the first
// video track, or at the first frame of each new slot where there is only audio; at the first IDR at or after a time
// that was asked for; at a change of format; at a hole of more than half a second; and without an IDR where the segment
// would get too long. Samples of the other tracks belong to the segment in which they begin.
//
// A segment holds samples of one key for each track. Where the key of a track changes that does not lead, the next
// segment begins at the first IDR of the reference from there on that comes within kKeySeamNs, else at its first
// sample; samples of the others that lie between their own change and that cut, as close to it, follow their key.
class Segmenter {
 public:
  // A track that is this far behind another no longer holds up segments; what it brings late is dropped.
  static constexpr std::int64_t kStalledNs = 30 * core::kNsPerSecond;
  // How far a change of key and the cut for it may lie apart: several frames of pictures or sound.
  static constexpr std::int64_t kKeySeamNs = core::kNsPerSecond / 4;

  void set_rules(const SegmentRules& rules) { rules_ = rules; }

  // A segment is to begin at the reference's first IDR that is presented at or after this time.
  void request_cut(std::int64_t utc_ns);
  // Those that are still to come, UTC in ns.
  [[nodiscard]] const std::vector<std::int64_t>& cuts() const { return cuts_; }

  // The next segment, when all that belongs to it has come. Call it again until it gives nothing.
  std::optional<Segment> next(std::span<MuxTrack* const> tracks);

  // When the segment that is being gathered began (UTC, ns).
  [[nodiscard]] std::optional<std::int64_t> open_since_ns() const {
    return open_ ? std::optional(start_ns_) : std::nullopt;
  }
  // That segment is overdue in a live pipeline. Gives what is whole without the tracks that lag, else ends the segment
  // where its samples end; what comes then begins another one, with or without an IDR. Call it again until it gives
  // nothing.
  std::optional<Segment> interrupt(std::span<MuxTrack* const> tracks);

  // A seek or flush: whatever comes next begins a new segment after a discontinuity.
  void reset();

  // Samples with which nothing can begin: pictures before the first IDR, and what other tracks have more than half a
  // second before it.
  struct LeftOut {
    std::uint64_t samples = 0;
    std::int64_t until_ns = 0;  // UTC, how far they reach
  };
  // The names of tracks without which segments are made from now on, not yet told: nothing came of them for kStalledNs,
  // or no IDR while another video track has one.
  [[nodiscard]] std::vector<std::string> take_left_behind() { return std::exchange(left_behind_, {}); }
  // What was left out and not yet told. Nothing while it may still go on, except for the first stretch of kStalledNs.
  std::optional<LeftOut> take_left_out(std::span<MuxTrack* const> tracks);

 private:
  using Tracks = std::span<MuxTrack* const>;
  struct Boundary {
    MuxTrack* reference = nullptr;     // null: the end of everything
    std::size_t index = 0;             // of the next segment's first sample in reference->ready()
    std::int64_t utc_ns = 0;           // where the next segment begins
    std::int64_t presentation_ns = 0;  // of that sample, which pictures may lead
    std::int64_t end_ns = 0;           // where this one ends; earlier only before a hole
    bool sync = true;
    Cause cause = Cause::kSlot;
  };
  enum class Verdict { kInside, kCut, kUnknown };

  bool open(Tracks tracks);
  bool may_open_without(MuxTrack& track, Tracks tracks);
  void leave_behind(MuxTrack& track);
  void leave_out_first(MuxTrack& track);
  void leave_out_sound_before(std::int64_t pictures_end_ns, Tracks tracks);
  void forget_cuts_until(std::int64_t utc_ns);
  [[nodiscard]] bool stalled(const MuxTrack& track, Tracks tracks) const;
  [[nodiscard]] bool reached(const MuxTrack& track, Tracks tracks, std::int64_t utc_ns) const;
  [[nodiscard]] bool all_reached(Tracks tracks, const MuxTrack* except, std::int64_t utc_ns) const;
  [[nodiscard]] bool exhausted(const MuxTrack& track, Tracks tracks) const;
  [[nodiscard]] bool may_be_tail(Tracks tracks, const MuxTrack& track) const;
  [[nodiscard]] MuxTrack* reference(Tracks tracks);
  template <typename Value>
  [[nodiscard]] static std::int64_t change_ns(Tracks tracks, const MuxTrack* except, Value MuxSample::*value);
  void look_again_at_changes(Tracks tracks);
  std::optional<Boundary> find_boundary(Tracks tracks);
  [[nodiscard]] Verdict judge_keys(Tracks tracks, const MuxTrack& reference, std::size_t index) const;
  [[nodiscard]] static std::size_t samples_before(const MuxTrack& track, const Boundary& boundary);
  Verdict judge(Tracks tracks, MuxTrack& reference, std::size_t index, Boundary& boundary) const;
  [[nodiscard]] std::int64_t final_end_ns(Tracks tracks) const;
  Segment close(Tracks tracks, const Boundary& boundary);

  SegmentRules rules_;
  std::int64_t origin_ns_ = INT64_MIN;  // of the first sample of all
  bool open_ = false;
  std::int64_t start_ns_ = 0;
  std::int64_t first_scan_ns_ = 0;  // scan_ns_ when the segment began
  std::int64_t last_slot_ = 0;      // the slot in which an IDR last began a segment
  std::int64_t scan_ns_ = 0;        // samples of the reference before this time are known to be inside
  bool discontinuity_ = false;
  bool independent_ = true;
  Cause cause_ = Cause::kSlot;
  std::vector<std::int64_t> cuts_;              // asked for, UTC in ns, ascending
  bool impatient_ = false;                      // tracks that lag are not waited for
  std::optional<std::int64_t> interrupted_ns_;  // where interrupt() ended the last segment
  LeftOut left_out_;
  std::vector<std::string> left_behind_;
  bool waiting_was_told_ = false;  // that no IDR comes
};

}  // namespace aircheck::fmp4
