// How much earlier than its presentation a film is decoded, where the container does not say it: Matroska.
#include <bit>
#include <set>

#include "fmp4/muxing.hpp"
#include "fmp4/parameter_sets.hpp"

namespace aircheck::fmp4 {
namespace {

struct Reordered {
  const char* name;
  const char* rate;
  const char* codec;
  const char* parameters;  // of the encoder
  const char* without;     // what makes it find no place for B-frames
  const char* parser;
  std::int64_t lead;  // units

  friend std::ostream& operator<<(std::ostream& out, const Reordered& p) { return out << p.parameters; }
};

class EachReordered : public Fmp4Mux, public testing::WithParamInterface<Reordered> {
 protected:
  // Two encodes with the same parameter sets in one film: two seconds without B-frames, then six with three
  // between two others. The pictures begin first: matroskademux 1.22 gives the first of them a segment of another start
  // where they do not.
  std::string late_reordering() {
    const Reordered& p = GetParam();
    const auto part = [&](const std::string& name, int seconds, const std::string& b_frames) {
      film(name, "-f lavfi -i testsrc2=s=320x180:r=" + std::string(p.rate) + ":d=" + std::to_string(seconds) +
                     " -pix_fmt yuv420p -c:v " + p.codec + " " + p.parameters + ":" + b_frames);
    };
    part("first.mp4", 2, p.without);
    part("second.mp4", 6, "b-adapt=0");
    folder_.write("list", "file first.mp4\nfile second.mp4\n");
    return film("source.mkv",
                "-f concat -i " + folder_ / "list" + " -itsoffset 0.1 -f lavfi -i sine=d=8:r=48000 -c:v copy -c:a aac");
  }
  // Presentation times in seconds, in their order.
  static std::vector<double> times(const std::string& path, const char* stream) {
    std::vector<double> result;
    std::istringstream lines(shell("ffprobe -v error -select_streams " + std::string(stream) +
                                   " -show_entries packet=pts_time -of csv=p=0 " + path));
    for (std::string line; std::getline(lines, line);) result.push_back(std::strtod(line.c_str(), nullptr));
    std::ranges::sort(result);
    return result;
  }
};

TEST_P(EachReordered, LaterGroupsMayReorderMoreThanTheFirst) {
  const std::string source = late_reordering();
  const std::string parser = GetParam().parser;
  const Output output = run("filesrc location=" + source + " ! matroskademux name=d d.video_0 ! queue ! " + parser +
                            " ! mux.video_0 d.audio_0 ! queue ! aacparse ! mux.audio_0 " + mux("target-duration=1"));
  ASSERT_EQ(output.error, "");
  ASSERT_GE(output.segments().size(), 4U);
  EXPECT_EQ(std::ranges::count(output.parts, true, &Part::init), 1) << "the film has one format";
  expect_continuous(output);

  const bmff::InitInfo init = output.init();
  std::set<std::int64_t> first_offsets;
  bool reordered = false;
  for (const Part& part : output.segments()) {
    const auto fragments = bmff::parse_fragments(part.bytes, &init);
    ASSERT_TRUE(fragments) << fragments.error().message;
    for (const bmff::FragmentInfo& fragment : *fragments) {
      const auto& samples = fragment.tracks[0].samples;
      for (const bmff::Sample& sample : samples) {
        EXPECT_GE(sample.composition_offset, 0);
        reordered = reordered || sample.composition_offset != samples.front().composition_offset;
      }
      first_offsets.insert(samples.front().composition_offset);
    }
  }
  EXPECT_TRUE(reordered) << "the film has no B-frames";
  EXPECT_EQ(first_offsets, std::set<std::int64_t>{GetParam().lead}) << "in units, at the head of each segment";

  // ffmpeg moves all pictures where an offset is negative, and would tell so against the sound.
  const std::string muxed = write("muxed.mp4", output.all());
  const double start = times(muxed, "v:0").at(0) - times(source, "v:0").at(0);
  for (const char* stream : {"v:0", "a:0"}) {
    const auto ours = times(muxed, stream);
    const auto theirs = times(source, stream);
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) ASSERT_NEAR(ours[i] - start, theirs[i], 0.001) << stream << " " << i;
  }
  expect_same_packets(muxed, source, "v:0");
  expect_plays(muxed);
}

INSTANTIATE_TEST_SUITE_P(
    Films, EachReordered,
    testing::Values(Reordered{"H264", "25", "libx264", "-x264-params scenecut=0:keyint=50:bframes=3",
                              "b-adapt=1:b-bias=-100", "h264parse", 2 * 1000},
                    Reordered{"H264WithoutPyramid", "25", "libx264",
                              "-x264-params scenecut=0:keyint=50:bframes=3:b-pyramid=none", "b-adapt=1:b-bias=-100",
                              "h264parse", 1000},
                    // 66.73 ms, which Matroska rounds.
                    Reordered{"H264AtNtscRate", "30000/1001", "libx264", "-x264-params scenecut=0:keyint=50:bframes=3",
                              "b-adapt=1:b-bias=-100", "h264parse", 67 * 30},
                    Reordered{"Hevc", "25", "libx265",
                              "-x265-params log-level=error:scenecut=0:keyint=50:bframes=3:open-gop=0", "keyint=2",
                              "h265parse", 2 * 1000}),
    [](const auto& param_info) { return std::string(param_info.param.name); });

// An SPS of H.264, as far as the depth depends on it (ISO/IEC 14496-10 clause 7.3.2.1.1).
struct Sps {
  std::uint8_t profile = 77;
  bool constraint_set3 = false;
  std::uint8_t level = 40;
  std::uint32_t width = 120;  // macroblocks
  std::uint32_t height = 68;
  std::uint32_t order_count_type = 0;
  std::optional<std::uint32_t> reorder_frames;
};

class Bits {
 public:
  void fixed(std::uint32_t value, int size) {
    for (int i = size; i-- > 0;) bits_.push_back((value >> i & 1U) != 0);
  }
  void ue(std::uint32_t value) {
    const int size = std::bit_width(value + 1);
    fixed(value + 1, 2 * size - 1);
  }
  Bytes take() {
    fixed(1, 1);
    while (bits_.size() % 8 != 0) fixed(0, 1);
    Bytes bytes(bits_.size() / 8);
    for (std::size_t i = 0; i < bits_.size(); ++i)
      bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] * 2 + bits_[i]);
    return bytes;
  }

 private:
  std::vector<bool> bits_;
};

Bytes write(const Sps& sps) {
  Bits bits;
  bits.fixed(0x67, 8);
  bits.fixed(sps.profile, 8);
  bits.fixed(sps.constraint_set3 ? 0x10 : 0, 8);
  bits.fixed(sps.level, 8);
  bits.ue(0);
  if (sps.profile >= 100) {
    for (const std::uint32_t value : {1U, 0U, 0U}) bits.ue(value);  // chroma format, bit depths
    bits.fixed(0, 2);
  }
  bits.ue(0);
  bits.ue(sps.order_count_type);
  if (sps.order_count_type == 0) bits.ue(0);
  bits.ue(4);  // reference frames
  bits.fixed(0, 1);
  bits.ue(sps.width - 1);
  bits.ue(sps.height - 1);
  bits.fixed(0b110, 3);  // frames only, direct inference, no cropping
  bits.fixed(sps.reorder_frames ? 1 : 0, 1);
  if (sps.reorder_frames) {
    bits.fixed(0, 8);     // nothing before the restriction
    bits.fixed(0b11, 2);  // it is there; motion vectors may point outside
    for (const std::uint32_t value : {0U, 0U, 10U, 10U, *sps.reorder_frames, 4U}) bits.ue(value);
  }
  return bits.take();
}

TEST(ReorderDepth, IsWhatTheSpsSaysOrLeavesOpen) {
  const auto depth = [](const std::vector<Bytes>& units) {
    return read_parameter_sets(bmff::AvcC{.sps = units}).reorder_depth;
  };
  EXPECT_EQ(depth({write({.reorder_frames = 0})}), 0U);
  EXPECT_EQ(depth({write({.reorder_frames = 2})}), 2U);
  EXPECT_EQ(depth({write({.reorder_frames = 1}), write({.reorder_frames = 3}), write({.reorder_frames = 2})}), 3U);
  EXPECT_EQ(depth({write({})}), 4U) << "MaxDpbFrames of level 4 for 1920x1088";
  EXPECT_EQ(depth({write({.level = 51})}), 16U);
  EXPECT_EQ(depth({write({.level = 30, .width = 45, .height = 36})}), 5U);
  EXPECT_EQ(depth({write({.level = 99})}), 16U) << "a level that nobody knows";
  EXPECT_EQ(depth({write({.profile = 66})}), 0U) << "Baseline";
  EXPECT_EQ(depth({write({.profile = 100})}), 4U);
  EXPECT_EQ(depth({write({.profile = 100, .constraint_set3 = true})}), 0U) << "High Intra";
  EXPECT_EQ(depth({write({.constraint_set3 = true})}), 4U) << "Main has no intra profile";
  EXPECT_EQ(depth({write({.order_count_type = 2})}), 0U);
}

TEST(ReorderDepth, IsUnknownWithoutAReadableSps) {
  const Bytes whole = write({.reorder_frames = 2});
  EXPECT_EQ(read_parameter_sets(bmff::AvcC{}).reorder_depth, std::nullopt);
  EXPECT_EQ(read_parameter_sets(bmff::AvcC{.sps = {Bytes{}}}).reorder_depth, std::nullopt);
  EXPECT_EQ(read_parameter_sets(bmff::AvcC{.sps = {Bytes(whole.begin(), whole.begin() + 5)}}).reorder_depth,
            std::nullopt);
  EXPECT_EQ(read_parameter_sets(bmff::HvcC{}).reorder_depth, std::nullopt);
  EXPECT_EQ(read_parameter_sets(bmff::HvcC{.arrays = {{.nal_type = 33, .nals = {Bytes{0x42, 1, 1}}}}}).reorder_depth,
            std::nullopt);
}

}  // namespace
}  // namespace aircheck::fmp4
