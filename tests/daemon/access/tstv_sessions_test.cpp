// Viewing sessions: what is in memory, what is written and when, what a restart and a crash find.
#include "access/tstv_sessions.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "support/main_loop.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::access {
namespace {

using core::Code;
using core::Utc;

constexpr std::int64_t kSecond = core::kNsPerSecond;
constexpr std::int64_t kDay = 24 * 3600 * kSecond;

class TstvSessionsTest : public test::MainLoopTest {
 protected:
  std::unique_ptr<TstvSessions> open() {
    return std::move(
        TstvSessions::open({.now = [this] { return now_; }, .monotonic_ns = [this] { return steady_ns_; }}, *database_)
            .value());
  }
  TstvSession start(const std::string& account = "a", Kind kind = Kind::kCatchup, const std::string& sign_in = "") {
    return sessions_
        ->start({.account_id = account,
                 .channel_id = "one",
                 .schedule_entry_id = "p",
                 .kind = kind,
                 .user_agent = "tv",
                 .sign_in_id = sign_in})
        .value();
  }
  // Time goes by as for a daemon that runs.
  void wait(std::int64_t seconds) {
    for (std::int64_t second = 0; second < seconds; ++second) {
      now_ = now_ + kSecond;
      steady_ns_ += kSecond;
      if (steady_ns_ % (TstvSessions::kFlushMs * 1'000'000) == 0) sessions_->look();
    }
  }
  // As the file has it.
  TstvSession written(const TstvSession& session) const {
    return TstvSessionStore(*database_).find(session.id, session.account_id).value();
  }
  [[nodiscard]] std::int64_t rows() const {
    auto query = database_->prepare("SELECT count(*) FROM tstv_sessions").value();
    return query.step().value() ? query.integer(0) : -1;
  }
  // Rows that were written so far.
  [[nodiscard]] std::int64_t changes() const {
    auto query = database_->prepare("SELECT total_changes()").value();
    return query.step().value() ? query.integer(0) : -1;
  }
  [[nodiscard]] TstvFigures figures(Kind kind = Kind::kCatchup) const { return sessions_->figures("one", kind); }

  Utc now_ = Utc::from_seconds(1'772'000'000);
  std::int64_t steady_ns_ = 0;
  test::TemporaryDirectory directory_;
  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(directory_ / "station.db", store::station_schema()).value());
  std::unique_ptr<TstvSessions> sessions_ = open();
};

TEST_F(TstvSessionsTest, AHeartbeatIsWrittenWithTheNextLook) {
  const TstvSession session = start();
  EXPECT_EQ(written(session).last_heartbeat_at, now_);
  wait(3);
  const std::int64_t before = changes();
  for (int i = 1; i <= 5; ++i) {
    wait(1);
    ASSERT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 1.5 * i, .stalls = i}));
  }
  EXPECT_EQ(changes(), before) << "heartbeats are no writes";
  EXPECT_EQ(written(session).position_seconds, 0);
  EXPECT_EQ(sessions_->list({}, 1)->front().position_seconds, 7.5) << "but they are seen";
  const Utc heard = now_;
  wait(2);
  EXPECT_EQ(changes(), before + 1);
  EXPECT_EQ(written(session).position_seconds, 7.5);
  EXPECT_EQ(written(session).stalls, 5);
  EXPECT_EQ(written(session).last_heartbeat_at, heard);
  EXPECT_EQ(written(session).user_agent, "tv");
  wait(20);
  EXPECT_EQ(changes(), before + 1) << "what has not changed is not written";
}

TEST_F(TstvSessionsTest, ManyAreWrittenInBatches) {
  std::vector<TstvSession> sessions;
  sessions.reserve(250);
  for (int i = 0; i < 250; ++i) sessions.push_back(start(std::to_string(i)));
  for (const TstvSession& session : sessions) {
    ASSERT_TRUE(sessions_->heartbeat(session.id, session.account_id, {.position_seconds = 9}));
  }
  const std::int64_t before = changes();
  sessions_->look();
  EXPECT_EQ(changes(), before + static_cast<std::int64_t>(TstvSessions::kBatch));
  ASSERT_TRUE(run_until([&] { return changes() == before + 250; }));
  for (const TstvSession& session : sessions) EXPECT_EQ(written(session).position_seconds, 9);
}

TEST_F(TstvSessionsTest, StopIsWrittenAtOnceAndIsTheSameTwice) {
  const TstvSession session = start();
  wait(7);
  ASSERT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 5, .bitrate = 3'000'000}));
  wait(1);
  const TstvSession stopped = sessions_->stop(session.id, "a").value();
  EXPECT_EQ(stopped.end_reason, "stopped");
  EXPECT_EQ(stopped.ended_at, now_);
  EXPECT_EQ(written(session).ended_at, now_);
  EXPECT_EQ(written(session).bitrate, 3'000'000);
  wait(5);
  EXPECT_EQ(sessions_->stop(session.id, "a")->ended_at, stopped.ended_at);
  EXPECT_EQ(sessions_->heartbeat(session.id, "a", {}).error().code, Code::kConflict);
  EXPECT_EQ(figures().viewers, 0U);
  EXPECT_EQ(figures().sessions, 1U);
}

TEST_F(TstvSessionsTest, BelongsToItsAccount) {
  const TstvSession session = start();
  for (int ended = 0; ended < 2; ++ended) {
    EXPECT_EQ(sessions_->heartbeat(session.id, "b", {}).error().code, Code::kNotFound);
    EXPECT_EQ(sessions_->stop(session.id, "b").error().code, Code::kNotFound);
    EXPECT_EQ(sessions_->stop("unknown", "a").error().code, Code::kNotFound);
    ASSERT_TRUE(sessions_->stop(session.id, "a"));
  }
}

TEST_F(TstvSessionsTest, SilenceEndsItAtItsLastHeartbeat) {
  const TstvSession session = start();
  wait(30);
  ASSERT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 30}));
  const Utc heard = now_;
  wait(80);
  EXPECT_EQ(figures().viewers, 1U);
  wait(10);
  EXPECT_EQ(figures().viewers, 0U);
  EXPECT_EQ(written(session).end_reason, "timeout");
  EXPECT_EQ(written(session).ended_at, heard);
  EXPECT_EQ(sessions_->heartbeat(session.id, "a", {}).error().code, Code::kConflict);
  EXPECT_EQ(sessions_->stop(session.id, "a")->end_reason, "timeout");
}

TEST_F(TstvSessionsTest, AClockThatIsSetEndsNothing) {
  const TstvSession session = start();
  now_ = now_ + 3600 * kSecond;
  wait(10);
  EXPECT_EQ(figures().viewers, 1U);
  now_ = now_ - 2 * 3600 * kSecond;
  ASSERT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 1}));
  EXPECT_EQ(sessions_->stop(session.id, "a")->ended_at, session.started_at) << "never before its start";
}

TEST_F(TstvSessionsTest, ADaemonThatStoodStillHeardNobody) {
  const TstvSession session = start();
  wait(70);
  steady_ns_ += 600 * kSecond;
  sessions_->look();
  EXPECT_EQ(figures().viewers, 1U);
  wait(10);
  EXPECT_EQ(figures().viewers, 0U) << "what it was silent before counts";
}

TEST_F(TstvSessionsTest, ARestartTakesOpenOnesOverAndEndsThoseThatStaySilent) {
  const TstvSession silent = start("a");
  const TstvSession heard = start("b", Kind::kStartover);
  wait(5);
  ASSERT_TRUE(sessions_->heartbeat(heard.id, "b", {.position_seconds = 4}));
  const Utc last = now_;
  sessions_.reset();
  EXPECT_EQ(written(heard).position_seconds, 4) << "a daemon that ends writes what it heard";
  now_ = now_ + 3600 * kSecond;
  sessions_ = open();
  EXPECT_EQ(figures().viewers, 1U);
  EXPECT_EQ(figures(Kind::kStartover).viewers, 1U);
  EXPECT_EQ(figures().sessions, 0U) << "a counter begins anew";
  wait(80);
  ASSERT_TRUE(sessions_->heartbeat(heard.id, "b", {.position_seconds = 4000}));
  wait(20);
  EXPECT_EQ(written(silent).end_reason, "timeout");
  EXPECT_EQ(written(silent).ended_at, silent.started_at);
  EXPECT_EQ(figures(Kind::kStartover).viewers, 1U);
  wait(90);
  EXPECT_GT(*written(heard).ended_at, last);
}

TEST_F(TstvSessionsTest, CountsOnlyGoUpAndARepeatedHeartbeatCountsOnce) {
  const TstvSession session = start();
  const TstvHeartbeat told{.position_seconds = 5, .stalls = 2, .dropped_frames = 7, .error = "HTTP 503"};
  ASSERT_TRUE(sessions_->heartbeat(session.id, "a", told));
  ASSERT_TRUE(sessions_->heartbeat(session.id, "a", told));
  EXPECT_EQ(figures().stalls, 2U);
  EXPECT_EQ(figures().errors, 1U);
  // One that was overtaken.
  ASSERT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 3, .stalls = 1, .dropped_frames = 1}));
  const TstvSession later = sessions_->heartbeat(session.id, "a", told).value();
  EXPECT_EQ(later.stalls, 2);
  EXPECT_EQ(later.dropped_frames, 7);
  EXPECT_EQ(later.errors, 2) << "it went wrong again";
  EXPECT_EQ(later.error, "HTTP 503");
  EXPECT_EQ(figures().stalls, 2U);
  EXPECT_EQ(figures(Kind::kStartover).errors, 0U);
}

TEST_F(TstvSessionsTest, AnAccountWithTooManyLosesTheMostSilent) {
  std::vector<TstvSession> sessions;
  for (std::size_t i = 0; i < TstvSessions::kMostOpenOfAccount; ++i) {
    sessions.push_back(start());
    wait(1);
  }
  const TstvSession other = start("b");
  ASSERT_TRUE(sessions_->heartbeat(sessions[0].id, "a", {}));
  start();
  EXPECT_EQ(figures().viewers, TstvSessions::kMostOpenOfAccount + 1);
  EXPECT_TRUE(sessions_->heartbeat(sessions[0].id, "a", {}));
  EXPECT_EQ(sessions_->heartbeat(sessions[1].id, "a", {}).error().code, Code::kConflict);
  EXPECT_EQ(sessions_->stop(sessions[1].id, "a")->end_reason, "replaced");
  EXPECT_TRUE(sessions_->heartbeat(other.id, "b", {}));
  sessions_->look();
  EXPECT_EQ(written(sessions[1]).end_reason, "replaced");
}

TEST_F(TstvSessionsTest, ADatabaseThatIsLockedLosesNothing) {
  const TstvSession session = start();
  ASSERT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 8}));
  database_->set_busy_timeout(0);
  const auto other = std::move(store::Database::open(directory_ / "station.db", store::station_schema()).value());
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  sessions_->look();
  EXPECT_EQ(sessions_->stop(session.id, "a").error().code, Code::kUnavailable);
  EXPECT_EQ(sessions_->start({.account_id = "a"}).error().code, Code::kUnavailable);
  EXPECT_EQ(figures().viewers, 1U);
  EXPECT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 9})) << "heartbeats need no file";
  ASSERT_TRUE(other->execute("COMMIT"));
  sessions_->look();
  EXPECT_EQ(written(session).position_seconds, 9);
  EXPECT_TRUE(sessions_->stop(session.id, "a"));
}

TEST_F(TstvSessionsTest, SigningOutEndsItsOwn) {
  const TstvSession phone = start("a", Kind::kCatchup, "phone");
  const TstvSession television = start("a", Kind::kCatchup, "television");
  const TstvSession other_service = start("b");
  ASSERT_TRUE(sessions_->heartbeat(phone.id, "a", {.position_seconds = 3}));
  wait(2);
  sessions_->sign_out("phone");
  EXPECT_EQ(written(phone).end_reason, "signed_out");
  EXPECT_EQ(written(phone).ended_at, now_);
  EXPECT_EQ(written(phone).position_seconds, 3);
  EXPECT_EQ(figures().viewers, 2U);
  const std::int64_t before = changes();
  sessions_->sign_out("phone");
  sessions_->sign_out("unknown");
  sessions_->sign_out("");
  EXPECT_EQ(changes(), before);
  EXPECT_TRUE(sessions_->heartbeat(other_service.id, "b", {}));
  sessions_ = open();
  sessions_->sign_out("television");
  EXPECT_EQ(written(television).end_reason, "signed_out") << "a restart knows whose it is";
  EXPECT_EQ(figures().viewers, 1U);
}

TEST_F(TstvSessionsTest, SigningOutWhileTheFileIsLockedIsWrittenLater) {
  const TstvSession session = start("a", Kind::kCatchup, "phone");
  database_->set_busy_timeout(0);
  const auto other = std::move(store::Database::open(directory_ / "station.db", store::station_schema()).value());
  ASSERT_TRUE(other->execute("BEGIN IMMEDIATE"));
  sessions_->sign_out("phone");
  EXPECT_EQ(figures().viewers, 0U);
  EXPECT_FALSE(written(session).ended_at);
  ASSERT_TRUE(other->execute("COMMIT"));
  sessions_->look();
  EXPECT_EQ(written(session).end_reason, "signed_out");
}

// Accounts and sign-ins are remembered while the database's revision stays.
TEST_F(TstvSessionsTest, NothingOfItMakesAccountsBeReadAnew) {
  const store::Revision before = database_->revision().value();
  const std::int64_t written_before = changes();
  for (const char* sign_in : {"heard", "stopped", "out"}) {
    const TstvSession session = start("a", Kind::kCatchup, sign_in);
    ASSERT_TRUE(sessions_->heartbeat(session.id, "a", {.position_seconds = 1}));
    wait(10);
    if (sign_in == std::string("stopped")) {
      ASSERT_TRUE(sessions_->stop(session.id, "a"));
    }
  }
  sessions_->sign_out("out");
  wait(100);
  now_ = now_ + 91 * kDay;
  sessions_->forget_old();
  EXPECT_EQ(rows(), 0);
  EXPECT_GE(changes(), written_before + 12);
  EXPECT_EQ(database_->revision().value(), before);
}

TEST_F(TstvSessionsTest, EndedOnesAreForgottenInBatches) {
  const TstvSession open = start("open");
  for (int i = 0; i < 250; ++i) {
    const std::string account = std::to_string(i);
    ASSERT_TRUE(sessions_->stop(start(account).id, account));
  }
  now_ = now_ + 90 * kDay;
  const TstvSession kept = start("kept");
  ASSERT_TRUE(sessions_->stop(kept.id, "kept"));
  sessions_->forget_old();
  EXPECT_EQ(rows(), 252) << "90 days are not over";
  now_ = now_ + 1;
  sessions_->forget_old();
  EXPECT_EQ(rows(), 252 - TstvSessions::kForgetBatch) << "one batch at a time";
  ASSERT_TRUE(run_until([&] { return rows() == 2; }));
  EXPECT_TRUE(sessions_->heartbeat(open.id, "open", {})) << "one that goes on is kept";
  sessions_->set_keep_days(1);
  now_ = now_ + kDay;
  sessions_->forget_old();
  EXPECT_EQ(rows(), 1);
}

TEST_F(TstvSessionsTest, TheListIsNewestFirstAndPagesHoldStill) {
  std::set<std::string> all;
  for (int i = 0; i < 10; ++i) {
    // Three begin at one instant.
    if (i % 3 == 0) now_ = now_ + kSecond;
    all.insert(start(i % 2 == 0 ? "a" : "b", i < 5 ? Kind::kCatchup : Kind::kStartover).id);
  }
  TstvSessionFilter filter;
  std::vector<TstvSession> seen;
  while (true) {
    const auto page = sessions_->list(filter, 3).value();
    if (page.empty()) break;
    seen.insert(seen.end(), page.begin(), page.end());
    filter.after = TstvSessionPlace{page.back().started_at, page.back().id};
    now_ = now_ + kSecond;
    start("newer");
  }
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end(), [](const auto& x, const auto& y) {
    return std::pair(x.started_at, x.id) > std::pair(y.started_at, y.id);
  }));
  for (const TstvSession& session : seen) all.erase(session.id);
  EXPECT_TRUE(all.empty());
  const auto count = [&](const TstvSessionFilter& wanted) { return sessions_->list(wanted, 100)->size(); };
  EXPECT_EQ(count({.account_id = "a"}), 5U);
  EXPECT_EQ(count({.account_id = "a", .kind = Kind::kCatchup}), 3U);
  EXPECT_EQ(count({.channel_id = "two"}), 0U);
  EXPECT_EQ(count({.account_id = "b", .channel_id = "one", .from = seen[4].started_at}), 4U);
  EXPECT_EQ(count({.to = seen.back().started_at}), 0U);
}

// A large station has millions of them, and the main loop reads the list.
TEST_F(TstvSessionsTest, TheListReadsAnIndexAndNothingInVain) {
  const auto plan = [&](const std::string& where) {
    auto query = database_
                     ->prepare("EXPLAIN QUERY PLAN SELECT * FROM tstv_sessions WHERE kind = 'catchup' AND " + where +
                               "(started_at, id) < (1, 'x') ORDER BY started_at DESC, id DESC LIMIT 50")
                     .value();
    std::string text;
    while (query.step().value()) text += query.text(3) + "; ";
    return text;
  };
  const auto reads = [&](const std::string& where, const std::string& index) {
    return plan(where).find("SEARCH tstv_sessions USING INDEX tstv_sessions_" + index) == 0;
  };
  EXPECT_TRUE(reads("", "kind (kind=? AND ")) << plan("");
  EXPECT_TRUE(reads("user_id = 'a' AND ", "user (user_id=? AND kind=? AND "));
  EXPECT_TRUE(reads("channel_id = 'a' AND ", "channel (channel_id=? AND kind=? AND "));
  EXPECT_EQ(plan("").find("TEMP B-TREE"), std::string::npos);
  EXPECT_EQ(plan("user_id = 'a' AND +channel_id = 'a' AND "), plan("user_id = 'a' AND "));
}

}  // namespace
}  // namespace aircheck::access
