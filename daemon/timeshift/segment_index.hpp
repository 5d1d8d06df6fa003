// SegmentIndex: the rows of one channel in memory, by sequence and by time.
//
// Only files are stored. GAP rows follow from the numbers of their neighbours (core/gaps.hpp), so that a hole of a week
// costs nothing and an index that was rebuilt from the files lists the same rows. The one exception are the GAP rows
// that stand at the end while the channel's worker is down: they are a count.
//
// The index belongs to the main context and takes no lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.hpp"
#include "core/time.hpp"
#include "timeshift/location_form.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift {

class SegmentIndex {
 public:
  enum class Added {
    kYes,
    kConflict,     // there is a row of this number: nothing was changed
    kListedAsGap,  // the number was announced as a GAP, and a slot once listed as GAP stays GAP
    kRefused,      // the row contradicts its neighbours or itself
  };

  // target_ns: the channel's target duration, the length of a GAP row.
  explicit SegmentIndex(std::int64_t target_ns);

  Added add(const SegmentRow& row);
  // Gives back what growing by doubling took.
  void shrink_to_fit() { segments_.shrink_to_fit(); }

  // Forgets a row whose file is gone. Its place becomes a GAP, or leaves the index where it was the first or last.
  bool remove(std::uint64_t sequence);
  // The same for many, in order.
  void remove(const std::vector<std::uint64_t>& sequences);

  // Forgets the oldest `count` files, with the GAP rows between and behind them, and gives their rows back. The newest
  // file always stays.
  std::vector<SegmentRow> take_oldest(std::size_t count);

  // No file will come for what is before `until`: lists a GAP row for every slot after the last row that ends by then.
  // Returns how many rows it added.
  std::uint64_t append_gaps(core::Utc until);
  // GAP rows at the end, from an earlier run of the daemon. Only ever grows the count.
  void restore_trailing_gaps(std::uint64_t count);
  [[nodiscard]] std::uint64_t trailing_gaps() const { return trailing_gaps_; }
  // The worker must not begin a segment before this: earlier slots are listed as GAP.
  [[nodiscard]] core::Utc not_before() const;

  [[nodiscard]] bool empty() const { return segments_.empty(); }
  [[nodiscard]] std::size_t segment_count() const { return segments_.size(); }
  [[nodiscard]] std::int64_t target_ns() const { return target_ns_; }
  // Size of all files, and of those that begin at or after an instant.
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t bytes_since(core::Utc start) const;
  // How many files stand at the front that have all ended before an instant; counts to `limit`.
  [[nodiscard]] std::size_t ended_before(core::Utc instant, std::size_t limit) const;
  // Both need !empty(). The last row may be a GAP.
  [[nodiscard]] std::uint64_t first_sequence() const;
  [[nodiscard]] std::uint64_t last_sequence() const;
  // The number of the last row that is a file: what a worker is asked to continue from.
  [[nodiscard]] std::optional<std::uint64_t> last_segment_sequence() const;

  [[nodiscard]] std::optional<SegmentRow> row(std::uint64_t sequence) const;
  // Rows first to last, both included, as far as they exist.
  [[nodiscard]] std::vector<SegmentRow> rows(std::uint64_t first, std::uint64_t last) const;

  // All rows that are files, without the GAP rows between them: a hole of a year has five million of those.
  [[nodiscard]] std::vector<SegmentRow> files() const;

  // The oldest file of each init segment and key.
  [[nodiscard]] std::vector<SegmentRow> first_of_each_media() const;

  // From when to when each key encrypted something.
  struct KeyUse {
    core::KeyId key_id{};
    core::Utc start;
    core::Utc end;
  };
  [[nodiscard]] std::vector<KeyUse> key_uses() const;

  // The row with which a window that begins at `start` begins: the row that covers it in the newest epoch that has one,
  // else the first row after it. Epochs newer than newest_epoch count only where the others have nothing.
  [[nodiscard]] std::optional<std::uint64_t> sequence_at(
      core::Utc start, std::optional<std::uint32_t> newest_epoch = std::nullopt) const;
  // The first row at or after `first`, in sequence order, that reaches `end`.
  [[nodiscard]] std::optional<std::uint64_t> sequence_reaching(core::Utc end, std::uint64_t first) const;
  // The first row at or after `sequence` that is a file.
  [[nodiscard]] std::optional<std::uint64_t> next_segment(std::uint64_t sequence) const;
  // The last row at or before `sequence` that is a file; the sequence must be listed.
  [[nodiscard]] std::uint64_t segment_until(std::uint64_t sequence) const;
  // First row of the live view: the shortest run of rows at the end that lasts at least duration_ns.
  [[nodiscard]] std::uint64_t live_first(std::int64_t duration_ns) const;
  // The row of a file, by its name and an instant inside its first second (what its name says).
  [[nodiscard]] std::optional<SegmentRow> find_location(std::string_view location, core::Utc hint) const;
  // Its number alone, which costs no allocation.
  [[nodiscard]] std::optional<std::uint64_t> find_sequence(std::string_view location, core::Utc hint) const;
  // The numbers of all files, in order.
  [[nodiscard]] std::vector<std::uint64_t> sequences() const;
  // Is it the init segment of any row?
  [[nodiscard]] bool has_init(std::string_view init_location) const;

  // An index of its own that has the rows first to last (both must exist) and answers rows() for them as this one does:
  // for another thread, at the cost of a copy of 32 bytes a row.
  [[nodiscard]] SegmentIndex slice(std::uint64_t first, std::uint64_t last) const;

  // Changes whenever a row that is listed is no longer what it was: whoever keeps a playlist has to make it anew. Rows
  // that are appended, and the oldest that are taken out, leave the others what they are.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  // This index takes the place of another one.
  void supersede(const SegmentIndex& other) { revision_ += other.revision_ + 1; }

 private:
  // What rows share: they come and go together.
  struct Media {
    std::string init_location;
    std::optional<core::KeyId> key_id;
  };
  // What nearly all rows of a run have in common besides.
  struct Shared {
    std::uint32_t media;  // in media_
    std::uint32_t form;   // in forms_
    std::uint32_t epoch;

    friend bool operator==(const Shared&, const Shared&) = default;
  };
  // Two million of them are a station's index, so every byte counts.
  struct Segment {
    std::uint64_t sequence;
    std::int64_t start_ns;
    std::uint64_t duration : 42;  // ns
    std::uint64_t discontinuity : 1;
    std::uint64_t shared : 21;  // in shared_
    std::uint32_t size;
    std::uint32_t discontinuity_sequence;

    [[nodiscard]] std::int64_t duration_ns() const { return static_cast<std::int64_t>(duration); }
    [[nodiscard]] std::int64_t end_ns() const { return start_ns + duration_ns(); }
  };
  static_assert(sizeof(Segment) == 32);
  // Segments [first, last] whose starts and ends rise: an epoch, as far as the files keep to the rule.
  struct Run {
    std::size_t first;
    std::size_t last;
    std::uint32_t epoch;
  };

  [[nodiscard]] bool plausible(const SegmentRow& row, std::size_t at) const;
  [[nodiscard]] bool plausible_neighbours(std::uint64_t sequence, std::int64_t end_ns, std::uint64_t next_sequence,
                                          std::int64_t next_start_ns) const;
  [[nodiscard]] std::size_t upper_bound(std::uint64_t sequence) const;
  [[nodiscard]] std::uint64_t gaps_after(std::size_t segment) const;
  [[nodiscard]] SegmentRow gap_row(std::size_t segment, std::uint64_t number) const;
  [[nodiscard]] SegmentRow segment_row(std::size_t segment) const;
  [[nodiscard]] std::int64_t run_end_ns(const Run& run) const;
  [[nodiscard]] std::optional<std::uint64_t> reaching_in_run(const Run& run, std::size_t from, core::Utc end,
                                                             std::uint64_t first) const;
  [[nodiscard]] const Shared& shared(const Segment& segment) const { return shared_[segment.shared]; }
  // Positions in shared_; nothing when it is full.
  [[nodiscard]] std::optional<std::uint32_t> intern(const SegmentRow& row);
  [[nodiscard]] std::uint32_t intern_media(const std::string& init_location, const std::optional<core::KeyId>& key_id);
  [[nodiscard]] std::uint32_t intern_form(const SegmentRow& row);
  [[nodiscard]] std::optional<std::size_t> position_of(std::string_view location, core::Utc hint) const;
  [[nodiscard]] std::size_t first_from(const Run& run, core::Utc instant) const;
  [[nodiscard]] bool continues_run(std::size_t segment) const;
  void rebuild_runs();
  void forget_unused();

  std::int64_t target_ns_;
  std::vector<Segment> segments_;  // by sequence
  std::vector<Run> runs_;          // cover segments_ without holes
  std::vector<Media> media_;
  std::vector<LocationForm> forms_;
  std::vector<Shared> shared_;
  std::uint64_t trailing_gaps_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t revision_ = 0;
};

}  // namespace aircheck::timeshift
