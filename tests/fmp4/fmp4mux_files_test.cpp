// The files that fmp4mux makes of a segment (`layout`) and cuts that are asked for.
#include "fmp4/muxing.hpp"

namespace aircheck::fmp4 {
namespace {

class Fmp4MuxFiles : public Fmp4MuxHarness {
 protected:
  // Pictures and sound of so many seconds, as they would come from one demuxer; an IDR every second.
  void push_seconds(GstHarness* audio, int seconds) {
    std::int64_t frame = 0;
    for (int n = 0; n < seconds * 25; ++n) {
      push(n, n % 25 == 0);
      while (audio != nullptr && frame * 1024 < std::int64_t{n + 1} * 48'000 / 25) {
        gst_harness_push(audio, sound(frame++).release());
      }
    }
  }
  Output finish_with(GstHarness* audio) {
    gst_harness_push_event(audio, gst_event_new_eos());
    Output output = finish();
    gst_harness_teardown(audio);
    return output;
  }
  void ask_for_cut(GstClockTime running_time) { g_signal_emit_by_name(harness_->element, "cut", running_time); }
  static void push_cut_event(GstHarness* harness, std::optional<GstClockTime> running_time = {}) {
    GstStructure* structure = gst_structure_new_empty("aircheck-cut");
    if (running_time) gst_structure_set(structure, "running-time", G_TYPE_UINT64, *running_time, nullptr);
    gst_harness_push_event(harness, gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM, structure));
  }
  static std::vector<double> starts(const Output& output) {
    std::vector<double> seconds;
    for (const Part& part : output.segments()) {
      seconds.push_back(static_cast<double>(part.meta->start - kStart) / 1e9);
    }
    return seconds;
  }
  std::vector<GstClockTime> key_units_asked() {
    std::vector<GstClockTime> times;
    while (auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_upstream_event(harness_))) {
      GstClockTime time = 0;
      if (gst_video_event_parse_upstream_force_key_unit(event.get(), &time, nullptr, nullptr)) times.push_back(time);
    }
    return times;
  }
};

class SeparateFiles : public Fmp4MuxFiles {
  void configure(GstElement* muxer) override { gst_util_set_object_arg(G_OBJECT(muxer), "layout", "separate"); }
};

TEST_F(Fmp4MuxFiles, OneFileHoldsAllTracksAndSaysWhat) {
  GstHarness* audio = add_audio(harness_);
  push_seconds(audio, 8);
  const Output output = finish_with(audio);
  ASSERT_EQ(output.parts.size(), 3U);
  EXPECT_TRUE(output.parts[0].init);
  for (const Part& part : output.parts) {
    const FileFacts& file = part.meta->file;
    EXPECT_EQ(file.track_id, 0U);
    EXPECT_EQ(file.track_name, "");
    EXPECT_EQ(file.codecs, "avc1.64001f,mp4a.40.2");
    EXPECT_EQ(file.width, 640U);
    EXPECT_EQ(file.height, 360U);
    EXPECT_EQ(file.frame_rate_n, 25U);
    EXPECT_EQ(file.frame_rate_d, 1U);
    EXPECT_EQ(file.audio_channels, 2U);
    EXPECT_EQ(file.sample_rate, 48'000U);
    EXPECT_EQ(file.kind, bmff::TrackKind::kVideo);
    EXPECT_TRUE(part.meta->last_of_segment);
  }
}

TEST_F(SeparateFiles, AreCutAtTheSameTimes) {
  GstHarness* audio = add_audio(harness_);
  push_seconds(audio, 14);
  const Output output = finish_with(audio);
  ASSERT_EQ(output.parts.size(), 2 * (1 + 3U));
  const std::array<const char*, 2> names{"video_0", "audio_1"};
  std::array<Bytes, 2> files;
  std::size_t inits = 0;
  std::vector<std::string> order;
  for (const Part& part : output.parts) {
    const std::size_t which = part.meta->file.track_name == names[0] ? 0 : 1;
    order.push_back(std::string(part.init ? "init " : "segment ") + part.meta->file.track_name);
    EXPECT_EQ(part.meta->file.track_name, names.at(which));
    EXPECT_EQ(part.meta->file.kind, which == 0 ? bmff::TrackKind::kVideo : bmff::TrackKind::kAudio);
    EXPECT_EQ(part.meta->file.codecs, which == 0 ? "avc1.64001f" : "mp4a.40.2");
    files.at(which).insert(files.at(which).end(), part.bytes.begin(), part.bytes.end());
    if (part.init) {
      ++inits;
      const auto init = bmff::parse_init(part.bytes);
      ASSERT_TRUE(init);
      ASSERT_EQ(init->tracks.size(), 1U);
      EXPECT_EQ(init->tracks[0].id, 1U) << "Shaka Packager 3.4 crashes on a file whose only track has another number";
      continue;
    }
    EXPECT_EQ(part.meta->last_of_segment, which == 1);
    EXPECT_FALSE(part.meta->discontinuity);
    const auto fragment = bmff::parse_fragment(part.bytes);
    ASSERT_TRUE(fragment);
    ASSERT_EQ(fragment->tracks.size(), 1U);
    EXPECT_EQ(fragment->tracks[0].track_id, 1U);
  }
  EXPECT_EQ(inits, 2U);
  EXPECT_EQ(order[0], "init video_0");
  EXPECT_EQ(order[1], "segment video_0");
  EXPECT_EQ(order[2], "init audio_1");
  EXPECT_EQ(starts(output), (std::vector<double>{0, 0, 6, 6, 12, 12}));
  EXPECT_EQ(output.segments()[1].meta->duration_ns, 6 * kNsPerSecond);
  // Both are whole for a demuxer that we did not write: all packets, nothing else.
  const auto count = [](const std::string& path) {
    return shell("ffprobe -v error -count_packets -show_entries stream=codec_type,nb_read_packets -of csv=p=0 " + path);
  };
  EXPECT_EQ(count(write("video.mp4", files[0])), "video,350\n");
  EXPECT_EQ(count(write("audio.mp4", files[1])), "audio,657\n");
}

TEST_F(SeparateFiles, ATrackWithoutSamplesInASegmentHasNoFileOfIt) {
  GstHarness* audio = add_audio(harness_);
  gst_harness_push(audio, sound(0).release());
  gst_harness_push_event(audio, gst_event_new_gap(GST_SECOND, 14 * GST_SECOND));
  push_seconds(nullptr, 8);
  const Output output = finish_with(audio);
  const auto segments = output.segments();
  ASSERT_EQ(segments.size(), 3U);
  EXPECT_EQ(segments[1].meta->file.track_name, "audio_1");
  EXPECT_FALSE(segments[0].meta->last_of_segment);
  EXPECT_TRUE(segments[1].meta->last_of_segment);
  EXPECT_EQ(segments[2].meta->file.track_name, "video_0");
  EXPECT_TRUE(segments[2].meta->last_of_segment);
}

TEST_F(SeparateFiles, AnotherFormatOfOneTrackIsADiscontinuityOfAllFiles) {
  GstHarness* audio = add_audio(harness_);
  for (std::int64_t n = 0; n < 200; ++n) gst_harness_push(audio, sound(n).release());
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  set_size(1280);
  for (int n = 50; n < 100; ++n) push(n, n == 50);
  const Output output = finish_with(audio);
  const auto segments = output.segments();
  ASSERT_EQ(segments.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(segments[i].meta->discontinuity, i >= 2) << i;
  EXPECT_EQ(output.parts.size(), 4U + 3U) << "the sound's init is as it was";
}

TEST_F(Fmp4MuxFiles, ACutAtATimeComesAtTheFirstIdrFromThere) {
  push(0, true);
  EXPECT_FALSE(key_units_asked().empty());
  constexpr GstClockTime kTime = 2500 * GST_MSECOND;
  ask_for_cut(kTime);
  EXPECT_EQ(key_units_asked(), std::vector<GstClockTime>{kTime});
  for (int n = 1; n < 14 * 25; ++n) push(n, n % 25 == 0);
  EXPECT_EQ(starts(finish()), (std::vector<double>{0, 3, 6, 12}));
}

TEST_F(Fmp4MuxFiles, ACutNowComesAtTheNextIdrThatComes) {
  for (int n = 0; n < 76; ++n) push(n, n % 25 == 0);
  key_units_asked();
  ask_for_cut(GST_CLOCK_TIME_NONE);
  EXPECT_EQ(key_units_asked(), std::vector<GstClockTime>{GST_CLOCK_TIME_NONE});
  for (int n = 76; n < 8 * 25; ++n) push(n, n % 25 == 0);
  EXPECT_EQ(starts(finish()), (std::vector<double>{0, 4, 6}));
}

TEST_F(Fmp4MuxFiles, CutsAskedBeforeTheStartChangeNothingButTheirOwnTime) {
  ask_for_cut(GST_CLOCK_TIME_NONE);
  ask_for_cut(0);
  ask_for_cut(2 * GST_SECOND);
  for (int n = 0; n < 8 * 25; ++n) push(n, n % 25 == 0);
  EXPECT_EQ(starts(finish()), (std::vector<double>{0, 2, 6}));
}

TEST_F(Fmp4MuxFiles, ACutEventStandsBeforeItsBuffer) {
  for (int n = 0; n < 8 * 25; ++n) {
    if (n == 50 || n == 110) push_cut_event(harness_);
    push(n, n % 25 == 0);
  }
  EXPECT_EQ(starts(finish()), (std::vector<double>{0, 2, 5, 6}));
}

TEST_F(Fmp4MuxFiles, ACutEventOnTheSoundCutsThePictures) {
  GstHarness* audio = add_audio(harness_);
  for (std::int64_t n = 0; n < 376; ++n) {
    if (n == 150) push_cut_event(audio);  // 3.2 s
    gst_harness_push(audio, sound(n).release());
  }
  push_seconds(nullptr, 8);
  EXPECT_EQ(starts(finish_with(audio)), (std::vector<double>{0, 4, 6}));
}

TEST_F(Fmp4MuxFiles, ACutEventMayNameItsTime) {
  push(0, true);
  push_cut_event(harness_, 3 * GST_SECOND);
  for (int n = 1; n < 8 * 25; ++n) push(n, n % 25 == 0);
  EXPECT_EQ(starts(finish()), (std::vector<double>{0, 3, 6}));
}

TEST_F(Fmp4MuxFiles, AnEncoderPlacesTheKeyFrameOfACutInTheMiddleOfAGroup) {
  const Output output =
      run("videotestsrc num-buffers=200 ! video/x-raw,width=64,height=48,framerate=25/1 ! x264enc key-int-max=1000 "
          "tune=zerolatency ! h264parse ! fmp4mux start-utc=2026-02-25T14:30:00Z name=mux",
          [](GstElement* pipeline) {
            const auto mux = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), "mux"));
            const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(mux.get(), "video_0"));
            gst_pad_add_probe(
                pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
                [](GstPad*, GstPadProbeInfo*, gpointer element) {
                  g_signal_emit_by_name(element, "cut", 2200 * GST_MSECOND);
                  return GST_PAD_PROBE_REMOVE;
                },
                mux.get(), nullptr);
          });
  ASSERT_EQ(output.error, "");
  EXPECT_EQ(starts(output), (std::vector<double>{0, 2.2, 6}));
  for (const Part& part : output.segments()) EXPECT_TRUE(part.meta->independent);
}

}  // namespace
}  // namespace aircheck::fmp4
