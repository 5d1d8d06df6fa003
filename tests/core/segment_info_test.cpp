#include "core/segment_info.hpp"

#include <gtest/gtest.h>

#include "bmff_samples.hpp"

namespace aircheck::core {
namespace {

namespace samples = bmff::samples;

TEST(SegmentInfoBox, ReadsBackFromTheHeadOfAFile) {
  const Bytes file = samples::media_segment();
  EXPECT_EQ(read_segment_info(file).value(), samples::segment_info());
  EXPECT_EQ(read_segment_info(ByteView(file).first(200)).value(), samples::segment_info());
}

TEST(SegmentInfoBox, WithoutKeyAndDiscontinuity) {
  SegmentInfo info;
  info.start = Utc{-5};
  EXPECT_EQ(read_segment_info(write_segment_info_box(info)).value(), info);
}

TEST(SegmentInfoBox, IsAKnownSequenceOfBytes) {
  SegmentInfo info;
  info.sequence = 1;
  info.discontinuity_sequence = 2;
  info.start = Utc{3};
  info.duration_ns = 4;
  info.epoch = 5;
  info.target_duration_s = 6;
  info.max_duration_s = 7;
  info.init_name = "i";
  EXPECT_EQ(to_hex(write_segment_info_box(info)),
            "0000004b75756964e78b2a5c41d04f6e9a1b61697263686b00000000"
            "0000000000000001000000000000000200000000000000030000000000000004"
            "000000050000000600000007000169");
}

TEST(SegmentInfoBox, OtherUuidBoxesAndOtherFilesAreNotOurs) {
  Bytes foreign = write_segment_info_box({});
  foreign[8] ^= 1;
  EXPECT_EQ(read_segment_info(foreign).error().code, Code::kNotFound);
  EXPECT_EQ(read_segment_info(samples::init_segment()).error().code, Code::kNotFound);
  EXPECT_EQ(read_segment_info({}).error().code, Code::kNotFound);
}

TEST(SegmentInfoBox, RefusesALaterVersionClearly) {
  Bytes later = write_segment_info_box({});
  later[24] = 1;
  const auto read = read_segment_info(later);
  EXPECT_EQ(read.error().code, Code::kUnsupported);
  EXPECT_NE(read.error().message.find("version 1"), std::string::npos) << read.error().message;
}

TEST(SegmentInfoBox, EveryTruncationIsAnError) {
  const Bytes box = write_segment_info_box(samples::segment_info());
  for (std::size_t size = 0; size < box.size(); ++size) {
    EXPECT_FALSE(read_segment_info(ByteView(box).first(size))) << size;
  }
}

}  // namespace
}  // namespace aircheck::core
