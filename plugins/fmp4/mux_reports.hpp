// What the muxer has to say to its application: warnings that are told once, and the error that ends the stream.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "fmp4/mux_pad.hpp"
#include "fmp4/segmenter.hpp"

namespace aircheck::fmp4 {

// Everything but post() is called under the element's stream lock.
class MuxReports {
 public:
  explicit MuxReports(GstElement* element) : element_(element) {}

  // The first loss of a pad, and how many there were at its end; all of them are in the log.
  void drops(MuxPad& pad, bool at_end);
  // The same of samples whose times were put right.
  void moves(MuxPad& pad, bool at_end);
  // What `segmenter` leaves out of segments, and which tracks it goes on without.
  void left_out(Segmenter& segmenter, std::span<MuxTrack* const> tracks);
  // The first of each kind; all of them are in the log.
  void cut_without_idr(const Segment& segment, std::uint32_t max_duration_s);
  // A pad went with samples that stand in no segment.
  void lost_by_release(const MuxTrack& track);
  void error(core::Error error) { error_ = std::move(error); }

  // Forgets what was told.
  void reset();

  // Messages wait for this until the stream lock is free: a handler of the bus may call the element.
  void post(std::mutex& stream_lock);

 private:
  GstElement* element_;
  std::vector<core::Error> warnings_;
  std::optional<core::Error> error_;
  std::set<Cause> told_causes_;  // of cuts without an IDR
};

}  // namespace aircheck::fmp4
