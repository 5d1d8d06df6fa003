// What a store deletes by itself, and what it must not.
#include <gtest/gtest.h>

#include <algorithm>

#include "fmp4/segment_store.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::fmp4 {
namespace {

using test::read_text;
using test::TemporaryDirectory;

constexpr std::int64_t kSecond = core::kNsPerSecond;
const core::Utc kStart = core::Utc::from_seconds(1772029800);  // 2026-02-25T14:30:00Z
const core::Bytes kStyp{0, 0, 0, 8, 's', 't', 'y', 'p'};

class RetentionTest : public testing::Test {
 protected:
  RetentionTest() {
    settings_.location = folder_ / "ch1-%Y%m%d%H%M%S.m4s";
    settings_.sync = SyncPolicy::kNone;
  }

  void open(std::string_view init = "init") {
    store_.reset();
    auto store = SegmentStore::open(settings_);
    ASSERT_TRUE(store) << store.error().message;
    store_.emplace(std::move(*store));
    ASSERT_TRUE(store_->write_init("", core::as_bytes(init)));
  }
  // Segment i of one second; 100 bytes and the boxes.
  void write(int i, core::Utc start = kStart) {
    const core::Bytes payload(100);
    const core::ByteView parts[] = {kStyp, payload};
    const SegmentFile file{"", parts, std::nullopt, true, {}};
    const auto stored = store_->write_segment({start + i * kSecond, kSecond, false, 1, 1}, {&file, 1});
    ASSERT_TRUE(stored) << stored.error().message;
    ASSERT_FALSE(stored->kept) << stored->kept->message;
    newest_ = stored->files[0];
  }
  void write_many(int from, int to) {
    for (int i = from; i < to; ++i) write(i);
  }
  std::vector<std::string> files(const std::string& ending) {
    std::vector<std::string> names = folder_.files();
    std::erase_if(names, [&](const std::string& name) { return !name.ends_with(ending); });
    return names;
  }

  TemporaryDirectory folder_;
  StoreSettings settings_;
  std::optional<SegmentStore> store_;
  StoredSegment newest_;
};

// What is over when a segment comes goes before it is written, so one more is there.
TEST_F(RetentionTest, ByAge) {
  settings_.retention.max_age_s = 5;
  open();
  write_many(0, 20);
  EXPECT_EQ(files(".m4s").size(), 7U);
  EXPECT_EQ(files(".m4s").back(), "ch1-20260225143019.m4s");
  open();
  write(20);
  EXPECT_EQ(files(".m4s").size(), 7U) << "an earlier run's segments are kept by the same rule";
}

TEST_F(RetentionTest, BySize) {
  open();
  write(0);
  settings_.retention.max_size = 4 * newest_.size;
  open();
  write_many(1, 20);
  EXPECT_EQ(files(".m4s").size(), 5U);
}

TEST_F(RetentionTest, ByFreeSpaceButNeverTheLast) {
  settings_.retention.min_free_space = UINT64_MAX;
  open();
  write_many(0, 10);
  EXPECT_EQ(files(".m4s"), (std::vector<std::string>{"ch1-20260225143008.m4s", "ch1-20260225143009.m4s"}))
      << "the newest tells the numbers";
}

TEST_F(RetentionTest, AThousandOldSegmentsGoInSteps) {
  open();
  write_many(0, 150);
  settings_.retention.max_age_s = 1;
  open();
  write(150);
  EXPECT_EQ(files(".m4s").size(), 151 - Retention::kMostAtOnce);
  write_many(151, 160);
  EXPECT_EQ(files(".m4s").size(), 3U);
}

// Rule: what left a playlist stays for as long as the playlist is and a row more.
TEST_F(RetentionTest, NeverWhatAPlaylistLists) {
  settings_.playlist_location = folder_ / "ch1.m3u8";
  settings_.playlist_length = 4;
  settings_.retention.min_free_space = UINT64_MAX;
  open();
  for (int i = 0; i < 30; ++i) {
    write(i);
    std::istringstream playlist(read_text(folder_ / "ch1.m3u8"));
    for (std::string line; std::getline(playlist, line);) {
      EXPECT_TRUE(!line.ends_with(".m4s") || std::filesystem::exists(folder_ / line)) << line;
    }
  }
  EXPECT_EQ(files(".m4s").size(), 4U + 5U + 1U);
}

TEST_F(RetentionTest, APlaylistOfAllIsRefused) {
  settings_.playlist_location = folder_ / "ch1.m3u8";
  settings_.retention.max_age_s = 60;
  const auto store = SegmentStore::open(settings_);
  ASSERT_FALSE(store);
  EXPECT_TRUE(store.error().message.starts_with("playlist-length: ")) << store.error().message;
}

TEST_F(RetentionTest, AnInitSegmentGoesWithItsLastSegment) {
  settings_.retention.max_age_s = 3;
  open("first");
  write_many(0, 3);
  open("second");
  write_many(3, 6);
  EXPECT_EQ(files(".mp4").size(), 2U);
  write_many(6, 10);
  EXPECT_EQ(files(".mp4").size(), 1U);
  open("second");
  write(30);
  write(31);
  EXPECT_EQ(files(".mp4").size(), 1U) << "the one in use stays";
}

// What earlier runs wrote is known by what its segments say, not by the property.
TEST_F(RetentionTest, AnInitSegmentStaysWhereTheFolderHasAnotherName) {
  settings_.location = folder_ / "./ch1-%Y%m%d%H%M%S.m4s";
  settings_.retention.max_age_s = 3;
  open();
  write_many(0, 3);
  const auto own_mark = std::filesystem::perms(0600);
  std::filesystem::permissions(newest_.init_path, own_mark);
  open();
  write_many(3, 10);
  EXPECT_EQ(std::filesystem::status(newest_.init_path).permissions(), own_mark) << "it was written anew";
}

TEST_F(RetentionTest, AnInitSegmentStaysWhileAnotherSinkNeedsIt) {
  settings_.location = folder_ / "%Y%m%d%H%M%S-all.m4s";
  open("first");
  write_many(0, 3);
  settings_.location = folder_ / "%Y%m%d%H%M%S-new.m4s";
  settings_.retention.max_age_s = 3;
  open("first");
  write_many(0, 3);
  open("second");
  write_many(3, 10);
  EXPECT_EQ(files(".mp4").size(), 2U);
  for (const std::string& name : files("-all.m4s")) std::filesystem::remove(folder_ / name);
  open("third");
  write_many(10, 20);
  EXPECT_EQ(files(".mp4").size(), 2U) << "the first, which nobody owns any more, and the third";
}

// Sinks of folders next to each other, whose init segments lie above them.
TEST_F(RetentionTest, AnInitSegmentOutsideTheFolderStays) {
  for (const char* name : {"one", "two"}) std::filesystem::create_directory(folder_ / name);
  settings_.init_location = folder_ / "init-%{hash}.mp4";
  settings_.location = folder_ / "two/%Y%m%d/%H%M%S.m4s";
  open("first");
  write_many(0, 3);
  settings_.location = folder_ / "one/%Y%m%d/%H%M%S.m4s";
  settings_.retention.max_age_s = 3;
  open("first");
  write_many(0, 3);
  open("second");
  write_many(3, 10);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "one/20260225/143000.m4s"));
  EXPECT_EQ(files(".mp4").size(), 2U) << "segments in the other folder need the first";
}

// The other sink's segments lie in a folder below, and the names of this one are not dated folders.
TEST_F(RetentionTest, AnInitSegmentStaysForAFolderBelow) {
  std::filesystem::create_directory(folder_ / "below");
  settings_.init_location = folder_ / "init-%{hash}.mp4";
  settings_.location = folder_ / "below/%Y%m%d%H%M%S.m4s";
  open("first");
  write_many(0, 3);
  settings_.location = folder_ / "ch1-%Y%m%d%H%M%S.m4s";
  settings_.retention.max_age_s = 3;
  open("first");
  write_many(0, 3);
  open("second");
  write_many(3, 10);
  EXPECT_EQ(files(".mp4").size(), 2U);
}

TEST_F(RetentionTest, EmptyDatedFoldersGo) {
  settings_.location = folder_ / "%Y/%m/%d/ch1-%H%M%S.m4s";
  settings_.retention.max_age_s = 2;
  open();
  const core::Utc night = *core::from_rfc3339("2026-12-31T23:59:57Z");
  for (int i = 0; i < 3; ++i) write(i, night);
  EXPECT_TRUE(std::filesystem::exists(folder_ / "2026/12/31"));
  for (int i = 3; i < 8; ++i) write(i, night);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "2026"));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "2027/01/01"));
}

// A clock that was years ahead must not keep its segments for years.
TEST_F(RetentionTest, AnEpochThatLayAheadIsOldAtOnce) {
  settings_.retention.max_age_s = 5;
  open();
  for (int i = 0; i < 4; ++i) write(i, *core::from_rfc3339("2036-01-01T00:00:00Z"));
  write_many(0, 10);
  EXPECT_EQ(files(".m4s").size(), 7U);
  for (const std::string& name : files(".m4s")) EXPECT_TRUE(name.ends_with("-e1.m4s")) << name;
}

}  // namespace
}  // namespace aircheck::fmp4
