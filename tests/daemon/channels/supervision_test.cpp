#include "channels/supervision.hpp"

#include <gtest/gtest.h>

#include <string>

namespace aircheck::channels {
namespace {

constexpr int kPhases = static_cast<int>(Phase::kFailed) + 1;
constexpr int kEvents = static_cast<int>(Event::kPeriodEnd) + 1;

// Feeds events and writes down what happens: "phase: action action".
class Story {
 public:
  explicit Story(bool wanted) { state_.wanted = wanted; }
  std::string on(Event event) {
    static constexpr const char* kActions[] = {"connect",   "launch", "adopt", "start",  "stop",
                                               "terminate", "down",   "retry", "healthy"};
    const Step result = step(state_, event);
    state_ = result.next;
    std::string text(to_string(state_.phase));
    for (const Action action : result.actions) text += std::string(" ") + kActions[static_cast<int>(action)];
    return text;
  }
  [[nodiscard]] const Supervision& state() const { return state_; }

 private:
  Supervision state_;
};

TEST(Supervision, AFreshChannelGoesOnAirAndOff) {
  Story story(false);
  EXPECT_EQ(story.on(Event::kBoot), "connecting connect");
  EXPECT_EQ(story.on(Event::kNoWorker), "stopped down");
  EXPECT_EQ(story.on(Event::kStart), "connecting connect");
  EXPECT_EQ(story.on(Event::kNoWorker), "launching down launch");
  EXPECT_EQ(story.on(Event::kWorkerIdle), "starting start");
  EXPECT_EQ(story.on(Event::kStarted), "running healthy");
  EXPECT_EQ(story.on(Event::kStart), "running") << "start is idempotent";
  EXPECT_EQ(story.on(Event::kStop), "stopping stop");
  EXPECT_EQ(story.on(Event::kStop), "stopping") << "so is stop";
  EXPECT_EQ(story.on(Event::kStopDone), "leaving down terminate");
  EXPECT_EQ(story.on(Event::kGone), "stopped");
}

TEST(Supervision, AWorkerThatIsOnAirIsAdopted) {
  Story story(true);
  story.on(Event::kBoot);
  EXPECT_EQ(story.on(Event::kWorkerOnAir), "running adopt healthy");
  Story unwanted(false);
  unwanted.on(Event::kBoot);
  EXPECT_EQ(unwanted.on(Event::kWorkerOnAir), "stopping stop");
  Story foreign(true);
  foreign.on(Event::kBoot);
  EXPECT_EQ(foreign.on(Event::kWorkerForeign), "leaving down terminate");
  EXPECT_EQ(foreign.on(Event::kGone), "connecting connect");
  EXPECT_EQ(foreign.on(Event::kNoWorker), "launching down launch");
}

TEST(Supervision, CrashesBackOffUntilAHealthyMinute) {
  Story story(true);
  story.on(Event::kBoot);
  story.on(Event::kNoWorker);
  for (int crash = 1; crash <= 3; ++crash) {
    story.on(Event::kWorkerIdle);
    story.on(Event::kStarted);
    EXPECT_EQ(story.on(Event::kGone), "connecting connect") << "only the connection may be lost";
    EXPECT_EQ(story.on(Event::kNoWorker), "backoff down retry");
    EXPECT_EQ(story.state().failures, crash);
    EXPECT_EQ(story.on(Event::kRetryDue), "connecting connect");
    EXPECT_EQ(story.on(Event::kNoWorker), "launching down launch");
  }
  story.on(Event::kWorkerIdle);
  story.on(Event::kStarted);
  story.on(Event::kHealthy);
  EXPECT_EQ(story.state().failures, 0);
}

TEST(Supervision, ALostConnectionAloneCostsNothing) {
  Story story(true);
  story.on(Event::kBoot);
  story.on(Event::kWorkerOnAir);
  EXPECT_EQ(story.on(Event::kGone), "connecting connect");
  EXPECT_EQ(story.on(Event::kWorkerOnAir), "running adopt healthy");
  EXPECT_EQ(story.state().failures, 0);
}

TEST(Supervision, ARefusalWaitsForAnOperator) {
  Story story(true);
  story.on(Event::kBoot);
  story.on(Event::kNoWorker);
  story.on(Event::kWorkerIdle);
  EXPECT_EQ(story.on(Event::kRefused), "failed down terminate");
  EXPECT_EQ(story.on(Event::kGone), "failed");
  EXPECT_EQ(story.on(Event::kRetryDue), "failed");
  EXPECT_TRUE(story.state().wanted);
  EXPECT_EQ(story.on(Event::kStart), "connecting connect");
}

TEST(Supervision, ANewCryptoPeriodKeepsTheProcess) {
  Story story(true);
  story.on(Event::kBoot);
  story.on(Event::kWorkerOnAir);
  EXPECT_EQ(story.on(Event::kPeriodEnd), "rekeying stop");
  EXPECT_EQ(story.on(Event::kStopDone), "starting start");
  EXPECT_EQ(story.on(Event::kStarted), "running healthy");
}

TEST(Supervision, AChangeOfMindIsFollowed) {
  Story story(true);
  story.on(Event::kBoot);
  story.on(Event::kWorkerOnAir);
  story.on(Event::kStop);
  EXPECT_EQ(story.on(Event::kStart), "stopping");
  EXPECT_EQ(story.on(Event::kStopDone), "starting start");
  EXPECT_EQ(story.on(Event::kStop), "stopping stop");
  EXPECT_EQ(story.on(Event::kGone), "stopped down");
  Story waiting(true);
  waiting.on(Event::kBoot);
  waiting.on(Event::kNoWorker);
  EXPECT_EQ(waiting.on(Event::kGone), "backoff retry");
  EXPECT_EQ(waiting.on(Event::kStop), "stopped");
  EXPECT_EQ(waiting.on(Event::kRetryDue), "stopped");
}

// Whatever comes, whenever: the wish holds, and neither an unwanted channel is launched nor a wanted one forgotten.
TEST(Supervision, EveryEventInEveryPhaseIsSafe) {
  for (int phase = 0; phase < kPhases; ++phase) {
    for (int event = 0; event < kEvents; ++event) {
      for (const bool wanted : {false, true}) {
        for (const bool lost : {false, true}) {
          const Supervision state{static_cast<Phase>(phase), wanted, lost, 2};
          const auto what = static_cast<Event>(event);
          const Step result = step(state, what);
          const std::string where = std::string(to_string(state.phase)) + " on " + std::string(to_string(what));
          const bool wish = what == Event::kStart || what == Event::kRestart || (wanted && what != Event::kStop);
          EXPECT_EQ(result.next.wanted, wish) << where;
          for (const Action action : result.actions) {
            if (action == Action::kLaunch || action == Action::kStartWorker) {
              EXPECT_TRUE(wish) << where;
            }
          }
          if (result.next.phase == Phase::kStopped && result.next.phase != state.phase) {
            EXPECT_FALSE(wish) << where;
          }
          if (result.next.phase == Phase::kBackoff && state.phase != Phase::kBackoff) {
            EXPECT_EQ(result.actions.back(), Action::kArmRetry) << where;
          }
          EXPECT_LE(result.next.failures, 3) << where;
        }
      }
    }
  }
}

TEST(Supervision, BackOffDoublesToAMinute) {
  std::string delays;
  for (int failures = 1; failures <= 9; ++failures) delays += std::to_string(retry_delay_s(failures)) + " ";
  EXPECT_EQ(delays, "1 2 4 8 16 32 60 60 60 ");
}

TEST(Supervision, TheApiSeesFiveStates) {
  const auto state = [](Phase phase, bool wanted) { return public_state({phase, wanted, false, 0}); };
  EXPECT_EQ(state(Phase::kStopped, false), "stopped");
  EXPECT_EQ(state(Phase::kConnecting, true), "starting");
  EXPECT_EQ(state(Phase::kConnecting, false), "stopped");
  EXPECT_EQ(state(Phase::kRekeying, true), "running");
  EXPECT_EQ(state(Phase::kLeaving, false), "stopped");
  EXPECT_EQ(state(Phase::kBackoff, true), "backoff");
  EXPECT_EQ(state(Phase::kFailed, true), "failed");
}

}  // namespace
}  // namespace aircheck::channels
