// What init segments say of a track beside its codec, as ffprobe reads it.
#include "core/bmff/boxes_movie.hpp"
#include "fmp4/muxing.hpp"

namespace aircheck::fmp4 {
namespace {

class Fmp4MuxFacts : public Fmp4Mux {
 protected:
  static std::string probe(const std::string& path, const std::string& entries) {
    return shell("ffprobe -v error -show_entries " + entries + " -of default=nw=1 " + path);
  }
  static bmff::Moov moov(const Bytes& init) {
    return bmff::read_box<bmff::Moov>(core::ByteView(init).subspan(bmff::read_box_view(init)->bytes.size())).value();
  }
};

TEST_F(Fmp4MuxFacts, LanguageBitRateAndBrandsOfSound) {
  const std::string source =
      film("source.mp4", "-f lavfi -i sine=d=8:r=48000 -c:a aac -b:a 96k -metadata:s:a:0 language=deu");
  const Output output = run(remux(source, "qtdemux", false, true));
  ASSERT_EQ(output.error, "");
  const std::string file = write("muxed.mp4", output.all());
  EXPECT_EQ(probe(file, "stream_tags=language"), "TAG:language=deu\n");
  EXPECT_EQ(probe(file, "format_tags=compatible_brands"), "TAG:compatible_brands=iso6mp41cmfccmf2\n");
  EXPECT_EQ(output.parts.front().meta->file.language, "de");
  EXPECT_EQ(output.init().tracks[0].language, "deu");
  const bmff::Moov init = moov(output.parts.front().bytes);
  const auto& entry = init.traks[0].mdia.minf.stbl.stsd.audio.at(0);
  ASSERT_TRUE(entry.btrt);
  EXPECT_NEAR(entry.btrt->average_bitrate, 96'000, 40'000);
}

// Of each track in its order: bits a second on average, and at most.
using Rates = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

Rates rates_of(const bmff::Moov& moov) {
  Rates rates;
  for (const bmff::Trak& trak : moov.traks) {
    const auto& stsd = trak.mdia.minf.stbl.stsd;
    const auto& btrt = stsd.visual.empty() ? stsd.audio.at(0).btrt : stsd.visual[0].btrt;
    if (btrt) rates.emplace_back(btrt->average_bitrate, btrt->max_bitrate);
  }
  return rates;
}

// The same from a file of ffmpeg's (ISO/IEC 14496-12 clause 8.5.2.2: bufferSizeDB, maxBitrate, avgBitrate).
Rates rates_of(const std::string& file) {
  Rates rates;
  for (std::size_t at = file.find("btrt"); at != std::string::npos; at = file.find("btrt", at + 1)) {
    const auto number = [&](std::size_t offset) {
      std::uint32_t value = 0;
      for (std::size_t i = 0; i < 4; ++i) value = value << 8U | static_cast<std::uint8_t>(file.at(at + offset + i));
      return value;
    };
    rates.emplace_back(number(12), number(8));
  }
  return rates;
}

TEST_F(Fmp4MuxFacts, BitRatesAreTheSources) {
  const std::string arguments =
      "-f lavfi -i testsrc2=s=320x180:r=25:d=8 -f lavfi -i sine=d=8:r=48000 -pix_fmt yuv420p -c:v libx264 -b:v 500k "
      "-maxrate 800k -bufsize 1000k -g 50 -c:a aac -b:a 96k";
  const std::string source = film("source.mp4", arguments);
  const Rates theirs = rates_of(test::read_text(source));
  ASSERT_EQ(theirs.size(), 2U);
  EXPECT_EQ(theirs[0].second, 800'000U);
  const Output output = run(remux(source, "qtdemux", true, true, "", "chunk-duration=500"));
  ASSERT_EQ(output.error, "");
  EXPECT_EQ(rates_of(moov(output.parts.front().bytes)), theirs);
}

TEST_F(Fmp4MuxFacts, BitRatesOfAnEncoder) {
  const Output output =
      run("videotestsrc num-buffers=50 ! video/x-raw,width=64,height=48,framerate=25/1 ! x264enc bitrate=700 ! "
          "h264parse ! " +
          mux());
  ASSERT_EQ(output.error, "");
  constexpr std::uint32_t kKilobit = 1024;  // of x264enc
  EXPECT_EQ(rates_of(moov(output.parts.front().bytes)), (Rates{{700 * kKilobit, 700 * kKilobit}}));
}

TEST_F(Fmp4MuxFacts, BitRatesThatNobodyKnowsAreLeftOut) {
  const std::string source =
      film("source.mkv", "-f lavfi -i testsrc2=s=64x48:r=25:d=8 -pix_fmt yuv420p -c:v libx264 -g 50");
  const Output output = run(remux(source, "matroskademux", true, false));
  ASSERT_EQ(output.error, "");
  EXPECT_EQ(rates_of(moov(output.parts.front().bytes)), Rates{});
}

TEST_F(Fmp4MuxFacts, PictureShapeAndColour) {
  const std::string source =
      film("source.mp4",
           "-f lavfi -i testsrc=s=320x180:r=25:d=2 -vf setsar=4/3 -c:v libx264 -pix_fmt yuv420p -color_primaries bt709 "
           "-color_trc bt709 -colorspace bt709 -color_range tv");
  const Output output = run(remux(source, "qtdemux", true, false));
  ASSERT_EQ(output.error, "");
  const std::string file = write("muxed.mp4", output.all());
  const char* entries =
      "stream=sample_aspect_ratio,color_range,color_space,color_transfer,color_primaries,width,height";
  EXPECT_EQ(probe(file, entries), probe(source, entries));
  EXPECT_NE(probe(file, entries).find("sample_aspect_ratio=4:3"), std::string::npos);
  EXPECT_EQ(output.parts.front().meta->file.width, 427U) << "as displayed";
  EXPECT_EQ(probe(file, "format_tags=compatible_brands"), "TAG:compatible_brands=iso6mp41cmfc\n");
}

TEST_F(Fmp4MuxFacts, HighDynamicRange) {
  const std::string source =
      film("hdr.mp4",
           "-f lavfi -i testsrc=s=320x180:r=25:d=2 -c:v libx265 -tag:v hvc1 -pix_fmt yuv420p10le -x265-params "
           "\"log-level=error:hdr10=1:repeat-headers=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:"
           "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400\"");
  const Output output = run("filesrc location=" + source + " ! qtdemux ! h265parse ! " + mux());
  ASSERT_EQ(output.error, "");
  const std::string file = write("muxed.mp4", output.all());
  const std::string said = shell("ffprobe -v error -show_streams " + file);
  for (const char* expected :
       {"color_primaries=bt2020", "color_transfer=smpte2084", "color_space=bt2020nc", "pix_fmt=yuv420p10le",
        "side_data_type=Mastering display metadata", "red_x=34000/50000", "red_y=16000/50000", "green_x=13250/50000",
        "green_y=34500/50000", "blue_x=7500/50000", "blue_y=3000/50000", "white_point_x=15635/50000",
        "white_point_y=16450/50000", "min_luminance=1/10000", "max_luminance=10000000/10000",
        "side_data_type=Content light level metadata", "max_content=1000", "max_average=400"}) {
    EXPECT_NE(said.find(expected), std::string::npos) << expected;
  }
}

struct Parsed {
  const char* encoder;
  const char* filter;  // ffmpeg's, that changes the VUI
  const char* parser;
  friend std::ostream& operator<<(std::ostream& out, const Parsed& parsed) { return out << parsed.parser; }
};

// A demuxer of MP4 hands over samples that need no parser. What a parser would read in the parameter sets, the muxer
// does.
class WithoutAParser : public Fmp4MuxFacts, public testing::WithParamInterface<Parsed> {
 protected:
  static Output muxed(const std::string& source, const std::string& parser) {
    Output output = run("filesrc location=" + source + " ! qtdemux ! " + parser + mux());
    EXPECT_EQ(output.error, "");
    return output;
  }
  // But for the decoder configuration record, which a parser makes anew and the demuxer leaves as it is in the file.
  static bmff::VisualSampleEntry entry(const Output& output) {
    bmff::VisualSampleEntry entry = moov(output.parts.front().bytes).traks[0].mdia.minf.stbl.stsd.visual.at(0);
    entry.avcc.reset();
    entry.hvcc.reset();
    return entry;
  }
};

TEST_P(WithoutAParser, AnMp4FileIsMuxedAsWithOne) {
  const std::string encoded =
      film("encoded.mp4", std::string("-f lavfi -i testsrc=s=320x180:r=30000/1001:d=6 -pix_fmt yuv420p -g 48 -bf 3 ") +
                              GetParam().encoder);
  // The container does not know the colour: it is in the stream alone.
  const std::string source =
      film("source.mp4", "-i " + encoded + " -c copy -movflags -write_colr -bsf:v " + GetParam().filter +
                             "=colour_primaries=9:transfer_characteristics=16:matrix_coefficients=9:"
                             "video_full_range_flag=1");
  const Output with = muxed(source, std::string(GetParam().parser) + " ! ");
  const Output without = muxed(source, "");
  ASSERT_EQ(with.parts.size(), without.parts.size());
  for (std::size_t i = 1; i < with.parts.size(); ++i) EXPECT_TRUE(with.parts[i].bytes == without.parts[i].bytes) << i;
  EXPECT_EQ(entry(with), entry(without));
  EXPECT_EQ(entry(without).colr, (bmff::Colr{.primaries = 9, .transfer = 16, .matrix = 9, .full_range = 0x80}));
  expect_plays(write("muxed.mp4", without.all()));
}

INSTANTIATE_TEST_SUITE_P(Codecs, WithoutAParser,
                         testing::Values(Parsed{"-c:v libx264", "h264_metadata", "h264parse"},
                                         Parsed{"-c:v libx265 -x265-params log-level=none -tag:v hvc1", "hevc_metadata",
                                                "h265parse"}));

class TagsOfTheHarness : public Fmp4MuxHarness {
 protected:
  void tag(const char* language, guint bitrate) {
    GstTagList* tags = gst_tag_list_new(GST_TAG_LANGUAGE_CODE, language, GST_TAG_BITRATE, bitrate, nullptr);
    gst_harness_push_event(harness_, gst_event_new_tag(tags));
  }
};

TEST_F(TagsOfTheHarness, ARegionNeedsTheExtendedLanguage) {
  tag("pt-BR", 5'000'000);
  for (int n = 0; n < 25; ++n) push(n, n == 0);
  const Output output = finish();
  ASSERT_EQ(output.error, "");
  EXPECT_EQ(output.parts.front().meta->file.language, "pt-BR");
  EXPECT_EQ(output.init().tracks[0].language, "pt-BR");
}

// Parsers go on measuring, and each measurement is a tag.
TEST_F(TagsOfTheHarness, LaterTagsMakeNoOtherInit) {
  tag("de", 5'000'000);
  for (int n = 0; n < 25 * 14; ++n) {
    push(n, n % 25 == 0);
    if (n % 50 == 10) tag("de", static_cast<guint>(5'000'000 + n));
  }
  const Output output = finish();
  EXPECT_EQ(output.segments().size(), 3U);
  EXPECT_EQ(output.parts.size(), 4U);
}

}  // namespace
}  // namespace aircheck::fmp4
