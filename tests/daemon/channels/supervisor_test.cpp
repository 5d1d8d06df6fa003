// Supervision with real processes.
#include "daemon/channels/supervised_channel.hpp"

namespace aircheck::channels {
namespace {

using core::Code;

TEST_F(SupervisorTest, StartsAndStopsAWorker) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(supervisor_->start(id_).has_value());
  ASSERT_TRUE(reaches("running"));
  const pid_t pid = status().pid.value();
  EXPECT_TRUE(channels_->find("ch1")->on_air_wanted);
  ASSERT_TRUE(more_rows());
  EXPECT_TRUE(contiguous());
  ASSERT_TRUE(supervisor_->stop("ch1").has_value());
  ASSERT_TRUE(reaches("stopped"));
  ASSERT_TRUE(run_until([&] { return !status().pid.has_value(); }));
  EXPECT_EQ(kill(pid, 0), -1) << "the process is gone and reaped";
  EXPECT_FALSE(channels_->find("ch1")->on_air_wanted);
  EXPECT_TRUE(on_air_.ends_with("down up down ")) << on_air_;
  EXPECT_EQ(supervisor_->start("nothing").error().code, Code::kNotFound);
}

TEST_F(SupervisorTest, TheWorkerGetsItsConfigurationAndACleanProcess) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const std::string kid = core::to_hex(keys_->at(id_, now_)->key_id);
  EXPECT_EQ(directory_.read("run/ch1.configured"), "simlive  42 " + kid + "\n");
  const std::string facts = directory_.read("run/ch1.facts");
  EXPECT_NE(facts.find("leader=1\ncore=0\n"), std::string::npos) << facts;
  EXPECT_NE(facts.find("GST_DEBUG=2"), std::string::npos);
  EXPECT_EQ(facts.find("JWT_SECRET"), std::string::npos);
  EXPECT_EQ(facts.find("PASSWORD"), std::string::npos);
  EXPECT_NE(directory_.read("logs/ch1.log").find("fake worker of ch1"), std::string::npos);
}

TEST_F(SupervisorTest, ANewDaemonAdoptsTheWorkerAndMissesNoSegment) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  ASSERT_TRUE(more_rows());
  const pid_t pid = status().pid.value();
  for (int restart = 0; restart < 3; ++restart) {
    supervisor_.reset();
    // Segments close while nobody listens; more of them than one page holds.
    GMainContext* elsewhere = g_main_context_new();
    GSource* pause = g_timeout_source_new(120);
    bool passed = false;
    g_source_set_callback(
        pause, [](gpointer flag) -> gboolean { return *static_cast<bool*>(flag) = true, G_SOURCE_REMOVE; }, &passed,
        nullptr);
    g_source_attach(pause, elsewhere);
    while (!passed) g_main_context_iteration(elsewhere, TRUE);
    g_source_unref(pause);
    g_main_context_unref(elsewhere);
    on_air_.clear();
    boot();
    ASSERT_TRUE(reaches("running"));
    EXPECT_EQ(status().pid, pid);
    EXPECT_EQ(on_air_, "up ") << "an adopted channel was never down";
    ASSERT_TRUE(more_rows());
  }
  EXPECT_TRUE(contiguous());
  EXPECT_EQ(rows_.front(), 100U);
}

TEST_F(SupervisorTest, AKilledWorkerIsReplacedAfterTheBackOff) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const pid_t first = status().pid.value();
  ASSERT_EQ(kill(first, SIGKILL), 0);
  ASSERT_TRUE(reaches("backoff"));
  EXPECT_EQ(status().failures, 1);
  EXPECT_EQ(status().retry_at, now_ + core::kNsPerSecond);
  EXPECT_FALSE(status().reason.empty());
  ASSERT_TRUE(reaches("running"));
  EXPECT_NE(status().pid, first);
  EXPECT_TRUE(status().reason.empty());
}

TEST_F(SupervisorTest, AWorkerThatHangsOnAirIsReplaced) {
  TearDown();
  stall_ = {.segments = 0, .grace_ms = 2000};
  boot();
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const pid_t first = status().pid.value();
  ASSERT_TRUE(more_rows());
  ASSERT_EQ(kill(first, SIGSTOP), 0);
  ASSERT_TRUE(reaches("backoff"));
  EXPECT_NE(status().reason.find("no segment"), std::string::npos) << status().reason;
  EXPECT_TRUE(on_air_.ends_with("down ")) << "GAP rows from here on: " << on_air_;
  ASSERT_EQ(kill(first, SIGCONT), 0);  // so that it need not be killed
  ASSERT_TRUE(reaches("running"));
  EXPECT_NE(status().pid, first);
}

// Another worker could not write to that disk either.
TEST_F(SupervisorTest, AWorkerWithAFullDiskStaysOnAirAndSaysWhy) {
  TearDown();
  stall_ = {.segments = 0, .grace_ms = 500};
  mode("full");
  boot();
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const pid_t first = status().pid.value();
  ASSERT_TRUE(run_until([&] { return status().reason == "No space left on device"; }));
  const gint64 three_stalls_later = g_get_monotonic_time() + 1'500'000;
  ASSERT_TRUE(run_until([&] { return status().state != "running" || g_get_monotonic_time() > three_stalls_later; }));
  EXPECT_EQ(status().state, "running");
  directory_.write("run/ch1.room", "");
  ASSERT_TRUE(more_rows());
  EXPECT_EQ(status().pid, first);
  EXPECT_TRUE(run_until([&] { return status().reason.empty(); }));
}

TEST_F(SupervisorTest, AHungWorkerOfAnEarlierDaemonIsReplaced) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const pid_t first = status().pid.value();
  supervisor_.reset();
  ASSERT_EQ(kill(first, SIGSTOP), 0);
  boot();
  ASSERT_TRUE(run_until([&] { return status().pid == first; })) << "known by its socket";
  ASSERT_EQ(kill(first, SIGCONT), 0);
  ASSERT_TRUE(run_until([&] { return status().state == "running" && status().pid != first; }));
}

TEST_F(SupervisorTest, ARefusalIsFailedAndSaysWhy) {
  mode("refuse");
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("failed"));
  EXPECT_EQ(status().reason, "source /film.mp4: no such file");
  ASSERT_TRUE(run_until([&] { return !status().pid.has_value(); }));
  mode("ok");
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
}

TEST_F(SupervisorTest, TroubleThatPassesIsRetried) {
  for (const char* trouble : {"busy", "exit", "die"}) {
    mode(trouble);
    ASSERT_TRUE(supervisor_->start("ch1").has_value());
    ASSERT_TRUE(reaches("backoff")) << trouble;
    EXPECT_FALSE(status().reason.empty()) << trouble;
    ASSERT_TRUE(supervisor_->stop("ch1").has_value());
    ASSERT_TRUE(reaches("stopped")) << trouble;
  }
}

TEST_F(SupervisorTest, AMissingProgramIsNamed) {
  TearDown();
  program_ = "/nowhere/aircheck-channel";
  boot();
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("backoff"));
  EXPECT_NE(status().reason.find("/nowhere/aircheck-channel"), std::string::npos) << status().reason;
}

TEST_F(SupervisorTest, TheNextPeriodsKeyReachesTheWorkerAheadOfIt) {
  now_ = *core::from_rfc3339("2026-02-25T23:59:40Z");
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const std::string rotated = "run/ch1.rotated";
  ASSERT_TRUE(run_until([&] { return std::filesystem::exists(directory_ / rotated); }));
  const core::Utc midnight = *core::from_rfc3339("2026-02-26T00:00:00Z");
  const std::string kid = core::to_hex(keys_->at(id_, midnight)->key_id);
  ASSERT_TRUE(run_until([&] { return directory_.read(rotated) == kid + " " + std::to_string(midnight.ns) + "\n"; }));
  now_ = midnight + 60 * core::kNsPerSecond;
  ASSERT_TRUE(more_rows());
  EXPECT_EQ(status().state, "running");
  const std::string configured = directory_.read("run/ch1.configured");
  EXPECT_EQ(std::count(configured.begin(), configured.end(), '\n'), 1) << "it was not started anew";
  EXPECT_TRUE(contiguous());
}

TEST_F(SupervisorTest, AWorkerThatCannotRotateIsStartedAnewAtThePeriodsEnd) {
  mode("no-rotation");
  TearDown();
  boot();
  now_ = *core::from_rfc3339("2026-02-25T23:59:58Z");
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const auto lines = [&] {
    const std::string text = directory_.read("run/ch1.configured");
    return std::count(text.begin(), text.end(), '\n');
  };
  ASSERT_TRUE(more_rows());
  EXPECT_EQ(lines(), 1);
  now_ = *core::from_rfc3339("2026-02-26T00:00:00Z");
  ASSERT_TRUE(run_until([&] { return lines() == 2; }));
  EXPECT_TRUE(reaches("running"));
}

// A daemon that was away at the period's end does not break the channel: the key comes late, and who has it may have
// what it was used for.
TEST_F(SupervisorTest, AnAdoptedWorkerWithYesterdaysKeyGetsTodays) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const KeyRecord yesterdays = *keys_->at(id_, now_);
  const pid_t pid = status().pid.value();
  supervisor_.reset();
  now_ = now_ + kLongestPeriodNs;
  last_segment_ = {yesterdays.key_id, now_};
  boot();
  ASSERT_TRUE(run_until([&] { return rotations().size() == 1; }));
  EXPECT_EQ(rotations().front().second, now_) << "at once";
  EXPECT_EQ(core::to_hex(keys_->at(id_, now_)->key_id), rotations().front().first);
  EXPECT_EQ(keys_->find(yesterdays.key_id)->period, (Period{yesterdays.period.start, now_}));
  EXPECT_EQ(status().pid, pid);
  EXPECT_EQ(configurations(), 1);
}

TEST_F(SupervisorTest, ARemovedChannelLosesItsWorker) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const pid_t pid = status().pid.value();
  ASSERT_TRUE(channels_->remove(id_).has_value());
  ASSERT_TRUE(run_until([&] { return kill(pid, 0) == -1; }));
}

TEST_F(SupervisorTest, ShuttingDownEndsWorkersAndKeepsTheWish) {
  ASSERT_TRUE(supervisor_->start("ch1").has_value());
  ASSERT_TRUE(reaches("running"));
  const pid_t pid = status().pid.value();
  TearDown();
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_TRUE(channels_->find("ch1")->on_air_wanted);
}

TEST(Sources, ResolveBeneathTheirDirectoryOnly) {
  const test::TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "sources/sub");
  directory.write("sources/film.mp4", "x");
  directory.write("outside.mp4", "x");
  std::filesystem::create_symlink(directory / "outside.mp4", directory / "sources/link.mp4");
  ASSERT_EQ(mkfifo((directory / "sources/fifo").c_str(), 0600), 0);
  const SourceOptions options{directory / "sources", "/demo.mp4"};
  const auto resolve = [&](const std::string& key, const char* source) {
    Channel channel;
    channel.key = key;
    if (source != nullptr) channel.variables["source"] = std::string(source);
    return resolve_source(options, channel);
  };
  const std::string film = std::filesystem::canonical(directory / "sources/film.mp4");
  EXPECT_EQ(*resolve("ch2", "film.mp4"), film);
  EXPECT_EQ(*resolve("ch2", "sub/../film.mp4"), film);
  EXPECT_EQ(*resolve("ch2", (directory / "sources/film.mp4").c_str()), film);
  EXPECT_EQ(*resolve("film", nullptr), film) << "KEY.mp4 is a channel's own film";
  EXPECT_EQ(*resolve("ch2", nullptr), "") << "a made-up one otherwise";
  EXPECT_EQ(*resolve("ch1", ""), "/demo.mp4");
  EXPECT_EQ(resolve("ch2", "absent.mp4").error().code, Code::kNotFound);
  EXPECT_EQ(resolve("ch2", "../outside.mp4").error().code, Code::kPermission);
  EXPECT_EQ(resolve("ch2", "/etc/passwd").error().code, Code::kPermission);
  EXPECT_EQ(resolve("ch2", "link.mp4").error().code, Code::kPermission);
  EXPECT_EQ(resolve("ch2", "sub").error().code, Code::kInvalidArgument);
  EXPECT_EQ(resolve("ch2", "fifo").error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace aircheck::channels
