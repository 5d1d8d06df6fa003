#include "timeshift/retention.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <set>

#include "base/log.hpp"
#include "daemon/timeshift/segment_files.hpp"
#include "daemon/timeshift/writer.hpp"
#include "support/main_loop.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::timeshift {
namespace {

using core::kNsPerSecond;
using core::Utc;
using test::kNoon;
using test::kTarget;
using test::Writer;

constexpr std::int64_t kHourNs = 3600 * kNsPerSecond;
constexpr std::uint64_t kMinFree = 100'000;

// A disk whose free space is what the test says, less what the files of the archive take.
class RetentionTest : public aircheck::test::MainLoopTest {
 protected:
  void SetUp() override {
    auto archive = Archive::open(
        {.segment_directory = state_ / "segments", .index_path = state_ / "index.db", .now = [this] { return now_; }},
        pool_);
    ASSERT_TRUE(archive);
    archive_ = std::move(*archive);
    take_in("id1", "ch1");
    take_in("id2", "ch2");
  }

  void take_in(const std::string& id, const std::string& key) {
    bool scanned = false;
    archive_->add_channel({.id = id, .key = key, .target_duration_s = 6}, [&] { scanned = true; });
    ASSERT_TRUE(run_until([&] { return scanned; }));
  }

  // Segments of a channel from `start` on, one every six seconds until now.
  void record(const std::string& id, const std::string& key, Utc start) {
    Writer writer(start);
    int count = 0;
    while (writer.end() < now_) {
      if (++count == 100) writer.new_crypto_period();
      archive_->add_segment(id, test::write_segment(folder(key), key, writer.segment()));
    }
  }

  std::unique_ptr<Retention> retention(std::uint64_t min_free = 0) {
    Retention::Options options;
    options.min_free_bytes = min_free;
    options.now = [this] { return now_; };
    options.rules = [this] { return rules_; };
    options.look_every_ms = look_every_ms_;
    options.segment_directory = state_ / "segments";
    options.channel_keys = [this] { return keys_; };
    options.space = [this]() -> core::Result<DiskSpace> {
      ++looks_;
      std::uint64_t used = 0;
      std::error_code gone;  // files go while they are summed up
      for (std::filesystem::recursive_directory_iterator file(state_ / "segments", gone), end; !gone && file != end;
           file.increment(gone)) {
        std::error_code no_file;
        const std::uint64_t size = file->file_size(no_file);
        if (!no_file) used += size;
      }
      const std::uint64_t size = disk_bytes_;
      return DiskSpace{size - std::min(size, used), size};
    };
    return std::make_unique<Retention>(std::move(options), *archive_, pool_);
  }

  void run(Retention& retention) {
    retention.run();
    ASSERT_TRUE(run_until([&] { return !retention.running(); }));
  }

  [[nodiscard]] std::string folder(const std::string& key) const { return state_ / ("segments/" + key); }
  [[nodiscard]] std::size_t files(const std::string& key, const std::string& ending) const {
    std::size_t count = 0;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder(key))) {
      count += file.path().string().ends_with(ending) ? 1 : 0;
    }
    return count;
  }
  [[nodiscard]] Utc oldest(const std::string& id) const {
    const SegmentIndex& index = *archive_->index(id);
    return index.row(index.first_sequence())->start;
  }

  aircheck::test::TemporaryDirectory state_;
  base::WorkerPool pool_{2};
  Utc now_ = kNoon;
  std::unique_ptr<Archive> archive_;
  std::vector<RetentionRule> rules_{{"id1", 2 * kHourNs}, {"id2", 4 * kHourNs}};
  std::atomic<std::uint64_t> disk_bytes_ = std::uint64_t{1} << 40;
  std::atomic<int> looks_ = 0;
  int look_every_ms_ = 30'000;
  std::set<std::string> keys_{"ch1", "ch2"};
};

// ch1 is deleted, and its files stay.
class LeftoversTest : public RetentionTest {
 protected:
  void SetUp() override {
    RetentionTest::SetUp();
    rules_ = {{"id2", 24 * kHourNs}};
    record("id2", "ch2", now_ - 2 * kHourNs);
    record("id1", "ch1", now_ - kHourNs);
    used_ = archive_->index("id2")->bytes() + archive_->index("id1")->bytes();
    a_segment_ = archive_->index("id1")->bytes() / 600;
    forget();
    write_at(now_ - kHourNs - kNsPerSecond);
  }
  void forget() {
    archive_->remove_channel("id1");
    keys_.erase("ch1");
  }
  // When the files of ch1 were written, by the file system.
  void write_at(Utc utc) {
    const auto time = std::chrono::sys_time<std::chrono::nanoseconds>(std::chrono::nanoseconds(utc.ns));
    for (const auto& file : std::filesystem::directory_iterator(folder("ch1"))) {
      std::filesystem::last_write_time(file.path(), std::chrono::file_clock::from_sys(time));
    }
  }
  // Until the disk wants this many segments gone.
  void want(std::uint64_t segments) { disk_bytes_ = used_ + kMinFree - segments * a_segment_; }

  std::uint64_t used_ = 0;
  std::uint64_t a_segment_ = 0;
};

TEST_F(LeftoversTest, AreCountedAndKeptWhileThereIsRoom) {
  const auto retention = this->retention(kMinFree);
  run(*retention);
  const auto leftovers = retention->leftovers().all();
  ASSERT_EQ(leftovers.size(), 1U);
  EXPECT_EQ(leftovers[0]->key, "ch1");
  EXPECT_EQ(leftovers[0]->segments, 600U);
  std::uint64_t size = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder("ch1"))) size += file.file_size();
  EXPECT_EQ(leftovers[0]->bytes, size);
  EXPECT_EQ(leftovers[0]->oldest, now_ - kHourNs);
  EXPECT_EQ(leftovers[0]->newest, now_ - kTarget);
  EXPECT_EQ(files("ch1", ".m4s"), 600U);
  keys_.insert("ch1");
  EXPECT_TRUE(retention->leftovers().all().empty()) << "a channel has the key again";
}

// Those of a channel are older, but somebody may watch them.
TEST_F(LeftoversTest, GoBeforeAnythingThatCanBeWatchedTheOldestFirst) {
  want(100);
  const auto retention = this->retention(kMinFree);
  run(*retention);
  const RetentionRound& round = *retention->round();
  EXPECT_GE(round.leftover_segments, 100U);
  EXPECT_LT(round.leftover_segments, 600U);
  EXPECT_EQ(round.displaced_segments, 0U);
  EXPECT_GE(retention->space()->free_bytes, kMinFree);
  EXPECT_EQ(files("ch2", ".m4s"), 1200U);
  EXPECT_EQ(files("ch1", ".m4s"), 600 - round.leftover_segments);
  EXPECT_EQ(files("ch1", ".mp4"), 2U) << "what is left may need them";
  const Utc oldest = now_ - kHourNs + static_cast<std::int64_t>(round.leftover_segments) * kTarget;
  EXPECT_EQ(retention->leftovers().all().at(0)->oldest, oldest);
  EXPECT_EQ(retention->deleted_segments(), round.leftover_segments);
}

TEST_F(LeftoversTest, AreNotEnoughSometimes) {
  test::write_file(folder("ch1") + "/notes.txt", core::Bytes{1});
  want(700);
  const auto retention = this->retention(kMinFree);
  run(*retention);
  EXPECT_EQ(retention->round()->leftover_segments, 600U);
  EXPECT_GE(retention->round()->displaced_segments, 90U);
  EXPECT_TRUE(retention->leftovers().all().empty());
  EXPECT_EQ(files("ch1", ".mp4"), 0U);
  EXPECT_TRUE(std::filesystem::exists(folder("ch1") + "/notes.txt")) << "that is somebody else's";
  std::filesystem::remove(folder("ch1") + "/notes.txt");
}

TEST_F(LeftoversTest, LeaveNoFolder) {
  want(700);
  run(*retention(kMinFree));
  EXPECT_FALSE(std::filesystem::exists(folder("ch1")));
}

// By a worker that still ends, or by another program that has its segments here.
TEST_F(LeftoversTest, AFolderInWhichSomebodyWritesIsLeftAlone) {
  test::write_file(folder("ch1") + "/ch1-20260225115954.m4s", core::Bytes{1});
  want(100);
  const auto retention = this->retention(kMinFree);
  run(*retention);
  EXPECT_EQ(retention->round()->leftover_segments, 0U);
  EXPECT_GE(retention->round()->displaced_segments, 100U);
  EXPECT_EQ(files("ch1", ".m4s"), 601U);
}

TEST_F(LeftoversTest, FoldersWithOtherFilesAreNobodysChannel) {
  std::filesystem::rename(folder("ch1"), folder("other"));
  std::filesystem::create_directory_symlink(folder("other"), folder("ch1"));
  want(100);
  const auto retention = this->retention(kMinFree);
  run(*retention);
  EXPECT_TRUE(retention->leftovers().all().empty());
  EXPECT_EQ(files("other", ".m4s"), 600U);
}

TEST_F(LeftoversTest, AreSaidOnce) {
  want(700);
  base::install_log_writer(base::LogLevel::kInfo);
  testing::internal::CaptureStderr();
  run(*retention(kMinFree));
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_NE(log.find(" 600 segments ("), std::string::npos) << log;
  EXPECT_NE(log.find("deleted: the disk is nearly full, and their channels are no more"), std::string::npos) << log;
}

TEST_F(RetentionTest, DeletesWhatNoRuleKeepsAndItsInitSegment) {
  record("id1", "ch1", now_ - 3 * kHourNs);
  record("id2", "ch2", now_ - 3 * kHourNs);
  ASSERT_EQ(files("ch1", ".mp4"), 2U);
  ASSERT_TRUE(run_until([&] { return archive_->facts("id1").size() == 2; }));
  const std::uint64_t revision = archive_->facts_revision("id1");
  const auto retention = this->retention();
  run(*retention);
  EXPECT_EQ(archive_->facts("id1").size(), 1U);
  EXPECT_GT(archive_->facts_revision("id1"), revision);
  EXPECT_EQ(archive_->index("id1")->segment_count(), 1201U) << "one ends just when its time is over";
  EXPECT_EQ(files("ch1", ".m4s"), 1201U);
  EXPECT_EQ(oldest("id1").ns, (now_ - 2 * kHourNs - kTarget).ns);
  EXPECT_EQ(files("ch1", ".mp4"), 1U) << "the first hundred's init segment is of no use any more";
  EXPECT_EQ(archive_->index("id2")->segment_count(), 1800U) << "another rule";
  EXPECT_EQ(files("ch2", ".mp4"), 2U);
  ASSERT_TRUE(retention->round());
  EXPECT_EQ(retention->round()->expired_segments, 599U);
  EXPECT_EQ(retention->round()->displaced_segments, 0U);
  EXPECT_EQ(retention->deleted_segments(), 599U);
  EXPECT_GT(retention->deleted_bytes(), 600U);
  run(*retention);
  EXPECT_EQ(retention->round()->expired_segments, 0U) << "nothing to do a second time";
}

// The daemon's rows say the same after a restart.
TEST_F(RetentionTest, WhatIsDeletedDoesNotComeBack) {
  record("id1", "ch1", now_ - 3 * kHourNs);
  const auto retention = this->retention();
  run(*retention);
  const auto before = archive_->index("id1")->files();
  archive_.reset();
  auto archive = Archive::open(
      {.segment_directory = state_ / "segments", .index_path = state_ / "index.db", .now = [this] { return now_; }},
      pool_);
  ASSERT_TRUE(archive);
  archive_ = std::move(*archive);
  take_in("id1", "ch1");
  EXPECT_EQ(archive_->index("id1")->files(), before);
}

TEST_F(RetentionTest, AFullDiskTakesTheOldestOfAllChannelsButNotTheLastHour) {
  record("id1", "ch1", now_ - 3 * kHourNs / 2);
  record("id2", "ch2", now_ - 3 * kHourNs);
  const std::uint64_t used = archive_->index("id1")->bytes() + archive_->index("id2")->bytes();
  const std::uint64_t a_segment = archive_->index("id2")->bytes() / 1800;
  // Room for all but 300 segments.
  disk_bytes_ = used + kMinFree - 300 * a_segment;
  const auto retention = this->retention(kMinFree);
  run(*retention);
  const RetentionRound& round = *retention->round();
  EXPECT_GE(round.displaced_segments, 300U);
  EXPECT_GE(retention->space()->free_bytes, kMinFree);
  EXPECT_EQ(archive_->index("id1")->segment_count(), 900U) << "ch2 has the older ones";
  EXPECT_EQ(archive_->index("id2")->segment_count(), 1800 - round.displaced_segments);
  EXPECT_EQ(files("ch2", ".m4s"), 1800 - round.displaced_segments);

  // Much too small: everything goes but the newest hour.
  disk_bytes_ = kMinFree;
  run(*retention);
  for (const char* id : {"id1", "id2"}) {
    EXPECT_NEAR(static_cast<double>(archive_->index(id)->segment_count()), 600, 1) << id;
    EXPECT_GE(archive_->index(id)->row(archive_->index(id)->first_sequence())->end().ns, (now_ - kHourNs).ns);
  }
}

// Else every segment that is written would begin another round.
TEST_F(RetentionTest, AFullDiskGetsSomeRoomFromTheOldestChannelAtOnce) {
  rules_ = {{"id1", 4 * kHourNs}, {"id2", 4 * kHourNs}};
  record("id1", "ch1", now_ - kHourNs - 300 * kTarget);
  record("id2", "ch2", now_ - kHourNs - 100 * kTarget);
  const std::uint64_t used = archive_->index("id1")->bytes() + archive_->index("id2")->bytes();
  const std::uint64_t a_segment = archive_->index("id1")->bytes() / 900;
  const std::uint64_t min_free = 800 * a_segment;
  disk_bytes_ = used + min_free - 10 * a_segment;
  const auto retention = this->retention(min_free);
  run(*retention);
  EXPECT_GE(retention->space()->free_bytes, min_free + min_free / 8);
  EXPECT_LT(retention->round()->displaced_segments, 10U + 800 / 8 + 100) << "and not much more than that";
  EXPECT_EQ(archive_->index("id2")->segment_count(), 700U) << "ch1 has the older ones";
}

TEST_F(RetentionTest, TheLastHourStaysWhereABatchWouldReachIntoIt) {
  record("id1", "ch1", now_ - kHourNs - 20 * kTarget);
  disk_bytes_ = kMinFree;
  const auto retention = this->retention(kMinFree);
  run(*retention);
  EXPECT_NEAR(static_cast<double>(archive_->index("id1")->segment_count()), 600, 1);
}

// The newest of a channel stays, whatever its age; others' oldest go on.
TEST_F(RetentionTest, AChannelWithOneOldSegmentLeftHoldsNothingUp) {
  rules_ = {{"id1", 24 * kHourNs}, {"id2", 24 * kHourNs}};
  Writer writer(now_ - 5 * kHourNs);
  archive_->add_segment("id1", test::write_segment(folder("ch1"), "ch1", writer.segment()));
  record("id2", "ch2", now_ - kHourNs - 20 * kTarget);
  disk_bytes_ = kMinFree;
  const auto retention = this->retention(kMinFree);
  run(*retention);
  EXPECT_EQ(archive_->index("id1")->segment_count(), 1U);
  EXPECT_NEAR(static_cast<double>(archive_->index("id2")->segment_count()), 600, 1);
}

TEST_F(RetentionTest, WaitsForAllFoldersToBeRead) {
  const auto retention = this->retention();
  archive_->add_channel({.id = "id3", .key = "ch3", .target_duration_s = 6});
  retention->run();
  EXPECT_FALSE(retention->round()) << "its files would have to wait for an hour";
  ASSERT_TRUE(run_until([&] { return archive_->complete(); }));
  run(*retention);
  EXPECT_TRUE(retention->round());
}

TEST_F(RetentionTest, RunsByItselfHourlyAndWhenSpaceIsShort) {
  record("id1", "ch1", now_ - kHourNs - 20 * kTarget);
  look_every_ms_ = 2;
  const auto retention = this->retention(kMinFree);
  const Utc begin = now_;
  ASSERT_TRUE(run_until([&] { return retention->round() && !retention->running(); }));
  const auto expect_no_round = [&] {
    const int looked = looks_;
    ASSERT_TRUE(run_until([&] { return looks_ > looked + 5; }));
    EXPECT_EQ(retention->round()->started, begin);
  };
  now_ = begin + kHourNs - 1;
  expect_no_round();
  now_ = begin + kHourNs;
  ASSERT_TRUE(run_until([&] { return retention->round()->started == now_ && !retention->running(); }));
  EXPECT_EQ(retention->round()->displaced_segments, 0U);
  now_ = now_ + kNsPerSecond;
  disk_bytes_ = kMinFree;
  ASSERT_TRUE(run_until([&] { return retention->round()->displaced_segments > 0; }));
  EXPECT_EQ(retention->round()->started, now_) << "long before the next hour";
}

// Rounds come with every look, and each of them has its segments that have just grown old enough to be displaced.
TEST_F(RetentionTest, AShortageThatLastsIsSaidOnceAnHourAndItsEndAtOnce) {
  record("id1", "ch1", now_ - kHourNs - 300 * kTarget);
  disk_bytes_ = kMinFree;
  look_every_ms_ = 2;
  base::install_log_writer(base::LogLevel::kInfo);
  testing::internal::CaptureStderr();
  const auto retention = this->retention(kMinFree);
  const Utc begin = now_;
  std::uint64_t displaced = 0;
  for (; now_ - begin <= kHourNs; now_ = now_ + 60 * kNsPerSecond) {
    const auto looked = [&] { return retention->round() && retention->round()->started == now_; };
    EXPECT_TRUE(run_until([&] { return looked() && !retention->running(); }));
    displaced += retention->round()->displaced_segments;
  }
  EXPECT_GT(displaced, 800U) << "as long as there are any";
  disk_bytes_ = std::uint64_t{1} << 40;
  const int looks = looks_;
  EXPECT_TRUE(run_until([&] { return looks_ > looks + 5; }));
  const std::string log = testing::internal::GetCapturedStderr();
  const auto count = [&](std::string_view text) {
    int found = 0;
    for (std::size_t at = 0; (at = log.find(text, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  EXPECT_EQ(count("\n"), 3) << log;
  EXPECT_EQ(count("are free and nothing more can be deleted"), 2) << log;
  EXPECT_EQ(count("the disk has room again"), 1) << log;
  EXPECT_EQ(count("(0 "), 0) << log;
}

// One that deletes nothing is no news either, half a minute later.
TEST_F(RetentionTest, FilesThatCannotBeDeletedAreSaidOnceAnHour) {
  record("id1", "ch1", now_ - 3 * kHourNs);
  for (const auto& file : std::filesystem::directory_iterator(folder("ch1"))) {
    std::filesystem::remove(file.path());
    std::filesystem::create_directories(file.path() / "in-the-way");
  }
  base::install_log_writer(base::LogLevel::kInfo);
  testing::internal::CaptureStderr();
  const auto retention = this->retention();
  for (int i = 0; i < 3; ++i) {
    run(*retention);
    EXPECT_GT(retention->round()->failed, 0U);
  }
  const std::string log = testing::internal::GetCapturedStderr();
  const std::size_t first = log.find(" warning retention: ");
  EXPECT_NE(first, std::string::npos) << log;
  EXPECT_EQ(log.find(" warning retention: ", first + 1), std::string::npos) << log;
}

TEST_F(RetentionTest, WithoutALimitAFullDiskTakesNothing) {
  record("id1", "ch1", now_ - kHourNs);
  disk_bytes_ = 1;
  const auto retention = this->retention(0);
  run(*retention);
  EXPECT_EQ(retention->round()->displaced_segments, 0U);
}

// Rows would go one after the other, for no space at all.
TEST_F(RetentionTest, ADiskThatDeletesNothingKeepsItsRows) {
  record("id1", "ch1", now_ - 2 * kHourNs + kTarget);
  if (geteuid() == 0) {
    // Root may delete anything: an init segment that is a folder cannot be unlinked by anybody.
    const auto segment = archive_->index("id1")->row(archive_->index("id1")->first_sequence());
    std::filesystem::remove(folder("ch1") + "/" + segment->location);
    std::filesystem::create_directories(folder("ch1") + "/" + segment->location + "/in-the-way");
  } else {
    ASSERT_EQ(::chmod(folder("ch1").c_str(), 0500), 0);
  }
  disk_bytes_ = kMinFree;
  const auto retention = this->retention(kMinFree);
  run(*retention);
  ::chmod(folder("ch1").c_str(), 0700);
  EXPECT_GT(retention->round()->failed, 0U);
  EXPECT_GT(archive_->index("id1")->segment_count(), 1100U);
}

// A file that came too late for its slot is listed by nobody, and so has no row that would take it along.
TEST_F(RetentionTest, FilesThatWereNeverListedGoToo) {
  Writer writer(now_ - 3 * kHourNs);
  archive_->add_segment("id1", test::write_segment(folder("ch1"), "ch1", writer.segment()));
  const SegmentRow late = writer.segment();
  Utc later = now_;
  std::swap(now_, later);
  now_ = writer.end() + 60 * kNsPerSecond;
  archive_->set_worker_down("id1", true);
  archive_->tick();
  archive_->add_segment("id1", test::write_segment(folder("ch1"), "ch1", late));
  std::swap(now_, later);
  ASSERT_EQ(files("ch1", ".m4s"), 2U);
  const auto retention = this->retention();
  run(*retention);
  EXPECT_EQ(files("ch1", ".m4s"), 1U) << "the newest listed one stays";
}

TEST_F(RetentionTest, FoldersOfDaysGoWithTheirLastSegment) {
  const SegmentFolder files(state_.path());
  test::write_file(state_ / "2026/02/25/a.m4s", core::Bytes{1});
  test::write_file(state_ / "2026/02/26/b.m4s", core::Bytes{1});
  EXPECT_TRUE(files.remove("2026/02/25/a.m4s"));
  EXPECT_FALSE(std::filesystem::exists(state_ / "2026/02/25"));
  EXPECT_TRUE(std::filesystem::exists(state_ / "2026/02/26/b.m4s"));
  EXPECT_TRUE(files.remove("2026/02/26/b.m4s"));
  EXPECT_FALSE(std::filesystem::exists(state_ / "2026"));
  EXPECT_TRUE(files.remove("2026/02/26/b.m4s")) << "gone is gone";
  EXPECT_TRUE(std::filesystem::exists(state_.path()));
}

// Nothing outside the folder, whatever a row says.
TEST_F(RetentionTest, NothingOutsideTheFolderIsDeleted) {
  test::write_file(state_ / "precious", core::Bytes{1});
  std::filesystem::create_directories(state_ / "folder");
  std::filesystem::create_directory_symlink(state_.path(), state_ / "folder/link");
  const SegmentFolder files(state_ / "folder");
  static_cast<void>(files.remove("../precious"));
  static_cast<void>(files.remove("link/precious"));
  EXPECT_TRUE(std::filesystem::exists(state_ / "precious"));
}

}  // namespace
}  // namespace aircheck::timeshift
