#include "timeshift/row_block.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

#include "daemon/timeshift/writer.hpp"
#include "timeshift/location_form.hpp"

namespace aircheck::timeshift {
namespace {

using core::kNsPerMs;
using core::kNsPerSecond;
using test::kNoon;
using test::kTarget;
using test::Writer;

std::vector<SegmentRow> unpacked(core::ByteView bytes) {
  std::vector<SegmentRow> rows;
  const auto read = unpack_rows(bytes, [&](const SegmentRow& row) { rows.push_back(row); });
  EXPECT_TRUE(read) << (read ? "" : read.error().message);
  return rows;
}

SegmentRow named_by_time(SegmentRow row) {
  row.location = location_of({"ch1-", ".m4s", LocationForm::Digits::kSeconds}, row.start);
  return row;
}

// Holes, restarts, epochs, keys, clear segments and odd durations, as a writer makes them.
std::vector<SegmentRow> random_rows(std::uint32_t seed) {
  std::mt19937 random(seed);
  Writer writer(kNoon);
  std::vector<SegmentRow> rows;
  while (rows.size() < 128) {
    const auto duration = random() % 3 == 0 ? kTarget + static_cast<std::int64_t>(random() % 80'000'000) : kTarget;
    rows.push_back(writer.segment(duration));
    if (random() % 9 == 0) rows.back().key_id.reset();
    if (random() % 9 != 0) rows.back() = named_by_time(rows.back());
    if (random() % 20 == 0) writer.new_crypto_period();
    if (random() % 20 == 0) writer.restart(writer.end() + static_cast<std::int64_t>(random() % 90) * kNsPerSecond);
    if (random() % 20 == 0) writer.step_back(static_cast<std::int64_t>(random() % 90'000) * kNsPerMs);
  }
  return rows;
}

TEST(RowBlock, GivesBackWhatWasPacked) {
  EXPECT_TRUE(unpacked(pack_rows({})).empty());
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const auto rows = random_rows(seed);
    ASSERT_EQ(unpacked(pack_rows(rows)), rows);
  }
}

TEST(RowBlock, HoldsTheLargestNumbers) {
  SegmentRow row = Writer(kNoon).segment();
  row.sequence = std::numeric_limits<std::uint64_t>::max();
  row.discontinuity_sequence = std::numeric_limits<std::uint64_t>::max();
  row.start = core::Utc{std::numeric_limits<std::int64_t>::max()};
  row.duration_ns = std::numeric_limits<std::int64_t>::max();
  row.size = std::numeric_limits<std::uint64_t>::max();
  row.epoch = std::numeric_limits<std::uint32_t>::max();
  const std::vector rows{row};
  EXPECT_EQ(unpacked(pack_rows(rows)), rows);
}

// What makes a start fast is that there is little to read.
TEST(RowBlock, RowsThatFollowEachOtherTakeAFewBytes) {
  Writer writer(kNoon);
  std::vector<SegmentRow> rows;
  for (int i = 0; i < 128; ++i) {
    rows.push_back(named_by_time(writer.segment()));
    rows.back().size = 750'000;
  }
  EXPECT_LT(pack_rows(rows).size(), 128 * 4 + 200);
}

TEST(RowBlock, DamageIsFoundAndGivesNoRow) {
  const core::Bytes whole = pack_rows(random_rows(1));
  const auto refuses = [](core::ByteView bytes) {
    bool any = false;
    const auto read = unpack_rows(bytes, [&](const SegmentRow&) { any = true; });
    return !read && !any;
  };
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ASSERT_TRUE(refuses(core::ByteView(whole).first(size))) << size;
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    core::Bytes damaged = whole;
    damaged[at] ^= 0x10;
    ASSERT_TRUE(refuses(damaged)) << at;
  }
}

}  // namespace
}  // namespace aircheck::timeshift
