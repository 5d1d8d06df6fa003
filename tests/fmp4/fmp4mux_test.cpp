// fmp4mux in pipelines, with ffmpeg and ffprobe as judges.
#include "fmp4/muxing.hpp"

namespace aircheck::fmp4 {
namespace {

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

}  // namespace
}  // namespace aircheck::fmp4
