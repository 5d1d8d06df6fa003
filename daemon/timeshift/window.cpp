#include "timeshift/window.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::timeshift {

namespace {

std::int64_t seconds_up(std::int64_t ns) {
  return core::scale_ceil(std::max<std::int64_t>(ns, 0), 1, core::kNsPerSecond);
}

// When the row that covers `instant` can be there: a segment is published at its end, a GAP two seconds after it.
std::int64_t retry_after_s(const SegmentIndex& index, core::Utc instant, core::Utc now) {
  return std::max<std::int64_t>(1, seconds_up(instant + index.target_ns() - now));
}

WindowRange live_window(const SegmentIndex& index, const WindowRules& rules) {
  const std::uint64_t first = index.live_first(rules.live_targets * index.target_ns());
  const auto file = index.next_segment(first);
  return WindowRange{.first = first, .last = index.last_sequence(), .silent = !file};
}

// Leading and trailing GAP rows are not listed. Nothing: there are no others.
std::optional<std::pair<std::uint64_t, std::uint64_t>> without_outer_gaps(const SegmentIndex& index,
                                                                          std::uint64_t first, std::uint64_t last) {
  const auto from = index.next_segment(first);
  if (!from || *from > last) return std::nullopt;
  return std::pair(*from, index.segment_until(last));
}

// The end that the request really has: given, or max_event_ns after the start.
core::Utc effective_end(const WindowRequest& request, const WindowRules& rules) {
  const core::Utc longest = request.start + rules.max_event_ns;
  if (request.kind != ViewKind::kStartover) return request.end.value_or(longest);
  return std::min(request.end.value_or(longest), longest);
}

// Segments begin with pictures, so that the one before a window reaches into it by less than a picture. It has the key
// of another programme, and is not listed.
constexpr std::int64_t kPictureNs = 100 * core::kNsPerMs;
// By which a picture may be stamped too early.
constexpr std::int64_t kRoundingNs = 2000;

// The row with which the window begins; nothing where it is not there yet.
std::optional<std::uint64_t> first_row(const SegmentIndex& index, const WindowRequest& request) {
  const auto first = index.sequence_at(request.start, request.epoch);
  if (!first) return std::nullopt;
  const auto row = index.row(*first);
  if (row->gap || row->start >= request.start || row->end() - request.start > kPictureNs) return first;
  return *first < index.last_sequence() ? std::optional(*first + 1) : std::nullopt;
}

}  // namespace

RangeAnswer locate_window(const SegmentIndex& index, const WindowRequest& request, const WindowRules& rules,
                          core::Utc now) {
  const bool live = request.kind == ViewKind::kLive;
  if (live) {
    if (index.empty()) return WindowRefusal{Refusal::kNotOnAir, seconds_up(index.target_ns())};
    return live_window(index, rules);
  }
  const core::Utc end = effective_end(request, rules);
  if (end <= request.start) return WindowRefusal{Refusal::kInverted};

  const bool catchup = request.kind == ViewKind::kCatchup;
  if (catchup && end - request.start > rules.max_event_ns) return WindowRefusal{Refusal::kTooLong};
  const auto first = first_row(index, request);
  if (!first) {
    if (catchup) return WindowRefusal{Refusal::kNotComplete, retry_after_s(index, end, now)};
    return WindowRefusal{Refusal::kNotStarted, retry_after_s(index, request.start, now)};
  }
  if (index.row(*first)->start >= end) return WindowRefusal{Refusal::kNotArchived};
  const auto reaching = index.sequence_reaching(end - kRoundingNs, *first);
  if (catchup && !reaching) return WindowRefusal{Refusal::kNotComplete, retry_after_s(index, end, now)};

  std::uint64_t last = reaching.value_or(index.last_sequence());
  // A hole that no GAP row covers can end in a row that begins after the window.
  while (reaching && last > *first && index.row(last)->start >= end) --last;
  const auto rows = without_outer_gaps(index, *first, last);
  if (!rows) {
    if (reaching) return WindowRefusal{Refusal::kNotArchived};
    return WindowRefusal{Refusal::kNotStarted, retry_after_s(index, now, now)};
  }
  WindowRange range{.first = rows->first, .last = rows->second, .complete = reaching.has_value()};
  const std::int64_t offset_ns = std::max<std::int64_t>(0, request.start - index.row(range.first)->start);
  // Without it a player would begin an EVENT near its end, and Shaka Player takes an offset of 0 for none.
  if (offset_ns > 0 || !catchup) range.start_offset_ns = std::max(offset_ns, core::kNsPerMs);
  return range;
}

Window window_of(const SegmentIndex& index, const WindowRange& range) {
  return {.rows = index.rows(range.first, range.last),
          .complete = range.complete,
          .start_offset_ns = range.start_offset_ns};
}

WindowAnswer select_window(const SegmentIndex& index, const WindowRequest& request, const WindowRules& rules,
                           core::Utc now) {
  const RangeAnswer answer = locate_window(index, request, rules, now);
  if (const auto* refusal = std::get_if<WindowRefusal>(&answer)) return *refusal;
  return window_of(index, std::get<WindowRange>(answer));
}

bool is_archived(const SegmentIndex& index, core::Utc start, core::Utc end) {
  const auto first = index.sequence_at(start);
  const auto segment = first ? index.next_segment(*first) : std::nullopt;
  return segment && index.row(*segment)->start < end;
}

BitRates measure_bit_rates(const std::vector<SegmentRow>& rows, std::int64_t target_ns) {
  const auto bits_per_second = [](std::uint64_t bytes, std::int64_t ns) {
    return static_cast<std::uint64_t>(core::scale_ceil(static_cast<std::int64_t>(bytes) * 8, core::kNsPerSecond, ns));
  };
  BitRates rates;
  std::uint64_t all_bytes = 0;
  std::int64_t all_ns = 0;
  for (std::size_t first = 0; first < rows.size(); ++first) {
    std::uint64_t bytes = 0;
    std::int64_t ns = 0;
    for (std::size_t i = first; i < rows.size() && !rows[i].gap; ++i) {
      bytes += rows[i].size;
      ns += rows[i].duration_ns;
      if (2 * ns > 3 * target_ns) break;
      if (2 * ns >= target_ns) rates.peak = std::max(rates.peak, bits_per_second(bytes, ns));
    }
    if (rows[first].gap) continue;
    all_bytes += rows[first].size;
    all_ns += rows[first].duration_ns;
  }
  if (all_ns > 0) rates.average = bits_per_second(all_bytes, all_ns);
  rates.peak = std::max(rates.peak, rates.average);
  return rates;
}

}  // namespace aircheck::timeshift
