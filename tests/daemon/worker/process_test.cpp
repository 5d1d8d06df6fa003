// aircheck-channel as a process, over its socket, in real time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "control/client.hpp"
#include "core/segment_info.hpp"
#include "daemon/worker/media.hpp"
#include "support/main_loop.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::worker {
namespace {

using control::Client;
using control::SegmentRow;
using ::testing::HasSubstr;

constexpr const char* kKeyId = "00112233445566778899aabbccddeeff";
constexpr const char* kKey = "0123456789abcdeffedcba9876543210";
constexpr std::int64_t kTargetNs = core::kNsPerSecond;

std::string program() {
  return std::string(std::getenv("AIRCHECK_TEST_BUILD_ROOT")) + "/daemon/worker/aircheck-channel";
}

class ProcessTest : public test::MainLoopTest {
 protected:
  void SetUp() override {
    test::make_film(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=d=4 -c:v libx264 -preset ultrafast "
        "-pix_fmt yuv420p -c:a aac",
        directory_ / "film.mp4");
  }
  void TearDown() override {
    client_.reset();
    if (pid_ > 0) end(SIGKILL);
  }

  void spawn(std::vector<std::string> more_environment = {}) {
    std::string path = program(), run_dir = this->run_dir(), log = directory_ / "ch1.log";
    std::string channel_option = "--channel=ch1", run_dir_option = "--run-dir=" + run_dir,
                log_option = "--log-file=" + log;
    char* const arguments[] = {path.data(), channel_option.data(), run_dir_option.data(), log_option.data(), nullptr};
    std::vector<char*> environment;
    for (std::string& variable : more_environment) environment.push_back(variable.data());
    for (char** variable = environ; *variable != nullptr; ++variable) environment.push_back(*variable);
    environment.push_back(nullptr);
    ASSERT_EQ(::posix_spawn(&pid_, path.c_str(), nullptr, nullptr, arguments, environment.data()), 0);
    connect();
  }
  // The socket is there a moment after the process.
  void connect() {
    const gint64 give_up = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    while (!client_ && g_get_monotonic_time() < give_up) {
      bool answered = false;
      Client::Events events;
      events.segment_closed = [this](const SegmentRow& row) { signalled_.push_back(row); };
      events.state_changed = [this](control::WorkerState state, const std::string&) { states_.push_back(state); };
      events.warning = [this](const std::string& code, const std::string& message) {
        warnings_.push_back(code + ": " + message);
      };
      events.closed = [this](const core::Error&) { closed_ = true; };
      closed_ = false;
      Client::connect(control::socket_path(run_dir(), "ch1"), std::move(events),
                      [&](core::Result<std::unique_ptr<Client>> client, std::optional<pid_t>) {
                        answered = true;
                        if (client) client_ = std::move(*client);
                      });
      ASSERT_TRUE(run_until([&] { return answered; }));
    }
    ASSERT_TRUE(client_) << test::read_text(directory_ / "ch1.log");
  }
  int end(int signal) {
    int status = 0;
    ::kill(pid_, signal);
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

  control::Configuration configuration() const {
    control::Configuration configuration;
    configuration.pipeline = "simlive";
    configuration.variables = {{"source", directory_ / "film.mp4"},    {"segment-directory", directory_ / "segments"},
                               {"title", std::string("First & last")}, {"width", std::int32_t{320}},
                               {"height", std::int32_t{180}},          {"target-duration", std::uint32_t{1}},
                               {"video-bitrate", std::int32_t{300}}};
    configuration.encryption = control::Encryption{*core::key_id_from_hex(kKeyId), *core::ContentKey::from_hex(kKey)};
    return configuration;
  }
  std::string outcome_of(const std::function<void(Client::Done)>& call) {
    std::optional<core::Result<void>> outcome;
    call([&outcome](core::Result<void> result) { outcome = std::move(result); });
    if (!run_until([&] { return outcome.has_value(); }, 40'000)) return "no answer";
    return outcome->has_value() ? std::string() : outcome->error().message;
  }
  std::string configure(const control::Configuration& wanted) {
    return outcome_of([&](Client::Done done) { client_->configure(wanted, std::move(done)); });
  }
  std::string start() {
    return outcome_of([&](Client::Done done) { client_->start(std::move(done)); });
  }
  std::string stop() {
    return outcome_of([&](Client::Done done) { client_->stop(std::move(done)); });
  }
  std::vector<SegmentRow> rows_since(std::uint64_t sequence) {
    std::optional<std::vector<SegmentRow>> rows;
    client_->segments_since(sequence, 1'000, [&](core::Result<std::vector<SegmentRow>> result) {
      rows = result ? std::move(*result) : std::vector<SegmentRow>();
    });
    EXPECT_TRUE(run_until([&] { return rows.has_value(); }));
    return rows.value_or(std::vector<SegmentRow>());
  }
  [[nodiscard]] std::string run_dir() const { return directory_ / "run"; }

  test::TemporaryDirectory directory_;
  pid_t pid_ = 0;
  std::unique_ptr<Client> client_;
  std::vector<SegmentRow> signalled_;
  std::vector<control::WorkerState> states_;
  std::vector<std::string> warnings_;
  bool closed_ = false;
};

TEST_F(ProcessTest, PlaysStopsAndEndsCleanly) {
  spawn();
  EXPECT_EQ(configure(configuration()), "");
  EXPECT_EQ(start(), "");
  ASSERT_TRUE(run_until([&] { return signalled_.size() >= 3; }));
  EXPECT_THAT(configure(configuration()), HasSubstr("stop it first"));
  EXPECT_EQ(start(), "") << "it plays already";
  const auto rows = rows_since(signalled_[0].sequence);
  ASSERT_GE(rows.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(rows[i], signalled_[i]);
  EXPECT_EQ(core::to_hex(*rows[0].key_id), kKeyId);
  EXPECT_TRUE(std::filesystem::exists(directory_ / ("segments/" + rows[0].location)));
  EXPECT_TRUE(std::filesystem::exists(directory_ / ("segments/" + rows[0].init_location)));
  EXPECT_EQ(stop(), "");
  using control::WorkerState;
  EXPECT_THAT(states_, ::testing::ElementsAre(WorkerState::kStarting, WorkerState::kRunning, WorkerState::kStopping,
                                              WorkerState::kIdle));
  // Everything that was closed was signalled before Stop was answered.
  EXPECT_EQ(rows_since(0), signalled_);
  EXPECT_EQ(start(), "");
  ASSERT_TRUE(run_until([&] { return !signalled_.empty(); }));
  const int status = end(SIGTERM);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_FALSE(std::filesystem::exists(control::socket_path(run_dir(), "ch1")));
  for (const auto& file : directory_.files()) EXPECT_EQ(file.find("tmp"), std::string::npos) << file;
}

TEST_F(ProcessTest, KillAndRestartContinueTheNumbersWithGaps) {
  spawn();
  EXPECT_EQ(configure(configuration()), "");
  EXPECT_EQ(start(), "");
  ASSERT_TRUE(run_until([&] { return signalled_.size() >= 2; }));
  end(SIGKILL);
  ASSERT_TRUE(run_until([&] { return closed_; }));
  client_.reset();
  const SegmentRow last = signalled_.back();
  signalled_.clear();
  spawn();
  EXPECT_EQ(configure(configuration()), "");
  EXPECT_EQ(rows_since(last.sequence).front(), last) << "from the directory, before anything plays";
  EXPECT_EQ(start(), "");
  ASSERT_TRUE(run_until([&] { return signalled_.size() >= 2; }));
  const auto rows = rows_since(0);
  // The last segment may have been closed after its signal was lost.
  for (std::size_t i = 1; i < rows.size(); ++i) {
    SCOPED_TRACE(rows[i].location);
    const std::int64_t hole = rows[i].start - (rows[i - 1].start + rows[i - 1].duration_ns);
    EXPECT_GE(hole, 0);
    const std::int64_t gaps =
        hole <= 500'000'000 ? 0 : std::max<std::int64_t>(1, (hole - 500'000'000 + kTargetNs - 1) / kTargetNs);
    EXPECT_EQ(rows[i].sequence, rows[i - 1].sequence + 1 + static_cast<std::uint64_t>(gaps));
    EXPECT_EQ(rows[i].start.ns % kTargetNs, 0) << "on the grid of slots";
  }
  EXPECT_TRUE(signalled_.front().discontinuity);
}

TEST_F(ProcessTest, TheDaemonMayComeAndGo) {
  spawn();
  EXPECT_EQ(configure(configuration()), "");
  EXPECT_EQ(start(), "");
  ASSERT_TRUE(run_until([&] { return signalled_.size() >= 1; }));
  const auto first = signalled_.front();
  client_.reset();
  connect();
  ASSERT_TRUE(run_until([&] { return signalled_.size() >= 3; }));
  const auto rows = rows_since(first.sequence);
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_EQ(rows[i].sequence, rows[i - 1].sequence + 1);
  EXPECT_EQ(rows.front(), first);
}

// The clock was an hour ahead, or is an hour behind.
TEST_F(ProcessTest, AStoreThatEndsInTheFutureIsToldAtStart) {
  const std::int64_t target_s = kTargetNs / core::kNsPerSecond;
  core::SegmentInfo info;
  info.start = core::Utc::from_seconds((g_get_real_time() / G_USEC_PER_SEC / target_s + 3'600) * target_s);
  info.duration_ns = kTargetNs;
  info.target_duration_s = info.max_duration_s = static_cast<std::uint32_t>(target_s);
  info.init_name = "ch1-init-0.mp4";
  const core::CivilTime civil = core::to_civil(info.start);
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "segments/ch1-%04d%02d%02d%02d%02d%02d.m4s", civil.year, civil.month,
                civil.day, civil.hour, civil.minute, civil.second);
  std::filesystem::create_directory(directory_ / "segments");
  const core::Bytes box = core::write_segment_info_box(info);
  directory_.write(name.data(), std::string(box.begin(), box.end()));
  spawn();
  EXPECT_EQ(configure(configuration()), "");
  EXPECT_EQ(start(), "");
  ASSERT_TRUE(run_until([&] { return !warnings_.empty(); }));
  EXPECT_THAT(warnings_.front(), HasSubstr("clock-behind: the archive ends at "));
  EXPECT_EQ(stop(), "");
}

TEST_F(ProcessTest, OneWorkerForAChannel) {
  spawn();
  const auto second = test::run(program() + " --channel ch1 --run-dir '" + run_dir() + "' 2>&1", 20);
  EXPECT_EQ(second.exit, 4);
  EXPECT_THAT(second.output, HasSubstr("already being played out by process " + std::to_string(pid_)));
  EXPECT_EQ(std::count(second.output.begin(), second.output.end(), '\n'), 1);
  EXPECT_EQ(configure(configuration()), "") << "the first one is not disturbed";
}

TEST_F(ProcessTest, TheKeyIsNowhereButInMemory) {
  spawn({"GST_DEBUG=6", "G_DBUS_DEBUG=all", "G_MESSAGES_DEBUG=all", "GST_DEBUG_DUMP_DOT_DIR=" + directory_.path()});
  EXPECT_EQ(configure(configuration()), "");
  // A full debug log under a sanitizer may take longer than the client waits for Start.
  client_->start([](const core::Result<void>&) {});
  ASSERT_TRUE(run_until([&] { return !signalled_.empty(); }, 120'000));
  // Another process of the same user cannot read its memory or its environment: it is not dumpable.
  struct stat info {};
  ASSERT_EQ(::stat(("/proc/" + std::to_string(pid_) + "/mem").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0U);
  end(SIGTERM);
  const auto key = core::ContentKey::from_hex(kKey);
  const std::string raw(reinterpret_cast<const char*>(key->reveal().data()), core::ContentKey::kSize);
  const std::string bytes_as_text = "0x01, 0x23, 0x45";
  for (const auto& file : directory_.files()) {
    const std::string content = test::read_text(directory_ / file);
    for (const std::string& form :
         {std::string(kKey), raw, bytes_as_text, core::to_base64(core::ByteView(key->reveal()))}) {
      EXPECT_EQ(content.find(form), std::string::npos) << "a form of the key stands in " << file;
    }
  }
  EXPECT_GT(std::filesystem::file_size(directory_ / "ch1.log"), 100'000U) << "the debug log was on";
}

TEST_F(ProcessTest, AStoreThatCannotBeWrittenFailsTheChannelWithAReason) {
  spawn();
  auto wanted = configuration();
  wanted.variables["segment-directory"] = std::string("/dev/full/segments");
  EXPECT_EQ(configure(wanted), "");
  std::vector<control::WorkerState> at_answer;
  const std::string why = outcome_of([&](const Client::Done& done) {
    client_->start([&, done](const core::Result<void>& result) {
      at_answer = states_;
      done(result);
    });
  });
  EXPECT_THAT(why, HasSubstr("/dev/full/segments"));
  EXPECT_THAT(why, HasSubstr("give a directory that user"));
  EXPECT_THAT(at_answer, ::testing::Not(::testing::Contains(control::WorkerState::kFailed))) << "the answer is first";
  EXPECT_TRUE(run_until([&] { return !states_.empty() && states_.back() == control::WorkerState::kFailed; }));
  EXPECT_EQ(configure(configuration()), "");
  EXPECT_EQ(start(), "") << "and it can be put right";
}

TEST(CommandLineTest, WrongUsageSaysWhatIsRight) {
  struct Row {
    const char* arguments;
    int exit;
    const char* says;
  };
  const Row rows[] = {
      {"", 2, "give --channel and --run-dir"},
      {"--channel ch1", 2, "give --channel and --run-dir"},
      {"--nonsense", 2, "--nonsense"},
      {"--channel ../x --run-dir /tmp", 2, "not usable in file names"},
      {"--channel ch1 --run-dir /proc/x", 1, "/proc/x"},
      {"--check /nowhere.pipeline", 1, "/nowhere.pipeline: no such description"},
      {"--check-source /nowhere.mp4", 1, "/nowhere.mp4: no such file"},
      {"--check-source /dev/zero", 1, "/dev/zero: is not a file; give a media file"},
      {"--check-source /etc/passwd", 1, "/etc/passwd: is not a film"},
      {"--channel ch1 --run-dir /tmp extra", 2, "extra"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.arguments);
    const auto finished = test::run(program() + " " + row.arguments + " 2>&1 >/dev/null", 20);
    EXPECT_EQ(finished.exit, row.exit);
    EXPECT_THAT(finished.output, ::testing::StartsWith("error: "));
    EXPECT_THAT(finished.output, HasSubstr(row.says));
    EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\n'), 1);
  }
}

}  // namespace
}  // namespace aircheck::worker
