#include "timeshift/segment_index.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

namespace aircheck::timeshift {

namespace {

constexpr std::int64_t kLongestSegmentNs = 3600 * core::kNsPerSecond;
// How much the worker may be early against the end of the last GAP row: slots begin at the first frame of a slot, so
// rows end up to a frame after the grid.
constexpr std::int64_t kNotBeforeToleranceNs = 250 * core::kNsPerMs;
// The numbers between two files are bounded by the time between them, so that a broken file cannot make the index list
// rows without end: ten a second, and some for epochs, which go back in time.
constexpr std::uint64_t kSpareGaps = 1000;
constexpr std::int64_t kShortestGapNs = 100 * core::kNsPerMs;
constexpr std::size_t kMostShared = 1U << 21;
// Where names do not say their start, each is a form of its own and the newest ones are not what the next is like.
constexpr std::size_t kLookBack = 16;

// Only what needs no escaping in a URL, a playlist line or a file name, and stays below the channel's folder.
bool is_plain_location(std::string_view location) {
  if (location.empty() || location.size() > std::numeric_limits<std::uint16_t>::max()) return false;
  char before = '/';
  for (const char c : location) {
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (before == '/' && !word) return false;  // no empty, hidden or upward part
    if (!word && c != '.' && c != '/') return false;
    before = c;
  }
  return before != '/';
}

}  // namespace

SegmentIndex::SegmentIndex(std::int64_t target_ns) : target_ns_(std::max(target_ns, core::kNsPerSecond)) {}

bool SegmentIndex::plausible_neighbours(std::uint64_t sequence, std::int64_t end_ns, std::uint64_t next_sequence,
                                        std::int64_t next_start_ns) const {
  const std::int64_t hole_ns = std::max<std::int64_t>(0, next_start_ns - end_ns);
  return next_sequence - sequence <= kSpareGaps + static_cast<std::uint64_t>(hole_ns / kShortestGapNs);
}

bool SegmentIndex::plausible(const SegmentRow& row, std::size_t at) const {
  if (row.gap || row.start.ns < 0 || row.duration_ns <= 0 || row.duration_ns > kLongestSegmentNs) return false;
  if (row.start.ns > std::numeric_limits<std::int64_t>::max() / 2) return false;
  if (row.sequence > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return false;
  if (row.discontinuity_sequence > std::numeric_limits<std::uint32_t>::max()) return false;
  if (row.size > std::numeric_limits<std::uint32_t>::max()) return false;
  if (!is_plain_location(row.location) || !is_plain_location(row.init_location)) return false;
  if (at > 0) {
    const Segment& before = segments_[at - 1];
    if (row.epoch < shared(before).epoch) return false;
    if (!plausible_neighbours(before.sequence, before.end_ns(), row.sequence, row.start.ns)) return false;
  }
  if (at < segments_.size()) {
    const Segment& after = segments_[at];
    if (row.epoch > shared(after).epoch) return false;
    if (!plausible_neighbours(row.sequence, row.end().ns, after.sequence, after.start_ns)) return false;
  }
  return true;
}

SegmentIndex::Added SegmentIndex::add(const SegmentRow& row) {
  const std::size_t at = upper_bound(row.sequence);
  if (at > 0 && segments_[at - 1].sequence == row.sequence) return Added::kConflict;
  const bool append = at == segments_.size();
  if (append && !empty() && row.sequence <= segments_.back().sequence + trailing_gaps_) return Added::kListedAsGap;
  if (!plausible(row, at)) return Added::kRefused;

  const auto shared = intern(row);
  if (!shared) return Added::kRefused;
  Segment segment{
      .sequence = row.sequence,
      .start_ns = row.start.ns,
      .duration = static_cast<std::uint64_t>(row.duration_ns),
      .discontinuity = row.discontinuity,
      .shared = *shared,
      .size = static_cast<std::uint32_t>(row.size),
      .discontinuity_sequence = static_cast<std::uint32_t>(row.discontinuity_sequence),
  };
  bytes_ += row.size;
  segments_.insert(segments_.begin() + static_cast<std::ptrdiff_t>(at), segment);
  if (!append) {
    ++revision_;
    rebuild_runs();
    return Added::kYes;
  }
  trailing_gaps_ = 0;
  if (continues_run(at)) {
    runs_.back().last = at;
  } else {
    runs_.push_back(Run{at, at, row.epoch});
  }
  return Added::kYes;
}

bool SegmentIndex::remove(std::uint64_t sequence) {
  const std::size_t before = segments_.size();
  remove(std::vector{sequence});
  return segments_.size() < before;
}

void SegmentIndex::remove(const std::vector<std::uint64_t>& sequences) {
  if (sequences.empty() || empty()) return;
  const auto goes = [&](const Segment& segment) {
    return std::binary_search(sequences.begin(), sequences.end(), segment.sequence);
  };
  ++revision_;
  if (goes(segments_.back())) trailing_gaps_ = 0;
  std::erase_if(segments_, [&](const Segment& segment) {
    if (!goes(segment)) return false;
    bytes_ -= segment.size;
    return true;
  });
  rebuild_runs();
}

std::vector<SegmentRow> SegmentIndex::take_oldest(std::size_t count) {
  std::vector<SegmentRow> taken;
  count = segments_.empty() ? 0 : std::min(count, segments_.size() - 1);
  if (count == 0) return taken;
  taken.reserve(count);
  for (std::size_t segment = 0; segment < count; ++segment) {
    taken.push_back(segment_row(segment));
    bytes_ -= segments_[segment].size;
  }
  const auto end = segments_.begin() + static_cast<std::ptrdiff_t>(count);
  // Most often they share all that they have with the rows that stay.
  const bool unused =
      std::any_of(segments_.begin(), end, [&](const Segment& gone) { return gone.shared != end->shared; });
  segments_.erase(segments_.begin(), end);
  std::erase_if(runs_, [&](const Run& run) { return run.last < count; });
  for (Run& run : runs_) {
    run.first = std::max(run.first, count) - count;
    run.last -= count;
  }
  if (unused) forget_unused();
  return taken;
}

// So that an archive of constant length takes constant memory.
void SegmentIndex::forget_unused() {
  constexpr std::uint32_t kUnused = std::numeric_limits<std::uint32_t>::max();
  const std::vector<Media> media = std::exchange(media_, {});
  const std::vector<LocationForm> forms = std::exchange(forms_, {});
  const std::vector<Shared> shared = std::exchange(shared_, {});
  std::vector<std::uint32_t> media_to(media.size(), kUnused);
  std::vector<std::uint32_t> form_to(forms.size(), kUnused);
  std::vector<std::uint32_t> shared_to(shared.size(), kUnused);
  const auto move = [&](const auto& from, auto& to, std::vector<std::uint32_t>& moved, std::uint32_t at) {
    if (moved[at] == kUnused) {
      moved[at] = static_cast<std::uint32_t>(to.size());
      to.push_back(from[at]);
    }
    return moved[at];
  };
  for (Segment& segment : segments_) {
    const auto old = static_cast<std::uint32_t>(segment.shared);
    if (shared_to[old] == kUnused) {
      shared_to[old] = static_cast<std::uint32_t>(shared_.size());
      shared_.push_back({move(media, media_, media_to, shared[old].media),
                         move(forms, forms_, form_to, shared[old].form), shared[old].epoch});
    }
    segment.shared = shared_to[old];
  }
}

std::uint64_t SegmentIndex::bytes_since(core::Utc start) const {
  std::uint64_t sum = 0;
  for (std::size_t segment = segments_.size(); segment-- > 0 && segments_[segment].start_ns >= start.ns;) {
    sum += segments_[segment].size;
  }
  return sum;
}

std::size_t SegmentIndex::ended_before(core::Utc instant, std::size_t limit) const {
  std::size_t count = 0;
  while (count < std::min(limit, segments_.size()) && segments_[count].end_ns() < instant.ns) ++count;
  return count;
}

std::uint64_t SegmentIndex::append_gaps(core::Utc until) {
  if (empty()) return 0;
  const std::int64_t past_ns = until.ns - segments_.back().end_ns();
  if (past_ns < target_ns_) return 0;
  const auto due = static_cast<std::uint64_t>(past_ns / target_ns_);
  if (due <= trailing_gaps_) return 0;
  const std::uint64_t added = due - trailing_gaps_;
  trailing_gaps_ = due;
  return added;
}

void SegmentIndex::restore_trailing_gaps(std::uint64_t count) {
  if (!empty()) trailing_gaps_ = std::max(trailing_gaps_, count);
}

core::Utc SegmentIndex::not_before() const {
  if (empty()) return core::Utc{0};
  const core::Utc end{segments_.back().end_ns()};
  if (trailing_gaps_ == 0) return end;
  return end + static_cast<std::int64_t>(trailing_gaps_) * target_ns_ - kNotBeforeToleranceNs;
}

std::uint64_t SegmentIndex::first_sequence() const {
  return segments_.front().sequence;
}

std::uint64_t SegmentIndex::last_sequence() const {
  return segments_.back().sequence + trailing_gaps_;
}

std::optional<std::uint64_t> SegmentIndex::last_segment_sequence() const {
  if (empty()) return std::nullopt;
  return segments_.back().sequence;
}

std::optional<SegmentRow> SegmentIndex::row(std::uint64_t sequence) const {
  if (empty() || sequence < first_sequence() || sequence > last_sequence()) return std::nullopt;
  const std::size_t segment = upper_bound(sequence) - 1;
  const std::uint64_t number = sequence - segments_[segment].sequence;
  return number == 0 ? segment_row(segment) : gap_row(segment, number);
}

std::vector<SegmentRow> SegmentIndex::rows(std::uint64_t first, std::uint64_t last) const {
  std::vector<SegmentRow> rows;
  if (empty()) return rows;
  first = std::max(first, first_sequence());
  last = std::min(last, last_sequence());
  if (first > last) return rows;
  rows.reserve(last - first + 1);
  std::size_t segment = upper_bound(first) - 1;
  for (std::uint64_t sequence = first; sequence <= last; ++sequence) {
    if (segment + 1 < segments_.size() && segments_[segment + 1].sequence == sequence) ++segment;
    const std::uint64_t number = sequence - segments_[segment].sequence;
    rows.push_back(number == 0 ? segment_row(segment) : gap_row(segment, number));
  }
  return rows;
}

std::vector<SegmentRow> SegmentIndex::files() const {
  std::vector<SegmentRow> rows;
  rows.reserve(segments_.size());
  for (std::size_t segment = 0; segment < segments_.size(); ++segment) rows.push_back(segment_row(segment));
  return rows;
}

std::vector<SegmentRow> SegmentIndex::first_of_each_media() const {
  std::vector<SegmentRow> rows;
  std::vector<bool> seen(media_.size());
  for (std::size_t segment = 0; segment < segments_.size() && rows.size() < media_.size(); ++segment) {
    const std::uint32_t media = shared(segments_[segment]).media;
    if (seen[media]) continue;
    seen[media] = true;
    rows.push_back(segment_row(segment));
  }
  return rows;
}

std::vector<SegmentIndex::KeyUse> SegmentIndex::key_uses() const {
  std::map<core::KeyId, KeyUse> uses;
  std::vector<KeyUse*> of_media(media_.size(), nullptr);
  for (const Segment& segment : segments_) {
    const std::uint32_t media = shared(segment).media;
    const auto& key_id = media_[media].key_id;
    if (!key_id) continue;
    const KeyUse this_one{*key_id, core::Utc{segment.start_ns}, core::Utc{segment.end_ns()}};
    if (of_media[media] == nullptr) of_media[media] = &uses.try_emplace(*key_id, this_one).first->second;
    KeyUse& use = *of_media[media];
    use.start = std::min(use.start, this_one.start);
    use.end = std::max(use.end, this_one.end);
  }
  std::vector<KeyUse> all;
  all.reserve(uses.size());
  for (const auto& [key_id, use] : uses) all.push_back(use);
  return all;
}

std::optional<std::uint64_t> SegmentIndex::sequence_at(core::Utc start,
                                                       std::optional<std::uint32_t> newest_epoch) const {
  const auto starts_before = [&](const Segment& segment) { return segment.start_ns <= start.ns; };
  for (auto run = runs_.rbegin(); run != runs_.rend(); ++run) {
    if (newest_epoch && run->epoch > *newest_epoch) continue;
    if (start.ns < segments_[run->first].start_ns || start.ns >= run_end_ns(*run)) continue;
    const auto begin = segments_.begin();
    const auto after = std::partition_point(begin + static_cast<std::ptrdiff_t>(run->first),
                                            begin + static_cast<std::ptrdiff_t>(run->last) + 1, starts_before);
    const auto at = static_cast<std::size_t>(after - begin) - 1;
    const Segment& segment = segments_[at];
    if (start.ns < segment.end_ns()) return segment.sequence;
    const std::uint64_t gaps = gaps_after(at);
    const auto number = static_cast<std::uint64_t>((start.ns - segment.end_ns()) / target_ns_) + 1;
    if (number < gaps) return segment.sequence + number;
    if (gaps > 0 && gap_row(at, gaps).end() > start) return segment.sequence + gaps;
    return segment.sequence + gaps + 1;
  }
  for (const Run& run : runs_) {
    if (newest_epoch && run.epoch > *newest_epoch) continue;
    if (segments_[run.first].start_ns > start.ns) return segments_[run.first].sequence;
  }
  return newest_epoch ? sequence_at(start) : std::nullopt;
}

std::optional<std::uint64_t> SegmentIndex::sequence_reaching(core::Utc end, std::uint64_t first) const {
  if (empty() || first > last_sequence()) return std::nullopt;
  first = std::max(first, first_sequence());
  std::size_t from = upper_bound(first) - 1;
  for (const Run& run : runs_) {
    if (run.last < from) continue;
    from = std::max(from, run.first);
    if (const auto found = reaching_in_run(run, from, end, first)) return found;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> SegmentIndex::reaching_in_run(const Run& run, std::size_t from, core::Utc end,
                                                           std::uint64_t first) const {
  const auto begin = segments_.begin();
  const auto found =
      std::partition_point(begin + static_cast<std::ptrdiff_t>(from), begin + static_cast<std::ptrdiff_t>(run.last) + 1,
                           [&](const Segment& segment) { return segment.end_ns() < end.ns; });
  const auto at = static_cast<std::size_t>(found - begin);
  if (at > from) {
    const Segment& before = segments_[at - 1];
    const std::uint64_t gaps = gaps_after(at - 1);
    const auto number = static_cast<std::uint64_t>(core::scale_ceil(end.ns - before.end_ns(), 1, target_ns_));
    if (number < gaps) return std::max(first, before.sequence + number);
    if (gaps > 0 && gap_row(at - 1, gaps).end() >= end) return std::max(first, before.sequence + gaps);
  }
  if (at > run.last) return std::nullopt;
  return std::max(first, segments_[at].sequence);
}

std::optional<std::uint64_t> SegmentIndex::next_segment(std::uint64_t sequence) const {
  const auto found = std::partition_point(segments_.begin(), segments_.end(),
                                          [&](const Segment& segment) { return segment.sequence < sequence; });
  if (found == segments_.end()) return std::nullopt;
  return found->sequence;
}

std::uint64_t SegmentIndex::segment_until(std::uint64_t sequence) const {
  return segments_[upper_bound(sequence) - 1].sequence;
}

std::uint64_t SegmentIndex::live_first(std::int64_t duration_ns) const {
  std::int64_t listed_ns = 0;
  for (std::size_t segment = segments_.size(); segment-- > 0;) {
    for (std::uint64_t number = gaps_after(segment); number > 0; --number) {
      listed_ns += gap_row(segment, number).duration_ns;
      if (listed_ns >= duration_ns) return segments_[segment].sequence + number;
    }
    listed_ns += segments_[segment].duration_ns();
    if (listed_ns >= duration_ns) return segments_[segment].sequence;
  }
  return first_sequence();
}

std::optional<std::size_t> SegmentIndex::position_of(std::string_view location, core::Utc hint) const {
  for (const Run& run : runs_) {
    for (std::size_t at = first_from(run, hint); at <= run.last; ++at) {
      const Segment* const segment = &segments_[at];
      if (segment->start_ns >= hint.ns + core::kNsPerSecond) break;
      if (is_location(location, forms_[shared(*segment).form], core::Utc{segment->start_ns})) {
        return at;
      }
    }
  }
  return std::nullopt;
}

// The first segment of the run that begins at or after an instant. Starts are nearly even, so a search that begins
// where it should be touches a few neighbours and not the whole archive.
std::size_t SegmentIndex::first_from(const Run& run, core::Utc instant) const {
  const auto before = [&](std::size_t at) { return segments_[at].start_ns < instant.ns; };
  if (!before(run.first)) return run.first;
  if (before(run.last)) return run.last + 1;
  const std::int64_t span_ns = segments_[run.last].start_ns - segments_[run.first].start_ns;
  const auto steps = static_cast<std::int64_t>(run.last - run.first);
  const std::size_t guess = run.first + static_cast<std::size_t>(core::scale_floor(
                                            instant.ns - segments_[run.first].start_ns, steps, span_ns));
  std::size_t low = guess;
  std::size_t high = guess;
  for (std::size_t step = 1; !before(low); step *= 2) low = std::max(run.first + step, low) - step;
  for (std::size_t step = 1; before(high); step *= 2) high = std::min(run.last, high + step);
  const auto begin = segments_.begin();
  return static_cast<std::size_t>(
      std::partition_point(begin + static_cast<std::ptrdiff_t>(low), begin + static_cast<std::ptrdiff_t>(high),
                           [&](const Segment& segment) { return segment.start_ns < instant.ns; }) -
      begin);
}

std::optional<SegmentRow> SegmentIndex::find_location(std::string_view location, core::Utc hint) const {
  const auto position = position_of(location, hint);
  if (!position) return std::nullopt;
  return segment_row(*position);
}

std::optional<std::uint64_t> SegmentIndex::find_sequence(std::string_view location, core::Utc hint) const {
  const auto position = position_of(location, hint);
  if (!position) return std::nullopt;
  return segments_[*position].sequence;
}

std::vector<std::uint64_t> SegmentIndex::sequences() const {
  std::vector<std::uint64_t> sequences;
  sequences.reserve(segments_.size());
  for (const Segment& segment : segments_) sequences.push_back(segment.sequence);
  return sequences;
}

SegmentIndex SegmentIndex::slice(std::uint64_t first, std::uint64_t last) const {
  SegmentIndex copy(target_ns_);
  const auto from = static_cast<std::ptrdiff_t>(upper_bound(first)) - 1;
  // The next file ends the last GAP row.
  const auto to = std::min(static_cast<std::ptrdiff_t>(upper_bound(last)) + 1, std::ssize(segments_));
  copy.segments_.assign(segments_.begin() + from, segments_.begin() + to);
  copy.media_ = media_;
  copy.forms_ = forms_;
  copy.shared_ = shared_;
  copy.trailing_gaps_ = trailing_gaps_;
  copy.forget_unused();
  return copy;
}

bool SegmentIndex::has_init(std::string_view init_location) const {
  return std::any_of(media_.begin(), media_.end(),
                     [&](const Media& media) { return media.init_location == init_location; });
}

std::size_t SegmentIndex::upper_bound(std::uint64_t sequence) const {
  if (empty() || sequence >= segments_.back().sequence) return segments_.size();
  const auto found = std::partition_point(segments_.begin(), segments_.end(),
                                          [&](const Segment& segment) { return segment.sequence <= sequence; });
  return static_cast<std::size_t>(found - segments_.begin());
}

std::uint64_t SegmentIndex::gaps_after(std::size_t segment) const {
  if (segment + 1 == segments_.size()) return trailing_gaps_;
  return segments_[segment + 1].sequence - segments_[segment].sequence - 1;
}

SegmentRow SegmentIndex::gap_row(std::size_t segment, std::uint64_t number) const {
  const Segment& before = segments_[segment];
  const Media& media = media_[shared(before).media];
  SegmentRow row{
      .sequence = before.sequence + number,
      .discontinuity_sequence = before.discontinuity_sequence,
      .start = core::Utc{before.end_ns() + static_cast<std::int64_t>(number - 1) * target_ns_},
      .duration_ns = target_ns_,
      .epoch = shared(before).epoch,
      .gap = true,
      .key_id = media.key_id,
      .init_location = media.init_location,
  };
  // The last row ends where the next segment begins, unless the numbers do not agree with the times (files were lost,
  // or a new epoch went back): a row then keeps the length that every playlist can announce.
  if (segment + 1 < segments_.size() && number == gaps_after(segment)) {
    const std::int64_t rest_ns = segments_[segment + 1].start_ns - row.start.ns;
    if (rest_ns > 0 && rest_ns < target_ns_ + core::kNsPerSecond / 2) row.duration_ns = rest_ns;
  }
  return row;
}

SegmentRow SegmentIndex::segment_row(std::size_t segment) const {
  const Segment& stored = segments_[segment];
  const Shared& common = shared(stored);
  const Media& media = media_[common.media];
  return SegmentRow{
      .sequence = stored.sequence,
      .discontinuity_sequence = stored.discontinuity_sequence,
      .start = core::Utc{stored.start_ns},
      .duration_ns = stored.duration_ns(),
      .size = stored.size,
      .epoch = common.epoch,
      .discontinuity = stored.discontinuity != 0,
      .key_id = media.key_id,
      .location = location_of(forms_[common.form], core::Utc{stored.start_ns}),
      .init_location = media.init_location,
  };
}

std::int64_t SegmentIndex::run_end_ns(const Run& run) const {
  const std::uint64_t gaps = gaps_after(run.last);
  return gaps > 0 ? gap_row(run.last, gaps).end().ns : segments_[run.last].end_ns();
}

std::uint32_t SegmentIndex::intern_media(const std::string& init_location, const std::optional<core::KeyId>& key_id) {
  for (std::size_t i = media_.size(); i-- > 0;) {  // the newest is the likeliest
    if (media_[i].init_location == init_location && media_[i].key_id == key_id) return static_cast<std::uint32_t>(i);
  }
  media_.push_back(Media{init_location, key_id});
  return static_cast<std::uint32_t>(media_.size() - 1);
}

std::uint32_t SegmentIndex::intern_form(const SegmentRow& row) {
  const std::size_t stop = forms_.size() - std::min(forms_.size(), kLookBack);
  for (std::size_t i = forms_.size(); i-- > stop;) {
    if (is_location(row.location, forms_[i], row.start)) return static_cast<std::uint32_t>(i);
  }
  forms_.push_back(form_of(row.location, row.start));
  return static_cast<std::uint32_t>(forms_.size() - 1);
}

std::optional<std::uint32_t> SegmentIndex::intern(const SegmentRow& row) {
  const Shared wanted{intern_media(row.init_location, row.key_id), intern_form(row), row.epoch};
  const std::size_t stop = shared_.size() - std::min(shared_.size(), kLookBack);
  for (std::size_t i = shared_.size(); i-- > stop;) {
    if (shared_[i] == wanted) return static_cast<std::uint32_t>(i);
  }
  if (shared_.size() == kMostShared) return std::nullopt;
  shared_.push_back(wanted);
  return static_cast<std::uint32_t>(shared_.size() - 1);
}

bool SegmentIndex::continues_run(std::size_t segment) const {
  if (segment == 0) return false;
  const Segment& before = segments_[segment - 1];
  const Segment& here = segments_[segment];
  return shared(here).epoch == shared(before).epoch && here.start_ns > before.start_ns &&
         here.end_ns() > before.end_ns();
}

void SegmentIndex::rebuild_runs() {
  runs_.clear();
  for (std::size_t segment = 0; segment < segments_.size(); ++segment) {
    if (continues_run(segment)) {
      runs_.back().last = segment;
    } else {
      runs_.push_back(Run{segment, segment, shared(segments_[segment]).epoch});
    }
  }
}

}  // namespace aircheck::timeshift
