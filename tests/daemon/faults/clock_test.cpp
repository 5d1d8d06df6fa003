// The system's clock is set by an hour, forward and back, under a station at work: daemon and worker see the same step.
// AIRCHECK_TEST_STEPS_FOR says for how many seconds the longest test goes on (the soak).
#include <glob.h>
#include <sys/stat.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "daemon/faults/station_on_air.hpp"

namespace aircheck {
namespace {

constexpr std::int64_t kHour = 3600;  // s
constexpr std::int64_t kTarget = 1;   // s

std::string step_library() {
  glob_t found = {};
  std::string path;
  if (glob("/usr/lib/*/faketime/libfaketimeMT.so.1", 0, nullptr, &found) == 0) path = found.gl_pathv[0];
  globfree(&found);
  return path;
}

// What is under a final name, and stays as it is.
struct Kept {
  ino_t inode = 0;
  std::string bytes;

  friend bool operator==(const Kept&, const Kept&) = default;
};

class ClockTest : public test::StationOnAir {
 protected:
  void SetUp() override {
    const std::string library = step_library();
    ASSERT_FALSE(library.empty()) << "the Debian package faketime is missing";
    set_clock(0);
    const std::map<std::string, std::string> stepped = {{"LD_PRELOAD", library},
                                                        {"FAKETIME_TIMESTAMP_FILE", directory_ / "clock"},
                                                        {"FAKETIME_NO_CACHE", "1"},
                                                        {"FAKETIME_DONT_FAKE_MONOTONIC", "1"},
                                                        {"NO_FAKE_STAT", "1"}};
    // The daemon gives a worker no variable that it does not know.
    std::string script = "#!/bin/sh\nexec env";
    for (const auto& [name, value] : stepped) script += " " + name + "='" + value + "'";
    script += " '" + std::string(g_getenv("AIRCHECK_TEST_BUILD_ROOT")) + "/daemon/worker/aircheck-channel' \"$@\"\n";
    directory_.write("worker", script);
    std::filesystem::permissions(directory_ / "worker", std::filesystem::perms::owner_all);
    environment_.insert(stepped.begin(), stepped.end());
    environment_["AIRCHECK_CHANNEL_PROGRAM"] = directory_ / "worker";
  }
  void TearDown() override {
    expect_files_kept();
    StationOnAir::TearDown();
  }
  // By so many seconds against the real one, from this instant on.
  void set_clock(std::int64_t offset_s) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%+lld\n", static_cast<long long>(offset_s));
    directory_.write("clock.new", text.data());
    told_ = log().size();
    std::filesystem::rename(directory_ / "clock.new", directory_ / "clock");
  }
  // In one line of the daemon's log, of this step.
  [[nodiscard]] bool says(const std::string& what, const std::string& then = "") {
    const base::Timer tick = base::Timer::every(50, [] {});
    return run_until([&] {
      poll();
      const std::string text = log();
      const std::size_t at = text.find(what, told_);
      return HasFailure() ||
             (at != std::string::npos && text.substr(at, text.find('\n', at) - at).find(then) != std::string::npos);
    });
  }
  // Every file that was there once is there, and what it was.
  void expect_files_kept() {
    // Once: the channel goes on meanwhile.
    const std::set<std::string> names = files();
    for (const std::string& name : names) {
      const std::string path = state() + "/segments/ch1/" + name;
      struct stat status = {};
      ASSERT_EQ(stat(path.c_str(), &status), 0) << name;
      const Kept now{status.st_ino, test::read_text(path)};
      EXPECT_TRUE(kept_.try_emplace(name, now).first->second == now) << name << " was written twice";
      EXPECT_EQ(name.find("-00"), std::string::npos) << name << ": its name was taken";
    }
    for (const auto& [name, kept] : kept_) EXPECT_TRUE(names.contains(name)) << name << " is gone";
  }
  // Names say when a segment begins, and rows follow each other unless they say something else.
  void expect_names_of_their_times() {
    for (const auto& [sequence, row] : live_.rows()) {
      if (row.gap) continue;
      std::string stamp = core::to_rfc3339(test::begin_of(row));
      std::erase_if(stamp, [](char character) { return g_ascii_isdigit(character) == 0; });
      EXPECT_EQ(test::name_of(row.uri), "ch1-" + stamp + ".m4s") << sequence;
    }
  }
  // Of the last `count` rows of the live player.
  [[nodiscard]] std::vector<test::M3u8Row> newest(std::size_t count) const {
    std::vector<test::M3u8Row> rows;
    for (auto row = live_.rows().rbegin(); row != live_.rows().rend() && rows.size() < count; ++row) {
      rows.insert(rows.begin(), row->second);
    }
    return rows;
  }
  static std::int64_t begin_s(const test::M3u8Row& row) { return test::begin_of(row).ns / core::kNsPerSecond; }
  // Without what is for one viewer.
  std::string catch_up(std::int64_t from_s, std::int64_t to_s) {
    const auto answer =
        get(url("/hls/ch1/main.m3u8?kind=catchup&start=" + std::to_string(from_s) + "&end=" + std::to_string(to_s)),
            token_);
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::string text = answer.body;
    for (std::size_t at = 0; (at = text.find("token=", at)) != std::string::npos;)
      text.erase(at, text.find('"', at) - at);
    return text;
  }
  // The first hole of the start-over: its first row, and the file behind it.
  [[nodiscard]] auto first_hole() const {
    const auto& rows = event_.rows();
    const auto gap = std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row.second.gap; });
    return std::pair(gap, std::find_if(gap, rows.end(), [](const auto& row) { return !row.second.gap; }));
  }
  // What comes first may still be of the worker that ends.
  [[nodiscard]] bool plays_behind_a_hole() {
    const base::Timer tick = base::Timer::every(100, [] {});
    return run_until(
        [&] {
          poll();
          return HasFailure() || first_hole().second != event_.rows().end();
        },
        120'000);
  }
  // In the n-th round the clock is n hours ahead of the real one. The hole is as many rows as it has slots.
  void go_forward(int round) {
    expect_files_kept();
    set_clock(round * kHour);
    token_ = sign_in();
    ASSERT_TRUE(says("set forward by ", "; the channel keeps its own time")) << log();
    ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch1/restart"), token_, std::nullopt).status, 200);
    ASSERT_TRUE(plays_behind_a_hole()) << log();
    expect_files_kept();
    const auto [gap, first] = first_hole();
    ASSERT_TRUE(gap != event_.rows().begin()) << "it begins with the newest file";
    const test::M3u8Row& last = std::prev(gap)->second;
    const double hole =
        static_cast<double>(test::begin_of(first->second) - test::begin_of(last)) / core::kNsPerSecond - last.duration;
    EXPECT_NEAR(hole, kHour, 120);
    EXPECT_EQ(first->first - last.sequence, std::floor((hole - 0.5) / kTarget) + 2);
    EXPECT_TRUE(first->second.discontinuity);
    const std::int64_t end = begin_s(first->second) + 1;
    EXPECT_EQ(test::parse_m3u8(catch_up(begin_s(last), end)).rows.size(), first->first - last.sequence + 1);
    EXPECT_EQ(test::parse_m3u8(catch_up(end - 5, end)).rows.size(), 1U) << "GAP rows at an end are not listed";
  }
  // As it was before go_forward(), and at last forward again.
  void go_back(int round) {
    set_clock((round - 1) * kHour);
    token_ = sign_in();
    ASSERT_TRUE(plays_on(2)) << log();
    ASSERT_TRUE(says("set back by ", "; the channel keeps its own time")) << log();
    expect_files_kept();
    ASSERT_EQ(kill(worker(), SIGKILL), 0);
    ASSERT_TRUE(says("clock-behind: the archive ends at ")) << log();
    if (round % 2 == 0) {
      ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
      launch({}, environment_);
      ASSERT_TRUE(reaches_ready()) << log();
    }
    const std::set<std::string> before = files();
    const std::uint64_t last = newest(1).front().sequence;
    play_for_ms(2500);
    EXPECT_EQ(files(), before) << "nothing is written into time that is written";
    EXPECT_EQ(newest(1).front().sequence, last);
    const auto status = get(url("/api/v1/admin/simlive/status"), token_);
    EXPECT_NE(status.body.find("the archive ends at "), std::string::npos) << status.body;
    set_clock(round * kHour);
    token_ = sign_in();
    ASSERT_TRUE(plays_on(2)) << log();
    expect_files_kept();
    // A start-over of many rounds would be all holes.
    from_ = begin_s(newest(1).front());
    event_ = test::Player("start-over", true);
  }
  struct Session {
    std::string access;
    std::string refresh;
  };
  [[nodiscard]] Session session_of(const test::HttpResponse& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    if (answer.status != 200) return {};
    return {*answer.json().find("access_token")->as_string(), *answer.json().find("refresh_token")->as_string()};
  }
  [[nodiscard]] Session sign_in_anew() {
    const auto body = base::Json::object({{"email", "admin@localhost"}, {"password", kPassword}});
    return session_of(send("POST", url("/api/v1/auth/login"), "", body));
  }
  test::HttpResponse refresh(const std::string& token) {
    return send("POST", url("/api/v1/auth/refresh"), "", base::Json::object({{"refresh_token", token}}));
  }
  [[nodiscard]] std::string playback_address() {
    const auto multivariant = get(url("/hls/ch1/index.m3u8"), token_);
    const std::size_t at = multivariant.body.find("main.m3u8?");
    EXPECT_NE(at, std::string::npos) << multivariant.body;
    return "/hls/ch1/" + multivariant.body.substr(at, multivariant.body.find('\n', at) - at);
  }

  std::map<std::string, Kept> kept_;
  std::size_t told_ = 0;  // what the log had before the last step
};

TEST_F(ClockTest, StepsChangeNothingOnAirAndWhatEndsEndsByTheClock) {
  ASSERT_NO_FATAL_FAILURE(go_on_air());
  ASSERT_TRUE(plays_on(3)) << log();
  const std::int64_t from = begin_s(newest(3).front());
  const std::string before = catch_up(from, from + 2);
  Session viewer = sign_in_anew();
  const Session thief = sign_in_anew();
  token_ = viewer.access;
  const std::string address = playback_address();
  expect_files_kept();

  struct Step {
    std::int64_t to;
    const char* direction;
    const char* then;
  };
  for (const auto& [offset, direction, then] :
       {Step{kHour, "set forward by ", "keeps its own time"}, Step{0, "set back by ", "agrees with the channel's time"},
        Step{-kHour, "set back by ", "keeps its own time"},
        Step{0, "set forward by ", "agrees with the channel's time"}}) {
    SCOPED_TRACE(offset);
    set_clock(offset);
    EXPECT_EQ(get(url("/api/v1/me"), token_).status, 401) << "it is over, or of a time that has not come";
    viewer = session_of(refresh(viewer.refresh));
    token_ = viewer.access;
    EXPECT_EQ(get(url("/api/v1/me"), token_).status, 200);
    if (offset == kHour) {
      EXPECT_EQ(refresh(thief.refresh).status, 200);
    }
    ASSERT_TRUE(plays_on(2)) << log();
    ASSERT_TRUE(says(direction, then)) << log();
    EXPECT_EQ(get(url(address)).status, 200) << "an address lasts for 12 hours";
    EXPECT_EQ(catch_up(from, from + 2), before);
    expect_files_kept();
    if (offset == 0) {
      EXPECT_EQ(refresh(thief.refresh).status, 401) << "it was used, who knows when";
    }
  }
  for (const auto& [sequence, row] : event_.rows()) {
    EXPECT_FALSE(row.gap) << sequence;
    EXPECT_EQ(row.discontinuity_sequence, event_.rows().begin()->second.discontinuity_sequence) << sequence;
  }
  expect_names_of_their_times();
}

// The clock goes forward and the channel is started anew: a hole. It goes back again, which nobody sees on air; the
// worker is killed: the next one waits, and goes on where the clock is set right again.
TEST_F(ClockTest, ARestartTakesTheNewTimeOverAndWritesNothingTwice) {
  // Each round takes an hour of the window, and half an hour of them is more than a week.
  ASSERT_NO_FATAL_FAILURE(go_on_air({{"cutv_window_hours", 720}}));
  const char* const seconds = std::getenv("AIRCHECK_TEST_STEPS_FOR");
  const std::int64_t until = g_get_monotonic_time() + (seconds != nullptr ? std::atoll(seconds) : 0) * G_USEC_PER_SEC;
  int round = 0;
  do {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(go_forward(++round));
    ASSERT_NO_FATAL_FAILURE(go_back(round));
  } while (!HasFailure() && g_get_monotonic_time() < until);
  expect_names_of_their_times();
  std::printf("%d rounds: %zu segments in %zu files\n", round, live_.segments(), kept_.size());
}

// Each hour has a key of its own where nothing may be watched later.
TEST_F(ClockTest, LiveViewersKeepTheirKeyAndGetNoOther) {
  ASSERT_NO_FATAL_FAILURE(go_on_air({{"catchup_enabled", false}}));
  const std::string address = playback_address();
  for (const std::int64_t offset : {kHour, 2 * kHour, std::int64_t{0}, -kHour, -2 * kHour}) {
    SCOPED_TRACE(offset);
    set_clock(offset);
    token_ = sign_in();
    ASSERT_TRUE(plays_on(1)) << log();
    const test::M3u8 playlist = test::parse_m3u8(get(url(address)).body);
    ASSERT_FALSE(playlist.rows.empty()) << playlist.text;
    EXPECT_EQ(get(url(playlist.rows.back().keys.back().at("URI"))).status, 200) << log();
  }
}

}  // namespace
}  // namespace aircheck
