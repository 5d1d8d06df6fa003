#include "timeshift/archive.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "daemon/timeshift/segment_files.hpp"
#include "daemon/timeshift/writer.hpp"
#include "support/main_loop.hpp"
#include "timeshift/playlists.hpp"

namespace aircheck::timeshift {
namespace {

using core::kNsPerSecond;
using core::Utc;
using test::kNoon;
using test::kTarget;
using test::write_segment;
using test::Writer;

class ArchiveTest : public aircheck::test::MainLoopTest {
 protected:
  std::unique_ptr<Archive> open() {
    auto archive = Archive::open(
        {.segment_directory = state_ / "segments", .index_path = state_ / "index.db", .now = [this] { return now_; }},
        pool_);
    EXPECT_TRUE(archive) << (archive ? "" : archive.error().message);
    return std::move(*archive);
  }

  // Opened, and compared with the folder.
  std::unique_ptr<Archive> open_with_channel() {
    auto archive = open();
    bool scanned = false;
    archive->add_channel({.id = "id1", .key = "ch1", .target_duration_s = 6}, [&] { scanned = true; });
    EXPECT_TRUE(run_until([&] { return scanned; }));
    EXPECT_TRUE(archive->complete());
    return archive;
  }

  SegmentRow write(const SegmentRow& row) { return write_segment(folder(), "ch1", row); }
  std::string folder() { return state_ / "segments/ch1"; }

  // Every playlist of the archive in one text.
  static std::string playlists(const Archive& archive, Utc now) {
    std::string all;
    const SegmentIndex& index = *archive.index("id1");
    for (const WindowRequest& request :
         {WindowRequest{.kind = ViewKind::kLive}, WindowRequest{.kind = ViewKind::kStartover, .start = kNoon},
          WindowRequest{.kind = ViewKind::kCatchup, .start = kNoon, .end = now - 60 * kNsPerSecond}}) {
      const WindowAnswer answer = select_window(index, request, {}, now);
      const auto* window = std::get_if<Window>(&answer);
      EXPECT_NE(window, nullptr);
      if (window == nullptr) continue;
      all += media_playlist(*window, {.kind = request.kind, .target_duration_s = 6}, archive.facts("id1")).value();
    }
    return all;
  }

  aircheck::test::TemporaryDirectory state_;
  base::WorkerPool pool_{2};
  Utc now_ = kNoon;
};

TEST_F(ArchiveTest, RebuiltFromTheFilesItGivesTheSamePlaylists) {
  Writer writer(kNoon);
  std::string before;
  {
    auto archive = open_with_channel();
    for (int run = 0; run < 4; ++run) {
      for (int i = 0; i < 7; ++i) archive->add_segment("id1", write(writer.segment()));
      now_ = writer.end() + 20 * kNsPerSecond;
      archive->set_worker_down("id1", true);
      archive->tick();
      archive->set_worker_down("id1", false);
      if (run == 1) writer.new_crypto_period();
      if (run < 3) writer.restart(writer.end() + 24 * kNsPerSecond);
    }
    EXPECT_GT(archive->index("id1")->trailing_gaps(), 0u);
    before = playlists(*archive, now_);
  }
  EXPECT_EQ(playlists(*open_with_channel(), now_), before) << "index.db and the files";

  for (const char* name : {"index.db", "index.db-wal", "index.db-shm"}) std::filesystem::remove(state_ / name);
  {
    auto archive = open_with_channel();
    EXPECT_EQ(archive->index("id1")->segment_count(), 28u);
    archive->set_worker_down("id1", true);
    archive->tick();
    EXPECT_EQ(playlists(*archive, now_), before) << "the files alone";
  }

  state_.write("index.db", "this is no database, but it is in its place, and it is long enough to be read as one");
  EXPECT_EQ(open_with_channel()->index("id1")->segment_count(), 28u) << "a damaged index.db";
  EXPECT_TRUE(std::filesystem::exists(state_ / "index.db.unusable"));
}

TEST_F(ArchiveTest, FindsWhatWasWrittenAndDeletedWhileTheDaemonWasDown) {
  Writer writer(kNoon);
  std::vector<SegmentRow> rows;
  {
    auto archive = open_with_channel();
    for (int i = 0; i < 3; ++i) archive->add_segment("id1", rows.emplace_back(write(writer.segment())));
  }
  for (int i = 0; i < 3; ++i) rows.push_back(write(writer.segment()));
  std::filesystem::remove(folder() + "/" + rows[1].location);
  for (int start = 0; start < 2; ++start) {
    const auto archive = open_with_channel();
    const SegmentIndex& index = *archive->index("id1");
    EXPECT_EQ(index.segment_count(), 5u);
    EXPECT_TRUE(index.row(rows[1].sequence)->gap);
    for (const std::size_t i : {0, 2, 3, 4, 5}) EXPECT_EQ(index.row(rows[i].sequence), rows[i]);
    EXPECT_EQ(index.last_segment_sequence(), rows[5].sequence);
  }
  std::size_t stored = 0;
  ASSERT_TRUE(IndexStore::read(state_ / "index.db", "id1", [&](const SegmentRow&) { ++stored; }));
  EXPECT_EQ(stored, 5u) << "index.db forgets what is gone, too";
}

// What a worker delivers while the folder is read is not in the list of its files.
TEST_F(ArchiveTest, WhatComesDuringTheScanIsNotLost) {
  Writer writer(kNoon);
  const SegmentRow row = write(writer.segment());
  std::filesystem::remove(folder() + "/" + row.location);
  auto archive = open();
  bool scanned = false;
  archive->add_channel({.id = "id1", .key = "ch1", .target_duration_s = 6}, [&] { scanned = true; });
  archive->add_segment("id1", row);
  EXPECT_TRUE(archive->index("id1")->empty());
  ASSERT_TRUE(run_until([&] { return scanned; }));
  EXPECT_EQ(archive->index("id1")->row(row.sequence), row);
}

TEST_F(ArchiveTest, ARebuildTakesWhatTheFilesSayAndKeepsWhatPlayersWereTold) {
  Writer writer(kNoon);
  auto archive = open_with_channel();
  std::vector<SegmentRow> rows;
  for (int i = 0; i < 3; ++i) archive->add_segment("id1", rows.emplace_back(write(writer.segment())));
  const SegmentRow late = write(writer.segment());
  now_ = late.end() + 3 * kNsPerSecond;
  archive->set_worker_down("id1", true);
  archive->tick();
  archive->set_worker_down("id1", false);
  archive->add_segment("id1", late);
  archive->add_segment("id1", rows.emplace_back(write(writer.segment())));
  ASSERT_TRUE(archive->index("id1")->row(late.sequence)->gap);
  std::filesystem::remove(folder() + "/" + rows[1].location);
  const SegmentRow meanwhile = write(writer.segment());
  std::filesystem::remove(folder() + "/" + meanwhile.location);

  const auto rebuild = [&](const std::function<void()>& while_it_reads) {
    std::optional<Archive::Rebuilt> rebuilt;
    archive->rebuild("id1", [&](const core::Result<Archive::Rebuilt>& done) { rebuilt = done.value(); });
    while_it_reads();
    EXPECT_TRUE(run_until([&] { return rebuilt.has_value(); }));
    return rebuilt.value_or(Archive::Rebuilt());
  };
  const std::uint64_t revision = archive->index("id1")->revision();
  const auto first = rebuild([&] {
    archive->add_segment("id1", meanwhile);
    EXPECT_TRUE(archive->retire("id1", writer.end(), 10).locations.empty()) << "its files are being listed";
    std::optional<core::Code> second;
    archive->rebuild("id1", [&](const core::Result<Archive::Rebuilt>& done) { second = done.error().code; });
    EXPECT_EQ(second, core::Code::kUnavailable);
  });
  const SegmentIndex& index = *archive->index("id1");
  EXPECT_EQ(first.segments, 4U);
  EXPECT_EQ(first.removed, 1U);
  EXPECT_EQ(first.added + first.corrected, 0U);
  EXPECT_TRUE(index.row(rows[1].sequence)->gap) << "its file is gone";
  EXPECT_TRUE(index.row(late.sequence)->gap) << "it was listed as one, file or not";
  EXPECT_EQ(index.row(meanwhile.sequence), meanwhile);
  EXPECT_GT(index.revision(), revision) << "a row that was listed is another";

  write(meanwhile);
  now_ = writer.end() + 20 * kNsPerSecond;
  archive->set_worker_down("id1", true);
  archive->tick();
  ASSERT_EQ(archive->index("id1")->trailing_gaps(), 3U);
  rebuild([] {});
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 3U) << "slots once listed as GAP stay GAP";
}

TEST_F(ArchiveTest, WhatAWorkerLosesIsListedAtOnce) {
  Writer writer(kNoon);
  auto archive = open_with_channel();
  archive->add_segment("id1", write(writer.segment()));
  now_ = writer.end();
  archive->add_loss("id1", writer.end() + 2 * kTarget);
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 2U) << "it says so itself: there is nothing to wait for";
}

TEST_F(ArchiveTest, AnInitSegmentThatCannotBeReadIsTriedAgain) {
  Writer writer(kNoon);
  base::WorkerPool one_thread{1};
  const auto archive = Archive::open(
      {.segment_directory = state_ / "segments", .index_path = state_ / "index.db", .now = [this] { return now_; }},
      one_thread);
  ASSERT_TRUE(archive);
  (*archive)->add_channel({.id = "id1", .key = "ch1", .target_duration_s = 6});
  ASSERT_TRUE(run_until([&] { return (*archive)->complete(); }));
  const auto add = [&](const SegmentRow& row) {
    (*archive)->add_segment("id1", row);
    bool read = false;
    one_thread.run([] { return true; }, [&](bool) { read = true; });
    ASSERT_TRUE(run_until([&] { return read; }));
  };
  const SegmentRow row = write(writer.segment());
  const std::string init = folder() + "/" + row.init_location;
  std::filesystem::rename(init, init + ".away");
  add(row);
  EXPECT_TRUE((*archive)->facts("id1").empty());
  std::filesystem::rename(init + ".away", init);
  const std::uint64_t revision = (*archive)->facts_revision("id1");
  add(write(writer.segment()));
  EXPECT_EQ((*archive)->facts("id1").size(), 1U);
  EXPECT_GT((*archive)->facts_revision("id1"), revision);
}

TEST_F(ArchiveTest, AFolderOfStrangeFilesListsOnlySegments) {
  Writer writer(kNoon);
  const SegmentRow row = write(writer.segment());
  const SegmentRow other = write_segment(folder(), "ch2", writer.segment());
  std::filesystem::copy(folder() + "/" + row.location, folder() + "/.ch1-20260225143000.m4s.tmp");
  test::write_file(folder() + "/ch1-20260225143000.m4s", {});
  test::write_file(folder() + "/ch1-20260225143006.m4s", core::as_bytes("no boxes at all"));
  std::filesystem::create_directories(folder() + "/ch1-20260225143012.m4s");
  std::filesystem::create_symlink("/etc/passwd", folder() + "/ch1-20260225143018.m4s");
  ASSERT_EQ(mkfifo((folder() + "/ch1-20260225143024.m4s").c_str(), 0600), 0);
  const auto archive = open_with_channel();
  EXPECT_EQ(archive->index("id1")->segment_count(), 1u);
  EXPECT_EQ(archive->index("id1")->row(row.sequence), row);
}

// However the folder lists them, which is by hash.
TEST_F(ArchiveTest, OfTwoFilesOfOneNumberTheFirstNameIsListed) {
  Writer writer(kNoon);
  std::vector<SegmentRow> first;
  for (int i = 0; i < 20; ++i) {
    SegmentRow row = writer.segment(kTarget / 2);
    SegmentRow twin = writer.segment(kTarget / 2);
    row.sequence = twin.sequence = 1000 + static_cast<std::uint64_t>(i);
    if (i % 2 == 0) write(twin);
    first.push_back(write(row));
    if (i % 2 == 1) write(twin);
  }
  const auto archive = open_with_channel();
  for (const SegmentRow& row : first) EXPECT_EQ(archive->index("id1")->row(row.sequence), row);
}

TEST_F(ArchiveTest, ListsGapsOnlyWhileTheWorkerIsDown) {
  Writer writer(kNoon);
  auto archive = open_with_channel();
  archive->add_segment("id1", write(writer.segment()));
  now_ = writer.end() + 60 * kNsPerSecond;
  archive->tick();
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 0u) << "a worker that runs is only late";
  archive->set_worker_down("id1", true);
  now_ = writer.end() + 9 * kTarget + 2 * kNsPerSecond - 1;
  archive->tick();
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 8u) << "a row comes two seconds after the end of its slot";
  now_ = now_ + 1;
  archive->tick();
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 9u);
  EXPECT_GE(archive->not_before("id1"), writer.end() + 9 * kTarget - kNsPerSecond);
  archive.reset();
  EXPECT_EQ(open_with_channel()->index("id1")->trailing_gaps(), 9u) << "a slot once listed as GAP stays GAP";
}

// RFC 8216 section 6.2.2: a live playlist changes every 1.5 target durations. The first segment of a new worker comes
// later than that, where it begins a slot after the last one ended.
TEST_F(ArchiveTest, AWorkerThatBeginsAnewLeavesTheHoleBeforeItAGap) {
  Writer writer(kNoon);
  auto archive = open_with_channel();
  archive->add_segment("id1", write(writer.segment()));
  now_ = writer.end() + 5 * kNsPerSecond;
  archive->set_worker_down("id1", true);
  now_ = writer.end() + 7 * kNsPerSecond;
  archive->set_worker_down("id1", false);
  archive->tick();
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 0u) << "its file could still be found";
  now_ = writer.end() + 8 * kNsPerSecond;
  archive->tick();
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 1u);
  now_ = writer.end() + 60 * kNsPerSecond;
  archive->tick();
  EXPECT_EQ(archive->index("id1")->trailing_gaps(), 1u) << "the slots that are the worker's";
}

TEST_F(ArchiveTest, ReadsWhatPlaylistsSayOfTheMedia) {
  Writer writer(kNoon);
  auto archive = open_with_channel();
  const SegmentRow row = write(writer.segment());
  archive->add_segment("id1", row);
  ASSERT_TRUE(run_until([&] { return !archive->facts("id1").empty(); }));
  const MediaFacts& facts = *archive->facts("id1").at(row.init_location);
  EXPECT_EQ(facts.codecs, (std::vector<std::string>{"avc1.64001f", "mp4a.40.2"}));
  EXPECT_EQ(facts.width, 640u);
  EXPECT_EQ(facts.height, 360u);
  EXPECT_EQ(facts.frame_rate_num, 25u);
  EXPECT_EQ(facts.frame_rate_den, 1u);
  EXPECT_TRUE(facts.clear_location.starts_with("init-"));
  const auto clear = core::bmff::parse_init(facts.clear_init);
  ASSERT_TRUE(clear);
  for (const auto& track : clear->tracks) EXPECT_TRUE(track.scheme.empty());
  EXPECT_TRUE(archive->facts("id2").empty());
  EXPECT_EQ(archive->index("id2"), nullptr);
}

TEST(SegmentFolder, OpensRegularFilesBelowItAndNothingElse) {
  const aircheck::test::TemporaryDirectory state;
  test::write_file(state / "outside.txt", core::as_bytes("secret"));
  test::write_file(state / "ch1/2026/a.m4s", core::as_bytes("inside"));
  std::filesystem::create_symlink("../outside.txt", state / "ch1/link.m4s");
  std::filesystem::create_symlink("/", state / "ch1/root");
  ASSERT_EQ(mkfifo((state / "ch1/fifo").c_str(), 0600), 0);
  const SegmentFolder folder(state / "ch1");
  EXPECT_EQ(folder.read("2026/a.m4s").value().size(), 6u);
  EXPECT_EQ(folder.read_head("2026/a.m4s", 2).value().size(), 2u);
  EXPECT_EQ(folder.size("2026/a.m4s").value(), 6u);
  for (const char* location : {"../outside.txt", "2026/../../outside.txt", "link.m4s", "root/etc/passwd", "/etc/passwd",
                               "fifo", "2026", "", ".", "nothing"}) {
    EXPECT_FALSE(folder.read(location)) << location;
  }
  EXPECT_EQ(folder.read("link.m4s").error().code, core::Code::kNotFound);
  EXPECT_EQ(SegmentFolder(state / "ch9").read("a").error().code, core::Code::kNotFound);
}

}  // namespace
}  // namespace aircheck::timeshift
