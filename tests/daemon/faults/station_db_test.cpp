// station.db in the hands of another program, as when an operator looks at it: writers are told at once, and viewers
// notice nothing.
#include <algorithm>
#include <cstdio>

#include "daemon/faults/station_with_files.hpp"

namespace aircheck {
namespace {

class StationDatabaseTest : public test::StationWithFiles {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(make_station());
    timeshift::test::Writer writer(ago(1200));
    begin_ = ago(1200);
    for (int i = 0; i < 60; ++i) write(writer.segment());
    close_station();
    ASSERT_NO_FATAL_FAILURE(start());
    token_ = sign_in();
  }
  void TearDown() override {
    if (other_ != nullptr) pclose(other_);
    StationWithFiles::TearDown();
  }
  void hold() {
    other_ = popen(("sqlite3 '" + state() + "/station.db'").c_str(), "we");
    ASSERT_NE(other_, nullptr);
    fputs(("BEGIN EXCLUSIVE;\n.shell touch '" + (directory_ / "held") + "'\n").c_str(), other_);
    fflush(other_);
    const base::Timer tick = base::Timer::every(20, [] {});
    ASSERT_TRUE(run_until([&] { return std::filesystem::exists(directory_ / "held"); }));
  }
  // How long it took, in ms, goes to the slowest.
  template <typename Ask>
  test::HttpResponse timed(const Ask& ask) {
    const std::int64_t asked = g_get_monotonic_time();
    test::HttpResponse answer = ask();
    slowest_ms_ = std::max(slowest_ms_, (g_get_monotonic_time() - asked) / 1000);
    return answer;
  }
  test::HttpResponse post_channel() {
    return send("POST", url("/api/v1/admin/channels"), token_,
                base::Json::object({{"cdn_channel_key", "ch2"}, {"number", 2}, {"name", "Two"}}));
  }
  test::HttpResponse playlist() {
    return get(url("/hls/ch1/main.m3u8?kind=startover&start=" + std::to_string(begin_.ns / core::kNsPerSecond)),
               token_);
  }

  core::Utc begin_;
  FILE* other_ = nullptr;
  std::int64_t slowest_ms_ = 0;
};

TEST_F(StationDatabaseTest, AnotherProgramThatHoldsItHoldsNoAnswerUp) {
  const std::string before = playlist().body;
  ASSERT_EQ(playlist().status, 200);
  ASSERT_NO_FATAL_FAILURE(hold());
  for (int round = 0; round < 5; ++round) {
    const auto refused = timed([&] { return post_channel(); });
    EXPECT_EQ(refused.status, 503) << refused.body;
    EXPECT_EQ(refused.code(), "unavailable") << refused.body;
    EXPECT_FALSE(refused.header("retry-after").empty());
    const auto login = timed([&] {
      return fetch({.method = "POST",
                    .url = url("/api/v1/auth/login"),
                    .body = base::Json::object({{"email", "admin@localhost"}, {"password", kPassword}}).dump()});
    });
    EXPECT_EQ(login.status, 503) << "it writes who is signed in: " << login.body;
    const auto shown = timed([&] { return playlist(); });
    EXPECT_EQ(shown.status, 200) << shown.body;
    EXPECT_EQ(timed([&] { return get(url("/api/v1/admin/channels"), token_); }).status, 200);
    EXPECT_EQ(timed([&] { return get(url("/health")); }).status, 200);
  }
  std::printf("slowest answer: %lld ms\n", static_cast<long long>(slowest_ms_));
  EXPECT_LT(slowest_ms_, 3000) << "SQLite would have waited for 5 s";
  fputs("ROLLBACK;\n", other_);
  EXPECT_EQ(pclose(std::exchange(other_, nullptr)), 0);
  EXPECT_EQ(post_channel().status, 201) << "nothing was left open";
  EXPECT_FALSE(sign_in().empty());
}

}  // namespace
}  // namespace aircheck
