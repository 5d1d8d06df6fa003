#include "catchup/window.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace aircheck::catchup {

namespace {

using core::Code;
using core::kNsPerSecond;
using core::Result;
using core::Utc;

// RFC 8216 section 6.2.2 wants three at least; with six a player that holds three back can still be late by as much.
constexpr int kLiveTargets = 6;
// A playlist of a month is 60 MB; an EVENT without an end has a day.
constexpr std::int64_t kLongestWindowNs = 31 * 86400 * kNsPerSecond;
constexpr std::int64_t kOpenEventNs = 86400 * kNsPerSecond;
// How long after a slot's end a GAP row is listed for it, as the daemon does, and how long after the window's end a
// hole over it is believed: a segment that is still being written must not be taken for one.
constexpr std::int64_t kGapDelayNs = 2 * kNsPerSecond;
constexpr std::int64_t kHoleAtEndNs = 60 * kNsPerSecond;
// Numbers between two files are bounded by the time between them, so that a broken file cannot make rows without end.
constexpr std::uint64_t kSpareNumbers = 1000;
constexpr std::int64_t kShortestRowNs = 100 * core::kNsPerMs;

using Names = std::vector<SegmentName>;

std::string span_text(Utc start, Utc end) {
  return core::to_rfc3339(start, 3) + " to " + core::to_rfc3339(end, 3);
}

// Reads segments in the order of their numbers and refuses those that contradict each other.
class Chain {
 public:
  // False where it is a second one of its number.
  Result<bool> add(Segment&& segment) {
    if (const auto right = check(segment); !right) {
      return core::Unexpected(right.error().with_context("location: '" + segment.path + "'"));
    }
    if (!segments_.empty() && segments_.back().info.sequence == segment.info.sequence) return false;
    segments_.push_back(std::move(segment));
    return true;
  }

  [[nodiscard]] std::vector<Segment>& segments() { return segments_; }

 private:
  [[nodiscard]] Result<void> check(const Segment& segment) const {
    const core::SegmentInfo& info = segment.info;
    const bool in_time = info.start.ns >= 0 && info.start.ns <= INT64_MAX / 2;
    const bool lasts = info.duration_ns > 0 && info.duration_ns <= kLongestSegmentNs && info.target_duration_s > 0 &&
                       info.target_duration_s <= kLongestSegmentNs / kNsPerSecond;
    // RFC 8216 section 4.3.3.1: EXT-X-TARGETDURATION bounds the rounded duration.
    const bool announced = core::scale_round(info.duration_ns, 1, kNsPerSecond) <= info.max_duration_s;
    const bool counts = info.sequence <= INT64_MAX && (!info.discontinuity || info.discontinuity_sequence > 0);
    if (!in_time || !lasts || !announced || !counts) return core::fail(Code::kParse, "says of itself what cannot be");
    if (segments_.empty()) return {};
    const Segment& before = segments_.back();
    const std::int64_t hole_ns = std::max<std::int64_t>(0, info.start - before.end());
    const auto most = kSpareNumbers + static_cast<std::uint64_t>(hole_ns / kShortestRowNs);
    const bool falls =
        info.sequence < before.info.sequence || info.discontinuity_sequence < before.info.discontinuity_sequence;
    if (falls || info.sequence - before.info.sequence > most) {
      return core::fail(Code::kParse, "has number " + std::to_string(info.sequence) + " after number " +
                                          std::to_string(before.info.sequence) + " of '" + before.path + "'");
    }
    return {};
  }

  std::vector<Segment> segments_;
};

struct EpochNames {
  std::size_t first;
  std::size_t last;  // exclusive
};

std::vector<EpochNames> epochs_of(const Names& names) {
  std::vector<EpochNames> epochs;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i == 0 || names[i].epoch != names[i - 1].epoch) epochs.push_back({i, i});
    epochs.back().last = i + 1;
  }
  return epochs;
}

// The first name of an epoch that belongs to the window; nothing where the epoch does not cover the start.
Result<std::optional<std::size_t>> covering(Names& names, const EpochNames& epoch, Utc start) {
  const auto begins_after = [&](const SegmentName& name) { return name.start > start; };
  const auto begin = names.begin() + static_cast<std::ptrdiff_t>(epoch.first);
  const auto end = names.begin() + static_cast<std::ptrdiff_t>(epoch.last);
  const auto after = std::find_if(begin, end, begins_after);
  SegmentReader reader;
  std::optional<std::size_t> later;  // named by an instant before the start, but a fraction of a second behind it
  for (auto name = after; name != begin;) {
    --name;
    const auto at = static_cast<std::size_t>(name - names.begin());
    const Head& head = reader.read_head(*name);
    if (!head) return head.unexpected();
    const std::optional<Segment>& segment = *head;
    if (!segment) continue;
    if (segment->info.start > start) {
      later = at;
      continue;
    }
    if (segment->end() > start) return std::optional(at);
    if (later || after != end) return later ? later : std::optional(static_cast<std::size_t>(after - names.begin()));
    return std::optional<std::size_t>();
  }
  return std::optional<std::size_t>();
}

// Where the window begins: an index of names, names.size() where the archive has nothing of it.
Result<std::size_t> first_of_window(Names& names, Utc start) {
  const auto epochs = epochs_of(names);
  for (auto epoch = epochs.rbegin(); epoch != epochs.rend(); ++epoch) {
    AIRCHECK_TRY(const auto first, covering(names, *epoch, start));
    if (first) return *first;
  }
  const auto after =
      std::find_if(names.begin(), names.end(), [&](const SegmentName& name) { return name.start > start; });
  return static_cast<std::size_t>(after - names.begin());
}

Result<Window> window_between(const Archive& archive, Utc start, Utc end, Utc now) {
  AIRCHECK_TRY(Names names, archive.names(start, end, Heads::kOfWindow));
  AIRCHECK_TRY(const std::size_t first, first_of_window(names, start));
  SegmentReader reader;
  Chain chain;
  chain.segments().reserve(names.size() - first);
  Window window;
  for (std::size_t i = first; i < names.size() && !window.complete; ++i) {
    // An epoch that ended before the window is none of it, although its numbers follow.
    if (i > first && names[i].epoch != names[i - 1].epoch && names[i].start < start) break;
    Head& head = reader.read_head(names[i]);
    if (!head) return head.unexpected();
    if (!*head) continue;
    AIRCHECK_TRY(const bool added, chain.add(std::move(**head)));
    if (!added) continue;
    if (chain.segments().back().info.start >= end) {
      chain.segments().pop_back();
      window.complete = true;
      break;
    }
    window.complete = chain.segments().back().end() >= end;
  }
  if (chain.segments().empty()) {
    return core::fail(Code::kNotFound, "start: the archive has nothing of " + span_text(start, end));
  }
  window.segments = std::move(chain.segments());
  window.complete = window.complete || now - end >= kHoleAtEndNs;
  return window;
}

// The newest segments that were published at that instant, a little more than a live playlist lists.
Result<Window> live_window(const Archive& archive, Utc now) {
  AIRCHECK_TRY(Names names, archive.names(now, now + 1, Heads::kNo));
  SegmentReader reader;
  std::vector<Segment> listed;
  std::int64_t missing_ns = 0;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    Head& head = reader.read_head(*name);
    if (!head) return head.unexpected();
    std::optional<Segment>& segment = *head;
    if (!segment || segment->end() > now) continue;
    if (listed.empty()) missing_ns = live_length_ns(*segment);
    missing_ns -= segment->info.duration_ns;
    listed.push_back(std::move(*segment));
    if (missing_ns <= 0) break;
  }
  Chain chain;
  for (auto segment = listed.rbegin(); segment != listed.rend(); ++segment) {
    AIRCHECK_TRY([[maybe_unused]] const bool added, chain.add(std::move(*segment)));
  }
  if (chain.segments().empty()) {
    return core::fail(Code::kNotFound, "location: the archive has nothing of the hour before " + core::to_rfc3339(now));
  }
  Window window;
  window.segments = std::move(chain.segments());
  const std::int64_t past_ns = now - kGapDelayNs - window.segments.back().end();
  const std::int64_t target_ns = window.segments.back().info.target_duration_s * kNsPerSecond;
  if (past_ns > 0) window.trailing_gaps = static_cast<std::uint64_t>(past_ns / target_ns);
  return window;
}

}  // namespace

std::int64_t live_length_ns(const Segment& newest) {
  return kLiveTargets * newest.info.target_duration_s * kNsPerSecond;
}

Result<Utc> instant_from_text(std::string_view text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc{} && end == text.data() + text.size() && seconds >= 0 &&
      seconds <= INT64_MAX / 2 / kNsPerSecond) {
    return Utc::from_seconds(seconds);
  }
  return core::from_rfc3339(text);
}

Result<WindowRequest> window_request(Kind kind, const std::string& start, const std::string& end) {
  WindowRequest request{.kind = kind, .start = {}, .end = {}};
  if (!end.empty()) {
    AIRCHECK_TRY(request.end, instant_from_text(end).with_context("end"));
  }
  if (kind == Kind::kLive) return request;
  if (start.empty()) {
    return core::fail(Code::kInvalidArgument, "start: is not set; set it to an instant such as 2026-02-25T14:30:00Z");
  }
  AIRCHECK_TRY(request.start, instant_from_text(start).with_context("start"));
  if (kind == Kind::kVod && !request.end) {
    return core::fail(Code::kInvalidArgument, "end: is not set; a window that never changes has an end");
  }
  if (request.end && *request.end <= request.start) {
    return core::fail(Code::kInvalidArgument, "end: is not after start");
  }
  if (request.end && *request.end - request.start > kLongestWindowNs) {
    return core::fail(Code::kInvalidArgument, "end: is more than 31 days after start");
  }
  return request;
}

Utc system_now() {
  return {std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count()};
}

Result<Window> read_window(const Archive& archive, const WindowRequest& request, Utc now) {
  if (request.kind == Kind::kLive) return live_window(archive, request.end.value_or(now));
  const Utc end = request.end.value_or(request.start + kOpenEventNs);
  AIRCHECK_TRY(Window window, window_between(archive, request.start, end, now));
  if (request.kind == Kind::kVod && !window.complete) {
    return core::fail(Code::kUnavailable,
                      "end: the archive ends at " + core::to_rfc3339(window.segments.back().end(), 3) +
                          " so far; the window is complete when it has " + core::to_rfc3339(end, 3));
  }
  const std::int64_t offset_ns = std::max<std::int64_t>(0, request.start - window.segments.front().info.start);
  // Without it a player would begin an EVENT near its end, and Shaka Player takes an offset of 0 for none.
  if (offset_ns > 0 || request.kind == Kind::kEvent) window.start_offset_ns = std::max(offset_ns, core::kNsPerMs);
  return window;
}

}  // namespace aircheck::catchup
