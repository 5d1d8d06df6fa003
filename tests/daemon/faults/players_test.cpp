// Players stay attached while the daemon and its workers are killed: what they have been told once stays true, and all
// of it can be fetched. Three rounds; AIRCHECK_TEST_KILLS_FOR says for how many seconds (the soak).
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "support/m3u8.hpp"
#include "support/station_process.hpp"

namespace aircheck {
namespace {

// The last part of an address, without what is for one viewer.
std::string name_of(std::string uri) {
  uri.erase(std::min(uri.find('?'), uri.size()));
  return uri.substr(uri.rfind('/') + 1);
}

// What one player was told of its rows.
class Player {
 public:
  Player(std::string name, bool keeps_all) : name_(std::move(name)), keeps_all_(keeps_all) {}

  // Gives the files that it had not heard of before.
  std::set<std::string> take(const std::string& text) {
    const test::M3u8 playlist = test::parse_m3u8(text);
    std::set<std::string> files;
    if (playlist.rows.empty()) {
      EXPECT_TRUE(rows_.empty()) << name_ << ": an empty playlist after a full one";
      return files;
    }
    const std::uint64_t first = playlist.rows.front().sequence;
    const std::uint64_t last = playlist.rows.back().sequence;
    if (!rows_.empty()) {
      EXPECT_GE(first, first_) << name_ << text;
      EXPECT_GE(last, rows_.rbegin()->first) << name_ << ": rows vanished at the end\n" << text;
      EXPECT_TRUE(!keeps_all_ || first == first_) << name_ << ": rows of an EVENT vanished\n" << text;
    }
    first_ = first;
    for (const test::M3u8Row& row : playlist.rows) {
      const auto [known, fresh] = rows_.try_emplace(row.sequence, row);
      if (!fresh) {
        expect_same(known->second, row, text);
        continue;
      }
      if (known != rows_.begin()) expect_follows(std::prev(known)->second, row, text);
      if (row.gap) continue;
      EXPECT_TRUE(names_.insert(name_of(row.uri)).second) << name_ << ": " << row.uri << " is there twice\n" << text;
      files.insert(name_of(row.uri));
      files.insert(name_of(row.map));
    }
    return files;
  }
  [[nodiscard]] const std::map<std::uint64_t, test::M3u8Row>& rows() const { return rows_; }
  [[nodiscard]] std::size_t segments() const { return names_.size(); }

 private:
  void expect_same(const test::M3u8Row& before, const test::M3u8Row& now, const std::string& text) const {
    EXPECT_EQ(name_of(before.uri), name_of(now.uri)) << name_ << ' ' << now.sequence << '\n' << text;
    EXPECT_EQ(before.discontinuity_sequence, now.discontinuity_sequence) << name_ << ' ' << now.sequence << '\n'
                                                                         << text;
    EXPECT_EQ(before.duration, now.duration) << name_ << ' ' << now.sequence;
    EXPECT_EQ(before.gap, now.gap) << name_ << ' ' << now.sequence << '\n' << text;
    EXPECT_EQ(before.keys.size(), now.keys.size()) << name_ << ' ' << now.sequence;
    EXPECT_EQ(name_of(before.map), name_of(now.map)) << name_ << ' ' << now.sequence;
  }
  // Numbers go up by one, that of the discontinuity where a row says that it is one.
  void expect_follows(const test::M3u8Row& before, const test::M3u8Row& row, const std::string& text) const {
    if (row.sequence != before.sequence + 1) return;  // a player that was away for longer than a live window
    EXPECT_EQ(row.discontinuity_sequence, before.discontinuity_sequence + (row.discontinuity ? 1 : 0))
        << name_ << ' ' << row.sequence << '\n'
        << text;
  }

  std::string name_;
  bool keeps_all_;
  std::uint64_t first_ = 0;
  std::map<std::uint64_t, test::M3u8Row> rows_;
  std::set<std::string> names_;
};

class PlayersTest : public test::StationProcess {
 protected:
  void SetUp() override {
    began_ = g_get_real_time() / G_USEC_PER_SEC;
    ASSERT_NO_FATAL_FAILURE(start({}, environment_));
    token_ = sign_in();
    const base::Json channel =
        base::Json::object({{"cdn_channel_key", "ch1"},
                            {"number", 1},
                            {"name", "One"},
                            {"variables", base::Json::object({{"width", 192}, {"height", 108}})}});
    ASSERT_EQ(send("POST", url("/api/v1/admin/channels"), token_, channel).status, 201);
    ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch1/start"), token_, std::nullopt).status, 200);
    ASSERT_TRUE(plays_on(2)) << log();
  }
  // Workers outlive a daemon that is killed.
  void TearDown() override {
    if (daemon_ == 0) launch({}, environment_);
    if (!reaches_ready()) return StationProcess::TearDown();
    EXPECT_EQ(command("stop --workers-on-exit stop").exit, 0);
    EXPECT_EQ(wait_for_end(), 0) << log();
  }
  // One request of each player. A daemon that starts answers 503, one that is gone not at all.
  void poll() {
    const std::string text = log();
    const std::size_t at = text.rfind("listening on http");
    if (at == std::string::npos || text.find('\n', at) == std::string::npos) return;
    url_ = text.substr(at + 13, text.find('\n', at) - at - 13);
    for (Player* const attached : {&live_, &event_}) {
      Player& player = *attached;
      const std::string query = attached == &live_ ? "" : "?kind=startover&start=" + std::to_string(began_ - 60);
      const auto answer = get(url("/hls/ch1/main.m3u8" + query), token_);
      ++answers_[answer.status];
      if (answer.status != 200) {
        const bool starts = answer.status == 503 || answer.status == 0;
        EXPECT_TRUE(starts || (player.rows().empty() && answer.code() == "not_started"))
            << answer.status << answer.body;
        continue;
      }
      for (const std::string& file : player.take(answer.body)) {
        EXPECT_EQ(get(url("/hls/ch1/" + file)).status, 200) << file;
        ++fetched_;
      }
    }
  }
  // Until both were told of so many more segments.
  [[nodiscard]] bool plays_on(std::size_t more) {
    const std::size_t live = live_.segments() + more;
    const std::size_t event = event_.segments() + more;
    const base::Timer tick = base::Timer::every(100, [] {});
    return run_until(
        [&] {
          poll();
          return HasFailure() || (live_.segments() >= live && event_.segments() >= event);
        },
        120'000);
  }
  void play_for_ms(int duration) {
    bool over = false;
    const base::Timer timer = base::Timer::once(duration, [&] { over = true; });
    const base::Timer tick = base::Timer::every(50, [] {});
    while (!over) {
      poll();
      g_main_context_iteration(nullptr, TRUE);
    }
  }
  [[nodiscard]] pid_t worker() {
    const base::Json body = get(url("/api/v1/admin/simlive/status"), token_).json();
    const base::Json* pid = body.find("items")->as_array()->at(0).find("pid");
    return pid->as_integer() != nullptr ? static_cast<pid_t>(*pid->as_integer()) : 0;
  }
  void kill_daemon() {
    ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
    launch({}, environment_);
  }
  // Gone, or nobody's child that nobody has asked about.
  [[nodiscard]] static bool runs(pid_t pid) {
    const std::string stat = test::read_text("/proc/" + std::to_string(pid) + "/stat");
    return !stat.empty() && stat.find(") Z ") == std::string::npos;
  }
  [[nodiscard]] std::size_t files() const {
    const std::filesystem::directory_iterator folder(state() + "/segments/ch1");
    return static_cast<std::size_t>(
        std::count_if(begin(folder), std::filesystem::directory_iterator(), [](const auto& entry) {
          return entry.path().extension() == ".m4s" && !entry.path().filename().string().starts_with(".");
        }));
  }

  const std::map<std::string, std::string> environment_{
      {"AIRCHECK_ADMIN_PASSWORD", kPassword},
      {"AIRCHECK_WORKERS_ON_EXIT", "keep"},
      {"AIRCHECK_PIPELINE_DIR", std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/pipelines"},
      {"HLS_SEGMENT_DURATION", "1"}};
  std::int64_t began_ = 0;
  std::string token_;
  Player live_{"live", false};
  Player event_{"start-over", true};
  std::map<int, int> answers_;  // by status
  int fetched_ = 0;
};

TEST_F(PlayersTest, WhatPlayersWereToldStaysTrueWhoeverIsKilled) {
  const char* const seconds = std::getenv("AIRCHECK_TEST_KILLS_FOR");
  const std::int64_t until = g_get_monotonic_time() + (seconds != nullptr ? std::atoll(seconds) : 0) * G_USEC_PER_SEC;
  int round = 0;
  for (; !HasFailure() && (round < 3 || g_get_monotonic_time() < until); ++round) {
    play_for_ms(300 + round * 370 % 1900);
    ASSERT_NO_FATAL_FAILURE(kill_daemon());
    // Some die while they start.
    if (round % 3 == 1) {
      play_for_ms(round * 13 % 150);
      ASSERT_NO_FATAL_FAILURE(kill_daemon());
    }
    ASSERT_TRUE(plays_on(1)) << log();
    ASSERT_TRUE(reaches_ready());
    const pid_t killed = worker();
    ASSERT_GT(killed, 0) << log();
    ASSERT_EQ(kill(killed, SIGKILL), 0);
    if (round % 3 == 2) {
      ASSERT_NO_FATAL_FAILURE(kill_daemon());  // both
    }
    ASSERT_TRUE(plays_on(2)) << log();
    // Tokens last for minutes.
    if (seconds != nullptr) token_ = sign_in();
  }
  const auto discontinuities = std::count_if(event_.rows().begin(), event_.rows().end(),
                                             [](const auto& row) { return row.second.discontinuity; });
  const auto gaps =
      std::count_if(event_.rows().begin(), event_.rows().end(), [](const auto& row) { return row.second.gap; });
  std::printf("%d rounds: %zu segments, %td discontinuities, %td GAP rows, %d files fetched;", round, event_.segments(),
              discontinuities, gaps, fetched_);
  for (const auto& [status, count] : answers_) std::printf(" %d x %d", count, status);
  std::printf("\n");
  EXPECT_GE(discontinuities, round) << "each worker that was killed is one";
  // The live player's rows are the same.
  for (const auto& [sequence, row] : live_.rows()) {
    const auto same = event_.rows().find(sequence);
    if (same == event_.rows().end()) continue;  // asked for a moment later
    EXPECT_EQ(name_of(same->second.uri), name_of(row.uri)) << sequence;
    EXPECT_EQ(same->second.discontinuity_sequence, row.discontinuity_sequence) << sequence;
  }
}

TEST_F(PlayersTest, AStopThatKeepsWorkersCostsNothingAndOneThatEndsThemDoes) {
  const pid_t kept = worker();
  ASSERT_TRUE(runs(kept));
  ASSERT_EQ(command("stop --workers-on-exit keep").exit, 0) << log();
  EXPECT_EQ(wait_for_end(), 0) << log();
  EXPECT_TRUE(runs(kept));
  const std::size_t before = files();
  const base::Timer tick = base::Timer::every(50, [] {});
  EXPECT_TRUE(run_until([&] { return files() >= before + 3; })) << "it stays on air";
  ASSERT_NO_FATAL_FAILURE(start({}, environment_));
  ASSERT_TRUE(plays_on(4)) << log();
  EXPECT_EQ(worker(), kept);
  for (const auto& [sequence, row] : event_.rows()) {
    EXPECT_FALSE(row.gap) << sequence;
    EXPECT_FALSE(row.discontinuity) << sequence;
  }
  ASSERT_EQ(command("stop --workers-on-exit stop").exit, 0) << log();
  EXPECT_EQ(wait_for_end(), 0) << log();
  EXPECT_TRUE(run_until([&] { return !runs(kept); }));
  const std::size_t ended = files();
  ASSERT_NO_FATAL_FAILURE(start({}, environment_));
  EXPECT_EQ(files(), ended) << "nothing was on air";
  ASSERT_TRUE(plays_on(1)) << "the wish stays: " << log();
  EXPECT_NE(worker(), kept);
}

}  // namespace
}  // namespace aircheck
