// Which segments of an archive a window has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catchup/archive.hpp"

namespace aircheck::catchup {

enum class Kind {
  kLive,   // the newest six target durations
  kEvent,  // from the start on, as far as the archive goes; over where its end is reached
  kVod,    // from start to end, whole or not at all
};

struct WindowRequest {
  Kind kind = Kind::kVod;
  core::Utc start;               // not of kLive
  std::optional<core::Utc> end;  // kVod always has one; of kLive the instant at which it is asked
};

// "2026-02-25T14:30:00Z" (RFC 3339), or seconds since 1970.
core::Result<core::Utc> instant_from_text(std::string_view text);

// From the texts of the properties; an error names the one that is wrong.
core::Result<WindowRequest> window_request(Kind kind, const std::string& start, const std::string& end);

struct Window {
  std::vector<Segment> segments;                // by sequence number, never empty
  bool complete = false;                        // nothing will follow
  std::uint64_t trailing_gaps = 0;              // kLive: rows of the hole that lasts
  std::optional<std::int64_t> start_offset_ns;  // of the start, behind that of the first segment
};

// What the system's clock says: the `now` of an element.
[[nodiscard]] core::Utc system_now();

// A window starts in the newest epoch that covers its start, else with the first segment after it, and follows the
// numbers from there. A segment that cannot be read is an error; one that is gone is a hole.
core::Result<Window> read_window(const Archive& archive, const WindowRequest& request, core::Utc now);

// What a live playlist lists: the shortest tail of rows that lasts so long.
[[nodiscard]] std::int64_t live_length_ns(const Segment& newest);

// How many numbers lie between two segments that follow each other.
[[nodiscard]] inline std::uint64_t numbers_between(const Segment& before, const Segment& after) {
  return after.info.sequence - before.info.sequence - 1;
}

}  // namespace aircheck::catchup
