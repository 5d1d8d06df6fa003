// A station as a process with one channel on air, and two players that are attached to it: one live, one from the
// start.
#pragma once

#include <cerrno>
#include <set>

#include "daemon/faults/player.hpp"
#include "support/station_process.hpp"

namespace aircheck::test {

class StationOnAir : public StationProcess {
 protected:
  // Returns when both players were told of segments. `more`: fields of the channel.
  void go_on_air(const std::vector<std::pair<std::string, base::Json>>& more = {}) {
    from_ = g_get_real_time() / G_USEC_PER_SEC;
    ASSERT_NO_FATAL_FAILURE(start({}, environment_));
    token_ = sign_in();
    base::Json channel = base::Json::object({{"cdn_channel_key", "ch1"},
                                             {"number", 1},
                                             {"name", "One"},
                                             {"variables", base::Json::object({{"width", 192}, {"height", 108}})}});
    for (const auto& [name, value] : more) channel.set(name, value);
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
      const std::string query = attached == &live_ ? "" : "?kind=startover&start=" + std::to_string(from_);
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
  // Gone, or nobody's child that nobody has asked about.
  [[nodiscard]] static bool runs(pid_t pid) {
    const std::string stat = read_text("/proc/" + std::to_string(pid) + "/stat");
    return !stat.empty() && stat.find(") Z ") == std::string::npos;
  }
  // The segments that are there under their final names.
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(state() + "/segments/ch1")) {
      const std::string name = entry.path().filename();
      if (name.ends_with(".m4s") && !name.starts_with(".")) names.insert(name);
    }
    return names;
  }

  std::map<std::string, std::string> environment_{
      {"AIRCHECK_ADMIN_PASSWORD", kPassword},
      {"AIRCHECK_WORKERS_ON_EXIT", "keep"},
      {"AIRCHECK_PIPELINE_DIR", std::string(g_getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/pipelines"},
      {"HLS_SEGMENT_DURATION", "1"}};
  std::int64_t from_ = 0;  // of the start-over, s
  std::string token_;
  Player live_{"live", false};
  Player event_{"start-over", true};
  std::map<int, int> answers_;  // by status
  int fetched_ = 0;
};

}  // namespace aircheck::test
