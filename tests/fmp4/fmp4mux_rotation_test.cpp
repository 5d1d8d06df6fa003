// Keys that change at a time at which no segment begins: every sample stands in the segment of its time, under the key
// that its init segment names, and comes back unchanged.
#include "fmp4/muxing.hpp"

namespace aircheck::fmp4 {
namespace {

constexpr const char* kOldId = "11223344556677889900aabbccddeeff";
constexpr const char* kOldKey = "00112233445566778899aabbccddeeff";
constexpr const char* kNewId = "99aa3344556677889900aabbccddeeff";
constexpr const char* kNewKey = "ffeeddccbbaa99887766554433221100";
constexpr GstClockTime kChange = 7500 * GST_MSECOND;  // the film has IDRs at 0, 3, 6, 9 s

void rotate(GstElement* pipeline) {
  for (const char* name : {"pictures", "sound"}) {
    const auto encryptor = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), name));
    gboolean taken = FALSE;
    g_signal_emit_by_name(encryptor.get(), "rotate-key", kNewId, kNewKey, kChange, &taken);
    EXPECT_TRUE(taken);
  }
}

// Long before, as a schedule does: the encoder does not run yet.
void cut(GstElement* pipeline) {
  const auto muxer = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), "mux"));
  g_signal_emit_by_name(muxer.get(), "cut", kChange);
}

std::string key_of(const core::KeyId& key_id) {
  return core::to_hex(key_id) == kOldId ? kOldKey : kNewKey;
}

// An init segment and the segments that need it.
struct Piece {
  std::string path;
  bmff::InitInfo init;
};

class Fmp4MuxRotation : public Fmp4Mux, public testing::WithParamInterface<const char*> {
 protected:
  std::vector<Piece> pieces(const Output& output) {
    std::vector<Piece> result;
    Bytes bytes;
    for (std::size_t i = 0; i < output.parts.size(); ++i) {
      const Part& part = output.parts[i];
      if (part.init) {
        bytes.clear();
        result.push_back({"", bmff::parse_init(part.bytes).value()});
      }
      bytes.insert(bytes.end(), part.bytes.begin(), part.bytes.end());
      result.back().path = write("piece" + std::to_string(result.size()) + ".mp4", bytes);
    }
    return result;
  }

  // What ffmpeg reads of a track, with the key that each piece names for it: it takes one for all tracks. One piece
  // begins without an IDR.
  static std::string by_ffmpeg(const std::vector<Piece>& pieces, std::size_t track) {
    std::string text;
    for (const Piece& piece : pieces) {
      text +=
          shell("ffmpeg -v fatal -fflags +ignidx -decryption_key " + key_of(*piece.init.tracks[track].default_key_id) +
                " -i " + piece.path + " -map 0:" + (track == 0 ? "v" : "a") +
                ":0 -c copy -copyinkf -f framemd5 - | grep -v '^#' | awk -F, '{print $5, $6}'");
    }
    return text;
  }

  // What qtdemux and cencdec give of it.
  std::string by_cencdec(const std::vector<Piece>& pieces, std::size_t track) const {
    std::string all;
    for (const Piece& piece : pieces) {
      const std::string to = folder_ / "decrypted.raw";
      const std::string said = shell("gst-launch-1.0 -q filesrc location=" + piece.path + " ! qtdemux name=d d." +
                                     (track == 0 ? "video_0" : "audio_0") + " ! queue ! cencdec keys=" + kOldId + ":" +
                                     kOldKey + "," + kNewId + ":" + kNewKey + " ! filesink location=" + to + " 2>&1");
      EXPECT_EQ(said, "");
      std::ifstream file(to, std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  }

  // No frame of sound begins further outside its segment than a picture lasts.
  static void expect_in_time(const Output& output, const bmff::InitInfo& init) {
    for (const Part& part : output.segments()) {
      const auto fragments = bmff::parse_fragments(part.bytes, &init).value();
      const bmff::TrackFragment& sound = fragments[0].tracks.at(1);
      const std::int64_t scale = init.tracks[1].timescale;
      const auto first = static_cast<std::int64_t>(sound.base_media_decode_time);
      const auto end = first + static_cast<std::int64_t>(sound.duration());
      constexpr std::int64_t kPicture = 40 * core::kNsPerMs;
      EXPECT_GE(core::scale_round(first, kNsPerSecond, scale), part.meta->start.ns - kPicture);
      EXPECT_LE(core::scale_round(end, kNsPerSecond, scale), part.meta->start.ns + part.meta->duration_ns + kPicture);
    }
  }

  // Byte for byte what the film has. By ffmpeg, because a demuxer of GStreamer leaves out the priming of the sound.
  [[nodiscard]] std::string of_film(const std::string& film, const std::string& stream) const {
    const std::string to = folder_ / "film.raw";
    const std::string line =
        stream == "v" ? "gst-launch-1.0 -q filesrc location=" + film + " ! qtdemux ! h264parse ! filesink location="
                      : "ffmpeg -v error -y -i " + film + " -map 0:a -c copy -f data ";
    EXPECT_EQ(shell(line + to + " 2>&1"), "");
    std::ifstream file(to, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

TEST_P(Fmp4MuxRotation, ChangesWhereNoSegmentBegins) {
  const std::string mp4 = film("film.mp4",
                               "-f lavfi -i testsrc=size=320x180:rate=25:duration=12 -f lavfi -i "
                               "sine=frequency=440:sample_rate=48000:duration=11.5 -c:v libx264 -g 75 -bf 2 "
                               "-sc_threshold 0 -c:a aac");
  const std::string encrypt =
      std::string("cencenc key-id=") + kOldId + " key=" + kOldKey + " scheme=" + GetParam() + " name=";
  const Output output = run("filesrc location=" + mp4 + " ! qtdemux name=d d.video_0 ! queue ! h264parse ! " + encrypt +
                                "pictures ! mux.video_0 d.audio_0 ! queue ! aacparse ! " + encrypt +
                                "sound ! mux.audio_0 " + mux("target-duration=6"),
                            rotate);
  ASSERT_EQ(output.error, "");
  EXPECT_NE(output.warning.find("a key changes there"), std::string::npos) << output.warning;

  const auto all = pieces(output);
  ASSERT_EQ(all.size(), 3U) << "old keys; old of the pictures and new of the sound; new keys";
  EXPECT_EQ(core::to_hex(*all[1].init.tracks[0].default_key_id), kOldId);
  EXPECT_EQ(core::to_hex(*all[1].init.tracks[1].default_key_id), kNewId);
  EXPECT_EQ(core::to_hex(*all[2].init.tracks[0].default_key_id), kNewId);
  expect_continuous(output);
  const std::vector<Part> segments = output.segments();
  std::size_t segment = 0;
  for (const double start : {0.0, 6.0, 7.52, 9.0}) {
    ASSERT_LT(segment, segments.size());
    const SegmentMeta& meta = *segments[segment++].meta;
    EXPECT_NEAR(static_cast<double>(meta.start - kStart) / 1e9, start, 0.001);
    EXPECT_FALSE(meta.discontinuity);
    EXPECT_EQ(meta.independent, start != 7.52);
  }
  EXPECT_EQ(segments.size(), segment);
  expect_in_time(output, all[0].init);

  for (const std::size_t track : {std::size_t{0}, std::size_t{1}}) {
    SCOPED_TRACE(track == 0 ? "video" : "audio");
    EXPECT_EQ(by_ffmpeg(all, track), packets(mp4, track == 0 ? "v:0" : "a:0"));
    const std::string wanted = of_film(mp4, track == 0 ? "v" : "a");
    const std::string got = by_cencdec(all, track);
    EXPECT_GT(wanted.size(), 10'000U);
    EXPECT_EQ(got.size(), wanted.size());
    EXPECT_TRUE(got == wanted) << "qtdemux and cencdec give other bytes";
  }
}

// An encoder that is asked for both at one time, far from any slot: pictures and sound change at its IDR there.
TEST_P(Fmp4MuxRotation, ACutAndAChangeAtOneTimeAreOneSeam) {
  const auto encoded = [](const std::string& pictures, const std::string& sound) {
    return "videotestsrc num-buffers=350 ! video/x-raw,width=64,height=48,framerate=25/1 ! x264enc key-int-max=1000 "
           "speed-preset=veryfast ! h264parse ! " +
           pictures +
           "mux.video_0 audiotestsrc samplesperbuffer=1024 num-buffers=656 ! audio/x-raw,rate=48000,channels=1 ! "
           "avenc_aac ! aacparse ! " +
           sound + "mux.audio_0 " + mux("target-duration=6 audio_0::encoder-delay=1024");
  };
  const std::string encrypt =
      std::string("cencenc key-id=") + kOldId + " key=" + kOldKey + " scheme=" + GetParam() + " name=";
  const Output clear = run(encoded("", ""), cut);
  const Output output = run(encoded(encrypt + "pictures ! ", encrypt + "sound ! "), [](GstElement* pipeline) {
    rotate(pipeline);
    cut(pipeline);
  });
  ASSERT_EQ(clear.error + output.error, "");
  EXPECT_EQ(output.warning, "");
  const std::vector<Part> segments = output.segments();
  ASSERT_EQ(segments.size(), 4U);
  const double starts[] = {0.0, 6.0, 7.52, 12.0};
  for (std::size_t i = 0; i < segments.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(segments[i].meta->start - kStart) / 1e9, starts[i], 0.001);
    EXPECT_TRUE(segments[i].meta->independent);
    EXPECT_FALSE(segments[i].meta->discontinuity);
  }
  const auto all = pieces(output);
  ASSERT_EQ(all.size(), 2U) << "old keys; new keys";
  for (const std::size_t track : {std::size_t{0}, std::size_t{1}}) {
    SCOPED_TRACE(track == 0 ? "video" : "audio");
    EXPECT_EQ(core::to_hex(*all[0].init.tracks[track].default_key_id), kOldId);
    EXPECT_EQ(core::to_hex(*all[1].init.tracks[track].default_key_id), kNewId);
    EXPECT_EQ(by_ffmpeg(all, track), packets(write("clear.mp4", clear.all()), track == 0 ? "v:0" : "a:0"));
  }
  expect_continuous(output);
  expect_in_time(output, all[0].init);
}

INSTANTIATE_TEST_SUITE_P(Schemes, Fmp4MuxRotation, testing::Values("cenc", "cbcs"),
                         [](const auto& scheme) { return std::string(scheme.param); });

}  // namespace
}  // namespace aircheck::fmp4
