#include "timeshift/index_store.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "daemon/timeshift/writer.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::timeshift {
namespace {

using test::kNoon;
using test::Writer;

class IndexStoreTest : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_ / "index.db"; }
  [[nodiscard]] std::unique_ptr<IndexStore> open() const {
    auto store = IndexStore::open(path());
    EXPECT_TRUE(store) << (store ? "" : store.error().message);
    return std::move(*store);
  }
  [[nodiscard]] std::vector<SegmentRow> rows(const std::string& channel_id = "id1") const {
    std::vector<SegmentRow> rows;
    const auto read = IndexStore::read(path(), channel_id, [&](const SegmentRow& row) { rows.push_back(row); });
    EXPECT_TRUE(read) << (read ? "" : read.error().message);
    return rows;
  }
  [[nodiscard]] static std::vector<SegmentRow> made(int count) {
    Writer writer(kNoon);
    std::vector<SegmentRow> rows;
    for (int i = 0; i < count; ++i) rows.push_back(writer.segment());
    return rows;
  }

  aircheck::test::TemporaryDirectory directory_;
};

// Blocks are an affair of the file: whatever comes in whatever portions is read in the order of numbers.
TEST_F(IndexStoreTest, KeepsTheRowsOfEachChannelByNumber) {
  const auto store = open();
  const std::vector<SegmentRow> all = made(1000);
  std::vector<SegmentRow> kept;
  for (std::size_t i = 0; i < all.size(); ++i) {
    store->add("id1", all[i]);
    if (i % 2 == 0) store->add("id2", all[i]);
    if (i % 37 == 0) {
      ASSERT_TRUE(store->flush());
    }
  }
  ASSERT_TRUE(store->flush());
  EXPECT_FALSE(store->dirty());
  EXPECT_EQ(rows(), all);
  EXPECT_EQ(rows("id2").size(), 500U);
  EXPECT_TRUE(rows("id3").empty());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i < 400 || i % 3 == 0) {
      store->remove("id1", all[i].sequence);
    } else {
      kept.push_back(all[i]);
    }
  }
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(rows(), kept);
  EXPECT_EQ(rows("id2").size(), 500U) << "another channel's";
}

TEST_F(IndexStoreTest, ChangesOfOneNumberCountInTheirOrder) {
  const auto store = open();
  SegmentRow row = made(1).front();
  store->add("id1", row);
  SegmentRow other = row;
  other.size = 1;
  store->add("id1", other);
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(rows(), std::vector{row}) << "who comes second changes nothing";
  store->remove("id1", row.sequence);
  store->add("id1", other);
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(rows(), std::vector{other});
  store->add("id1", row);
  store->remove("id1", row.sequence);
  ASSERT_TRUE(store->flush());
  EXPECT_TRUE(rows().empty());
}

TEST_F(IndexStoreTest, GapsCountBehindTheRowThatTheyFollowed) {
  const auto store = open();
  const std::vector<SegmentRow> all = made(2);
  const auto gaps = [&] { return *IndexStore::read(path(), "id1", [](const SegmentRow&) {}); };
  store->add("id1", all[0]);
  store->set_trailing_gaps("id1", all[0].sequence, 7);
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(gaps(), 7U);
  store->add("id1", all[1]);
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(gaps(), 0U);
}

// Somebody who copies the file holds it for a while.
TEST_F(IndexStoreTest, WhatCannotBeWrittenNowIsWrittenLater) {
  const auto store = open();
  const std::vector<SegmentRow> all = made(3);
  const auto other = store::Database::open(path(), store::index_schema());
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->execute("BEGIN IMMEDIATE"));
  store->add("id1", all[0]);
  store->set_trailing_gaps("id1", all[0].sequence, 1);
  EXPECT_FALSE(store->flush());
  EXPECT_EQ(store->pending(), 2U);
  store->add("id1", all[1]);
  store->remove("id1", all[0].sequence);
  store->add("id1", all[2]);
  store->set_trailing_gaps("id1", all[2].sequence, 2);
  ASSERT_TRUE((*other)->execute("COMMIT"));
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(rows(), (std::vector{all[1], all[2]}));
  EXPECT_EQ(*IndexStore::read(path(), "id1", [](const SegmentRow&) {}), 2U) << "the newer of both";
}

TEST_F(IndexStoreTest, ADamagedBlockIsSaidAndTakesNoOther) {
  const auto store = open();
  const std::vector<SegmentRow> all = made(300);
  for (const SegmentRow& row : all) store->add("id1", row);
  ASSERT_TRUE(store->flush());
  const auto other = store::Database::open(path(), store::index_schema());
  ASSERT_TRUE((*other)->execute("UPDATE blocks SET segments = zeroblob(length(segments)) WHERE number = " +
                                std::to_string(all[0].sequence / 128)));
  EXPECT_EQ(IndexStore::read(path(), "id1", [](const SegmentRow&) {}).error().code, core::Code::kParse);
  store->add("id1", all[0]);
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(rows().front(), all[0]) << "begun anew";
  EXPECT_EQ(rows().back(), all.back());
}

// Rows are collected on the main context while a pool thread writes.
TEST_F(IndexStoreTest, IsWrittenWhileMoreIsCollected) {
  const auto store = open();
  const std::vector<SegmentRow> all = made(2000);
  std::atomic<bool> done = false;
  std::thread writer([&] {
    while (!done) EXPECT_TRUE(store->flush());
  });
  for (const SegmentRow& row : all) store->add("id1", row);
  done = true;
  writer.join();
  ASSERT_TRUE(store->flush());
  EXPECT_EQ(rows(), all);
}

}  // namespace
}  // namespace aircheck::timeshift
