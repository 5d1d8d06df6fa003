// The daemon dies twenty times, at any moment; the channel stays on air and the archive misses nothing.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/main_context.hpp"
#include "core/segment_info.hpp"
#include "store/database.hpp"
#include "support/http_client.hpp"
#include "support/temporary_directory.hpp"
#include "timeshift/index_store.hpp"

namespace aircheck {
namespace {

constexpr int kKills = 20;
constexpr const char* kPassword = "a test password";

// aircheckd itself, with everything of its own below one directory.
class RestartsTest : public test::HttpTest {
 protected:
  void TearDown() override {
    if (daemon_ == 0) return;
    kill(daemon_, SIGTERM);
    waitpid(daemon_, nullptr, 0);
  }

  // What index.db has.
  [[nodiscard]] std::vector<timeshift::SegmentRow> indexed() const {
    const auto station = store::Database::open(directory_ / "state/station.db", store::station_schema());
    auto channel = (*station)->prepare("SELECT id FROM channels");
    EXPECT_TRUE(*channel->step());
    std::vector<timeshift::SegmentRow> rows;
    const auto read = timeshift::IndexStore::read(directory_ / "state/index.db", channel->text(0),
                                                  [&](const timeshift::SegmentRow& row) { rows.push_back(row); });
    EXPECT_TRUE(read.has_value()) << read.error().message;
    return rows;
  }

  void launch(const std::string& on_exit) {
    const std::string build = g_getenv("AIRCHECK_TEST_BUILD_ROOT");
    std::vector<std::string> words = {
        build + "/daemon/aircheckd", "--state", directory_ / "state", "--port", std::to_string(port_),
        "--workers-on-exit",         on_exit};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    char** envp = g_get_environ();
    const auto set = [&](const char* name, const std::string& value) {
      envp = g_environ_setenv(envp, name, value.c_str(), TRUE);
    };
    set("AIRCHECK_RUN_DIR", directory_ / "run");
    set("AIRCHECK_ADMIN_PASSWORD", kPassword);
    set("AIRCHECK_PIPELINE_DIR", std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/pipelines");
    set("HLS_SEGMENT_DURATION", "1");
    const int log = open((directory_ / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    g_autoptr(GError) error = nullptr;
    const gboolean spawned = g_spawn_async_with_fds(nullptr, argv.data(), envp, G_SPAWN_DO_NOT_REAP_CHILD, nullptr,
                                                    nullptr, &daemon_, -1, log, log, &error);
    close(log);
    g_strfreev(envp);
    ASSERT_NE(spawned, FALSE) << error->message;
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  // Port 0 at first: the log says which one it became; later daemons take the same.
  [[nodiscard]] bool reaches_ready() {
    const base::Timer tick = base::Timer::every(20, [] {});
    return run_until([&] {
      if (port_ == 0) {
        const std::string log = directory_.read("log");
        const std::size_t at = log.find("listening on http://127.0.0.1:");
        if (at != std::string::npos) port_ = std::stoi(log.substr(at + 30));
      }
      return port_ != 0 && get(url("/ready")).status == 200;
    });
  }
  void sign_in() {
    const auto answer =
        fetch({.method = "POST",
               .url = url("/api/v1/auth/login"),
               .body = base::Json::object({{"email", "admin@localhost"}, {"password", kPassword}}).dump()});
    ASSERT_EQ(answer.status, 200) << answer.body;
    token_ = *answer.json().find("access_token")->as_string();
  }
  base::Json channel_status() {
    const base::Json body = get(url("/api/v1/admin/simlive/status"), token_).json();
    return body.find("items")->as_array()->at(0);
  }
  [[nodiscard]] bool reaches(const std::string& state) {
    const base::Timer tick = base::Timer::every(50, [] {});
    return run_until([&] { return *channel_status().find("state")->as_string() == state; });
  }
  [[nodiscard]] bool has_segments(std::int64_t count) {
    const base::Timer tick = base::Timer::every(50, [] {});
    return run_until([&] { return *channel_status().find("segments")->as_integer() >= count; });
  }
  // The rows of an event playlist over the whole archive.
  std::vector<std::string> listed_segments() {
    const auto playlist =
        get(url("/hls/ch1/main.m3u8?kind=startover&start=" + std::to_string(g_get_real_time() / G_USEC_PER_SEC - 3600)),
            token_);
    EXPECT_EQ(playlist.status, 200) << playlist.body;
    std::vector<std::string> names;
    std::istringstream lines(playlist.body);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_NE(line, "#EXT-X-GAP") << "a hole while the worker ran";
      if (line.ends_with(".m4s")) names.push_back(line);
    }
    return names;
  }
  static void pause_ms(int duration) {
    bool over = false;
    const base::Timer timer = base::Timer::once(duration, [&] { over = true; });
    while (!over) g_main_context_iteration(nullptr, TRUE);
  }

  test::TemporaryDirectory directory_;
  int port_ = 0;
  pid_t daemon_ = 0;
  std::string token_;
};

TEST_F(RestartsTest, TwentyKillsCostNoSegment) {
  launch("keep");
  ASSERT_TRUE(reaches_ready()) << directory_.read("log");
  sign_in();
  const auto created = send("POST", url("/api/v1/admin/channels"), token_,
                            base::Json::object({{"cdn_channel_key", "ch1"},
                                                {"number", 1},
                                                {"name", "One"},
                                                {"variables", base::Json::object({{"width", 192}, {"height", 108}})}}));
  ASSERT_EQ(created.status, 201) << created.body;
  ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch1/start"), token_, std::nullopt).status, 200);
  ASSERT_TRUE(has_segments(2)) << directory_.read("log");
  const std::int64_t worker = *channel_status().find("pid")->as_integer();

  std::mt19937 random(20260225);  // any moment, but the same ones each time
  std::uniform_int_distribution<int> moment(0, 700);
  for (int i = 0; i < kKills; ++i) {
    pause_ms(moment(random));
    ASSERT_EQ(kill(daemon_, SIGKILL), 0);
    waitpid(daemon_, nullptr, 0);
    launch(i + 1 == kKills ? "stop" : "keep");
    // Some die while they start.
    if (i % 3 != 0) {
      ASSERT_TRUE(reaches_ready()) << directory_.read("log");
    }
  }
  ASSERT_TRUE(reaches_ready()) << directory_.read("log");
  ASSERT_TRUE(reaches("running")) << directory_.read("log");
  EXPECT_EQ(*channel_status().find("pid")->as_integer(), worker) << "the worker never noticed";
  ASSERT_TRUE(has_segments(*channel_status().find("segments")->as_integer() + 2));
  const auto listed = listed_segments();
  ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch1/stop"), token_, std::nullopt).status, 200);
  ASSERT_TRUE(reaches("stopped"));
  kill(daemon_, SIGTERM);
  int status = 0;
  waitpid(std::exchange(daemon_, 0), &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << directory_.read("log");

  // What the files say about themselves ...
  std::map<std::uint64_t, std::pair<std::string, core::SegmentInfo>> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory_ / "state/segments/ch1")) {
    if (entry.path().extension() != ".m4s") continue;
    const auto bytes = base::read_file(entry.path().string(), 64U << 20);
    ASSERT_TRUE(bytes.has_value());
    const auto info = core::read_segment_info(*bytes);
    ASSERT_TRUE(info.has_value()) << entry.path();
    files[info->sequence] = {entry.path().filename().string(), *info};
  }
  ASSERT_GT(files.size(), 5U);
  // ... is what viewers were offered ...
  ASSERT_GT(listed.size(), 5U);
  auto expected = files.begin();
  for (const std::string& name : listed) {
    ASSERT_NE(expected, files.end());
    EXPECT_EQ(name, (expected++)->second.first) << "all of them, in order, and no GAP";
  }
  const core::SegmentInfo* before = nullptr;
  for (const auto& [sequence, file] : files) {
    if (before != nullptr) {
      EXPECT_EQ(sequence, before->sequence + 1) << file.first;
      EXPECT_EQ(file.second.start.ns, before->start.ns + before->duration_ns) << file.first;
      EXPECT_FALSE(file.second.discontinuity) << file.first;
    }
    before = &file.second;
  }
  // ... is what the index has.
  std::size_t count = 0;
  for (const timeshift::SegmentRow& row : indexed()) {
    const auto file = files.find(row.sequence);
    ASSERT_NE(file, files.end()) << row.location;
    EXPECT_EQ(row.location, file->second.first);
    EXPECT_EQ(row.start.ns, file->second.second.start.ns);
    EXPECT_EQ(row.duration_ns, file->second.second.duration_ns);
    ++count;
  }
  EXPECT_EQ(count, files.size());
}

}  // namespace
}  // namespace aircheck
