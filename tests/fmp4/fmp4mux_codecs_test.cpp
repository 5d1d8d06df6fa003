// fmp4mux with each codec and form of parameter sets, with ffmpeg and GStreamer's demuxer as judges.
#include "fmp4/muxing.hpp"

namespace aircheck::fmp4 {
namespace {

struct Coded {
  const char* name;
  const char* file;
  const char* ffmpeg;
  const char* demuxer;  // with the pad it has the stream on
  const char* parser;   // up to the muxer's pad
  const char* pad;
  const char* codec;  // RFC 6381
  const char* tag;    // sample entry, as ffprobe shows it
  bool same_packets;  // parameter sets stay where the source has them
};

void PrintTo(const Coded& coded, std::ostream* out) {
  *out << coded.name;
}

class EachCodec : public Fmp4Mux, public testing::WithParamInterface<Coded> {
 protected:
  // Hashes of what ffmpeg decodes, without the last frame: of sound, only Matroska can say how much of it is padding.
  static std::string decoded(const std::string& path) {
    return shell("ffmpeg -v error -i " + path +
                 " -map 0:0 -f framemd5 - 2>&1 | grep -v '^#' | awk -F, '{print $6}' | head -n -1");
  }
};

TEST_P(EachCodec, IsReadByFfmpegAndQtdemuxAsItWas) {
  const Coded& p = GetParam();
  const std::string source = film(p.file, p.ffmpeg);
  const std::string settings = "fmp4mux name=mux start-utc=2026-02-25T14:30:00Z";
  const Output output =
      run("filesrc location=" + source + " ! " + p.demuxer + " ! " + p.parser + " ! mux." + p.pad + " " + settings);
  ASSERT_EQ(output.error, "");
  ASSERT_GE(output.segments().size(), 2U);
  expect_continuous(output);
  EXPECT_EQ(output.init().tracks[0].codec, p.codec);
  EXPECT_EQ(output.parts.front().meta->file.codecs, p.codec);
  const std::string muxed = write("muxed.mp4", output.all());
  EXPECT_EQ(shell("ffprobe -v error -show_entries stream=codec_tag_string -of csv=p=0 " + muxed),
            p.tag + std::string("\n"));
  const std::string stream = std::string(p.pad).starts_with("video") ? "v:0" : "a:0";
  if (p.same_packets) expect_same_packets(muxed, source, stream);
  EXPECT_TRUE(decoded(muxed) == decoded(source));
  EXPECT_NE(decoded(muxed), "");
  expect_plays(muxed);
  for (const char* scheme : {"cenc", "cbcs"}) {
    const Output encrypted =
        run("filesrc location=" + source + " ! " + p.demuxer + " ! " + p.parser + " ! cencenc scheme=" + scheme +
            " key-id=11223344556677889900aabbccddeeff key=" + kKey + " ! mux." + p.pad + " " + settings);
    ASSERT_EQ(encrypted.error, "");
    EXPECT_EQ(encrypted.init().tracks[0].scheme, scheme);
    EXPECT_EQ(encrypted.init().tracks[0].codec, p.codec);
    expect_same_packets(write("encrypted.mp4", encrypted.all()), muxed, stream,
                        std::string("-fflags +ignidx -decryption_key ") + kKey);
  }
  // And through GStreamer's demuxer, whose packets are the source's again.
  const Output again =
      run("filesrc location=" + muxed + " ! qtdemux ! " + p.parser + " ! mux." + p.pad + " " + settings);
  ASSERT_EQ(again.error, "");
  expect_same_packets(write("again.mp4", again.all()), muxed, stream);
}

constexpr const char* kH264 = "-f lavfi -i testsrc=s=320x180:r=25:d=8 -c:v libx264 -bf 2 -g 50 -pix_fmt yuv420p";
constexpr const char* kClosed =
    "-f lavfi -i testsrc=s=320x180:r=25:d=8 -c:v libx265 -tag:v hvc1 -pix_fmt yuv420p "
    "-x265-params log-level=error:keyint=50:open-gop=0:bframes=3";
constexpr const char* kOpen =
    "-f lavfi -i testsrc=s=320x180:r=25:d=8 -c:v libx265 -tag:v hvc1 -pix_fmt yuv420p "
    "-x265-params log-level=error:keyint=50:min-keyint=50:scenecut=0:open-gop=1:bframes=3";
constexpr const char* kOpus = "-f lavfi -i sine=d=8:r=48000 -ac 2 -c:a libopus";

INSTANTIATE_TEST_SUITE_P(
    Codecs, EachCodec,
    testing::Values(
        Coded{"Avc3", "a.mp4", kH264, "qtdemux",
              "h264parse config-interval=-1 ! video/x-h264,stream-format=avc3,alignment=au", "video_0", "avc3.64000c",
              "avc3", false},
        Coded{"Hvc1", "h.mp4", kClosed, "qtdemux", "h265parse ! video/x-h265,stream-format=hvc1", "video_0",
              "hvc1.1.6.L60.90", "hvc1", true},
        Coded{"Hev1", "h.mp4", kClosed, "qtdemux", "h265parse config-interval=-1 ! video/x-h265,stream-format=hev1",
              "video_0", "hev1.1.6.L60.90", "hev1", false},
        Coded{"OpenGroups", "o.mp4", kOpen, "qtdemux", "h265parse ! video/x-h265,stream-format=hvc1", "video_0",
              "hvc1.1.6.L60.90", "hvc1", true},
        Coded{"OpusMatroska", "a.mkv", kOpus, "matroskademux", "opusparse", "audio_0", "opus", "Opus", true}),
    [](const auto& param_info) { return param_info.param.name; });

// opusenc marks its priming (312 samples) to be clipped: the sound begins at the time of the first buffer.
TEST_F(Fmp4Mux, OpusPrimingLiesBeforeTheFirstSound) {
  const Output output =
      run("audiotestsrc num-buffers=400 samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! " +
          std::string("fmp4mux start-utc=2026-02-25T14:30:00Z"));
  ASSERT_EQ(output.error, "");
  expect_continuous(output);
  const bmff::InitInfo init = output.init();
  const auto first = bmff::parse_fragment(output.segments().front().bytes, &init).value();
  EXPECT_EQ(first.tracks[0].base_media_decode_time,
            static_cast<std::uint64_t>(kStart.ns / kNsPerSecond * 48'000 - 312));
  EXPECT_EQ(first.tracks[0].samples[0].duration, 960U);
  const auto last = bmff::parse_fragment(output.segments().back().bytes, &init).value();
  EXPECT_EQ(last.tracks[0].samples.back().duration, 312U) << "648 samples of padding at the end";
  const auto moov =
      bmff::read_box<bmff::Moov>(core::ByteView(output.parts.front().bytes)
                                     .subspan(bmff::read_box_view(output.parts.front().bytes)->bytes.size()));
  ASSERT_TRUE(moov);
  const auto& dops = moov->traks[0].mdia.minf.stbl.stsd.audio.at(0).dops;
  ASSERT_TRUE(dops);
  EXPECT_EQ(dops->pre_skip, 312);
  EXPECT_EQ(dops->channels, 2);
}

}  // namespace
}  // namespace aircheck::fmp4
