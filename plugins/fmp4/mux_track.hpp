// One track of the muxer: gives its samples decode times and keeps them until a segment takes them.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "fmp4/track_config.hpp"
#include "gstx/ref.hpp"

namespace aircheck::fmp4 {

// A sample's entry in senc.
struct SampleProtection {
  std::array<std::uint8_t, 8> iv{};  // not written where all samples have a constant one
  core::Bytes subsamples;            // as senc has them; none: the whole sample is protected
};

// A buffer as it comes in; times are UTC in nanoseconds.
struct IncomingSample {
  gstx::Ref<GstBuffer> buffer;
  std::int64_t presentation_ns = 0;
  std::optional<std::int64_t> decode_ns;
  std::optional<std::int64_t> duration_ns;
  bool sync = true;  // video: an IDR
  std::optional<SampleKey> key;
  SampleProtection protection;
  bool discont = false;  // audio: the time is not to be rounded to the end of what came before
  // Samples that the source says are not to be heard (GstAudioClippingMeta), before and behind those that are; the
  // presentation time is of the first that is.
  std::uint32_t clip_start = 0;
  std::uint32_t clip_end = 0;
};

struct MuxSample {
  gstx::Ref<GstBuffer> buffer;
  std::shared_ptr<const TrackConfig> config;
  std::uint32_t media = 0;  // equal in all samples of the track whose configs differ in the key at most
  // UTC in units of config->timescale.
  std::int64_t presentation = 0;
  std::int64_t decode = 0;
  std::uint32_t duration = 0;   // nominal until a segment takes the sample
  bool duration_known = false;  // the source said it, or the codec does
  // How long before its presentation the source would decode it, in units, where the source says it.
  std::optional<std::int64_t> source_delay;
  bool sync = true;
  SampleProtection protection;
  // The same as UTC in nanoseconds.
  std::int64_t presentation_ns = 0;
  std::int64_t decode_ns = 0;
  [[nodiscard]] std::int64_t end_ns() const;
};

class MuxTrack {
 public:
  MuxTrack(std::uint32_t id, TrackKind kind, std::string name = "") : id_(id), kind_(kind), name_(std::move(name)) {}

  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] TrackKind kind() const { return kind_; }
  // Of its pad.
  [[nodiscard]] const std::string& name() const { return name_; }

  // The format of the samples to come.
  void set_config(TrackConfig config);
  [[nodiscard]] bool has_config() const { return config_ != nullptr; }
  // What its stream says beside the format: taken over into the formats to come, and into this one before its first
  // sample. Later it would be another init segment for nothing: parsers measure bit rates anew all the time.
  void merge_tags(const GstTagList* list);
  // has_config().
  [[nodiscard]] const TrackConfig& config() const { return *config_; }

  // Takes a sample in decode order; set_config() has been called. Video's decode times are its presentation times in
  // ascending order: for a constant frame rate that is the source's decode time plus the constant reorder delay, and
  // an IDR's decode time is its presentation time also where the rate varies. (decode_lead() is taken off on writing.)
  void push(IncomingSample sample);
  // Nothing will come that begins before this time.
  void gap_until(std::int64_t utc_ns);
  // What waits for its decode time gets it, whatever comes.
  void release_waiting() { release_all(); }
  // Nothing more will come.
  void end();
  // And what there was to say about it has been said: the muxer's end of stream may go downstream.
  void close() { closed_ = true; }
  // A seek: forgets everything but the format.
  void flush();
  // Forgets samples before this time, those to come also; video goes on at the next IDR.
  void discard_before(std::int64_t utc_ns);

  // Leaves out what comes before the next IDR (video).
  void wait_for_sync() { wait_for_sync_ = kind_ == TrackKind::kVideo; }
  [[nodiscard]] bool waits_for_sync() const { return wait_for_sync_; }
  // Segments are made without it until it brings a sample. False where that was so already.
  bool leave_behind() { return !std::exchange(left_behind_, true); }

  // Samples of encoder priming, that shift an audio track to earlier times; frames of nothing else are dropped.
  void set_encoder_delay(std::uint32_t samples) { encoder_delay_ = samples; }

  // With final times, in decode order.
  [[nodiscard]] std::deque<MuxSample>& ready() { return ready_; }
  [[nodiscard]] const std::deque<MuxSample>& ready() const { return ready_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] std::int64_t gap_end_ns() const { return gap_end_ns_; }
  // How much earlier than MuxSample::decode the decode times of these samples are to be written, in units: the reorder
  // delay, so that composition offsets are not negative. Constant for as long as the format is: what the source's
  // decode times say when the format begins, else its parameter sets, and at least what these first samples need.
  [[nodiscard]] std::int64_t decode_lead(std::span<const MuxSample> samples);
  // A sample came with nothing in it.
  void drop_empty() { ++dropped_; }
  // Samples that went back in time, came too late or were empty, so far.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }
  // Samples that went back by less, and were moved behind those before them.
  [[nodiscard]] std::uint64_t moved() const { return moved_; }
  // Presentation time (UTC, ns) of the last sample that came; INT64_MIN before.
  [[nodiscard]] std::int64_t last_ns() const { return last_ns_; }
  // How far the track is known; INT64_MIN before anything came.
  [[nodiscard]] std::int64_t known_ns() const { return known_ns_; }
  // Where its first sample began; INT64_MIN before that came.
  [[nodiscard]] std::int64_t origin_ns() const { return origin_ns_; }
  // See MuxBalance.
  [[nodiscard]] std::int64_t waited_in_vain_for() const { return waited_in_vain_for_; }
  void set_waited_in_vain_for(std::int64_t known_ns) { waited_in_vain_for_ = known_ns; }

 private:
  MuxSample timed(IncomingSample& incoming);  // takes its buffer
  void push_video(MuxSample sample, std::optional<std::int64_t> decode);
  void push_audio(MuxSample sample, const IncomingSample& incoming);
  [[nodiscard]] std::uint32_t whole_frame(std::uint32_t duration) const;
  bool in_order(MuxSample& sample);
  void release_first();
  void release_all();
  void make_ready(MuxSample sample);

  std::uint32_t id_;
  TrackKind kind_;
  std::string name_;
  std::shared_ptr<const TrackConfig> config_;
  std::uint32_t media_ = 0;
  TrackTags tags_;
  bool has_samples_ = false;  // of this format
  std::uint32_t encoder_delay_ = 0;
  // Video that waits for its decode time, and the presentation times that are still to be given away.
  std::deque<MuxSample> waiting_;
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> times_;
  std::deque<MuxSample> ready_;
  std::optional<std::int64_t> last_decode_;  // in units of last_timescale_
  std::uint32_t last_timescale_ = 0;
  std::uint32_t last_interval_ = 0;
  std::optional<std::int64_t> priming_end_;  // in units: audio frames that end here are nothing but priming
  std::int64_t gap_end_ns_ = INT64_MIN;
  std::int64_t known_ns_ = INT64_MIN;
  std::int64_t origin_ns_ = INT64_MIN;
  std::int64_t waited_in_vain_for_ = INT64_MIN;
  std::int64_t last_ns_ = INT64_MIN;
  std::int64_t discard_before_ns_ = INT64_MIN;
  std::uint64_t dropped_ = 0;
  std::uint64_t moved_ = 0;
  bool has_decode_times_ = false;
  bool wait_for_sync_ = false;
  bool left_behind_ = false;
  bool ended_ = false;
  bool closed_ = false;
  std::optional<std::uint32_t> lead_media_;  // that decode_lead_ is for
  std::int64_t decode_lead_ = 0;
};

}  // namespace aircheck::fmp4
