// fmp4mux in pipelines, with ffmpeg and ffprobe as judges, and in a harness for what no pipeline brings.
#include <gst/app/gstappsink.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "core/bmff/decrypt.hpp"
#include "fmp4/segment_meta.hpp"
#include "gstx/caps.hpp"
#include "gstx/ref.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::fmp4 {
namespace {

namespace bmff = core::bmff;
using core::Bytes;
using core::kNsPerSecond;
using core::Utc;
using gstx::Ref;

constexpr const char* kKey = "00112233445566778899aabbccddeeff";
constexpr const char* kCencenc =
    "cencenc key-id=11223344556677889900aabbccddeeff key=00112233445566778899aabbccddeeff ! ";
const Utc kStart = Utc::from_seconds(1'772'029'800);  // 2026-02-25T14:30:00Z

std::string shell(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return "cannot run " + command;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), got);
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) output += "\nexit status of: " + command;
  return output;
}

// What came out of the muxer, one Part for each init or segment.
struct Part {
  bool init = false;
  std::optional<SegmentMeta> meta;
  Bytes bytes;
};

struct Output {
  std::vector<Part> parts;
  std::string error;    // text of an error message
  std::string warning;  // of the first warning

  void add(GstBuffer* buffer) {
    const bool header = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER);
    const auto meta = segment_meta(buffer);
    if (header || meta) parts.push_back({header, meta, {}});
    if (parts.empty()) return;
    Bytes& bytes = parts.back().bytes;
    const std::size_t before = bytes.size();
    bytes.resize(before + gst_buffer_get_size(buffer));
    gst_buffer_extract(buffer, 0, bytes.data() + before, bytes.size() - before);
  }
  [[nodiscard]] std::vector<Part> segments() const {
    std::vector<Part> result;
    std::ranges::copy_if(parts, std::back_inserter(result), [](const Part& part) { return !part.init; });
    return result;
  }
  [[nodiscard]] Bytes all() const {
    Bytes bytes;
    for (const Part& part : parts) bytes.insert(bytes.end(), part.bytes.begin(), part.bytes.end());
    return bytes;
  }
  [[nodiscard]] bmff::InitInfo init() const { return bmff::parse_init(parts.front().bytes).value(); }
};

std::string message_text(GstMessage* message, void (*parse)(GstMessage*, GError**, gchar**)) {
  GError* error = nullptr;
  parse(message, &error, nullptr);
  std::string text = error->message;
  g_error_free(error);
  return text;
}

// Runs `description ! appsink` to its end.
Output run(const std::string& description) {
  Output output;
  GError* error = nullptr;
  auto pipeline =
      Ref<GstElement>::sink(gst_parse_launch((description + " ! appsink name=out sync=false").c_str(), &error));
  if (error != nullptr) {
    output.error = error->message;
    g_error_free(error);
    return output;
  }
  auto sink = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto look = [&] {
    for (;;) {
      auto message = Ref<GstMessage>::adopt(gst_bus_pop(bus.get()));
      if (!message) return;
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR && output.error.empty()) {
        output.error = message_text(message.get(), gst_message_parse_error);
      }
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_WARNING && output.warning.empty()) {
        output.warning = message_text(message.get(), gst_message_parse_warning);
      }
    }
  };
  constexpr GstClockTime kPatience = 20 * GST_SECOND;
  GstClockTime waited = 0;
  while (output.error.empty() && !gst_app_sink_is_eos(GST_APP_SINK(sink.get())) && waited < kPatience) {
    constexpr GstClockTime kStep = 100 * GST_MSECOND;
    auto sample = Ref<GstSample>::adopt(gst_app_sink_try_pull_sample(GST_APP_SINK(sink.get()), kStep));
    if (sample) output.add(gst_sample_get_buffer(sample.get()));
    waited = sample ? 0 : waited + kStep;
    look();
  }
  if (waited >= kPatience) output.error = "the pipeline stands still";
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  look();
  return output;
}

class Fmp4Mux : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  std::string film(const std::string& name, const std::string& ffmpeg_arguments) {
    const std::string path = folder_ / name;
    const std::string said = shell("ffmpeg -v error -y " + ffmpeg_arguments + " " + path + " 2>&1");
    EXPECT_EQ(said, "") << "ffmpeg could not make " << name;
    return path;
  }
  std::string write(const std::string& name, const Bytes& bytes) {
    folder_.write(name, std::string(bytes.begin(), bytes.end()));
    return folder_ / name;
  }
  // Sizes and hashes of one stream's packets, in order.
  static std::string packets(const std::string& path, const std::string& stream, const std::string& options = "") {
    return shell("ffmpeg -v error " + options + " -i " + path + " -map 0:" + stream +
                 " -c copy -f framemd5 - 2>&1 | grep -v '^#' | awk -F, '{print $5, $6}'");
  }
  static void expect_same_packets(const std::string& path, const std::string& source, const std::string& stream,
                                  const std::string& options = "") {
    const std::string ours = packets(path, stream, options);
    const std::string theirs = packets(source, stream);
    const auto [at, other] = std::ranges::mismatch(ours, theirs);
    EXPECT_TRUE(ours == theirs) << stream << " differs after packet " << std::count(ours.begin(), at, '\n') << " of "
                                << std::ranges::count(theirs, '\n');
    EXPECT_NE(ours, "");
  }
  // Decodes everything. What ffmpeg's null muxer says about a variable rate it says about the source as well.
  static void expect_plays(const std::string& path) {
    EXPECT_EQ(
        shell("ffmpeg -v error -xerror -i " + path +
              " -f null - 2>&1 | grep -v -e 'non monotonically increasing dts to muxer' -e 'message repeated'; true"),
        "");
  }
  // Every track's decode times go on without a break over all segments.
  static void expect_continuous(const Output& output) {
    std::map<std::uint32_t, std::uint64_t> next;
    const bmff::InitInfo init = output.init();
    for (const Part& part : output.segments()) {
      const auto fragment = bmff::parse_fragment(part.bytes, &init);
      ASSERT_TRUE(fragment) << fragment.error().message;
      for (const bmff::TrackFragment& track : fragment->tracks) {
        if (next.contains(track.track_id)) {
          EXPECT_EQ(track.base_media_decode_time, next[track.track_id]);
        }
        next[track.track_id] = track.base_media_decode_time + track.duration();
      }
    }
  }

  test::TemporaryDirectory folder_;
};

std::string mux(const std::string& settings = "") {
  return "fmp4mux name=mux start-utc=2026-02-25T14:30:00Z " + settings + " ";
}
std::string remux(const std::string& path, const std::string& demuxer, bool video, bool audio,
                  const std::string& encrypt = "", const std::string& settings = "") {
  std::string text = "filesrc location=" + path + " ! " + demuxer + " name=d ";
  if (video) text += "d.video_0 ! queue ! h264parse ! " + encrypt + "mux.video_0 ";
  if (audio) text += "d.audio_0 ! queue ! aacparse ! " + encrypt + "mux.audio_0 ";
  return text + mux(settings);
}

struct Passthrough {
  const char* name;
  const char* file;
  const char* ffmpeg;
  const char* demuxer;
  bool video;
  bool audio;
};

class EachFilm : public Fmp4Mux, public testing::WithParamInterface<Passthrough> {};

TEST_P(EachFilm, KeepsEveryPacketClearAndEncrypted) {
  const Passthrough& p = GetParam();
  const std::string source = film(p.file, p.ffmpeg);
  for (const bool encrypted : {false, true}) {
    const Output output = run(remux(source, p.demuxer, p.video, p.audio, encrypted ? kCencenc : ""));
    ASSERT_EQ(output.error, "");
    ASSERT_GE(output.segments().size(), 2U);
    expect_continuous(output);
    const std::string muxed = write(encrypted ? "encrypted.mp4" : "clear.mp4", output.all());
    const std::string options = encrypted ? std::string("-fflags +ignidx -decryption_key ") + kKey : "";
    if (p.video) {
      expect_same_packets(muxed, source, "v:0", options);
    }
    if (p.audio) {
      expect_same_packets(muxed, source, "a:0", options);
    }
    if (!encrypted) expect_plays(muxed);
    EXPECT_LE(output.segments()[0].meta->start - kStart, kNsPerSecond / 10);
    EXPECT_EQ(output.segments()[0].meta->key_id.has_value(), encrypted);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Passthroughs, EachFilm,
    testing::Values(
        Passthrough{"BFrames25", "a.mp4",
                    "-f lavfi -i testsrc=s=320x180:r=25:d=14 -f lavfi -i sine=d=14:r=48000 -c:v libx264 -bf 3 -g 50 "
                    "-pix_fmt yuv420p -c:a aac -shortest -use_editlist 0",
                    "qtdemux", true, true},
        Passthrough{"Ntsc51Matroska", "a.mkv",
                    "-f lavfi -i testsrc=s=322x182:r=30000/1001:d=14 -f lavfi -i sine=d=14:r=44100 -ac 6 -c:v libx264 "
                    "-bf 2 -g 45 -pix_fmt yuv420p -c:a aac",
                    "matroskademux", true, true},
        Passthrough{"Slow12", "slow.mp4", "-f lavfi -i testsrc=s=64x48:r=25/2:d=14 -c:v libx264 -g 20 -pix_fmt yuv420p",
                    "qtdemux", true, false},
        Passthrough{
            "VariableRate", "vfr.mp4",
            "-f lavfi -i testsrc=s=64x48:r=25:d=20 -vf \"select='not(between(n,50,120))*not(mod(n,7))+gt(n,400)'\" "
            "-fps_mode vfr -c:v libx264 -bf 2 -g 60 -pix_fmt yuv420p",
            "qtdemux", true, false},
        Passthrough{"MonoOnly", "mono.mkv", "-f lavfi -i sine=d=14:r=44100 -ac 1 -c:a aac", "matroskademux", false,
                    true}),
    [](const auto& param_info) { return param_info.param.name; });

// A film of one's own in AIRCHECK_TEST_FILM, else one whose video has an edit list. (Of audio with one, qtdemux 1.22
// leaves out the last packet.)
TEST_F(Fmp4Mux, KeepsEveryPacketOfAFilmWithAnEditList) {
  const char* own = getenv("AIRCHECK_TEST_FILM");
  const std::string source =
      own != nullptr
          ? own
          : film("edits.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=7 -c:v libx264 -bf 2 -g 25 -pix_fmt yuv420p");
  const Output output = run(remux(source, "qtdemux", true, own != nullptr));
  ASSERT_EQ(output.error, "");
  expect_continuous(output);
  EXPECT_EQ(output.segments()[0].meta->start, kStart);
  const std::string muxed = write("film.mp4", output.all());
  expect_same_packets(muxed, source, "v:0");
  if (own != nullptr) expect_same_packets(muxed, source, "a:0");
}

TEST_F(Fmp4Mux, PresentationTimesAreTheSources) {
  const std::string source =
      film("times.mp4", "-f lavfi -i testsrc=s=64x48:r=25:d=8 -c:v libx264 -bf 3 -g 50 -pix_fmt yuv420p");
  const Output output = run(remux(source, "qtdemux", true, false));
  ASSERT_EQ(output.error, "");
  const bmff::InitInfo init = output.init();
  EXPECT_EQ(init.tracks[0].timescale, 25'000U);
  std::vector<std::int64_t> times;
  for (const Part& part : output.segments()) {
    const auto fragment = bmff::parse_fragment(part.bytes, &init).value();
    std::uint64_t decode = fragment.tracks[0].base_media_decode_time;
    EXPECT_EQ(decode + static_cast<std::uint64_t>(fragment.tracks[0].samples[0].composition_offset),
              static_cast<std::uint64_t>(core::scale_round(part.meta->start.ns, 25'000, kNsPerSecond)));
    for (const bmff::Sample& sample : fragment.tracks[0].samples) {
      EXPECT_GE(sample.composition_offset, 0);
      times.push_back(static_cast<std::int64_t>(decode) + sample.composition_offset);
      decode += sample.duration;
    }
  }
  std::ranges::sort(times);
  ASSERT_EQ(times.size(), 200U);
  for (std::size_t i = 0; i < times.size(); ++i) {
    EXPECT_EQ(times[i], kStart.ns / kNsPerSecond * 25'000 + static_cast<std::int64_t>(i) * 1000);
  }
}

// Seconds by which a film's first picture is presented after its first sound, as ffprobe and as qtdemux see it.
struct LipSync {
  double ffprobe = 0;
  double qtdemux = 0;
};
LipSync lip_sync(const std::string& path) {
  LipSync result;
  for (const bool video : {true, false}) {
    const double sign = video ? 1 : -1;
    const std::string probe = std::string("ffprobe -v error -select_streams ") + (video ? "v" : "a") +
                              ":0 -show_entries packet=pts_time -of csv=p=0 -read_intervals %+#1 ";
    result.ffprobe += sign * std::strtod(shell(probe + path).c_str(), nullptr);
    auto pipeline = Ref<GstElement>::sink(gst_parse_launch(
        ("filesrc location=" + path + " ! qtdemux name=d d." + (video ? "video_0" : "audio_0") + " ! appsink name=out")
            .c_str(),
        nullptr));
    auto sink = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto sample = Ref<GstSample>::adopt(gst_app_sink_try_pull_sample(GST_APP_SINK(sink.get()), 60 * GST_SECOND));
    EXPECT_TRUE(sample);
    if (sample) {
      guint64 time = 0;
      const int before = gst_segment_to_stream_time_full(gst_sample_get_segment(sample.get()), GST_FORMAT_TIME,
                                                         GST_BUFFER_PTS(gst_sample_get_buffer(sample.get())), &time);
      result.qtdemux += sign * before * static_cast<double>(time) / GST_SECOND;
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  }
  return result;
}

// ffmpeg 5.1 presents all pictures later by the most negative composition offset of a track.
TEST_F(Fmp4Mux, EveryDemuxerPresentsPictureAndSoundTogether) {
  const std::string source =
      film("sync.mp4",
           "-f lavfi -i testsrc=s=64x48:r=25:d=8 -f lavfi -i sine=d=8:r=48000 -c:v libx264 -bf 3 -g 50 -pix_fmt "
           "yuv420p -c:a aac");
  const Output output = run(remux(source, "qtdemux", true, true));
  ASSERT_EQ(output.error, "");
  const LipSync ours = lip_sync(write("ours.mp4", output.all()));
  constexpr double kPriming = 1024 / 48'000.0;  // one frame of sound, which comes before the first picture
  EXPECT_NEAR(lip_sync(source).ffprobe, kPriming, 0.001);
  EXPECT_NEAR(ours.ffprobe, kPriming, 0.001);
  EXPECT_NEAR(ours.qtdemux, kPriming, 0.001);
}

TEST_F(Fmp4Mux, DecryptsInPlaceToWhatFfmpegReads) {
  const std::string source =
      film("clear.mp4",
           "-f lavfi -i testsrc2=s=640x360:r=25:d=8 -f lavfi -i sine=d=8 -c:v libx264 -b:v 2M -g 50 "
           "-pix_fmt yuv420p -c:a aac -use_editlist 0");
  const Output output = run(remux(source, "qtdemux", true, true, kCencenc));
  ASSERT_EQ(output.error, "");
  const bmff::InitInfo init = output.init();
  EXPECT_EQ(init.tracks[0].scheme, "cenc");
  Bytes clear = bmff::clear_init(output.parts[0].bytes).value();
  EXPECT_EQ(bmff::parse_init(clear)->tracks[0].scheme, "");
  const auto key = core::ContentKey::from_hex(kKey).value();
  for (Part& part : output.segments()) {
    const auto decrypted = bmff::decrypt_segment_in_place(part.bytes, init, key);
    ASSERT_TRUE(decrypted) << decrypted.error().message;
    clear.insert(clear.end(), part.bytes.begin(), part.bytes.end());
  }
  const std::string path = write("decrypted.mp4", clear);
  expect_plays(path);
  expect_same_packets(path, source, "v:0");
  expect_same_packets(path, source, "a:0");
}

TEST_F(Fmp4Mux, AsksTheEncoderForAnIdrInEachSlot) {
  const Output output =
      run("videotestsrc num-buffers=160 ! video/x-raw,width=64,height=48,framerate=25/1 ! x264enc key-int-max=10000 "
          "speed-preset=veryfast ! h264parse ! " +
          mux("target-duration=1"));
  ASSERT_EQ(output.error, "");
  const auto segments = output.segments();
  ASSERT_EQ(segments.size(), 7U);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    EXPECT_EQ(segments[i].meta->start, kStart + static_cast<std::int64_t>(i) * kNsPerSecond);
    EXPECT_TRUE(segments[i].meta->independent);
    EXPECT_TRUE(segments[i].meta->key_frames_on_request);
    EXPECT_EQ(segments[i].meta->max_duration_s, 1U);
  }
}

TEST_F(Fmp4Mux, NtscFramesOfAnEncoderCutAtTheFirstOfEachSlot) {
  const Output output = run(
      "videotestsrc num-buffers=400 ! video/x-raw,width=64,height=48,framerate=30000/1001 ! x264enc key-int-max=10000 "
      "tune=zerolatency ! h264parse ! " +
      mux());
  ASSERT_EQ(output.error, "");
  const auto segments = output.segments();
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_EQ(segments[0].meta->duration_ns, 6'006'000'000);
  EXPECT_EQ(segments[1].meta->duration_ns, 6'006'000'000);
  EXPECT_EQ(output.init().tracks[0].timescale, 30'000U);
}

TEST_F(Fmp4Mux, ALongGroupOfPicturesIsCutWithAWarningAndDoesNotDeadlock) {
  const std::string source = film("long.mp4",
                                  "-f lavfi -i testsrc=s=64x48:r=25:d=40 -f lavfi -i sine=d=40 -c:v libx264 -g 10000 "
                                  "-sc_threshold 0 -pix_fmt yuv420p -c:a aac");
  const Output output = run(remux(source, "qtdemux", true, true));
  ASSERT_EQ(output.error, "");
  EXPECT_NE(output.warning.find("without an IDR"), std::string::npos) << output.warning;
  const auto segments = output.segments();
  ASSERT_EQ(segments.size(), 4U);
  EXPECT_TRUE(segments[0].meta->independent);
  EXPECT_FALSE(segments[1].meta->independent);
  EXPECT_FALSE(segments[0].meta->key_frames_on_request);
  EXPECT_EQ(segments[0].meta->max_duration_s, 12U);
  EXPECT_EQ(segments[0].meta->duration_ns, 12'480'000'000);
  expect_plays(write("long-muxed.mp4", output.all()));
}

TEST_F(Fmp4Mux, EncoderDelayTakesThePrimingAway) {
  const Output output = run(
      "audiotestsrc num-buffers=100 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! "
      "mux.audio_0 " +
      mux("audio_0::encoder-delay=1024"));
  ASSERT_EQ(output.error, "");
  const bmff::InitInfo init = output.init();
  const auto fragment = bmff::parse_fragment(output.segments()[0].bytes, &init).value();
  EXPECT_EQ(fragment.tracks[0].base_media_decode_time, static_cast<std::uint64_t>(kStart.ns / kNsPerSecond) * 48'000);
}

TEST_F(Fmp4Mux, WithoutStartUtcTheFirstBufferIsNow) {
  const std::int64_t before = g_get_real_time() * 1000;
  const Output output = run(
      "audiotestsrc num-buffers=20 samplesperbuffer=1024 timestamp-offset=5000000000 ! avenc_aac ! aacparse ! fmp4mux");
  const std::int64_t after = g_get_real_time() * 1000;
  ASSERT_EQ(output.error, "");
  ASSERT_FALSE(output.segments().empty());
  const std::int64_t start = output.segments()[0].meta->start.ns;
  EXPECT_GE(start, before - kNsPerSecond / 10);
  EXPECT_LE(start, after);
}

TEST_F(Fmp4Mux, AWrongStartUtcIsRefusedByName) {
  const Output output = run("audiotestsrc num-buffers=2 ! avenc_aac ! aacparse ! fmp4mux start-utc=yesterday");
  EXPECT_NE(output.error.find("start-utc"), std::string::npos) << output.error;
}

TEST_F(Fmp4Mux, AMaxDurationBelowTheTargetIsRefused) {
  const Output output = run("audiotestsrc num-buffers=2 ! avenc_aac ! aacparse ! fmp4mux max-duration=5");
  EXPECT_NE(output.error.find("max-duration: 5 s is less than target-duration"), std::string::npos) << output.error;
}

// A harness on the muxer's pads, with access units that only look like H.264 to whoever reads NAL headers.
class Fmp4MuxHarness : public Fmp4Mux {
 protected:
  void SetUp() override {
    auto muxer = Ref<GstElement>::sink(gst_element_factory_make("fmp4mux", nullptr));
    ASSERT_TRUE(muxer);
    g_object_set(muxer.get(), "start-utc", "2026-02-25T14:30:00Z", nullptr);
    harness_ = gst_harness_new_with_element(muxer.get(), "video_%u", "src");
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    set_size(640);
  }
  void TearDown() override {
    gst_element_set_bus(harness_->element, nullptr);
    gst_harness_teardown(harness_);
  }

  void set_size(int width) {
    gst_harness_set_src_caps(
        harness_, gst_caps_from_string(("video/x-h264,stream-format=avc,alignment=au,width=" + std::to_string(width) +
                                        ",height=360,framerate=25/1,codec_data=(buffer)0164001fffe1000467640001010001"
                                        "68")
                                           .c_str()));
  }
  // Frame n of 25 in a second; a NAL unit of an access unit delimiter, then one slice.
  static Ref<GstBuffer> picture(std::int64_t n, bool idr) {
    const std::array<std::uint8_t, 16> bytes{
        0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 6, static_cast<std::uint8_t>(idr ? 0x65 : 0x41), 1, 2, 3, 4, 5};
    auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = static_cast<GstClockTime>(n) * 40 * GST_MSECOND;
    GST_BUFFER_DURATION(buffer.get()) = 40 * GST_MSECOND;
    return buffer;
  }
  GstFlowReturn push(std::int64_t n, bool idr) { return gst_harness_push(harness_, picture(n, idr).release()); }
  // Marks a buffer as cencenc does, without encrypting it.
  static void protect(GstBuffer* buffer, std::uint8_t key, std::uint8_t iv) {
    const core::KeyId key_id{key};
    const std::array<std::uint8_t, 8> iv_bytes{iv};
    const std::array<std::uint8_t, 6> subsample{0, 16, 0, 0, 0, 0};
    auto kid = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(key_id.data(), key_id.size()));
    auto iv_buffer = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(iv_bytes.data(), iv_bytes.size()));
    auto subsamples = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(subsample.data(), subsample.size()));
    gst_buffer_add_protection_meta(
        buffer,
        gst_structure_new("application/x-cenc", "iv_size", G_TYPE_UINT, 8U, "encrypted", G_TYPE_BOOLEAN, TRUE, "kid",
                          GST_TYPE_BUFFER, kid.get(), "iv", GST_TYPE_BUFFER, iv_buffer.get(), "subsample_count",
                          G_TYPE_UINT, 1U, "subsamples", GST_TYPE_BUFFER, subsamples.get(), nullptr));
  }
  Output finish() {
    gst_harness_push_event(harness_, gst_event_new_eos());
    return collect();
  }
  Output collect() {
    Output output;
    while (GstBuffer* buffer = gst_harness_try_pull(harness_)) {
      output.add(buffer);
      gst_buffer_unref(buffer);
    }
    while (GstMessage* message = gst_bus_pop(bus_.get())) {
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) output.error = message_text(message, gst_message_parse_error);
      gst_message_unref(message);
    }
    return output;
  }

  GstHarness* harness_ = nullptr;
  Ref<GstBus> bus_;
};

TEST_F(Fmp4MuxHarness, AnIdrIsFoundByNalTypeNotByTheDeltaFlag) {
  // No buffer carries DELTA_UNIT, so that every one looks like a key frame to whoever trusts the flag.
  for (int n = 0; n < 200; ++n) push(n, n == 0 || n == 160);
  const Output output = finish();
  ASSERT_EQ(output.segments().size(), 2U);
  EXPECT_EQ(output.segments()[1].meta->start, kStart + 6'400'000'000);
}

TEST_F(Fmp4MuxHarness, WhatComesBeforeTheFirstIdrIsLeftOut) {
  for (int n = 0; n < 100; ++n) push(n, n == 50);
  const Output output = finish();
  ASSERT_EQ(output.segments().size(), 1U);
  EXPECT_EQ(output.segments()[0].meta->start, kStart + 2 * kNsPerSecond);
  EXPECT_EQ(output.segments()[0].meta->duration_ns, 2 * kNsPerSecond);
}

TEST_F(Fmp4MuxHarness, AnotherFormatBringsAnInitAndADiscontinuity) {
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  set_size(1280);
  for (int n = 50; n < 100; ++n) push(n, n == 50);
  const Output output = finish();
  ASSERT_EQ(output.parts.size(), 4U);
  EXPECT_TRUE(output.parts[0].init && output.parts[2].init);
  EXPECT_EQ(bmff::parse_init(output.parts[2].bytes)->tracks[0].width, 1280U);
  EXPECT_FALSE(output.parts[1].meta->discontinuity);
  EXPECT_TRUE(output.parts[3].meta->discontinuity);
}

TEST_F(Fmp4MuxHarness, TheSameCapsAgainChangeNothing) {
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  set_size(640);
  for (int n = 50; n < 100; ++n) push(n, n == 50);
  EXPECT_EQ(finish().parts.size(), 2U);
}

TEST_F(Fmp4MuxHarness, AnotherKeyBringsAnInitWithoutADiscontinuity) {
  gst_harness_set_src_caps(
      harness_, gst_caps_from_string("application/x-cenc,original-media-type=video/"
                                     "x-h264,cipher-mode=cenc,stream-format=avc,alignment=au,width=640,"
                                     "height=360,framerate=25/1,codec_data=(buffer)0164001fffe100046764000101000168"));
  for (int n = 0; n < 100; ++n) {
    auto buffer = picture(n, n % 50 == 0);
    if (n != 10) protect(buffer.get(), n < 50 ? 1 : 2, static_cast<std::uint8_t>(n));
    gst_harness_push(harness_, buffer.release());
  }
  const Output output = finish();
  ASSERT_EQ(output.parts.size(), 4U);
  for (const std::size_t i : {0U, 2U}) {
    const core::KeyId expected{static_cast<std::uint8_t>(i == 0 ? 1 : 2)};
    EXPECT_EQ(bmff::parse_init(output.parts[i].bytes)->tracks[0].default_key_id, expected);
    EXPECT_EQ(output.parts[i + 1].meta->key_id, expected);
    EXPECT_FALSE(output.parts[i + 1].meta->discontinuity);
  }
  // A clear sample in a protected track says so in its subsamples.
  const bmff::InitInfo init = output.init();
  const auto fragment = bmff::parse_fragment(output.parts[1].bytes, &init).value();
  ASSERT_EQ(fragment.tracks[0].senc[10].subsamples.size(), 1U);
  EXPECT_EQ(fragment.tracks[0].senc[10].subsamples[0], (core::Subsample{16, 0}));
}

TEST_F(Fmp4MuxHarness, SaioPointsAtTheFirstIv) {
  gst_harness_set_src_caps(
      harness_, gst_caps_from_string("application/x-cenc,original-media-type=video/"
                                     "x-h264,cipher-mode=cenc,stream-format=avc,alignment=au,width=640,"
                                     "height=360,framerate=25/1,codec_data=(buffer)0164001fffe100046764000101000168"));
  auto buffer = picture(0, true);
  protect(buffer.get(), 1, 0xab);
  gst_harness_push(harness_, buffer.release());
  const Output output = finish();
  ASSERT_EQ(output.parts.size(), 2U);
  const Bytes& bytes = output.parts[1].bytes;
  const auto styp = bmff::read_box_view(bytes).value();
  const auto moof_bytes = core::ByteView(bytes).subspan(styp.bytes.size());
  const auto moof = bmff::read_box<bmff::Moof>(moof_bytes);
  ASSERT_TRUE(moof) << moof.error().message;
  EXPECT_EQ(moof_bytes[moof->trafs[0].saio->offsets.at(0)], 0xab);
  EXPECT_EQ(moof->trafs[0].saiz->default_sample_info_size, 16);
}

TEST_F(Fmp4MuxHarness, ABufferWithoutATimeIsAnErrorThatSaysWhere) {
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  auto buffer = picture(50, false);
  GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = GST_CLOCK_TIME_NONE;
  EXPECT_EQ(gst_harness_push(harness_, buffer.release()), GST_FLOW_ERROR);
  const std::string error = collect().error;
  EXPECT_NE(error.find("2026-02-25T14:30:02.000Z"), std::string::npos) << error;
  EXPECT_NE(error.find("video_0"), std::string::npos) << error;
}

TEST_F(Fmp4MuxHarness, ASeekBeginsAnewAfterADiscontinuity) {
  for (int n = 0; n < 200; ++n) push(n, n % 50 == 0);
  gst_harness_push_event(harness_, gst_event_new_flush_start());
  gst_harness_push_event(harness_, gst_event_new_flush_stop(FALSE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  for (int n = 500; n < 550; ++n) push(n, n % 50 == 0);
  const Output output = finish();
  ASSERT_EQ(output.segments().size(), 2U);
  EXPECT_TRUE(output.segments()[1].meta->discontinuity);
  EXPECT_EQ(output.segments()[1].meta->start, kStart + 20 * kNsPerSecond);
}

TEST_F(Fmp4MuxHarness, ASeekAsksForTheKeyFramesAnew) {
  const auto asked = [this] {
    std::vector<GstClockTime> times;
    while (auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_upstream_event(harness_))) {
      GstClockTime time = GST_CLOCK_TIME_NONE;
      if (gst_video_event_parse_upstream_force_key_unit(event.get(), &time, nullptr, nullptr)) times.push_back(time);
    }
    return times;
  };
  push(0, true);
  const auto first = asked();
  EXPECT_FALSE(first.empty());
  gst_harness_push_event(harness_, gst_event_new_flush_start());
  gst_harness_push_event(harness_, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  push(0, true);
  EXPECT_EQ(asked(), first);
}

// A second pad beside video_0, with what an AAC parser says.
GstHarness* add_audio(GstHarness* video) {
  GstHarness* audio = gst_harness_new_with_element(video->element, "audio_%u", nullptr);
  gst_harness_set_src_caps(audio, gst_caps_from_string("audio/mpeg,mpegversion=4,stream-format=raw,rate=48000,"
                                                       "channels=2,codec_data=(buffer)1190"));
  return audio;
}

// Whoever reads the bus up to the end of the stream, as gst-launch does, has to have seen it.
TEST_F(Fmp4MuxHarness, AWarningComesBeforeTheEndOfTheStream) {
  GstHarness* audio = add_audio(harness_);
  for (int n = 0; n < 500; ++n) push(n, n == 0);
  static bool warned_before_the_end;
  warned_before_the_end = false;
  gst_pad_add_probe(
      harness_->sinkpad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad*, GstPadProbeInfo* info, gpointer bus) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS) return GST_PAD_PROBE_OK;
        const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(GST_BUS(bus), GST_MESSAGE_WARNING));
        warned_before_the_end = static_cast<bool>(message);
        return GST_PAD_PROBE_OK;
      },
      bus_.get(), nullptr);
  gst_harness_push_event(harness_, gst_event_new_eos());
  gst_harness_push_event(audio, gst_event_new_eos());
  EXPECT_TRUE(warned_before_the_end);
  EXPECT_EQ(collect().segments().size(), 4U);
  gst_harness_teardown(audio);
}

TEST_F(Fmp4MuxHarness, AGapWithoutADurationSaysThatNothingCameBefore) {
  GstHarness* audio = add_audio(harness_);
  for (int n = 0; n < 200; ++n) push(n, n % 50 == 0);
  EXPECT_TRUE(collect().segments().empty()) << "sound may still come";
  gst_harness_push_event(audio, gst_event_new_gap(7 * GST_SECOND, GST_CLOCK_TIME_NONE));
  EXPECT_EQ(collect().segments().size(), 1U);
  gst_harness_teardown(audio);
}

TEST_F(Fmp4MuxHarness, APadWithoutANameGetsOneThatIsFree) {
  const auto named = Ref<GstPad>::adopt(gst_element_request_pad_simple(harness_->element, "video_2"));
  const auto unnamed = Ref<GstPad>::adopt(gst_element_request_pad_simple(harness_->element, "video_%u"));
  ASSERT_TRUE(named && unnamed);
  EXPECT_STREQ(GST_PAD_NAME(unnamed.get()), "video_3");
}

TEST_F(Fmp4MuxHarness, OtherSchemesThanCencAreRefused) {
  gst_harness_set_src_caps(harness_,
                           gst_caps_from_string("application/x-cenc,original-media-type=video/"
                                                "x-h264,cipher-mode=cbcs,stream-format=avc,alignment=au,width=640,"
                                                "height=360,codec_data=(buffer)0164001fffe100046764000101000168"));
  EXPECT_NE(collect().error.find("cbcs"), std::string::npos);
}

}  // namespace
}  // namespace aircheck::fmp4
