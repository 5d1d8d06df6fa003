// A day of television through cencenc and strftimefmp4sink as fast as they go, at the rates that are hardest to count:
// 30000/1001 pictures and 44,100 samples a second, reordered pictures, over a change of daylight saving time.
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <thread>

#include "core/bmff/fragment.hpp"
#include "core/segment_info.hpp"
#include "core/time.hpp"
#include "gobj/ref.hpp"
#include "gstx/ref.hpp"
#include "support/m3u8.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck {
namespace {

using core::kNsPerSecond;
using gobj::Ref;
using test::read_text;
using test::TemporaryDirectory;

constexpr std::int64_t kHour = 3600 * kNsPerSecond;
constexpr std::int64_t kVideoTimescale = 30'000;
constexpr std::int64_t kFrame = 1001;  // units of kVideoTimescale
constexpr std::int64_t kSampleRate = 44'100;
constexpr std::int64_t kAudioFrame = 1024;  // samples
constexpr std::int64_t kTarget = 6 * kNsPerSecond;

struct CodedFrame {
  Ref<GstBuffer> buffer;
  std::int64_t pts = 0;  // in frames from the first one
  std::int64_t dts = 0;
};

struct Coded {
  Ref<GstCaps> caps;
  std::vector<CodedFrame> frames;
};

Ref<GstElement> pipeline_of(const std::string& description) {
  GError* error = nullptr;
  auto pipeline = Ref<GstElement>::sink(gst_parse_launch(description.c_str(), &error));
  if (error != nullptr) ADD_FAILURE() << error->message;
  g_clear_error(&error);
  return pipeline;
}

std::int64_t in_frames(GstClockTime time, std::int64_t frame, std::int64_t timescale) {
  return core::scale_round(static_cast<std::int64_t>(time), timescale, kNsPerSecond) / frame;
}

// What real encoders make of a few seconds; `frame` units of 1/timescale s each.
Coded encode(const std::string& description, std::int64_t frame, std::int64_t timescale) {
  const auto pipeline = pipeline_of(description + " ! appsink name=out sync=false");
  const auto sink = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  Coded coded;
  GstClockTime origin = GST_CLOCK_TIME_NONE;
  for (;;) {
    const auto sample = Ref<GstSample>::adopt(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())));
    if (!sample) break;
    if (!coded.caps) coded.caps = Ref<GstCaps>::retain(gst_sample_get_caps(sample.get()));
    GstBuffer* const buffer = gst_sample_get_buffer(sample.get());
    if (origin == GST_CLOCK_TIME_NONE) origin = GST_BUFFER_PTS(buffer);
    CodedFrame one;
    one.buffer = Ref<GstBuffer>::retain(buffer);
    one.pts = in_frames(GST_BUFFER_PTS(buffer) - origin, frame, timescale);
    one.dts = static_cast<std::int64_t>(coded.frames.size());
    coded.frames.push_back(std::move(one));
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return coded;
}

const Coded& video() {
  static const Coded coded = [] {
    Coded made = encode(
        "videotestsrc num-buffers=60 pattern=black ! video/x-raw,width=64,height=36,framerate=30000/1001 ! x264enc "
        "key-int-max=60 option-string=scenecut=0 bframes=2 b-adapt=false speed-preset=ultrafast ! h264parse ! "
        "video/x-h264,stream-format=avc,alignment=au",
        kFrame, kVideoTimescale);
    // Decoded in their order, the first of them two frames before it is shown: the encoder reorders.
    for (CodedFrame& frame : made.frames) frame.dts -= 2;
    return made;
  }();
  return coded;
}

const Coded& audio() {
  static const Coded coded = encode(
      "audiotestsrc num-buffers=40 samplesperbuffer=1024 wave=silence ! audio/x-raw,rate=44100,channels=1 ! avenc_aac "
      "! aacparse ! audio/mpeg,stream-format=raw",
      kAudioFrame, kSampleRate);
  return coded;
}

// Running time of frame `index`, as a source that counts frames stamps it. Decode times may lie before zero: all times
// are so much later that none does.
constexpr GstClockTime kOffset = 1000 * GST_SECOND;
GstClockTime stamp(std::int64_t index, std::int64_t frame, std::int64_t timescale) {
  return kOffset + static_cast<GstClockTime>(core::scale_round(index * frame, kNsPerSecond, timescale));
}

void push_all(GstElement* source, const Coded& coded, std::int64_t count, std::int64_t frame, std::int64_t timescale) {
  const auto length = static_cast<std::int64_t>(coded.frames.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const CodedFrame& one = coded.frames[static_cast<std::size_t>(i % length)];
    const std::int64_t pass = i / length * length;
    GstBuffer* const buffer = gst_buffer_copy(one.buffer.get());
    GST_BUFFER_PTS(buffer) = stamp(pass + one.pts, frame, timescale);
    GST_BUFFER_DTS(buffer) = stamp(pass + one.dts, frame, timescale);
    GST_BUFFER_DURATION(buffer) = stamp(pass + one.pts + 1, frame, timescale) - stamp(pass + one.pts, frame, timescale);
    if (gst_app_src_push_buffer(GST_APP_SRC(source), buffer) != GST_FLOW_OK) return;
  }
  gst_app_src_end_of_stream(GST_APP_SRC(source));
}

// Plays `duration_ns` out, the first picture of which is of `start`.
void record(const TemporaryDirectory& folder, core::Utc start, std::int64_t duration_ns) {
  const std::string key = "cencenc key-id=11223344556677889900aabbccddeeff key=00112233445566778899aabbccddeeff ! ";
  const std::string source = " format=time block=true max-buffers=500 max-bytes=0 ! ";
  const auto pipeline =
      pipeline_of("appsrc name=v" + source + key + "sink.video appsrc name=a" + source + key +
                  "sink.audio strftimefmp4sink name=sink fsync=none playlist-length=50 max-duration=8 location=" +
                  (folder / "ch1-%Y%m%d%H%M%S.m4s") + " playlist-location=" + (folder / "ch1.m3u8") +
                  " start-utc=" + core::to_rfc3339(start - static_cast<std::int64_t>(kOffset), 9));
  const auto named = [&](const char* name) {
    return Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
  };
  const auto v = named("v");
  const auto a = named("a");
  gst_app_src_set_caps(GST_APP_SRC(v.get()), video().caps.get());
  gst_app_src_set_caps(GST_APP_SRC(a.get()), audio().caps.get());
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::thread pictures([&] {
    push_all(v.get(), video(), core::scale_round(duration_ns, kVideoTimescale, kNsPerSecond) / kFrame, kFrame,
             kVideoTimescale);
  });
  std::thread sound([&] {
    push_all(a.get(), audio(), core::scale_round(duration_ns, kSampleRate, kNsPerSecond) / kAudioFrame, kAudioFrame,
             kSampleRate);
  });
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 900 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  ASSERT_TRUE(message) << "it did not end within a quarter of an hour";
  EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  pictures.join();
  sound.join();
}

struct Found {
  std::string name;
  core::SegmentInfo info;
  core::bmff::FragmentInfo fragment;
};

core::Bytes read_bytes(const std::string& path) {
  const std::string text = read_text(path);
  return {text.begin(), text.end()};
}

// All segments of the folder in the order of their numbers.
std::vector<Found> read_archive(const TemporaryDirectory& folder) {
  std::vector<Found> found;
  std::map<std::string, core::bmff::InitInfo> inits;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "")) {
    const std::string name = entry.path().filename();
    if (entry.path().extension() != ".m4s") continue;
    const core::Bytes bytes = read_bytes(entry.path());
    const auto info = core::read_segment_info(bytes);
    EXPECT_TRUE(info) << name;
    if (!info) continue;
    if (!inits.contains(info->init_name)) {
      const auto init = core::bmff::parse_init(read_bytes(folder / info->init_name));
      EXPECT_TRUE(init) << info->init_name;
      inits[info->init_name] = *init;
    }
    const auto fragment = core::bmff::parse_fragment(bytes, &inits[info->init_name]);
    EXPECT_TRUE(fragment) << name << ": " << (fragment ? "" : fragment.error().message);
    if (fragment) found.push_back({name, *info, *fragment});
  }
  std::ranges::sort(found, {}, [](const Found& one) { return one.info.sequence; });
  return found;
}

std::string name_of(core::Utc start, const std::string& suffix = "") {
  std::string digits;
  for (const char c : core::to_rfc3339(start, 0)) {
    if (g_ascii_isdigit(c)) digits += c;
  }
  return "ch1-" + digits + suffix + ".m4s";
}

// The whole of one run: every time stands on the grid of its frames, counted from the run's start.
void expect_on_the_grid(std::span<const Found> segments, core::Utc start, const std::string& suffix) {
  const std::int64_t video_origin = core::scale_round(start.ns, kVideoTimescale, kNsPerSecond);
  const std::int64_t audio_origin = core::scale_round(start.ns, kSampleRate, kNsPerSecond);
  std::int64_t frames = 0;
  std::int64_t audio_frames = 0;
  for (const Found& segment : segments) {
    ASSERT_EQ(segment.fragment.tracks.size(), 2U) << segment.name;
    const auto& pictures = segment.fragment.tracks[0];
    const auto& sound = segment.fragment.tracks[1];
    const std::int64_t shown =
        static_cast<std::int64_t>(pictures.base_media_decode_time) + pictures.samples.front().composition_offset;
    ASSERT_EQ(shown, video_origin + frames * kFrame) << segment.name;
    const core::Utc utc{core::scale_round(shown, kNsPerSecond, kVideoTimescale)};
    ASSERT_EQ(segment.info.start.ns, utc.ns) << segment.name;
    ASSERT_EQ(segment.name, name_of(utc, suffix));
    ASSERT_EQ(static_cast<std::int64_t>(sound.base_media_decode_time), audio_origin + audio_frames * kAudioFrame)
        << segment.name;
    const std::int64_t late =
        core::scale_round(static_cast<std::int64_t>(sound.base_media_decode_time), kNsPerSecond, kSampleRate) - utc.ns;
    ASSERT_GE(late, -1000) << segment.name;  // half a unit of either clock
    ASSERT_LE(late, core::scale_round(kAudioFrame, kNsPerSecond, kSampleRate) + 1000) << segment.name;
    frames += static_cast<std::int64_t>(pictures.samples.size());
    audio_frames += static_cast<std::int64_t>(sound.samples.size());
  }
}

TEST(Timeline, ADayWithoutDriftOverAChangeOfDaylightSavingTime) {
  const TemporaryDirectory folder;
  // Clocks in St. John's, the time zone of these tests, went back at 04:30 UTC on that day.
  const core::Utc start = *core::from_rfc3339("2026-10-31T20:00:00Z");
  record(folder, start, 24 * kHour);
  const auto segments = read_archive(folder);
  ASSERT_NEAR(static_cast<double>(segments.size()), 24 * 600, 2);
  expect_on_the_grid(segments, start, "");
  for (std::size_t i = 1; i < segments.size(); ++i) {
    const auto& before = segments[i - 1].info;
    const auto& after = segments[i].info;
    ASSERT_EQ(after.sequence, before.sequence + 1);
    ASSERT_FALSE(after.discontinuity) << segments[i].name;
    ASSERT_EQ(before.start.ns + before.duration_ns, after.start.ns) << segments[i].name;
    ASSERT_EQ(core::slot_of(after.start, kTarget), core::slot_of(before.start, kTarget) + 1);
  }
  const auto playlist = test::parse_m3u8(read_text(folder / "ch1.m3u8"));
  ASSERT_EQ(playlist.rows.size(), 50U);
  for (std::size_t i = 0; i < playlist.rows.size(); ++i) {
    const Found& segment = segments[segments.size() - 50 + i];
    EXPECT_EQ(playlist.rows[i].uri, segment.name);
    EXPECT_EQ(playlist.rows[i].sequence, segment.info.sequence);
    EXPECT_EQ(playlist.rows[i].date_time, core::to_rfc3339(segment.info.start, 3));
  }
}

TEST(Timeline, AClockThatIsSetRepeatsNoName) {
  const TemporaryDirectory folder;
  const core::Utc start = *core::from_rfc3339("2026-03-08T04:00:00Z");
  record(folder, start, kHour);
  record(folder, start + kHour / 2, kHour);      // half an hour back
  record(folder, start + 5 * kHour / 2, kHour);  // an hour forward
  const auto segments = read_archive(folder);
  std::map<std::uint32_t, std::vector<Found>> epochs;
  std::set<std::string> names;
  for (const Found& segment : segments) {
    EXPECT_TRUE(names.insert(segment.name).second) << segment.name;
    epochs[segment.info.epoch].push_back(segment);
  }
  ASSERT_EQ(epochs.size(), 2U) << "time went back once";
  expect_on_the_grid(epochs[0], start, "");
  const auto& later = epochs[1];
  const auto jump = std::ranges::adjacent_find(
      later, [](const Found& a, const Found& b) { return b.info.start - a.info.start > kHour / 2; });
  ASSERT_NE(jump, later.end());
  expect_on_the_grid({later.begin(), jump + 1}, start + kHour / 2, "-e1");
  expect_on_the_grid({jump + 1, later.end()}, start + 5 * kHour / 2, "-e1");
  // Back: the numbers go on. Forward: they count the slots in which nothing was on air.
  EXPECT_EQ(later.front().info.sequence, epochs[0].back().info.sequence + 1);
  EXPECT_TRUE(later.front().info.discontinuity);
  EXPECT_NEAR(static_cast<double>((jump + 1)->info.sequence - jump->info.sequence), 600, 2);
  EXPECT_TRUE((jump + 1)->info.discontinuity);
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
