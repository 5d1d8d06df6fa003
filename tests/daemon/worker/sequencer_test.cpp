// The sequencer against items that are made of numbers: no decoding, no clock.
#include "worker/sequencer.hpp"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace aircheck::worker {
namespace {

constexpr core::Utc kStart{1'772'029'800'000'000'000};  // 2026-02-25T14:30:00Z
constexpr std::int64_t kBlackNumber = -1;

gstx::Ref<GstBuffer> picture(std::int64_t number) {
  auto buffer = gstx::Ref<GstBuffer>::adopt(gst_buffer_new());
  GST_BUFFER_OFFSET(buffer.get()) = static_cast<guint64>(number);
  return buffer;
}

struct Fault {
  std::int64_t from_frame = INT64_MAX;  // of the output, since 1970
  std::int64_t to_frame = INT64_MAX;
};

// Picture n of a pass carries n; sample n carries n + 1, so that silence can be told.
class FakeItem : public Item {
 public:
  FakeItem(const std::int64_t* air_frame, const Fault* fault, std::int64_t from)
      : air_frame_(air_frame), fault_(fault), last_frame_(from - 1) {}

  Health health() override { return broken() ? Health::kFailed : Health::kReady; }
  core::Result<gstx::Ref<GstBuffer>> video(std::int64_t frame) override {
    if (broken()) return core::fail(core::Code::kIo, "film.mp4: gone");
    EXPECT_EQ(frame, last_frame_ + 1) << "frames of an item are asked in order";
    last_frame_ = frame;
    return picture(frame);
  }
  core::Result<void> audio(std::int64_t sample, std::span<float> interleaved) override {
    for (std::size_t i = 0; i < interleaved.size(); ++i) {
      interleaved[i] = static_cast<float>(sample + 1 + static_cast<std::int64_t>(i / kChannels));
    }
    return {};
  }

 private:
  [[nodiscard]] bool broken() const { return *air_frame_ >= fault_->from_frame && *air_frame_ < fault_->to_frame; }

  const std::int64_t* air_frame_;
  const Fault* fault_;
  std::int64_t last_frame_;
};

class Recorder : public Output {
 public:
  bool video(std::int64_t frame, gstx::Ref<GstBuffer> picture) override {
    EXPECT_TRUE(frames.empty() || frame == first_frame + std::ssize(frames));
    if (frames.empty()) first_frame = frame;
    frames.push_back(static_cast<std::int64_t>(GST_BUFFER_OFFSET(picture.get())));
    air_frame = frame + 1;
    return true;
  }
  bool audio(std::int64_t block, std::span<const float> interleaved) override {
    EXPECT_TRUE(samples.empty() || block == first_block + std::ssize(samples) / kBlockSamples);
    if (samples.empty()) first_block = block;
    for (std::size_t i = 0; i < interleaved.size(); i += kChannels) samples.push_back(interleaved[i]);
    return true;
  }

  std::vector<std::int64_t> frames;
  std::vector<float> samples;
  std::int64_t first_frame = 0;
  std::int64_t first_block = 0;
  std::int64_t air_frame = 0;
};

class SequencerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Sequencer> make(const Timeline& timeline) {
    recorder_.air_frame = timeline.first_frame_from(kStart);
    return std::make_unique<Sequencer>(
        timeline, kStart, picture(kBlackNumber),
        [this](std::int64_t frame) {
          opened_.push_back(frame);
          return std::make_unique<FakeItem>(&recorder_.air_frame, &fault_, frame);
        },
        recorder_, [this](const std::string& code, const std::string&) { warnings_.push_back(code); });
  }

  static void play(Sequencer& sequencer, std::int64_t seconds) {
    while (sequencer.next_time() < kStart + seconds * core::kNsPerSecond) ASSERT_TRUE(sequencer.emit());
  }

  Fault fault_;
  Recorder recorder_;
  std::vector<std::int64_t> opened_;
  std::vector<std::string> warnings_;
};

TEST_F(SequencerTest, LoopsWithoutAGapFromThePlaceWhereUtcIs) {
  const Timeline timeline({25, 1}, 250);
  const auto sequencer = make(timeline);
  play(*sequencer, 35);
  ASSERT_EQ(recorder_.frames.size(), 35U * 25);
  for (std::int64_t i = 0; i < std::ssize(recorder_.frames); ++i) {
    EXPECT_EQ(recorder_.frames[static_cast<std::size_t>(i)], (recorder_.first_frame + i) % 250);
  }
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(SequencerTest, EverySampleComesOnce) {
  // A loop that is not a whole number of samples: 301 frames of 1001/30000 s.
  const Timeline timeline({30'000, 1'001}, 301);
  const auto sequencer = make(timeline);
  play(*sequencer, 35);
  const std::int64_t first = recorder_.first_block * kBlockSamples;
  ASSERT_GT(recorder_.samples.size(), 34U * 48'000);
  std::int64_t ramped = 0;
  for (std::int64_t i = 0; i < std::ssize(recorder_.samples); ++i) {
    const std::int64_t sample = first + i;
    std::int64_t pass = sample * 30'000 / 1'001 / kSampleRate / 301;
    while (timeline.first_sample_of((pass + 1) * 301) <= sample) ++pass;
    const std::int64_t in_pass = sample - timeline.first_sample_of(pass * 301);
    const std::int64_t to_end = timeline.first_sample_of((pass + 1) * 301) - sample;
    const float got = recorder_.samples[static_cast<std::size_t>(i)];
    // Cuts are ramped, for 5 ms on both sides, and after the join.
    if (in_pass < 240 || to_end <= 240 || i < 240 + 2 * kBlockSamples) {
      EXPECT_LE(got, static_cast<float>(in_pass + 1));
      ++ramped;
    } else {
      ASSERT_EQ(got, static_cast<float>(in_pass + 1)) << "sample " << i;
    }
  }
  EXPECT_LT(ramped, 5'000);
}

TEST_F(SequencerTest, TheNextPassIsMadeReadyBeforeItIsNeeded) {
  const Timeline timeline({25, 1}, 250);
  const auto sequencer = make(timeline);
  play(*sequencer, 1);
  const std::int64_t position = recorder_.first_frame % 250;
  ASSERT_FALSE(opened_.empty());
  EXPECT_EQ(opened_.front(), position);
  const std::int64_t left = 250 - position - 25;
  EXPECT_EQ(opened_.size(), left <= 125 ? 2U : 1U);
  play(*sequencer, 60);
  // One item for each pass, and the one that is ready.
  const std::int64_t passes = (recorder_.first_frame % 250 + 60 * 25) / 250;
  EXPECT_LE(std::ssize(opened_), passes + 2);
}

TEST_F(SequencerTest, SoundFollowsThePictureByLessThanABlock) {
  const auto sequencer = make(Timeline({25, 1}, 250));
  for (int i = 0; i < 2'000; ++i) {
    ASSERT_TRUE(sequencer->emit());
    const std::int64_t video_end = std::ssize(recorder_.frames) * 1'920;
    const std::int64_t audio_end = std::ssize(recorder_.samples);
    EXPECT_LT(std::abs(video_end - audio_end), 1'920 + 2 * kBlockSamples);
  }
}

TEST_F(SequencerTest, ASourceThatBreaksIsHeldThenBlackThenBack) {
  const Timeline timeline({25, 1}, 1'000);
  const std::int64_t first = timeline.first_frame_from(kStart);
  fault_ = {first + 100, first + 300};
  const auto sequencer = make(timeline);
  play(*sequencer, 30);
  ASSERT_EQ(recorder_.frames.size(), 30U * 25) << "the channel stays on air";
  const auto number = [&](std::int64_t i) { return recorder_.frames[static_cast<std::size_t>(i)]; };
  EXPECT_EQ(number(99), (first + 99) % 1'000);
  EXPECT_EQ(number(100), (first + 99) % 1'000) << "held";
  EXPECT_EQ(number(149), (first + 99) % 1'000);
  EXPECT_EQ(number(150), kBlackNumber);
  EXPECT_EQ(number(299), kBlackNumber);
  // Back within two attempts, at the place where the programme is by then.
  EXPECT_EQ(number(400), (first + 400) % 1'000);
  EXPECT_EQ(number(749), (first + 749) % 1'000);
  EXPECT_EQ(warnings_, (std::vector<std::string>{"source-failed", "source-recovered"}));
  // Silence in between.
  const auto sample_at = [&](std::int64_t frame) {
    const std::int64_t sample = timeline.first_sample_of(first + frame) - recorder_.first_block * kBlockSamples;
    return recorder_.samples[static_cast<std::size_t>(sample)];
  };
  EXPECT_NE(sample_at(98), 0.0F);
  EXPECT_EQ(sample_at(160), 0.0F);
  EXPECT_NE(sample_at(420), 0.0F);
}

TEST_F(SequencerTest, ASourceThatBreaksAtTheSeamComesBack) {
  const Timeline timeline({25, 1}, 100);
  const std::int64_t first = timeline.first_frame_from(kStart);
  const std::int64_t seam = (first / 100 + 3) * 100;
  fault_ = {seam, seam + 10};
  const auto sequencer = make(timeline);
  play(*sequencer, 30);
  EXPECT_EQ(recorder_.frames.size(), 30U * 25);
  EXPECT_EQ(recorder_.frames.back(), (first + 749) % 100);
  EXPECT_EQ(warnings_, (std::vector<std::string>{"source-failed", "source-recovered"}));
}

TEST_F(SequencerTest, AnOutputThatTakesNoMoreEndsIt) {
  class Closed : public Output {
   public:
    bool video(std::int64_t, gstx::Ref<GstBuffer>) override { return false; }
    bool audio(std::int64_t, std::span<const float>) override { return false; }
  };
  Closed closed;
  Sequencer sequencer(
      Timeline({25, 1}, 250), kStart, picture(kBlackNumber),
      [this](std::int64_t frame) { return std::make_unique<FakeItem>(&recorder_.air_frame, &fault_, frame); }, closed,
      [](const std::string&, const std::string&) {});
  EXPECT_FALSE(sequencer.emit());
}

}  // namespace
}  // namespace aircheck::worker

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
