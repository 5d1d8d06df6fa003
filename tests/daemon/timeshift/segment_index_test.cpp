#include "timeshift/segment_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "daemon/timeshift/writer.hpp"

namespace aircheck::timeshift {
namespace {

using core::kNsPerMs;
using core::kNsPerSecond;
using core::Utc;

using test::file;
using test::kNoon;
using test::kTarget;
using test::Writer;

std::vector<SegmentRow> all_rows(const SegmentIndex& index) {
  return index.empty() ? std::vector<SegmentRow>{} : index.rows(index.first_sequence(), index.last_sequence());
}

TEST(SegmentIndex, AnEmptyIndexAnswersNothing) {
  SegmentIndex index(kTarget);
  EXPECT_TRUE(index.empty());
  EXPECT_FALSE(index.row(1));
  EXPECT_FALSE(index.sequence_at(kNoon));
  EXPECT_FALSE(index.sequence_reaching(kNoon, 0));
  EXPECT_EQ(index.append_gaps(kNoon), 0u);
  EXPECT_EQ(index.not_before(), Utc{0});
  EXPECT_TRUE(index.rows(0, 100).empty());
}

TEST(SegmentIndex, ASecondRowOfANumberChangesNothing) {
  SegmentIndex index(kTarget);
  const SegmentRow row = file(7, kNoon);
  EXPECT_EQ(index.add(row), SegmentIndex::Added::kYes);
  SegmentRow other = file(7, kNoon + kTarget);
  EXPECT_EQ(index.add(other), SegmentIndex::Added::kConflict);
  EXPECT_EQ(index.segment_count(), 1u);
  EXPECT_EQ(index.row(7), row);
}

TEST(SegmentIndex, AHoleIsGapRowsThatSumToIt) {
  SegmentIndex index(kTarget);
  index.add(file(10, kNoon));
  SegmentRow after = file(14, kNoon + 4 * kTarget - 200 * kNsPerMs);
  after.discontinuity = true;
  after.discontinuity_sequence = 1;
  ASSERT_EQ(index.add(after), SegmentIndex::Added::kYes);
  const auto rows = all_rows(index);
  ASSERT_EQ(rows.size(), 5u);
  std::int64_t sum = 0;
  for (std::size_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(rows[i].gap);
    EXPECT_FALSE(rows[i].discontinuity);
    EXPECT_EQ(rows[i].discontinuity_sequence, 0u);
    EXPECT_EQ(rows[i].start, rows[i - 1].end());
    sum += rows[i].duration_ns;
  }
  EXPECT_EQ(sum, after.start - rows[0].end());
  EXPECT_EQ(rows[4], after);
}

TEST(SegmentIndex, TheFilesComeWithoutTheGapRowsBetweenThem) {
  SegmentIndex index(kTarget);
  constexpr std::uint64_t kYear = 365 * 24 * 600;  // slots
  index.add(file(10, kNoon));
  ASSERT_EQ(index.add(file(10 + kYear, kNoon + static_cast<std::int64_t>(kYear) * kTarget)), SegmentIndex::Added::kYes);
  index.append_gaps(kNoon + static_cast<std::int64_t>(2 * kYear) * kTarget);
  ASSERT_GT(index.last_sequence(), 10 + kYear);
  const auto files = index.files();
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].sequence, 10u);
  EXPECT_EQ(files[1].sequence, 10 + kYear);
}

TEST(SegmentIndex, KnowsFromWhenToWhenAKeyWasUsed) {
  SegmentIndex index(kTarget);
  EXPECT_TRUE(index.key_uses().empty());
  Writer writer(kNoon);
  for (int i = 0; i < 3; ++i) index.add(writer.segment());
  writer.restart(writer.end() + 100 * kTarget);
  index.add(writer.segment());
  const Utc first_end = writer.end();
  writer.new_crypto_period();
  index.add(writer.segment());
  SegmentRow clear = writer.segment();
  clear.key_id.reset();
  index.add(clear);
  const auto uses = index.key_uses();
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].key_id, core::KeyId{1});
  EXPECT_EQ(uses[0].start, kNoon);
  EXPECT_EQ(uses[0].end, first_end);
  EXPECT_EQ(uses[1].start, first_end);
  EXPECT_EQ(uses[1].end, first_end + kTarget);
}

TEST(SegmentIndex, TheLastGapRowNeverRoundsAboveTheTarget) {
  SegmentIndex index(kTarget);
  index.add(file(10, kNoon));
  // As it is when the file between them was lost and the next began half a second late.
  ASSERT_EQ(index.add(file(12, kNoon + 2 * kTarget + 500 * kNsPerMs)), SegmentIndex::Added::kYes);
  EXPECT_EQ(index.row(11)->duration_ns, kTarget) << "6.5 s would round to 7";
}

TEST(SegmentIndex, GapRowsAreThoseOfWholeSlots) {
  SegmentIndex index(kTarget);
  index.add(file(10, kNoon));
  const Utc end = kNoon + kTarget;
  EXPECT_EQ(index.append_gaps(end + kTarget - 1), 0u);
  EXPECT_EQ(index.append_gaps(end + kTarget), 1u);
  EXPECT_EQ(index.append_gaps(end + kTarget), 0u) << "the same slot is listed once";
  EXPECT_EQ(index.append_gaps(end), 0u) << "a clock that goes back takes nothing away";
  EXPECT_EQ(index.trailing_gaps(), 1u);
  EXPECT_EQ(index.last_sequence(), 11u);
  EXPECT_EQ(index.append_gaps(end + 5 * kTarget + kNsPerSecond), 4u);
  EXPECT_EQ(index.last_sequence(), 15u);
  EXPECT_EQ(index.last_segment_sequence(), 10u);
}

TEST(SegmentIndex, ASlotOnceListedAsGapStaysGap) {
  SegmentIndex index(kTarget);
  index.add(file(10, kNoon));
  index.append_gaps(kNoon + 3 * kTarget);
  ASSERT_EQ(index.last_sequence(), 12u);
  EXPECT_EQ(index.add(file(11, kNoon + kTarget)), SegmentIndex::Added::kListedAsGap);
  EXPECT_EQ(index.add(file(12, kNoon + 2 * kTarget)), SegmentIndex::Added::kListedAsGap);
  EXPECT_TRUE(index.row(12)->gap);
  EXPECT_LE(index.not_before(), kNoon + 3 * kTarget) << "the next slot is free";
  EXPECT_GT(index.not_before(), kNoon + 2 * kTarget);
  EXPECT_EQ(index.add(file(13, kNoon + 3 * kTarget)), SegmentIndex::Added::kYes);
  EXPECT_EQ(index.last_sequence(), 13u);
  EXPECT_EQ(index.trailing_gaps(), 0u);
}

TEST(SegmentIndex, AWindowTakesTheNewestEpochUnlessItIsPinned) {
  SegmentIndex index(kTarget);
  for (std::uint64_t i = 0; i < 10; ++i) index.add(file(100 + i, kNoon + static_cast<std::int64_t>(i) * kTarget));
  for (std::uint64_t i = 0; i < 10; ++i) {  // the clock went back by five slots
    SegmentRow row = file(110 + i, kNoon + static_cast<std::int64_t>(5 + i) * kTarget);
    row.epoch = 1;
    row.location = "e1-" + row.location;
    row.discontinuity = i == 0;
    row.discontinuity_sequence = 1;
    ASSERT_EQ(index.add(row), SegmentIndex::Added::kYes);
  }
  EXPECT_EQ(index.sequence_at(kNoon + 4 * kTarget), 104u);
  EXPECT_EQ(index.sequence_at(kNoon + 5 * kTarget), 110u);
  EXPECT_EQ(index.sequence_at(kNoon + 7 * kTarget + 1), 112u);
  EXPECT_EQ(index.sequence_at(kNoon + 7 * kTarget, 0), 107u) << "a player that began before the step stays";
  EXPECT_EQ(index.sequence_reaching(kNoon + 8 * kTarget, 103), 107u) << "reached before the clock went back";
  EXPECT_EQ(index.sequence_reaching(kNoon + 12 * kTarget, 103), 116u);
  EXPECT_EQ(index.sequence_reaching(kNoon + 8 * kTarget, 110), 112u);
}

TEST(SegmentIndex, FindsAFileByItsNameAndSecond) {
  SegmentIndex index(kTarget);
  SegmentRow row = file(10, kNoon + 40 * kNsPerMs);
  index.add(file(9, kNoon + 40 * kNsPerMs - kTarget));
  index.add(row);
  EXPECT_EQ(index.find_location(row.location, kNoon), row);
  EXPECT_FALSE(index.find_location("ch1-other.m4s", kNoon));
  EXPECT_FALSE(index.find_location(row.location, kNoon + kNsPerSecond));
  EXPECT_TRUE(index.has_init(row.init_location));
  EXPECT_FALSE(index.has_init("init.mp4"));
}

TEST(SegmentIndex, ARowWhoseFileIsGoneBecomesAGap) {
  SegmentIndex index(kTarget);
  for (std::uint64_t i = 0; i < 5; ++i) index.add(file(i, kNoon + static_cast<std::int64_t>(i) * kTarget));
  EXPECT_TRUE(index.remove(2));
  EXPECT_FALSE(index.remove(2));
  EXPECT_TRUE(index.row(2)->gap);
  EXPECT_EQ(index.row(2)->duration_ns, kTarget);
  EXPECT_TRUE(index.remove(4));
  EXPECT_EQ(index.last_sequence(), 3u);
  EXPECT_TRUE(index.remove(0));
  EXPECT_EQ(index.first_sequence(), 1u);
}

TEST(SegmentIndex, RefusesRowsThatContradictThemselvesOrTheirNeighbours) {
  SegmentIndex index(kTarget);
  ASSERT_EQ(index.add(file(10, kNoon)), SegmentIndex::Added::kYes);
  const auto refused = [&](auto change) {
    SegmentRow row = file(11, kNoon + kTarget);
    change(row);
    return index.add(row) == SegmentIndex::Added::kRefused;
  };
  EXPECT_TRUE(refused([](SegmentRow& row) { row.duration_ns = 0; }));
  EXPECT_TRUE(refused([](SegmentRow& row) { row.duration_ns = std::numeric_limits<std::int64_t>::max(); }));
  EXPECT_TRUE(refused([](SegmentRow& row) { row.start.ns = -1; }));
  EXPECT_TRUE(refused([](SegmentRow& row) { row.start.ns = std::numeric_limits<std::int64_t>::max(); }));
  EXPECT_TRUE(refused([](SegmentRow& row) { row.sequence = 1ull << 40; })) << "a million million GAP rows";
  EXPECT_TRUE(refused([](SegmentRow& row) { row.sequence = std::numeric_limits<std::uint64_t>::max(); }));
  EXPECT_TRUE(refused([](SegmentRow& row) { row.discontinuity_sequence = 1ull << 40; }));
  EXPECT_TRUE(refused([](SegmentRow& row) { row.gap = true; }));
  for (const char* location : {"", "/etc/passwd", "../a.m4s", "a/../b.m4s", "a//b.m4s", ".hidden", "a\nb.m4s",
                               "a b.m4s", "a%2e.m4s", "a\"b.m4s", "folder/"}) {
    EXPECT_TRUE(refused([&](SegmentRow& row) { row.location = location; })) << location;
    EXPECT_TRUE(refused([&](SegmentRow& row) { row.init_location = location; })) << location;
  }
  EXPECT_FALSE(refused([](SegmentRow& row) { row.location = "2026/02/25/ch1-20260225143000-e1.m4s"; }));
}

// Invariants that hold for every archive whose files follow the numbering rule.
void check_invariants(const SegmentIndex& index) {
  const auto rows = all_rows(index);
  ASSERT_FALSE(rows.empty());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].sequence, rows[0].sequence + i) << "numbers are contiguous";
    EXPECT_EQ(index.row(rows[i].sequence), rows[i]);
    EXPECT_LE(std::llround(static_cast<double>(rows[i].duration_ns) / 1e9), 7);
    EXPECT_EQ(rows[i].gap, rows[i].location.empty());
    if (i == 0) continue;
    EXPECT_EQ(rows[i].discontinuity_sequence, rows[i - 1].discontinuity_sequence + (rows[i].discontinuity ? 1 : 0));
    if (rows[i].epoch == rows[i - 1].epoch) {
      EXPECT_LE(std::abs(rows[i].start - rows[i - 1].end()), kNsPerSecond / 2) << rows[i].sequence;
      if (rows[i - 1].gap || rows[i].gap) {
        EXPECT_EQ(rows[i].start, rows[i - 1].end());
      }
    }
  }
}

// The same questions answered by looking at every row.
void check_searches(const SegmentIndex& index, std::mt19937& random) {
  const auto rows = all_rows(index);
  Utc earliest = rows.front().start;
  Utc latest = rows.front().end();
  for (const auto& row : rows) {
    earliest = std::min(earliest, row.start);
    latest = std::max(latest, row.end());
  }
  const std::int64_t span = latest - earliest;
  std::uniform_int_distribution<std::int64_t> anywhere(-2 * kTarget, span + 2 * kTarget);
  for (int i = 0; i < 40; ++i) {
    const Utc at = earliest + anywhere(random);
    std::optional<std::uint64_t> expected;
    for (const auto& row : rows) {  // the last one in sequence order is of the newest epoch
      if (row.start <= at && at < row.end()) expected = row.sequence;
    }
    if (expected) {
      EXPECT_EQ(index.sequence_at(at), expected) << at.ns;
    } else if (at < earliest) {
      EXPECT_EQ(index.sequence_at(at), rows.front().sequence);
    }
    const std::uint64_t first = rows[random() % rows.size()].sequence;
    std::optional<std::uint64_t> reaching;
    for (const auto& row : rows) {
      if (!reaching && row.sequence >= first && row.end() >= at) reaching = row.sequence;
    }
    EXPECT_EQ(index.sequence_reaching(at, first), reaching) << at.ns << " from " << first;
  }
  const std::int64_t wanted = static_cast<std::int64_t>(1 + random() % 8) * kTarget;
  std::int64_t listed = 0;
  std::size_t first = rows.size();
  while (first > 0 && listed < wanted) listed += rows[--first].duration_ns;
  EXPECT_EQ(index.live_first(wanted), rows[first].sequence);
}

// Every file by its name, and a part of the index for another thread.
void check_parts(const SegmentIndex& index, std::mt19937& random) {
  const auto files = index.files();
  for (const SegmentRow& row : files) {
    const Utc second{row.start.ns - row.start.ns % kNsPerSecond};
    ASSERT_EQ(index.find_location(row.location, second), row);
    ASSERT_EQ(index.find_sequence(row.location, second), row.sequence);
  }
  const auto rows = all_rows(index);
  for (int i = 0; i < 20; ++i) {
    const std::size_t from = random() % rows.size();
    const std::size_t to = from + random() % (rows.size() - from);
    const SegmentIndex slice = index.slice(rows[from].sequence, rows[to].sequence);
    const std::vector<SegmentRow> expected(rows.begin() + static_cast<std::ptrdiff_t>(from),
                                           rows.begin() + static_cast<std::ptrdiff_t>(to) + 1);
    ASSERT_EQ(slice.rows(rows[from].sequence, rows[to].sequence), expected);
  }
}

TEST(SegmentIndex, ARevisionIsForRowsThatWereListed) {
  SegmentIndex index(kTarget);
  Writer writer(kNoon);
  std::vector<SegmentRow> rows;
  for (int i = 0; i < 5; ++i) rows.push_back(writer.segment());
  for (const std::size_t i : {0, 1, 3, 4}) index.add(rows[i]);
  index.append_gaps(writer.end() + 60 * kNsPerSecond);
  const std::uint64_t before = index.revision();
  index.add(rows[1]);
  EXPECT_EQ(index.revision(), before) << "rows that are appended, or there, change nothing";
  index.add(rows[2]);
  EXPECT_NE(index.revision(), before) << "a GAP is a file now";
  const std::uint64_t filled = index.revision();
  const auto last = index.rows(rows[2].sequence, index.last_sequence());
  index.take_oldest(2);
  EXPECT_EQ(index.revision(), filled) << "rows that go at the front change no other";
  EXPECT_EQ(index.rows(rows[2].sequence, index.last_sequence()), last);
  EXPECT_TRUE(index.remove(rows[4].sequence));
  EXPECT_NE(index.revision(), filled);
}

TEST(SegmentIndex, HoldsItsInvariantsThroughRandomHolesRestartsAndEpochs) {
  for (std::uint32_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    SegmentIndex index(kTarget);
    Writer writer(kNoon);
    std::vector<SegmentRow> files;
    std::uint64_t live_edge = 0;
    for (int run = 0; run < 12; ++run) {
      const auto segments = 1 + random() % 30;
      for (std::uint32_t i = 0; i < segments; ++i) {
        const bool last = i + 1 == segments;
        const auto duration = last ? kTarget / 4 + static_cast<std::int64_t>(random() % 4500) * kNsPerMs
                                   : kTarget + static_cast<std::int64_t>(random() % 80 - 40) * kNsPerMs;
        files.push_back(writer.segment(duration));
        ASSERT_EQ(index.add(files.back()), SegmentIndex::Added::kYes);
        ASSERT_EQ(index.add(files.back()), SegmentIndex::Added::kConflict);
        ASSERT_GE(index.live_first(6 * kTarget), live_edge) << "the live view never goes back";
        live_edge = index.live_first(6 * kTarget);
      }
      // The worker is down for a while; the daemon looks now and then.
      const std::int64_t down = static_cast<std::int64_t>(random() % 200'000) * kNsPerMs;
      for (std::int64_t waited = 0; waited < down;
           waited += 1 + static_cast<std::int64_t>(random() % 9000) * kNsPerMs) {
        index.append_gaps(writer.end() + waited);
        ASSERT_GE(index.live_first(6 * kTarget), live_edge);
        live_edge = index.live_first(6 * kTarget);
      }
      if (index.trailing_gaps() == 0 && random() % 4 == 0) {
        writer.step_back(static_cast<std::int64_t>(random() % 120'000) * kNsPerMs);
      } else {
        const Utc now = std::max(writer.end() + down, index.not_before());
        const Utc slot = core::slot_start(core::slot_of(now + kTarget - 1, kTarget), kTarget);
        writer.restart(std::max(slot, index.not_before()));
      }
    }
    check_invariants(index);
    check_searches(index, random);
    check_parts(index, random);

    // Rebuilt from the files alone, in any order, the rows are the same.
    std::shuffle(files.begin(), files.end(), random);
    SegmentIndex rebuilt(kTarget);
    for (const auto& row : files) rebuilt.add(row);
    rebuilt.restore_trailing_gaps(index.trailing_gaps());
    EXPECT_EQ(all_rows(rebuilt), all_rows(index));
  }
}

}  // namespace
}  // namespace aircheck::timeshift
