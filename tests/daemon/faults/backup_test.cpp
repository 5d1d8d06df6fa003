// Backups of a station at work: channels record and players poll while `aircheckd backup` runs. What was on air until
// then comes back from it and the segments, and nobody notices that it is made.
#include <atomic>
#include <cstdio>
#include <thread>

#include "daemon/faults/station_on_air.hpp"

namespace aircheck {
namespace {

constexpr int kBackups = 5;

class BackupTest : public test::StationOnAir {
 protected:
  // Until index.db has what the folder has.
  void settle() {
    test::Finished checked = command("check");
    for (int i = 0; i < 200 && checked.exit == 3; ++i) checked = command("check");
    ASSERT_EQ(checked.exit, 0) << checked.output << log();
    EXPECT_NE(checked.output.find("0 errors, 0 warnings"), std::string::npos) << checked.output;
  }
  // Without what is for one viewer; a channel that has just come up is still being read.
  std::string catch_up(const std::string& key, std::int64_t from_s, std::int64_t to_s) {
    test::HttpResponse answer;
    const base::Timer tick = base::Timer::every(20, [] {});
    EXPECT_TRUE(run_until([&] {
      answer = get(url("/hls/" + key + "/main.m3u8?kind=catchup&start=" + std::to_string(from_s) +
                       "&end=" + std::to_string(to_s)),
                   token_);
      return answer.status != 503 && answer.status != 409;
    })) << answer.body;
    EXPECT_EQ(answer.status, 200) << answer.body;
    std::string text = answer.body;
    for (std::size_t at = 0; (at = text.find("token=", at)) != std::string::npos;) {
      text.erase(at, text.find('"', at) - at);
    }
    return text;
  }
  std::string content_key(const std::string& playlist) {
    const std::string uri = test::parse_m3u8(playlist).rows.back().keys.back().at("URI");
    const auto answer = get(url(uri.substr(0, uri.find('?'))), token_);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.body;
  }
};

TEST_F(BackupTest, UnderLoadItIsWholeAndBringsEverythingBack) {
  ASSERT_NO_FATAL_FAILURE(go_on_air());
  const base::Json second = base::Json::object({{"cdn_channel_key", "ch2"},
                                                {"number", 2},
                                                {"name", "Two"},
                                                {"variables", base::Json::object({{"width", 192}, {"height", 108}})}});
  ASSERT_EQ(send("POST", url("/api/v1/admin/channels"), token_, second).status, 201);
  ASSERT_EQ(send("POST", url("/api/v1/admin/simlive/ch2/start"), token_, std::nullopt).status, 200);
  ASSERT_TRUE(plays_on(3)) << log();

  std::atomic<int> made = 0;
  std::vector<test::Finished> backups(kBackups);
  std::thread operators([&] {
    for (int i = 0; i < kBackups; ++i, ++made)
      backups[i] = command("backup " + (directory_ / "backup") + char('0' + i));
  });
  const base::Timer tick = base::Timer::every(10, [] {});
  EXPECT_TRUE(run_until([&] {
    poll();
    return made == kBackups;
  }));
  operators.join();
  for (const test::Finished& backup : backups) EXPECT_EQ(backup.exit, 0) << backup.output;
  const std::string folder = (directory_ / "backup") + char('0' + kBackups - 1);
  const std::int64_t end =
      live_.rows().empty() ? 0 : test::begin_of(live_.rows().rbegin()->second).ns / core::kNsPerSecond;
  ASSERT_TRUE(plays_on(2)) << "nobody notices: " << log();
  for (const auto& [sequence, row] : event_.rows()) EXPECT_FALSE(row.gap || row.discontinuity) << sequence;
  EXPECT_EQ(test::run("cd " + folder + " && sha256sum --check --strict --quiet SHA256SUMS 2>&1").output, "");

  std::map<std::string, std::string> whole;
  for (const std::string key : {"ch1", "ch2"}) whole[key] = catch_up(key, end - 3, end);
  const std::string content = content_key(whole["ch1"]);
  ASSERT_EQ(command("stop --workers-on-exit stop").exit, 0);
  ASSERT_EQ(wait_for_end(), 0) << log();

  // Another machine: the backup, and the segments as they are on their disk.
  std::filesystem::rename(state(), directory_ / "lost");
  std::filesystem::create_directory(state());
  const auto copied = test::run("cp -a " + folder + "/station.db " + folder + "/secrets " +
                                (directory_ / "lost/segments") + " " + state() + "/ 2>&1");
  ASSERT_EQ(copied.exit, 0) << copied.output;
  ASSERT_NO_FATAL_FAILURE(start({}, environment_));
  token_ = sign_in();
  for (const auto& [key, text] : whole) EXPECT_EQ(catch_up(key, end - 3, end), text) << key;
  EXPECT_EQ(content_key(whole["ch1"]), content);
  ASSERT_TRUE(plays_on(2)) << "the wish came back too, and numbers go on: " << log();
  ASSERT_NO_FATAL_FAILURE(settle());
}

}  // namespace
}  // namespace aircheck
