// Every codec, scheme and layout, encrypted by the gst-launch line of the README and given back unchanged by three
// decryptors: ffmpeg, Shaka Packager, and GStreamer's own demuxer with cencdec.
#include <gtest/gtest.h>

#include <tuple>

#include "fmp4/packaging/packaging.hpp"

namespace aircheck {
namespace {

using test::Finished;
using test::Hashes;
using test::run;
using test::TemporaryDirectory;

struct Media {
  const char* name;
  const char* encoders;      // of ffmpeg
  const char* video_parser;  // and the form that it is to give; `identity` for none
  const char* audio_parser;
  bool as_in_the_source;  // the parser changes no packet: none gets parameter sets of its own

  friend std::ostream& operator<<(std::ostream& out, const Media& media) { return out << media.name; }
};

constexpr Media kMedia[] = {
    {"avc1_aac", "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 3 -g 50 -c:a aac -b:a 96k",
     "h264parse ! video/x-h264,stream-format=avc", "aacparse", true},
    {"avc1_slices_opus",
     "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 2 -g 50 -x264-params slices=5 -c:a libopus -b:a 96k",
     "h264parse ! video/x-h264,stream-format=avc", "opusparse", true},
    // As the demuxer gives it, which is how the README packages a file.
    {"hvc1_opus_unparsed",
     "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=50:bframes=2:open-gop=0 "
     "-tag:v hvc1 -c:a libopus -b:a 96k",
     "identity", "identity", true},
    {"avc3_aac", "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 3 -g 50 -c:a aac -b:a 96k",
     "h264parse config-interval=-1 ! video/x-h264,stream-format=avc3", "aacparse", false},
    {"hvc1_aac",
     "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=50:bframes=3:open-gop=0 "
     "-tag:v hvc1 -c:a aac -b:a 96k",
     "h265parse ! video/x-h265,stream-format=hvc1", "aacparse", true},
    {"hev1_opus",
     "-c:v libx265 -preset ultrafast -pix_fmt yuv420p -x265-params log-level=none:keyint=50:bframes=2:open-gop=0 "
     "-tag:v hvc1 -c:a libopus -b:a 96k",
     "h265parse config-interval=-1 ! video/x-h265,stream-format=hev1", "opusparse", false},
};

// Another key id for the sound, under the same key, because ffmpeg takes one key: Shaka Packager keeps one decryptor
// for each key id and would decrypt the sound with the pattern of the pictures.
constexpr const char* kAudioKeyId = "a1223344556677889900aabbccddeeff";

enum class Layout { kMuxed, kSeparate };

using Case = std::tuple<Media, const char*, Layout>;

class Matrix : public testing::TestWithParam<Case> {
 protected:
  static const Media& media() { return std::get<0>(GetParam()); }
  static std::string scheme() { return std::get<1>(GetParam()); }
  static bool separate() { return std::get<2>(GetParam()) == Layout::kSeparate; }

  // Once for each kind of media.
  static const std::string& film() {
    static const TemporaryDirectory folder;
    static std::map<std::string, std::string> made;
    std::string& path = made[media().name];
    if (path.empty()) {
      path = folder / (std::string(media().name) + ".mp4");
      test::make_film(path, test::test_media(12) + media().encoders + " -ac 2");
    }
    return path;
  }

  static std::string parser(const std::string& track) {
    return track == "video" ? media().video_parser : media().audio_parser;
  }

  static Finished package(const std::string& folder, bool encrypted) {
    const std::string track = separate() ? "%{track}-" : "";
    std::string line = "gst-launch-1.0 filesrc location=" + film() + " ! qtdemux name=d";
    for (const std::string name : {"video", "audio"}) {
      line += " d." + name + "_0 ! queue ! " + parser(name);
      if (encrypted) {
        line += " ! cencenc scheme=" + scheme() + " key=" + test::kKey +
                " key-id=" + (name == "video" ? test::kKeyId : kAudioKeyId);
      }
      line += " ! sink." + name;
    }
    return run(line + " strftimefmp4sink name=sink target-duration=4 start-utc=2026-02-25T14:30:00Z" +
               (separate() ? " layout=separate" : "") + " location='" + folder + "/ch1-" + track +
               "%Y%m%d%H%M%S.m4s' " + "playlist-location='" + folder + "/ch1" + (separate() ? "-%{track}" : "") +
               ".m3u8' 2>&1");
  }

  // The init and the segments of a track's files behind each other.
  static std::string joined(const TemporaryDirectory& folder, const std::string& track) {
    const std::string name = separate() ? "ch1-" + track : "ch1";
    const std::string playlist = test::read_text(folder / (name + ".m3u8"));
    const std::size_t map = playlist.find("EXT-X-MAP:URI=\"") + 15;
    const std::string init = playlist.substr(map, playlist.find('"', map) - map);
    std::string path = folder / ("all-" + track + ".mp4");
    const Finished done = run("cd " + folder.path() + " && cat " + init + " " + name + "-2*.m4s > " + path);
    EXPECT_EQ(done.exit, 0) << done.output;
    return path;
  }

  // What a demuxer and the rest of a line give for a track, frame after frame.
  static std::string raw(const std::string& file, const std::string& track, const std::string& behind,
                         const std::string& to) {
    const std::string pad = track == "video" ? "d.video_0" : "d.audio_0";
    const Finished done = run("gst-launch-1.0 -q filesrc location=" + file + " ! qtdemux name=d " + pad +
                              " ! queue ! " + behind + " ! filesink location=" + to + " 2>&1");
    EXPECT_EQ(done.exit, 0) << done.output;
    return test::read_text(to);
  }

  // By ffmpeg, because a sink of GStreamer leaves out the priming that the film's edit list hides.
  static std::string raw_audio() {
    const TemporaryDirectory folder;
    const Finished done =
        run("ffmpeg -nostdin -v error -i " + film() + " -map 0:a -c copy -f data " + (folder / "raw"));
    EXPECT_EQ(done.exit, 0) << done.output;
    return test::read_text(folder / "raw");
  }
};

TEST_P(Matrix, ComesBackUnchanged) {
  const TemporaryDirectory folder;
  const TemporaryDirectory clear;
  const Finished packaged = package(folder.path(), true);
  ASSERT_EQ(packaged.exit, 0) << packaged.output;
  // Each track has a key of its own, of which the playlist of a file with both can name one; no other warning.
  const std::size_t warning = packaged.output.find("WARNING");
  if (separate()) {
    EXPECT_EQ(warning, std::string::npos) << packaged.output;
  } else {
    EXPECT_NE(packaged.output.find("its playlist can name the first only", warning), std::string::npos)
        << packaged.output;
    EXPECT_EQ(packaged.output.find("WARNING", warning + 1), std::string::npos) << packaged.output;
  }
  if (!media().as_in_the_source) {
    ASSERT_EQ(package(clear.path(), false).exit, 0);
  }
  const char* packager = std::getenv("AIRCHECK_SHAKA_PACKAGER");
  ASSERT_NE(packager, nullptr) << "run the test through meson";

  for (const std::string track : {"video", "audio"}) {
    SCOPED_TRACE(track);
    const std::string stream = track.substr(0, 1) + ":0";
    const std::string file = joined(folder, track);
    const bool as_in_the_source = media().as_in_the_source || track == "audio";
    const Hashes expected = test::packets("-i " + (as_in_the_source ? film() : joined(clear, track)), stream);
    // Before it has the key ffmpeg tries to decode, and complains of what it finds.
    const std::string ffmpeg = std::string("-v fatal -decryption_key ") + test::kKey + " -i <(cat " + file + ")";
    test::expect_same(test::packets(ffmpeg, stream), expected, "ffmpeg: packets");
    test::expect_same(test::frames(ffmpeg, stream), test::frames("-i " + film(), stream), "ffmpeg: frames");

    const std::string out = folder / (track + ".mp4");
    const Finished decrypted =
        run(std::string(packager) + " in=" + file + ",stream=" + track + ",out=" + out +
            " --enable_raw_key_decryption --keys label=V:key_id=" + test::kKeyId + ":key=" + test::kKey +
            ",label=A:key_id=" + kAudioKeyId + ":key=" + test::kKey + " 2>&1");
    ASSERT_EQ(decrypted.exit, 0) << decrypted.output;
    test::expect_same(test::packets("-i " + out, "0"), expected, "shaka-packager: packets");

    const std::string source =
        track == "video" ? raw(film(), track, parser(track), folder / "source.raw") : raw_audio();
    const std::string ours =
        raw(file, track,
            std::string("cencdec keys=") + test::kKeyId + ":" + test::kKey + "," + kAudioKeyId + ":" + test::kKey,
            folder / "cencdec.raw");
    EXPECT_GT(source.size(), 10'000U);
    EXPECT_EQ(source.size(), ours.size()) << "qtdemux and cencdec";
    EXPECT_TRUE(source == ours) << "qtdemux and cencdec: other bytes";
  }
}

INSTANTIATE_TEST_SUITE_P(All, Matrix,
                         testing::Combine(testing::ValuesIn(kMedia), testing::Values("cenc", "cbcs"),
                                          testing::Values(Layout::kMuxed, Layout::kSeparate)),
                         [](const auto& one) {
                           return std::string(std::get<0>(one.param).name) + "_" + std::get<1>(one.param) +
                                  (std::get<2>(one.param) == Layout::kMuxed ? "_muxed" : "_separate");
                         });

}  // namespace
}  // namespace aircheck
