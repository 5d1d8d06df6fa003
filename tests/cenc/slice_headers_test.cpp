// Slice headers against Shaka Packager: the subsamples of scheme cbcs are its, in every frame.
#include "cenc/slice_headers.hpp"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include "cenc/streams.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::cenc {
namespace {

using core::NalCodec;
using core::Subsample;
using test::Ref;
using test::Stream;

struct Case {
  const char* name;
  NalCodec codec;
  const char* encoder;  // of ffmpeg
  bool in_band;         // codec_data without parameter sets, as avc3 and hev1 may have it
  std::size_t most;     // subsamples that some frame has at least
};

const Case kCases[] = {
    {"CabacWithReorderedFramesAndSlices", NalCodec::kAvc, "libx264 -bf 3 -g 25 -x264-params slices=4", false, 4},
    {"Cavlc", NalCodec::kAvc, "libx264 -profile:v baseline -x264-params slices=3", false, 3},
    {"WeightedPredictionAndManyReferences", NalCodec::kAvc, "libx264 -bf 3 -refs 6 -x264-params weightp=2:b-pyramid=2",
     false, 1},
    {"Interlaced", NalCodec::kAvc, "libx264 -flags +ildct+ilme -bf 2 -x264-params slices=2:tff=1", false, 2},
    {"Avc3", NalCodec::kAvc, "libx264 -bf 2 -g 10 -x264-params slices=2 -bsf:v dump_extra=freq=keyframe", true, 2},
    {"Hevc", NalCodec::kHevc, "libx265 -tag:v hvc1 -x265-params log-level=error:bframes=3:keyint=25:slices=4:ctu=16",
     false, 4},
    {"HevcWavefront", NalCodec::kHevc, "libx265 -tag:v hvc1 -x265-params log-level=error:bframes=3:wpp=1:ctu=16", false,
     1},
    {"HevcWeighted", NalCodec::kHevc,
     "libx265 -tag:v hvc1 -x265-params log-level=error:bframes=4:ref=5:weightp=1:weightb=1", false, 1},
    {"Hev1", NalCodec::kHevc,
     "libx265 -tag:v hev1 -x265-params log-level=error:bframes=2:keyint=25:slices=2:ctu=32:repeat-headers=1", true, 2},
};

void PrintTo(const Case& tested, std::ostream* out) {
  *out << tested.name;
}

core::Bytes without_parameter_sets(core::Bytes codec_data, NalCodec codec) {
  codec_data.resize(codec == NalCodec::kAvc ? 7 : 23);
  if (codec == NalCodec::kAvc) codec_data[5] = 0xe0;
  codec_data.back() = 0;
  return codec_data;
}

class OracleTest : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  test::TemporaryDirectory folder_;
};

std::vector<Subsample> subsamples_of(GstBuffer* buffer) {
  std::vector<Subsample> subsamples;
  for (const auto& [clear, covered] : test::protection_of(buffer).subsamples) subsamples.push_back({clear, covered});
  return subsamples;
}

std::string text_of(std::span<const Subsample> subsamples) {
  std::string text;
  for (const Subsample& entry : subsamples) {
    text += "[" + std::to_string(entry.clear_bytes) + "," + std::to_string(entry.protected_bytes) + "]";
  }
  return text;
}

TEST_P(OracleTest, HasTheSubsamplesOfShakaPackager) {
  const std::string clear = folder_ / "clear.mp4";
  test::run("ffmpeg -loglevel error -f lavfi -i testsrc2=s=320x180:r=25:d=3,fade=t=in:d=1 -pix_fmt yuv420p -c:v " +
            std::string(GetParam().encoder) + " " + folder_ / "source.mp4");
  test::package(folder_ / "source.mp4", "video", clear);
  test::package(folder_ / "source.mp4", "video", folder_ / "cbcs.mp4", "cbcs");
  const Stream ours = test::read_stream(clear, "");
  const Stream theirs = test::read_stream(folder_ / "cbcs.mp4", "");
  ASSERT_EQ(ours.frames.size(), 75U);
  ASSERT_EQ(theirs.frames.size(), 75U);

  ParsedSliceHeaders headers(GetParam().codec);
  const auto codec_data = gstx::buffer_field(gst_caps_get_structure(ours.caps.get(), 0), "codec_data");
  core::Bytes record = test::bytes_of(codec_data.get());
  if (GetParam().in_band) record = without_parameter_sets(std::move(record), GetParam().codec);
  const auto format = headers.configure(record);
  ASSERT_TRUE(format) << format.error().message;
  std::size_t most = 0;
  for (std::size_t i = 0; i < ours.frames.size(); ++i) {
    const core::Bytes frame = test::bytes_of(ours.frames[i].get());
    const auto map = core::cbcs_subsamples(frame, *format, headers);
    ASSERT_TRUE(map) << map.error().message;
    EXPECT_EQ(text_of(map->entries()), text_of(subsamples_of(theirs.frames[i].get()))) << "frame " << i;
    most = std::max(most, map->entries().size());
  }
  EXPECT_GE(most, GetParam().most);
}

INSTANTIATE_TEST_SUITE_P(Encoders, OracleTest, testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

// ISO/IEC 14496-15 records of the baseline profile, with and without parameter sets.
const core::Bytes kAvcc =
    *core::from_hex("0142c00bffe100176742c00bd9028db011000003000100000300320f142a4801000568cb83cb20");
const core::Bytes kEmptyAvcc = *core::from_hex("0142c00bffe000");

TEST(ParsedSliceHeaders, NamesASliceWithoutParameterSets) {
  for (const auto& [codec, record, slice] :
       {std::tuple{NalCodec::kAvc, kEmptyAvcc, *core::from_hex("6588843fffffffffffff")},
        std::tuple{NalCodec::kHevc, core::Bytes{1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0},
                   *core::from_hex("2601ac00ffffffffffff")}}) {
    ParsedSliceHeaders headers(codec);
    ASSERT_TRUE(headers.configure(record));
    const auto size = headers.header_size(slice);
    ASSERT_FALSE(size);
    EXPECT_EQ(size.error().code, core::Code::kParse);
    EXPECT_NE(size.error().message.find("parameter sets"), std::string::npos) << size.error().message;
  }
}

TEST(ParsedSliceHeaders, RefusesASliceThatEndsInItsHeader) {
  ParsedSliceHeaders headers(NalCodec::kAvc);
  ASSERT_TRUE(headers.configure(kAvcc));
  const core::Bytes slice = *core::from_hex("6588843fffffffffffff");
  const auto whole = headers.header_size(slice);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_GT(*whole, 2U);
  for (std::size_t size = 1; size < *whole; ++size) {
    EXPECT_FALSE(headers.header_size(core::ByteView(slice).first(size))) << size;
  }
}

// By hand, because no encoder here makes one: frame_num of 16 bits and slice_qp_delta +32 are 31 zero bits in a row, so
// a byte 03 stands among them. The header ends in the byte 81, whose last bit is data.
TEST(ParsedSliceHeaders, CountsEmulationPreventionBytes) {
  ParsedSliceHeaders headers(NalCodec::kAvc);
  ASSERT_TRUE(headers.configure(*core::from_hex("0142000affe100076742000a8d69e401000468ce3880")));
  const auto size = headers.header_size(*core::from_hex("419a0000030081ffffffffff"));
  ASSERT_TRUE(size) << size.error().message;
  EXPECT_EQ(*size, 7U);
  const auto without = headers.header_size(*core::from_hex("419a02020081ffffffffff"));
  ASSERT_TRUE(without) << without.error().message;
  EXPECT_EQ(*without, 6U);
}

TEST(ParsedSliceHeaders, RefusesRecordsThatEndEarly) {
  for (std::size_t size = 0; size < kAvcc.size(); ++size) {
    EXPECT_FALSE(ParsedSliceHeaders(NalCodec::kAvc).configure(core::ByteView(kAvcc).first(size))) << size;
  }
  core::Bytes three = kAvcc;
  three[4] = 0xfe;
  EXPECT_EQ(ParsedSliceHeaders(NalCodec::kAvc).configure(three).error().code, core::Code::kParse);
  EXPECT_FALSE(ParsedSliceHeaders(NalCodec::kHevc).configure(core::Bytes(22)));
  EXPECT_FALSE(ParsedSliceHeaders(NalCodec::kHevc).configure(core::Bytes(23, 0xff)));
}

TEST(ParsedSliceHeaders, RefusesFurtherLayersOfHevc) {
  ParsedSliceHeaders headers(NalCodec::kHevc);
  EXPECT_EQ(headers.header_size(*core::from_hex("2609ac00ff")).error().code, core::Code::kUnsupported);
}

}  // namespace
}  // namespace aircheck::cenc
