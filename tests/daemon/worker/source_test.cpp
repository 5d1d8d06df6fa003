// Real files through the probe, the decoder and the sequencer: what plays, what is refused, and the seam of the loop.
#include "worker/source.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>

#include "daemon/worker/media.hpp"
#include "daemon/worker/must_play.hpp"
#include "gstx/buffer_map.hpp"
#include "support/temporary_directory.hpp"
#include "worker/encoder.hpp"

namespace aircheck::worker {
namespace {

using ::testing::HasSubstr;

constexpr Raster kRaster{320, 180};
constexpr FrameRate kRate{25, 1};
constexpr core::Utc kStart{1'772'029'800'000'000'000};  // 2026-02-25T14:30:00Z

class Recorder : public Output {
 public:
  bool video(std::int64_t, gstx::Ref<GstBuffer> picture) override {
    const auto map = gstx::BufferMap::read(picture.get());
    const auto bytes = map->bytes();
    EXPECT_GE(bytes.size(), static_cast<std::size_t>(kRaster.width * kRaster.height * 3 / 2));
    const std::uint8_t* luma = bytes.data();
    numbers.push_back(test::read_barcode(luma + (kRaster.height - 10) * kRaster.width, kRaster.width));
    const std::uint8_t* middle = luma + kRaster.height / 2 * kRaster.width;
    brightest = std::max(brightest, *std::max_element(middle, middle + kRaster.width));
    return true;
  }
  bool audio(std::int64_t block, std::span<const float> interleaved) override {
    if (samples.empty()) first_sample = block * kBlockSamples;
    for (std::size_t i = 0; i < interleaved.size(); i += kChannels) {
      samples.push_back(interleaved[i]);
      loudest = std::max(loudest, std::abs(interleaved[i]));
    }
    return true;
  }

  std::vector<std::int64_t> numbers;
  std::vector<float> samples;
  std::int64_t first_sample = 0;
  std::uint8_t brightest = 0;
  float loudest = 0;
};

class SourceTest : public ::testing::Test {
 protected:
  std::string film(const std::string& name, const std::string& arguments) {
    std::string path = directory_ / name;
    test::make_film(arguments, path);
    return path;
  }
  // One input of numbered pictures and one of numbered samples, 10 s each.
  std::string numbered(const std::string& name, const std::string& coding) {
    return film(name, "-f lavfi -i \"" + test::barcode("320x180", "25", "10") + "\" -f lavfi -i \"" +
                          test::numbered_samples("10") + "\" " + coding);
  }

  static std::unique_ptr<Item> open_and_wait(const SourceInfo& info, const Timeline& timeline, std::int64_t frame) {
    auto item = open_item(info, kRaster, timeline, frame);
    while (item->health() == Item::Health::kOpening) g_thread_yield();
    return item;
  }

  // Plays on from where a sequencer is.
  void play(Sequencer& sequencer, std::int64_t frames) {
    const std::size_t end = recorder_.numbers.size() + static_cast<std::size_t>(frames);
    while (recorder_.numbers.size() < end) ASSERT_TRUE(sequencer.emit());
  }
  std::unique_ptr<Sequencer> sequencer(const SourceInfo& info) {
    const Timeline timeline(kRate, info.loop_frames);
    return std::make_unique<Sequencer>(
        timeline, kStart, Encoder::black_picture(kRaster),
        [info, timeline](std::int64_t frame) { return open_and_wait(info, timeline, frame); }, recorder_,
        [this](const std::string& code, const std::string& message) { warnings_.push_back(code + ": " + message); });
  }

  test::TemporaryDirectory directory_;
  Recorder recorder_;
  std::vector<std::string> warnings_;
};

TEST_F(SourceTest, ThreeLoopsShowEveryCounterInOrder) {
  const auto info = probe_source(numbered("film.mp4", "-c:v libx264 -preset ultrafast -bf 2 -c:a aac"), kRaster, kRate);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->loop_frames, 250);
  play(*sequencer(*info), 3 * 250);
  const std::int64_t joined_at = kStart.ns / 40'000'000 % 250;
  for (std::int64_t i = 0; i < 750; ++i) {
    ASSERT_EQ(recorder_.numbers[static_cast<std::size_t>(i)], (joined_at + i) % 250) << "output frame " << i;
  }
  EXPECT_THAT(warnings_, ::testing::IsEmpty());
}

TEST_F(SourceTest, ThreeLoopsHoldEverySampleOnce) {
  const auto info = probe_source(numbered("film.mkv", "-c:v libx264 -preset ultrafast -c:a pcm_s16le"), kRaster, kRate);
  ASSERT_TRUE(info) << info.error().message;
  play(*sequencer(*info), 3 * 250);
  constexpr std::int64_t kPass = 480'000;
  std::int64_t compared = 0;
  ASSERT_GT(recorder_.samples.size(), 29U * 48'000);
  for (std::int64_t i = 240 + 2 * kBlockSamples; i < std::ssize(recorder_.samples); ++i) {
    const std::int64_t in_pass = (recorder_.first_sample + i) % kPass;
    if (in_pass < 240 || kPass - in_pass <= 240) continue;  // the ramps of a cut
    const float expected = static_cast<float>(in_pass % 1'000) / 2'000;
    ASSERT_NEAR(recorder_.samples[static_cast<std::size_t>(i)], expected, 1.0 / 16'000) << "sample " << i;
    ++compared;
  }
  EXPECT_GT(compared, 28 * 48'000);
}

TEST_F(SourceTest, SoundIsCutAndFilledToThePicturesLength) {
  const std::string video = "-f lavfi -i \"" + test::barcode("320x180", "25", "4") + "\" -f lavfi -i \"";
  const std::string coding = "\" -c:v libx264 -preset ultrafast -c:a pcm_s16le";
  const auto longer = probe_source(film("longer.mkv", video + test::numbered_samples("5.5") + coding), kRaster, kRate);
  ASSERT_TRUE(longer) << longer.error().message;
  EXPECT_EQ(longer->loop_frames, 100);
  const auto shorter = probe_source(film("shorter.mkv", video + test::numbered_samples("2") + coding), kRaster, kRate);
  ASSERT_TRUE(shorter) << shorter.error().message;
  EXPECT_EQ(shorter->loop_frames, 100);
  play(*sequencer(*shorter), 300);
  EXPECT_THAT(warnings_, ::testing::IsEmpty());
  for (std::int64_t i = 240 + 2 * kBlockSamples; i < std::ssize(recorder_.samples); ++i) {
    const std::int64_t in_pass = (recorder_.first_sample + i) % 192'000;
    if (in_pass < 240) continue;
    const float expected = in_pass < 96'000 ? static_cast<float>(in_pass % 1'000) / 2'000 : 0;
    ASSERT_NEAR(recorder_.samples[static_cast<std::size_t>(i)], expected, 1.0 / 16'000) << "sample " << i;
  }
}

TEST_F(SourceTest, AFileWhoseTimesBeginLaterIsEnteredInTheRightPlace) {
  const auto info = probe_source(numbered("late.mkv", "-c:v libx264 -preset ultrafast -c:a aac -output_ts_offset 1.5"),
                                 kRaster, kRate);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->loop_frames, 250);
  play(*sequencer(*info), 300);
  for (std::int64_t i = 0; i < 300; ++i) {
    ASSERT_EQ(recorder_.numbers[static_cast<std::size_t>(i)], (kStart.ns / 40'000'000 + i) % 250) << "frame " << i;
  }
}

TEST_F(SourceTest, MustPlay) {
  for (const test::MustPlay& entry : test::must_play()) {
    SCOPED_TRACE(entry.name);
    recorder_ = {};
    warnings_.clear();
    const std::string path = test::make_film(entry, directory_);
    const auto info = probe_source(path, kRaster, kRate);
    if (!info) {
      ADD_FAILURE() << info.error().message;
      continue;
    }
    EXPECT_EQ(info->has_video, entry.picture);
    EXPECT_EQ(info->has_audio, entry.sound);
    // Codecs may add or swallow a frame at the ends of a file.
    EXPECT_NEAR(static_cast<double>(info->loop_frames), static_cast<double>(entry.loop_frames), 1.0);
    play(*sequencer(*info), 200);  // two seams
    EXPECT_THAT(warnings_, ::testing::IsEmpty());
    EXPECT_EQ(recorder_.brightest > 100, entry.picture);
    EXPECT_EQ(recorder_.loudest > 0.01F, entry.sound);
  }
}

TEST_F(SourceTest, MustBeRefused) {
  const std::string good = numbered("good.mp4", "-c:v libx264 -preset ultrafast -c:a aac -movflags +faststart");
  const std::string plain = numbered("plain.mp4", "-c:v libx264 -preset ultrafast -c:a aac");
  const std::string matroska = numbered("good.mkv", "-c:v libx264 -preset ultrafast -c:a aac");
  const auto cut = [this](const std::string& from, const std::string& name) {
    std::filesystem::copy_file(from, directory_ / name);
    std::filesystem::resize_file(directory_ / name, std::filesystem::file_size(from) * 6 / 10);
  };
  cut(good, "cut-faststart.mp4");
  cut(plain, "cut-plain.mp4");
  cut(matroska, "cut.mkv");
  directory_.write("empty.mp4", "");
  directory_.write("text.mp4", "This is no film.\n");
  directory_.write("page.html", "<!doctype html><html><body>no film</body></html>\n");
  std::string noise(100'000, '\0');
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(i * 2'654'435'761U >> 13);
  directory_.write("noise.mp4", noise);
  film("short.mp4", "-f lavfi -i testsrc2=s=320x180:r=25:d=0.2 -c:v libx264 -pix_fmt yuv420p");
  ASSERT_EQ(::mkfifo((directory_ / "pipe.mp4").c_str(), 0600), 0);
  struct Row {
    const char* name;
    const char* says;
  };
  const Row rows[] = {
      {"missing.mp4", "no such file"},     {"empty.mp4", "is empty"},
      {"text.mp4", "is not a film"},       {"page.html", "is not a film"},
      {"noise.mp4", "is not a film"},      {"cut-faststart.mp4", "copy it again"},
      {"cut-plain.mp4", "copy it again"},  {"cut.mkv", "copy it again"},
      {"short.mp4", "less than a second"}, {".", "is not a file"},
      {"pipe.mp4", "is not a file"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto info = probe_source(directory_ / row.name, kRaster, kRate);
    if (info) {
      ADD_FAILURE() << "was taken, " << info->loop_frames << " frames";
      continue;
    }
    EXPECT_THAT(info.error().message, HasSubstr(row.name));
    EXPECT_THAT(info.error().message, HasSubstr(row.says));
    EXPECT_EQ(info.error().message.find('\n'), std::string::npos) << "one line";
  }
}

TEST_F(SourceTest, AFileThatVanishesAndComesBack) {
  const std::string path = numbered("film.mp4", "-c:v libx264 -preset ultrafast -c:a aac");
  const auto info = probe_source(path, kRaster, kRate);
  ASSERT_TRUE(info) << info.error().message;
  const auto playing = sequencer(*info);
  play(*playing, 1);
  std::filesystem::rename(path, path + ".away");
  play(*playing, 600);
  ASSERT_THAT(warnings_, ::testing::SizeIs(1));
  EXPECT_THAT(warnings_.front(), HasSubstr("source-failed: " + path + ": no such file"));
  EXPECT_EQ(recorder_.numbers.back(), 0) << "black";
  std::filesystem::rename(path + ".away", path);
  play(*playing, 400);
  EXPECT_THAT(warnings_, ::testing::SizeIs(2));
  EXPECT_EQ(recorder_.numbers.back(), (kStart.ns / 40'000'000 + 1'000) % 250) << "where UTC is by now";
}

// The worker's main loop waits for the frame in hand when the channel is stopped.
TEST_F(SourceTest, AStalledFileHoldsNobodyUpOnceInterrupted) {
  const std::string film = numbered("film.mkv", "-s 64x36 -c:v libx264 -preset ultrafast -g 25 -an");
  auto info = probe_source(film, kRaster, kRate);
  ASSERT_TRUE(info) << info.error().message;
  info->path = directory_ / "pipe";
  ASSERT_EQ(::mkfifo(info->path.c_str(), 0600), 0);
  const int pipe = ::open(info->path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
  const std::string bytes = test::read_text(film);
  const std::size_t most = std::min<std::size_t>(bytes.size() * 6 / 10, 60'000);
  ASSERT_EQ(::write(pipe, bytes.data(), most), static_cast<ssize_t>(most));
  const auto interruption = std::make_shared<Interruption>();
  auto item = open_item(*info, kRaster, Timeline(kRate, info->loop_frames), 0, interruption);
  ASSERT_TRUE(item->video(0));
  interruption->interrupt();
  std::chrono::nanoseconds longest{0};
  bool failed = false;
  for (std::int64_t frame = 1; !failed && frame < info->loop_frames; ++frame) {
    const auto before = std::chrono::steady_clock::now();
    failed = !item->video(frame);
    longest = std::max<std::chrono::nanoseconds>(longest, std::chrono::steady_clock::now() - before);
  }
  EXPECT_TRUE(failed) << "the second half of the film never came";
  EXPECT_LT(longest, std::chrono::seconds(4)) << "without an interruption it is 5 s";
  item.reset();
  ::close(pipe);
}

TEST_F(SourceTest, AFileThatIsReplacedByAShorterOneIsNoticed) {
  const std::string path = numbered("film.mp4", "-c:v libx264 -preset ultrafast -c:a aac");
  const auto info = probe_source(path, kRaster, kRate);
  ASSERT_TRUE(info) << info.error().message;
  const auto playing = sequencer(*info);
  play(*playing, 1);
  const std::string shorter =
      film("shorter.mp4", "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -c:v libx264 -preset ultrafast -pix_fmt yuv420p");
  std::filesystem::rename(shorter, path);
  play(*playing, 600);
  ASSERT_FALSE(warnings_.empty());
  EXPECT_THAT(warnings_.front(), HasSubstr("ends earlier than when it was checked"));
}

}  // namespace
}  // namespace aircheck::worker

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
