// The feeder's pace against a clock of ours, which somebody sets while the channel is on air.
#include "worker/feeder.hpp"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <vector>

namespace aircheck::worker {
namespace {

constexpr core::Utc kStart{1'772'029'800'000'000'000};  // 2026-02-25T14:30:00Z
constexpr std::int64_t kRunSeconds = 30;

// Waiting takes no time.
class SettableClock : public Clock {
 public:
  core::Utc utc_now() override { return kStart + now_ + set_by; }
  std::int64_t monotonic_now() override { return now_; }
  bool wait_until(std::int64_t monotonic_ns, Interruption& interruption) override {
    now_ = std::max(now_.load(), monotonic_ns);
    return !interruption.interrupted();
  }

  std::atomic<std::int64_t> set_by{0};  // ns

 private:
  std::atomic<std::int64_t> now_{0};
};

class SilentItem : public Item {
 public:
  Health health() override { return Health::kReady; }
  core::Result<gstx::Ref<GstBuffer>> video(std::int64_t) override { return gstx::Ref<GstBuffer>(); }
  core::Result<void> audio(std::int64_t, std::span<float>) override { return {}; }
};

// Sets the clock after a third of the run, and to something else after two; takes nothing more at the end of it.
class Recorder : public Output {
 public:
  Recorder(SettableClock& clock, std::int64_t set_by, std::int64_t then)
      : clock_(clock), set_by_(set_by), then_(then) {}

  bool video(std::int64_t frame, gstx::Ref<GstBuffer>) override {
    frames.push_back(frame);
    if (std::ssize(frames) == kRunSeconds * 25 / 3) clock_.set_by = set_by_;
    if (std::ssize(frames) == kRunSeconds * 50 / 3) clock_.set_by = then_;
    if (std::ssize(frames) < kRunSeconds * 25) return true;
    done.set_value();
    return false;
  }
  bool audio(std::int64_t, std::span<const float>) override { return true; }

  std::vector<std::int64_t> frames;
  std::promise<void> done;

 private:
  SettableClock& clock_;
  const std::int64_t set_by_;
  const std::int64_t then_;
};

struct Played {
  std::vector<std::string> warnings;
  std::vector<std::int64_t> frames;
  std::int64_t took_ns = 0;  // on the monotonic clock
};

Played play(std::int64_t set_by, std::int64_t then) {
  const auto clock = std::make_shared<SettableClock>();
  Recorder recorder(*clock, set_by, then);
  Played result;
  auto sequencer = std::make_unique<Sequencer>(
      Timeline({25, 1}, 250), kStart, gstx::Ref<GstBuffer>::adopt(gst_buffer_new()),
      [](std::int64_t) { return std::make_unique<SilentItem>(); }, recorder,
      [](const std::string&, const std::string&) {});
  Feeder::Events events;
  events.first_output = [] {};
  events.latency = [] { return std::int64_t{0}; };
  events.warning = [&result](const std::string& code, const std::string& message) {
    result.warnings.push_back(code + ": " + message);
  };
  Feeder feeder(std::move(sequencer), clock, std::move(events));
  recorder.done.get_future().wait();
  feeder.stop();
  result.frames = recorder.frames;
  result.took_ns = clock->monotonic_now();
  return result;
}

// A channel keeps its own time: nothing on air changes, and each step is told once.
TEST(FeederTest, AClockThatIsSetIsToldAndChangesNothingOnAir) {
  constexpr std::int64_t kHour = 3'600 * core::kNsPerSecond;
  struct Row {
    std::int64_t set_by;
    std::int64_t then;
    std::vector<std::string> says;
  };
  const Row rows[] = {
      {kHour, kHour, {"forward by 3600.0 s; the channel keeps its own time, which is 3600.0 s behind"}},
      {-kHour, -kHour, {"back by 3600.0 s; the channel keeps its own time, which is 3600.0 s ahead"}},
      {2 * core::kNsPerSecond, 2 * core::kNsPerSecond, {"forward by 2.0 s; "}},
      {core::kNsPerSecond / 2, core::kNsPerSecond / 2, {}},
      {kHour, 0, {"forward by 3600.0 s; ", "back by 3600.0 s; it agrees with the channel's time again"}},
      {kHour, -kHour, {"forward by 3600.0 s; ", "back by 7200.0 s; the channel keeps its own time, which is 3600.0 s"}},
  };
  const Played undisturbed = play(0, 0);
  EXPECT_TRUE(undisturbed.warnings.empty());
  EXPECT_NEAR(static_cast<double>(undisturbed.took_ns) / core::kNsPerSecond, kRunSeconds, 0.5)
      << "frames go out in bursts";
  for (const Row& row : rows) {
    SCOPED_TRACE(row.set_by);
    const Played disturbed = play(row.set_by, row.then);
    EXPECT_EQ(disturbed.frames, undisturbed.frames);
    EXPECT_EQ(disturbed.took_ns, undisturbed.took_ns);
    ASSERT_EQ(disturbed.warnings.size(), row.says.size());
    for (std::size_t i = 0; i < row.says.size(); ++i) {
      EXPECT_EQ(disturbed.warnings[i].rfind("clock-stepped: the system's clock was set " + row.says[i], 0), 0U)
          << disturbed.warnings[i];
    }
  }
}

}  // namespace
}  // namespace aircheck::worker

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
