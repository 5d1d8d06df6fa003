// Players stay attached while the daemon and its workers are killed: what they have been told once stays true, and all
// of it can be fetched. Three rounds; AIRCHECK_TEST_KILLS_FOR says for how many seconds (the soak).
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "daemon/faults/station_on_air.hpp"

namespace aircheck {
namespace {

class PlayersTest : public test::StationOnAir {
 protected:
  void SetUp() override { ASSERT_NO_FATAL_FAILURE(go_on_air()); }
  void kill_daemon() {
    ASSERT_EQ(end(SIGKILL), 128 + SIGKILL);
    launch({}, environment_);
  }
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
    EXPECT_EQ(test::name_of(same->second.uri), test::name_of(row.uri)) << sequence;
    EXPECT_EQ(same->second.discontinuity_sequence, row.discontinuity_sequence) << sequence;
  }
}

TEST_F(PlayersTest, AStopThatKeepsWorkersCostsNothingAndOneThatEndsThemDoes) {
  const pid_t kept = worker();
  ASSERT_TRUE(runs(kept));
  ASSERT_EQ(command("stop --workers-on-exit keep").exit, 0) << log();
  EXPECT_EQ(wait_for_end(), 0) << log();
  EXPECT_TRUE(runs(kept));
  const std::size_t before = files().size();
  const base::Timer tick = base::Timer::every(50, [] {});
  EXPECT_TRUE(run_until([&] { return files().size() >= before + 3; })) << "it stays on air";
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
  const std::size_t ended = files().size();
  ASSERT_NO_FATAL_FAILURE(start({}, environment_));
  EXPECT_EQ(files().size(), ended) << "nothing was on air";
  ASSERT_TRUE(plays_on(1)) << "the wish stays: " << log();
  EXPECT_NE(worker(), kept);
}

}  // namespace
}  // namespace aircheck
