// Real disks that fill up and that become read-only under a station at work: viewers do not notice, writers are told,
// and nothing that was confirmed is lost. Ends with 77, which is skipped, where it may not mount.
#include <cstdio>
#include <functional>
#include <set>

#include "daemon/faults/disk_image.hpp"
#include "daemon/faults/station_on_air.hpp"
#include "daemon/faults/station_with_files.hpp"

namespace aircheck {
namespace {

constexpr int kSkipped = 77;

class DisksTest : public test::StationWithFiles {
 protected:
  void SetUp() override {
    ASSERT_EQ(disk_.make(directory_ / "image", state(), 300), "");
    ASSERT_NO_FATAL_FAILURE(make_station());
  }
  void TearDown() override {
    StationWithFiles::TearDown();
    disk_.take_out();
  }
  // Segments of 6 s; `mib` of real bytes each, where any.
  void write_run(core::Utc begin, int segments, int mib = 0) {
    if (!writer_) writer_.emplace(begin);
    if (writer_->end() != begin) writer_->restart(begin);
    for (int i = 0; i < segments; ++i) {
      const auto row = write(writer_->segment(), mib > 0 ? static_cast<std::uint32_t>(mib) << 20 : 0);
      const int fd = open((state() + "/segments/ch1/" + row.location).c_str(), O_WRONLY | O_CLOEXEC);
      if (mib > 0) {
        EXPECT_EQ(posix_fallocate(fd, 0, off_t{mib} << 20), 0);
      }
      close(fd);
    }
  }
  // A daemon whose index.db is whole already, so that it has nothing of its own to write.
  void start_settled(const std::string& min_free_mib) {
    close_station();
    for (int round = 0; round < 2; ++round) {
      ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_MIN_FREE_MIB", min_free_mib}}));
      ASSERT_NO_FATAL_FAILURE(settle());
      if (round == 0) {
        ASSERT_EQ(end(), 0) << log();
      }
    }
    token_ = sign_in();
  }
  std::string playlist(std::int64_t from_s) {
    test::HttpResponse answer;
    const base::Timer tick = base::Timer::every(20, [] {});
    const std::string path = "/hls/ch1/main.m3u8?kind=catchup&start=" + std::to_string(from_s) +
                             "&end=" + std::to_string(writer_->end().ns / core::kNsPerSecond);
    EXPECT_TRUE(run_until([&] {
      answer = get(url(path), token_);
      return answer.status != 503;
    }));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body;
  }
  test::HttpResponse post_channel(int number) {
    return send("POST", url("/api/v1/admin/channels"), token_,
                base::Json::object({{"cdn_channel_key", "more" + std::to_string(number)},
                                    {"number", number},
                                    {"name", std::string(180, 'n')}}));
  }
  // A change of index.db: a segment goes and comes again.
  void change_index() {
    const std::string file = state() + "/segments/ch1/" + files_[5];
    std::filesystem::rename(file, state() + "/segments/kept");
    EXPECT_EQ(command("rescan ch1").exit, 0);
    std::filesystem::rename(state() + "/segments/kept", file);
    EXPECT_EQ(command("rescan ch1").exit, 0);
  }
  [[nodiscard]] std::string health(const std::string& member) {
    const auto answer = get(url("/health"));
    EXPECT_EQ(answer.status, 200) << answer.body;
    return *answer.json().find(member)->as_string();
  }
  std::set<std::string> channels() {
    std::set<std::string> keys;
    std::string path = "/api/v1/admin/channels?limit=100";
    while (!path.empty()) {
      const base::Json page = get(url(path), token_).json();
      for (const base::Json& item : *page.find("items")->as_array()) {
        keys.insert(*item.find("cdn_channel_key")->as_string());
      }
      const std::string* next = page.find("next_cursor")->as_string();
      path = next != nullptr ? "/api/v1/admin/channels?limit=100&cursor=" + *next : "";
    }
    return keys;
  }
  [[nodiscard]] std::vector<bool> present() const {
    std::vector<bool> there;
    for (const std::string& file : files_) {
      there.push_back(std::filesystem::exists(state() + "/segments/ch1/" + file));
    }
    return there;
  }

  test::DiskImage disk_;
  std::optional<timeshift::test::Writer> writer_;
};

TEST_F(DisksTest, AFullDiskIsSaidToWritersAndNothingConfirmedIsLost) {
  const core::Utc begin = ago(1200);
  write_run(begin, 100);
  ASSERT_NO_FATAL_FAILURE(start_settled("0"));
  const std::int64_t from = begin.ns / core::kNsPerSecond;
  const std::string whole = playlist(from);
  ASSERT_EQ(health("status"), "healthy");
  for (int number = 900; number < 903; ++number) ASSERT_EQ(post_channel(number).status, 201);
  disk_.fill();
  ASSERT_LT(disk_.free_bytes(), 4096U);

  std::set<std::string> confirmed = channels();
  test::HttpResponse refused;
  int number = 2;
  for (; number < 900 && refused.status == 0; ++number) {
    auto answer = post_channel(number);
    if (answer.status == 201) {
      confirmed.insert("more" + std::to_string(number));
    } else {
      refused = std::move(answer);
    }
  }
  std::printf("%zu channels before the disk was full\n", confirmed.size());
  EXPECT_EQ(refused.status, 507) << refused.body << log();
  EXPECT_EQ(refused.code(), "no_space") << refused.body;
  EXPECT_EQ(channels(), confirmed) << "what was refused is not there";
  change_index();
  EXPECT_TRUE(logs("index.db is behind, the archive goes on: ")) << log();
  EXPECT_GE(metric("aircheck_index_unwritten_changes"), 1);
  EXPECT_EQ(health("status"), "degraded");
  EXPECT_EQ(health("storage"), "error");
  EXPECT_EQ(playlist(from), whole);
  EXPECT_EQ(get(url("/hls/ch1/" + files_[3])).status, 200);

  disk_.make_room();
  const base::Timer tick = base::Timer::every(50, [] {});
  EXPECT_TRUE(run_until([&] { return metric("aircheck_index_unwritten_changes") == 0; }));
  EXPECT_EQ(post_channel(number).status, 201);
  confirmed.insert("more" + std::to_string(number));
  EXPECT_EQ(health("status"), "healthy");
  ASSERT_NO_FATAL_FAILURE(settle());
  EXPECT_EQ(channels(), confirmed);
  ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
  ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_MIN_FREE_MIB", "0"}}));
  EXPECT_EQ(channels(), confirmed);
  EXPECT_EQ(playlist(from), whole);
}

TEST_F(DisksTest, RetentionMakesRoomOnAFullDiskTheOldestFirst) {
  constexpr int kOld = 120;
  constexpr int kNew = 20;
  constexpr std::uint64_t kMinFree = 40U << 20;
  write_run(ago(7200), kOld, 1);
  const core::Utc newest = ago(1200);
  write_run(newest, kNew, 1);
  ASSERT_NO_FATAL_FAILURE(start_settled("40"));
  const std::string recent = playlist(newest.ns / core::kNsPerSecond);
  ASSERT_GT(disk_.free_bytes(), kMinFree);
  disk_.fill();
  ASSERT_LT(disk_.free_bytes(), 4096U);
  const base::Timer tick = base::Timer::every(100, [] {});
  // It looks every half minute.
  EXPECT_TRUE(run_until([&] { return disk_.free_bytes() >= kMinFree; }, 150'000)) << log();
  EXPECT_TRUE(logs("the disk is nearly full: ")) << log();
  EXPECT_TRUE(run_until([&] { return metric("aircheck_disk_free_bytes") >= kMinFree; }));
  const std::vector<bool> there = present();
  const auto first = std::find(there.begin(), there.end(), true);
  const auto gone = first - there.begin();
  std::printf("%td of %d old segments made way, %llu MiB are free\n", gone, kOld,
              static_cast<unsigned long long>(disk_.free_bytes() >> 20));
  EXPECT_GE(gone, 40);
  EXPECT_LT(gone, 100) << "not more than is asked for, with an eighth on top";
  EXPECT_EQ(std::count(first, there.end(), false), 0) << "the oldest first";
  EXPECT_EQ(playlist(newest.ns / core::kNsPerSecond), recent);
  ASSERT_NO_FATAL_FAILURE(settle());
  EXPECT_EQ(get(url("/hls/ch1/" + files_[0])).status, 404);
  EXPECT_EQ(get(url("/hls/ch1/" + files_.back())).status, 200);
}

TEST_F(DisksTest, ADiskThatBecomesReadOnlyUnderWayIsSaidAndCostsNothingConfirmed) {
  const core::Utc begin = ago(1200);
  write_run(begin, 100);
  ASSERT_NO_FATAL_FAILURE(start_settled("0"));
  const std::int64_t from = begin.ns / core::kNsPerSecond;
  const std::string whole = playlist(from);
  for (int number = 2; number < 5; ++number) ASSERT_EQ(post_channel(number).status, 201);
  const std::set<std::string> confirmed = channels();
  ASSERT_EQ(confirmed.size(), 4U);
  // What is on the disk by then is there after it; synchronous=NORMAL promises no more.
  ASSERT_EQ(test::run("sync -f " + state()).exit, 0);
  disk_.fail();
  ASSERT_NE(test::run("touch " + state() + "/x 2>&1").exit, 0);

  const auto refused = post_channel(5);
  EXPECT_EQ(refused.status, 503) << refused.body << log();
  EXPECT_EQ(refused.code(), "unavailable") << refused.body;
  EXPECT_FALSE(refused.header("retry-after").empty());
  EXPECT_EQ(health("status"), "degraded");
  EXPECT_EQ(health("storage"), "error");
  EXPECT_EQ(channels(), confirmed);
  EXPECT_EQ(playlist(from), whole);
  EXPECT_EQ(get(url("/hls/ch1/" + files_[3])).status, 200);
  EXPECT_EQ(log().find("made anew from the segment files"), std::string::npos) << log();
  EXPECT_EQ(end(), 0) << log();
  disk_.take_out();
  ASSERT_TRUE(disk_.repair());
  ASSERT_EQ(disk_.put_in(), "");
  ASSERT_NO_FATAL_FAILURE(start({}, {{"AIRCHECK_MIN_FREE_MIB", "0"}}));
  EXPECT_EQ(channels(), confirmed);
  EXPECT_EQ(post_channel(5).status, 201);
  EXPECT_EQ(health("status"), "healthy");
  EXPECT_EQ(playlist(from), whole);
  settle();
}

// The segments have a disk of their own.
class SegmentDiskTest : public test::StationOnAir {
 protected:
  void SetUp() override {
    ASSERT_EQ(disk_.make(directory_ / "image", state() + "/segments", 300), "");
    environment_["AIRCHECK_MIN_FREE_MIB"] = "0";
    ASSERT_NO_FATAL_FAILURE(go_on_air());
  }
  void TearDown() override {
    StationOnAir::TearDown();
    disk_.take_out();
  }
  [[nodiscard]] bool comes(const std::function<bool()>& true_at_last) {
    const base::Timer tick = base::Timer::every(20, [] {});
    return run_until([&] {
      poll();
      return HasFailure() || true_at_last();
    });
  }
  [[nodiscard]] std::ptrdiff_t gaps() const {
    return std::count_if(live_.rows().begin(), live_.rows().end(), [](const auto& row) { return row.second.gap; });
  }
  std::string health() { return get(url("/health")).body; }

  test::DiskImage disk_;
};

TEST_F(SegmentDiskTest, ADiskThatIsReadOnlyForAWhileIsGoneOnWith) {
  const pid_t on_air = worker();
  for (int round = 0; round < 2; ++round) {
    const std::ptrdiff_t before = gaps();
    ASSERT_TRUE(comes([&] { return disk_.set_read_only(true); })) << "between two segments";
    EXPECT_TRUE(comes([&] { return gaps() >= before + 3; })) << log();
    EXPECT_NE(health().find(R"("storage":"error")"), std::string::npos) << health();
    const auto status = get(url("/api/v1/admin/simlive/status"), token_);
    EXPECT_NE(status.body.find("ead-only file system"), std::string::npos) << status.body;
    ASSERT_TRUE(disk_.set_read_only(false));
    ASSERT_TRUE(plays_on(3)) << log();
    EXPECT_NE(health().find(R"("status":"healthy")"), std::string::npos) << health();
  }
  EXPECT_EQ(worker(), on_air) << "it goes on by itself";
  const auto status = get(url("/api/v1/admin/simlive/status"), token_).json();
  const base::Json& item = status.find("items")->as_array()->at(0);
  EXPECT_EQ(*item.find("state")->as_string(), "running");
  EXPECT_TRUE(item.find("reason")->is_null()) << item.dump();
  EXPECT_GE(live_.rows().rbegin()->second.discontinuity_sequence, 2U) << "each hole is one";
}

// Whether this process may do what the tests are about.
std::string obstacle() {
  if (!test::DiskImage::enter_own_namespace()) return "only root may mount file systems, and not everywhere";
  const test::TemporaryDirectory directory;
  test::DiskImage disk;
  return disk.make(directory / "image", directory / "disk", 16);
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (const std::string why = aircheck::obstacle(); !why.empty()) {
    std::printf("skipped: %s\n", why.c_str());
    return aircheck::kSkipped;
  }
  return RUN_ALL_TESTS();
}
