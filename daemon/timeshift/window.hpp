// Which rows a playlist lists: pure functions of an index and a request.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/time.hpp"
#include "timeshift/segment_index.hpp"

namespace aircheck::timeshift {

// What a playlist is. It is part of the playlist's URL and never changes.
enum class ViewKind {
  kLive,       // slides
  kStartover,  // EVENT: rows are only appended, ENDLIST when the window's end is there
  kCatchup,    // VOD: whole or not at all
};

struct WindowRequest {
  ViewKind kind = ViewKind::kLive;
  core::Utc start;               // start-over and catch-up
  std::optional<core::Utc> end;  // catch-up always has one; an open start-over closes max_event_ns after its start
  // The newest epoch that existed when the player got its playlist's URL: a clock that goes back later does not move
  // the playlist's first row.
  std::optional<std::uint32_t> epoch;
};

struct WindowRules {
  // Rows at the end of a live playlist, as multiples of the target duration. RFC 8216 section 6.2.2 wants three at
  // least; with six a player that holds three back can still be late by as much.
  int live_targets = 6;
  // An open start-over ends then, and no catch-up is longer: the rows of a month would be a playlist of 60 MB.
  std::int64_t max_event_ns = 24 * 3600 * core::kNsPerSecond;
};

// The rows of a window by their numbers: what it costs to find out, whatever its length is.
struct WindowRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool complete = false;  // no row will follow: EXT-X-ENDLIST
  bool silent = false;    // GAP rows alone
  // Where playback begins, from the start of the first row (EXT-X-START).
  std::optional<std::int64_t> start_offset_ns;
};

struct Window {
  std::vector<SegmentRow> rows;
  bool complete = false;
  std::optional<std::int64_t> start_offset_ns;
};

enum class Refusal {
  kInverted,     // the end is not after the start
  kTooLong,      // catch-up: longer than WindowRules::max_event_ns
  kNotOnAir,     // live: nothing was ever recorded
  kNotStarted,   // start-over: no row at or after the start yet
  kNotComplete,  // catch-up: the row that covers the end is not published yet
  kNotArchived,  // there is nothing of the window in the archive
};

struct WindowRefusal {
  Refusal reason = Refusal::kNotArchived;
  std::int64_t retry_after_s = 0;  // 0: trying again is of no use
};

using RangeAnswer = std::variant<WindowRange, WindowRefusal>;
using WindowAnswer = std::variant<Window, WindowRefusal>;

[[nodiscard]] RangeAnswer locate_window(const SegmentIndex& index, const WindowRequest& request,
                                        const WindowRules& rules, core::Utc now);
// The rows of a range of this index, or of a slice of it.
[[nodiscard]] Window window_of(const SegmentIndex& index, const WindowRange& range);

[[nodiscard]] WindowAnswer select_window(const SegmentIndex& index, const WindowRequest& request,
                                         const WindowRules& rules, core::Utc now);

// Does the archive have anything of [start, end)?
[[nodiscard]] bool is_archived(const SegmentIndex& index, core::Utc start, core::Utc end);

// The highest bit rate, in bits per second, of any run of rows that lasts 0.5 to 1.5 target durations (RFC 8216
// section 4.3.4.2, peak segment bit rate), and the average of all rows.
struct BitRates {
  std::uint64_t peak = 0;
  std::uint64_t average = 0;
};
[[nodiscard]] BitRates measure_bit_rates(const std::vector<SegmentRow>& rows, std::int64_t target_ns);

}  // namespace aircheck::timeshift
