#include "fmp4/mux_reports.hpp"

#include <utility>

#include "gstx/error.hpp"

GST_DEBUG_CATEGORY_EXTERN(fmp4mux_debug);
#define GST_CAT_DEFAULT fmp4mux_debug

namespace aircheck::fmp4 {

using core::Code;

void MuxReports::drops(MuxPad& pad, bool at_end) {
  const std::uint64_t count = pad.track->dropped();
  if (count > pad.logged_drops) {
    GST_WARNING_OBJECT(pad.pad(), "dropped %" G_GUINT64_FORMAT " samples so far", count);
  }
  pad.logged_drops = count;
  if (count == pad.reported_drops || (pad.reported_drops != 0 && !at_end)) return;
  pad.reported_drops = count;
  warnings_.push_back(
      {Code::kInvalidArgument,
       std::string(GST_OBJECT_NAME(pad.pad())) + ": " + std::to_string(count) +
           (count == 1 ? " sample was" : " samples were") + " dropped before " +
           core::to_rfc3339(core::Utc{pad.track->known_ns()}, 3) +
           ": they go back in time by a second or more, came 30 s after other tracks, wait for an IDR, or are empty"});
}

void MuxReports::moves(MuxPad& pad, bool at_end) {
  const std::uint64_t count = pad.track->moved();
  if (count == pad.reported_moves || (pad.reported_moves != 0 && !at_end)) return;
  pad.reported_moves = count;
  warnings_.push_back({Code::kInvalidArgument, std::string(GST_OBJECT_NAME(pad.pad())) + ": " + std::to_string(count) +
                                                   (count == 1 ? " sample goes" : " samples go") +
                                                   " back in time before " +
                                                   core::to_rfc3339(core::Utc{pad.track->known_ns()}, 3) +
                                                   " by less than a second: each was moved behind the one before it"});
}

void MuxReports::left_out(Segmenter& segmenter, std::span<MuxTrack* const> tracks) {
  for (const std::string& name : segmenter.take_left_behind()) {
    warnings_.push_back({Code::kTimeout, name + ": nothing that can begin a segment has come for 30 s (video: an IDR); "
                                                "segments are made without it until something comes. Let its encoder "
                                                "make key frames, or release the pad"});
  }
  const auto left_out = segmenter.take_left_out(tracks);
  if (!left_out) return;
  warnings_.push_back({Code::kInvalidArgument, std::to_string(left_out->samples) +
                                                   (left_out->samples == 1 ? " sample" : " samples") + " up to " +
                                                   core::to_rfc3339(core::Utc{left_out->until_ns}, 3) +
                                                   (left_out->samples == 1 ? " was" : " were") +
                                                   " left out: nothing can begin before the first IDR of the video"});
}

namespace {

std::string why_without_idr(Cause cause, std::uint32_t max_duration_s) {
  switch (cause) {
    case Cause::kSlot: break;
    case Cause::kTooLong: return "none came within max-duration (" + std::to_string(max_duration_s) + " s)";
    case Cause::kNewKey: return "a key changes there; let keys change where a segment begins, or ask for one (cut)";
    case Cause::kNewFormat: return "a format changes there; let the encoder begin a new format with a key frame";
    case Cause::kHole: return "nothing came before it for more than half a second, and then no key frame";
    case Cause::kInterruption: return "its source had stopped, and did not go on with a key frame";
  }
  return "the stream began with none";
}

}  // namespace

void MuxReports::cut_without_idr(const Segment& segment, std::uint32_t max_duration_s) {
  const std::string start = core::to_rfc3339(segment.start, 3);
  GST_WARNING_OBJECT(element_, "the segment at %s begins without an IDR", start.c_str());
  if (!told_causes_.insert(segment.cause).second) return;
  warnings_.push_back({Code::kUnsupported, "the segment at " + start + " begins without an IDR: " +
                                               why_without_idr(segment.cause, max_duration_s)});
}

void MuxReports::lost_by_release(const MuxTrack& track) {
  warnings_.push_back({Code::kInvalidArgument,
                       track.name() + ": was released with " + std::to_string(track.ready().size()) +
                           " samples that stand in no segment yet; they are lost: end its stream, and wait for the "
                           "end of the segment"});
}

// What was not posted yet is said all the same.
void MuxReports::reset() {
  told_causes_.clear();
}

void MuxReports::post(std::mutex& stream_lock) {
  std::vector<core::Error> warnings;
  std::optional<core::Error> error;
  {
    const std::lock_guard lock(stream_lock);
    warnings = std::exchange(warnings_, {});
    error = std::exchange(error_, std::nullopt);
  }
  for (const core::Error& warning : warnings) gstx::post_warning(element_, warning);
  if (error) gstx::post_error(element_, *error);
}

}  // namespace aircheck::fmp4
