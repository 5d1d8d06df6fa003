// A whole channel without its process: source, feeder, the real simlive description, segments on disk. The clock is
// ours, so it runs as fast as the machine; ffmpeg reads the result.
#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <numeric>

#include "core/bmff/fragment.hpp"
#include "core/bmff/init.hpp"
#include "daemon/worker/media.hpp"
#include "daemon/worker/must_play.hpp"
#include "support/main_loop.hpp"
#include "support/temporary_directory.hpp"
#include "worker/service.hpp"

namespace aircheck::worker {
namespace {

using ::testing::HasSubstr;

constexpr core::Utc kStart{1'772'029'800'000'000'000};  // 2026-02-25T14:30:00Z, a multiple of 6 s
constexpr int kWidth = 320, kHeight = 180;
constexpr const char* kKeyId = "00112233445566778899aabbccddeeff";
constexpr const char* kKey = "0123456789abcdeffedcba9876543210";

// Waiting takes no time, up to an instant at which the channel stands still until it is stopped.
class FastClock : public Clock {
 public:
  explicit FastClock(core::Utc now, std::int64_t run_ns) : origin_(now), end_(run_ns) {}

  core::Utc utc_now() override { return origin_ + monotonic_now(); }
  std::int64_t monotonic_now() override {
    const std::lock_guard lock(mutex_);
    return now_;
  }
  bool wait_until(std::int64_t monotonic_ns, Interruption& interruption) override {
    if (monotonic_ns > end_) {
      stand_still();
      interruption.wait();
      return false;
    }
    const std::lock_guard lock(mutex_);
    now_ = std::max(now_, monotonic_ns);
    return true;
  }
  bool stands_still() {
    const std::lock_guard lock(mutex_);
    return stands_still_;
  }

 private:
  void stand_still() {
    const std::lock_guard lock(mutex_);
    stands_still_ = true;
    g_main_context_wakeup(nullptr);
  }

  std::mutex mutex_;
  const core::Utc origin_;
  const std::int64_t end_;
  std::int64_t now_ = 0;
  bool stands_still_ = false;
};

class ChannelTest : public test::MainLoopTest {
 protected:
  static constexpr std::int64_t kLongMs = 120'000;

  std::string numbered_film() {
    const std::string path = directory_ / "film.mp4";
    test::make_film("-f lavfi -i \"" + test::barcode("320x180", "25", "10") +
                        "\" -f lavfi -i sine=f=440:r=48000:d=10 -c:v libx264 -preset ultrafast -c:a aac",
                    path);
    return path;
  }

  control::Configuration configuration(const std::string& source, bool encrypted) const {
    control::Configuration configuration;
    configuration.pipeline = "simlive";
    configuration.variables = {{"source", source},
                               {"segment-directory", segments()},
                               {"title", std::string("Tom & Jerry <1>")},
                               {"width", std::int32_t{kWidth}},
                               {"height", std::int32_t{kHeight}},
                               {"video-bitrate", std::int32_t{800}}};
    if (encrypted) {
      configuration.encryption = control::Encryption{*core::key_id_from_hex(kKeyId), *core::ContentKey::from_hex(kKey)};
    }
    return configuration;
  }
  [[nodiscard]] std::string segments() const { return directory_ / "segments"; }

  // Plays run_seconds from `now` on, to the end of the last segment.
  void play(const control::Configuration& configuration, core::Utc now, std::int64_t run_seconds) {
    const auto clock = std::make_shared<FastClock>(now, run_seconds * core::kNsPerSecond);
    Service service("ch1", clock);
    ASSERT_TRUE(finish([&](const Handler::Done& done) { service.configure(configuration, done); }));
    ASSERT_TRUE(finish([&](const Handler::Done& done) { service.start(done); }));
    ASSERT_TRUE(run_until([&] { return clock->stands_still(); }, kLongMs));
    ASSERT_TRUE(finish([&](const Handler::Done& done) { service.stop(done); }));
    service.segments_since(0, 1'000, [this](core::Result<std::vector<control::SegmentRow>> rows) { rows_ = *rows; });
    ASSERT_TRUE(run_until([&] { return !rows_.empty(); }));
  }
  using Handler = control::Handler;
  bool finish(const std::function<void(const Handler::Done&)>& call) {
    std::optional<core::Result<void>> outcome;
    call([&outcome](core::Result<void> result) { outcome = std::move(result); });
    if (!run_until([&] { return outcome.has_value(); }, kLongMs)) return false;
    if (!*outcome) ADD_FAILURE() << outcome->error().message;
    return outcome->has_value();
  }

  std::string concatenated() {
    std::string all = test::read_text(segments() + "/" + rows_.front().init_location);
    for (const auto& row : rows_) all += test::read_text(segments() + "/" + row.location);
    directory_.write("all.mp4", all);
    return directory_ / "all.mp4";
  }
  // The counters in the pictures, as ffmpeg sees them.
  std::vector<std::int64_t> counters(const std::string& file, const std::string& options) {
    // Through a pipe: ffmpeg 5.1 mixes up the fragments of encrypted tracks when it can seek.
    const auto decoded = test::run("cat '" + file + "' | ffmpeg -v error -xerror " + options +
                                   " -i pipe: -an -vsync passthrough -pix_fmt gray -f rawvideo -");
    EXPECT_EQ(decoded.exit, 0);
    constexpr std::size_t kPicture = kWidth * kHeight;
    EXPECT_EQ(decoded.output.size() % kPicture, 0U);
    std::vector<std::int64_t> numbers;
    const auto* luma = reinterpret_cast<const std::uint8_t*>(decoded.output.data());
    for (std::size_t at = 0; at + kPicture <= decoded.output.size(); at += kPicture) {
      numbers.push_back(test::read_barcode(luma + at + (kHeight - 10) * kWidth, kWidth));
    }
    return numbers;
  }

  test::TemporaryDirectory directory_;
  std::vector<control::SegmentRow> rows_;
};

TEST_F(ChannelTest, ThreeLoopsInEncryptedSegmentsShowEveryCounterInOrder) {
  play(configuration(numbered_film(), true), kStart + 1'000'000'000, 31);
  ASSERT_GE(rows_.size(), 6U);
  const auto numbers = counters(concatenated(), std::string("-decryption_key ") + kKey);
  ASSERT_GE(numbers.size(), 31U * 25);
  const std::int64_t first = kStart.ns / 40'000'000;
  for (std::int64_t i = 0; i < std::ssize(numbers); ++i) {
    ASSERT_EQ(numbers[static_cast<std::size_t>(i)], (first + i) % 250) << "output frame " << i;
  }
}

// Read by tesseract, around the changes of a second, though all of it was made in much less time.
TEST_F(ChannelTest, TheClockInAPictureIsThePicturesUtc) {
  auto wanted = configuration(numbered_film(), false);
  wanted.variables["width"] = std::int32_t{640};
  wanted.variables["height"] = std::int32_t{360};
  play(wanted, kStart, 12);
  const std::string film = concatenated();
  ASSERT_EQ(rows_.front().start, kStart);
  for (const int picture : {0, 24, 25, 149, 150, 262}) {
    // The place of tests/e2e/harness/clock.ts, made larger, dark on light.
    const std::string filters = "select=eq(n\\," + std::to_string(picture) +
                                "),crop=in_w*0.47:in_h*0.094:in_w*0.504:in_h*0.062,format=gray,scale=iw*3:ih*3,"
                                "lutyuv=y='if(gt(val,180),0,255)',pad=iw+80:ih+80:40:40:white";
    const auto read = test::run("ffmpeg -v error -i '" + film + "' -an -vf \"" + filters +
                                "\" -frames:v 1 -c:v png -f image2pipe - | OMP_THREAD_LIMIT=1 tesseract - - --psm 7 -c "
                                "tessedit_char_whitelist='0123456789:-UTC ' 2>/dev/null");
    std::string shown = core::to_rfc3339(kStart + picture * 40'000'000LL);
    shown.replace(shown.find('T'), 1, " ").replace(shown.find('Z'), 1, " UTC");
    EXPECT_THAT(read.output, HasSubstr(shown)) << "picture " << picture;
  }
}

TEST_F(ChannelTest, SegmentsStandOnTheSlotsAndAddUp) {
  play(configuration(numbered_film(), false), kStart + 1'000'000'000, 20);
  ASSERT_GE(rows_.size(), 4U);
  const std::string init_bytes = test::read_text(segments() + "/" + rows_.front().init_location);
  const auto init = core::bmff::parse_init(core::as_bytes(init_bytes));
  ASSERT_TRUE(init) << init.error().message;
  EXPECT_EQ(rows_.front().start, kStart);
  EXPECT_EQ(rows_.front().sequence, static_cast<std::uint64_t>(kStart.ns / 6'000'000'000));
  std::int64_t video_end = 0, audio_end = 0, audio_samples = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const auto& row = rows_[i];
    SCOPED_TRACE(row.location);
    EXPECT_FALSE(row.key_id);
    EXPECT_EQ(row.sequence, rows_.front().sequence + i);
    EXPECT_EQ(row.start, kStart + static_cast<std::int64_t>(i) * 6'000'000'000);
    EXPECT_TRUE(row.duration_ns == 6'000'000'000 || i + 1 == rows_.size()) << row.duration_ns;
    const std::string bytes = test::read_text(segments() + "/" + row.location);
    EXPECT_EQ(row.size, bytes.size());
    const auto fragment = core::bmff::parse_fragment(core::as_bytes(bytes), &init.value());
    ASSERT_TRUE(fragment) << fragment.error().message;
    ASSERT_EQ(fragment->tracks.size(), 2U);
    for (const auto& track : fragment->tracks) {
      const auto duration = static_cast<std::int64_t>(track.duration());
      const auto begin = static_cast<std::int64_t>(track.base_media_decode_time);
      auto& end = track.track_id == fragment->tracks.front().track_id ? video_end : audio_end;
      EXPECT_EQ(begin, end == 0 ? begin : end) << "tfdt(n+1) = tfdt(n) + durations(n), track " << track.track_id;
      end = begin + duration;
      if (&end == &audio_end) {
        audio_samples += duration;
        EXPECT_EQ(begin % 1'024, 0) << "AAC frames count from 1970";
        const core::Utc begin_utc{core::scale_round(begin, core::kNsPerSecond, 48'000)};
        EXPECT_GE(begin_utc, row.start);
        EXPECT_LT(begin_utc - row.start, 22'000'000);
      }
    }
  }
  const std::int64_t played = std::accumulate(rows_.begin(), rows_.end(), std::int64_t{0},
                                              [](std::int64_t sum, const auto& row) { return sum + row.duration_ns; });
  EXPECT_NEAR(static_cast<double>(audio_samples), static_cast<double>(played) * 48e-6, 2 * 1'024);
}

TEST_F(ChannelTest, ARestartRejoinsTheTimelineAndNumbersTheHole) {
  const auto wanted = configuration(numbered_film(), true);
  play(wanted, kStart, 8);
  const auto before = rows_;
  rows_.clear();
  play(wanted, kStart + 27'500'000'000, 8);
  ASSERT_GT(rows_.size(), before.size());
  const auto last = before.back();
  const auto resumed = rows_[before.size()];
  EXPECT_EQ(resumed.start, kStart + 24'000'000'000) << "the slot that 27.5 s lies in";
  const std::int64_t hole = resumed.start - (last.start + last.duration_ns);
  const std::int64_t gap_rows = std::max<std::int64_t>(1, (hole - 500'000'000 + 5'999'999'999) / 6'000'000'000);
  EXPECT_EQ(resumed.sequence, last.sequence + 1 + static_cast<std::uint64_t>(gap_rows));
  EXPECT_TRUE(resumed.discontinuity);
  EXPECT_EQ(resumed.init_location, last.init_location) << "two encoders of a channel make the same init segment";
  const auto numbers = [&] {
    rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(before.size()));
    return counters(concatenated(), std::string("-decryption_key ") + kKey);
  }();
  ASSERT_FALSE(numbers.empty());
  EXPECT_EQ(numbers.front(), resumed.start.ns / 40'000'000 % 250) << "joined in progress";
}

class MustPlayTest : public ChannelTest, public ::testing::WithParamInterface<test::MustPlay> {};

TEST_P(MustPlayTest, IsListedInSegmentsThatTheKeyOpens) {
  const test::MustPlay& film = GetParam();
  play(configuration(test::make_film(film, directory_), true), kStart, 8);  // two seams
  ASSERT_GE(rows_.size(), 2U);
  double seconds = 0;
  for (const auto& row : rows_) {
    EXPECT_TRUE(row.key_id);
    seconds += static_cast<double>(row.duration_ns) / core::kNsPerSecond;
  }
  EXPECT_GE(seconds, 8);
  const std::string decode =
      "cat '" + concatenated() + "' | ffmpeg -v error -xerror -decryption_key " + kKey + " -i pipe: ";
  const auto pictures = test::run(decode + "-map 0:v -vsync passthrough -pix_fmt gray -f rawvideo -");
  ASSERT_EQ(pictures.exit, 0);
  EXPECT_EQ(static_cast<double>(pictures.output.size()) / (kWidth * kHeight), seconds * 25);
  const auto brightest = std::ranges::max(pictures.output, {}, [](char c) { return static_cast<unsigned char>(c); });
  EXPECT_EQ(static_cast<unsigned char>(brightest) > 220, true) << "the clock is burned in";
  // Halfway down the picture there is neither name nor clock.
  const auto middle = static_cast<std::size_t>(kWidth * kHeight) * 50 + kWidth * (kHeight / 2) + kWidth / 4;
  const auto [low, high] = std::ranges::minmax(pictures.output.substr(middle, kWidth / 2), {},
                                               [](char c) { return static_cast<unsigned char>(c); });
  EXPECT_EQ(static_cast<unsigned char>(high) - static_cast<unsigned char>(low) > 60, film.picture);
  const auto sound = test::run(decode + "-map 0:a -ac 1 -f s16le -");
  ASSERT_EQ(sound.exit, 0);
  const std::size_t samples = sound.output.size() / sizeof(std::int16_t);
  EXPECT_NEAR(static_cast<double>(samples), seconds * 48'000, 3 * 1'024);
  int loudest = 0;
  for (std::size_t i = 0; i < samples; ++i) {
    std::int16_t sample = 0;
    std::memcpy(&sample, sound.output.data() + i * sizeof sample, sizeof sample);
    loudest = std::max(loudest, std::abs(int{sample}));
  }
  EXPECT_EQ(loudest > 300, film.sound) << loudest;
}

// What differs between the others ends in the decoder, which source_test.cpp tries with all of them.
std::vector<test::MustPlay> promised() {
  constexpr std::array<std::string_view, 9> kNames = {
      "no-audio.mp4", "no-video.m4a", "odd-size.mp4",      "12.5fps.mp4",  "29.97fps.mp4",
      "mono.mp4",     "surround.mkv", "variable-rate.mkv", "b-frames.mp4",
  };
  std::vector<test::MustPlay> films = test::must_play();
  std::erase_if(films,
                [&](const test::MustPlay& film) { return std::ranges::find(kNames, film.name) == kNames.end(); });
  EXPECT_EQ(films.size(), kNames.size());
  return films;
}

INSTANTIATE_TEST_SUITE_P(Films, MustPlayTest, ::testing::ValuesIn(promised()), [](const auto& film) {
  std::string name = film.param.name;
  std::ranges::replace_if(
      name, [](char c) { return !g_ascii_isalnum(c); }, '_');
  return name;
});

// A new key from an instant on, at a segment's start and within one: no break, no discontinuity, one segment under the
// old key and the next one, from that very picture, under the new.
class KeyChangeTest : public ChannelTest, public ::testing::WithParamInterface<std::int64_t> {};

TEST_P(KeyChangeTest, ChangesItsKeyOnAir) {
  constexpr const char* kNextKeyId = "ffeeddccbbaa99887766554433221100";
  constexpr const char* kNextKey = "00112233445566778899aabbccddeeff";
  const auto clock = std::make_shared<FastClock>(kStart, 20 * core::kNsPerSecond);
  Service service("ch1", clock);
  const control::Encryption next{*core::key_id_from_hex(kNextKeyId), *core::ContentKey::from_hex(kNextKey)};
  const core::Utc from = kStart + GetParam() * core::kNsPerMs;
  std::optional<core::Result<void>> early;
  service.rotate(next, from, [&](core::Result<void> result) { early = std::move(result); });
  ASSERT_TRUE(early && !*early) << "there is nothing on air whose key could change";
  EXPECT_EQ(early->error().code, core::Code::kConflict);
  ASSERT_TRUE(
      finish([&](const Handler::Done& done) { service.configure(configuration(numbered_film(), true), done); }));
  // In the answer to Start, when nothing is encoded yet.
  ASSERT_TRUE(finish([&](const Handler::Done& done) {
    service.start([&, done](core::Result<void> started) {
      if (!started) return done(std::move(started));
      service.rotate(next, from, done);
    });
  }));
  ASSERT_TRUE(run_until([&] { return clock->stands_still(); }, kLongMs));
  ASSERT_TRUE(finish([&](const Handler::Done& done) { service.stop(done); }));
  service.segments_since(0, 1'000, [this](core::Result<std::vector<control::SegmentRow>> rows) { rows_ = *rows; });
  ASSERT_TRUE(run_until([&] { return !rows_.empty(); }));

  ASSERT_GE(rows_.size(), 4U);
  std::vector<std::int64_t> numbers;
  for (const bool later : {false, true}) {
    std::vector<control::SegmentRow> period;
    for (const auto& row : rows_) {
      EXPECT_EQ(row.key_id, core::key_id_from_hex(row.start < from ? kKeyId : kNextKeyId).value()) << row.location;
      EXPECT_FALSE(row.discontinuity) << row.location;
      EXPECT_EQ(row.sequence, rows_.front().sequence + static_cast<std::uint64_t>(&row - rows_.data()));
      if ((row.start >= from) == later) period.push_back(row);
    }
    ASSERT_GE(period.size(), 2U);
    EXPECT_TRUE(!later || period.front().start == from);
    for (const auto& row : period) EXPECT_EQ(row.init_location, period.front().init_location);
    std::swap(rows_, period);
    const auto seen = counters(concatenated(), std::string("-decryption_key ") + (later ? kNextKey : kKey));
    const auto sound = test::run("cat '" + (directory_ / "all.mp4") + "' | ffmpeg -v error -xerror -decryption_key " +
                                 (later ? kNextKey : kKey) + " -i pipe: -map 0:a -f null -");
    EXPECT_EQ(sound.exit, 0) << sound.output;
    std::swap(rows_, period);
    numbers.insert(numbers.end(), seen.begin(), seen.end());
  }
  for (std::size_t i = 1; i < numbers.size(); ++i) {
    ASSERT_EQ(numbers[i], (numbers[i - 1] + 1) % 250) << "picture " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Milliseconds, KeyChangeTest, ::testing::Values(12'000, 12'600));

// The disk goes away while the channel is on air, and comes back.
TEST_F(ChannelTest, StaysOnAirWithoutItsDisk) {
  const auto clock =
      std::make_shared<FastClock>(*core::from_rfc3339("2026-02-25T14:30:00Z"), 3600 * core::kNsPerSecond);
  Service service("ch1", clock);
  ASSERT_TRUE(finish([&](const Handler::Done& done) { service.configure(configuration("", false), done); }));
  ASSERT_TRUE(finish([&](const Handler::Done& done) { service.start(done); }));
  ASSERT_TRUE(run_until([&] { return service.status().last_sequence.has_value(); }, kLongMs));
  std::filesystem::rename(segments(), directory_ / "away");
  ASSERT_TRUE(run_until([&] { return !service.status().reason.empty(); }, kLongMs));
  EXPECT_NE(service.status().reason.find("No such file or directory"), std::string::npos) << service.status().reason;
  EXPECT_EQ(service.status().state, control::WorkerState::kRunning);
  std::filesystem::rename(directory_ / "away", segments());
  ASSERT_TRUE(run_until([&] { return service.status().reason.empty(); }, kLongMs));
  EXPECT_EQ(service.status().state, control::WorkerState::kRunning);
  ASSERT_TRUE(finish([&](const Handler::Done& done) { service.stop(done); }));
}

TEST_F(ChannelTest, RefusalsNameTheCauseAndLeaveTheStoreAlone) {
  play(configuration(numbered_film(), true), kStart, 7);
  const auto files = directory_.files();
  Service service("ch1", std::make_shared<FastClock>(kStart, core::kNsPerSecond));
  const auto outcome_of = [](const std::function<void(const Handler::Done&)>& call) {
    std::optional<core::Result<void>> outcome;
    call([&outcome](core::Result<void> result) { outcome = std::move(result); });
    EXPECT_TRUE(run_until([&] { return outcome.has_value(); }, kLongMs));
    return outcome->has_value() ? std::string() : outcome->error().message;
  };
  const auto start = [&service](const Handler::Done& done) { service.start(done); };
  EXPECT_THAT(outcome_of(start), HasSubstr("Configure first"));
  const auto configure = [&](const std::function<void(control::Configuration&)>& change) {
    auto changed = configuration(directory_ / "film.mp4", false);
    change(changed);
    return outcome_of([&](const Handler::Done& done) { service.configure(changed, done); });
  };
  EXPECT_THAT(configure([](auto& c) { c.pipeline = "../evil"; }), HasSubstr("is not a name"));
  EXPECT_THAT(configure([](auto& c) { c.pipeline = "nothing"; }), HasSubstr("no such description"));
  EXPECT_THAT(configure([](auto& c) { c.variables["colour"] = std::string("red"); }), HasSubstr("colour"));
  EXPECT_THAT(configure([](auto& c) { c.variables["video-bitrate"] = std::int32_t{5}; }), HasSubstr("64 to 100000"));
  EXPECT_THAT(configure([](auto& c) { c.variables["width"] = std::int32_t{321}; }), HasSubstr("even"));
  EXPECT_THAT(configure([](auto& c) { c.variables["source"] = std::string("film.mp4"); }), HasSubstr("absolute"));
  EXPECT_THAT(configure([](auto& c) { c.variables["title"] = std::string(201, 'x'); }), HasSubstr("200"));
  EXPECT_EQ(configure([this](auto& c) { c.variables["source"] = directory_ / "missing.mp4"; }), "");
  EXPECT_THAT(outcome_of(start), HasSubstr("missing.mp4: no such file"));
  EXPECT_EQ(service.status().state, State::kFailed);
  EXPECT_THAT(service.status().error, HasSubstr("missing.mp4"));
  EXPECT_EQ(configure([](auto& c) { c.variables["segment-directory"] = std::string("/proc/nowhere"); }), "");
  EXPECT_THAT(outcome_of(start), HasSubstr("/proc/nowhere"));
  EXPECT_EQ(directory_.files(), files);
}

}  // namespace
}  // namespace aircheck::worker

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
