#include <gtest/gtest.h>

#include "bmff_samples.hpp"

namespace aircheck::core::bmff {
namespace {

// Each box type gets the same tests: what is written reads back equal and writes the same bytes again, and no
// truncation of its payload does more than fail.
template <typename Box>
Box example();
template <>
FileType example() {
  return {.type = fourcc("styp"), .major_brand = fourcc("msdh"), .minor_version = 9, .compatible_brands = {1, 2, 3}};
}
template <>
Mvhd example() {
  return {.version = 1, .creation_time = 1ULL << 33, .timescale = 600, .duration = 5, .next_track_id = 4};
}
template <>
Tkhd example() {
  return {.track_id = 3, .duration = 77, .volume = 0x100, .width = 640U << 16, .height = 360U << 16};
}
template <>
Mdhd example() {
  return {.version = 1, .timescale = 30000, .duration = 1ULL << 40, .language = 0x15c7};
}
template <>
Hdlr example() {
  return {.handler_type = fourcc("soun"), .name = {'a', 0}};
}
template <>
Elng example() {
  return {{'p', 't', '-', 'B', 'R', 0}};
}
template <>
Vmhd example() {
  return {};
}
template <>
Smhd example() {
  return {};
}
template <>
Dinf example() {
  return {};
}
template <>
Stsd example() {
  return {.visual = {samples::visual_entry()}, .audio = {samples::audio_entry()}};
}
template <>
Stbl example() {
  return {.stsd = example<Stsd>()};
}
template <>
AvcC example() {
  return *samples::visual_entry().avcc;
}
template <>
HvcC example() {
  return samples::hvcc();
}
template <>
DOps example() {
  return {.channels = 3,
          .pre_skip = 312,
          .input_sample_rate = 44'100,
          .output_gain = -256,
          .mapping_family = 1,
          .stream_count = 2,
          .coupled_count = 1,
          .mapping = {0, 2, 1}};
}
template <>
Mdcv example() {
  return {.primaries = {{{8500, 39850}, {6550, 2300}, {35400, 14600}}},
          .white = {15635, 16450},
          .max_luminance = 10'000'000,
          .min_luminance = 1};
}
template <>
Clli example() {
  return {.max_content = 1000, .max_frame_average = 400};
}
template <>
Btrt example() {
  return {.buffer_size = 1, .max_bitrate = 5'000'000, .average_bitrate = 4'000'000};
}
template <>
Pasp example() {
  return {.h_spacing = 4, .v_spacing = 3};
}
template <>
Colr example() {
  return {.primaries = 9, .transfer = 16, .matrix = 9, .full_range = 0};
}
template <>
Esds example() {
  return *samples::audio_entry().esds;
}
template <>
Sinf example() {
  return samples::sinf(fourcc("avc1"));
}
template <>
Tenc example() {
  return {
      .version = 1, .pattern = 0x19, .per_sample_iv_size = 0, .key_id = samples::kKeyId, .constant_iv = Bytes(16, 7)};
}
template <>
Mvex example() {
  return {{Trex{1, 1, 2, 3, 4}, Trex{2, 1, 0, 0, 0}}};
}
template <>
Pssh example() {
  return {.key_ids = {samples::kKeyId, KeyId{}}, .data = {1, 2, 3}};
}
template <>
Moov example() {
  return samples::moov();
}
template <>
Tfhd example() {
  return {.flags = 0x3b,
          .track_id = 1,
          .base_data_offset = 2,
          .sample_description_index = 3,
          .default_sample_duration = 4,
          .default_sample_size = 5,
          .default_sample_flags = 6};
}
template <>
Tfdt example() {
  return {.base_media_decode_time = 1ULL << 52};
}
template <>
Trun example() {
  return samples::moof(8).trafs.front().truns.front();
}
template <>
Saiz example() {
  return {.flags = 1, .aux_info_type = fourcc("cenc"), .sample_count = 3, .sizes = {16, 22, 10}};
}
template <>
Saio example() {
  return {.version = 1, .offsets = {1ULL << 33}};
}
template <>
Senc example() {
  return *samples::moof(8).trafs.front().senc;
}
template <>
Sidx example() {
  return {.reference_id = 1,
          .timescale = 25'000,
          .earliest_presentation_time = 1ULL << 44,
          .references = {{1000, 2000, Sidx::kStartsWithSap | 1U << 28}, {3000, 4000, 0}}};
}
template <>
Prft example() {
  return {.track_id = 1, .ntp_time = 0xe7000000'80000000, .media_time = 1ULL << 44};
}
template <>
Moof example() {
  return samples::moof(100);
}

template <typename Box>
class EachBox : public testing::Test {};
using AllBoxes = testing::Types<FileType, Mvhd, Tkhd, Mdhd, Hdlr, Elng, Vmhd, Smhd, Dinf, Stsd, Stbl, AvcC, HvcC, DOps,
                                Mdcv, Clli, Btrt, Pasp, Colr, Esds, Sinf, Tenc, Mvex, Pssh, Moov, Tfhd, Tfdt, Trun,
                                Saiz, Saio, Senc, Sidx, Prft, Moof>;
TYPED_TEST_SUITE(EachBox, AllBoxes);

TYPED_TEST(EachBox, ReadsBackWhatItWrites) {
  const TypeParam box = example<TypeParam>();
  const Bytes bytes = write_box(box);
  const auto read = read_box<TypeParam>(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, box);
  EXPECT_EQ(write_box(*read), bytes);
}

TYPED_TEST(EachBox, EveryTruncationFailsOrReads) {
  const Bytes bytes = write_box(example<TypeParam>());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_box<TypeParam>(ByteView(bytes).first(size))) << size;
    // The same with a header that admits the loss: boxes that end in optional content may still read.
    if (size < 8) continue;
    ByteWriter shortened;
    shortened.bytes(ByteView(bytes).first(size));
    shortened.patch_u32(0, static_cast<std::uint32_t>(size));
    const auto read = read_box<TypeParam>(shortened.view());
    if (read) {
      EXPECT_LE(write_box(*read).size(), bytes.size());
    }
  }
}

// Bytes of Shaka Packager 3.4.2.
TEST(BoxKnownAnswers, SinfOfCenc) {
  EXPECT_EQ(to_hex(write_box(samples::sinf(fourcc("avc1")))),
            "0000005073696e660000000c66726d6161766331000000147363686d0000000063656e6300010000"
            "00000028736368690000002074656e63000000000000010811223344556677889900aabbccddeeff");
}

TEST(BoxKnownAnswers, SinfOfCbcs) {
  Sinf sinf = samples::sinf(fourcc("avc1"));
  sinf.schm.scheme_type = fourcc("cbcs");
  sinf.schi.tenc = {.version = 1, .pattern = 0x19, .per_sample_iv_size = 0, .key_id = samples::kKeyId};
  sinf.schi.tenc.constant_iv = from_hex("2eed43f306dcb0fd4d7459c58e37fd56").value();
  EXPECT_EQ(to_hex(write_box(sinf)),
            "0000006173696e660000000c66726d6161766331000000147363686d000000006362637300010000"
            "00000039736368690000003174656e63010000000019010011223344556677889900aabbccddeeff"
            "102eed43f306dcb0fd4d7459c58e37fd56");
}

TEST(BoxKnownAnswers, PsshOfTheCommonSystem) {
  EXPECT_EQ(to_hex(write_box(Pssh{.key_ids = {samples::kKeyId}})),
            "0000003470737368010000001077efecc0b24d02ace33c1e52e2fb4b000000011122334455667788"
            "9900aabbccddeeff00000000");
}

TEST(BoxReader, ChecksCountsAgainstTheBytesLeft) {
  for (const char* hostile : {
           "000000147472756e00000f01ffffffff00000000",                          // trun of 2^32-1 samples
           "000000147472756e00000001ffffffff00000000",                          // the same without a byte for each
           "000000117361697a0000000000ffffffff",                                // saiz
           "000000107361696f00000000ffffffff",                                  // saio
           "0000002070737368010000001077efecc0b24d02ace33c1e52e2fb4bffffffff",  // pssh
       }) {
    const Bytes bytes = from_hex(hostile).value();
    const auto view = read_box_view(bytes);
    ASSERT_TRUE(view) << hostile;
    Error error;
    switch (view->header.type) {
      case Trun::kType: error = read_box<Trun>(bytes).error(); break;
      case Saiz::kType: error = read_box<Saiz>(bytes).error(); break;
      case Saio::kType: error = read_box<Saio>(bytes).error(); break;
      default: error = read_box<Pssh>(bytes).error(); break;
    }
    EXPECT_NE(error.message.find("4294967295"), std::string::npos) << error.message;
  }
}

TEST(BoxReader, NamesTheBoxThatIsMissingOrThereTwice) {
  const Bytes tfhd = write_box(Tfhd{.track_id = 1});
  const Bytes mfhd = write_box(Mfhd{});
  ByteWriter empty_traf;
  empty_traf.u32(8);
  empty_traf.u32(fourcc("traf"));
  EXPECT_EQ(read_box<Traf>(empty_traf.view()).error().message, "box 'traf': has no box 'tfhd'");
  ByteWriter twice;
  twice.u32(static_cast<std::uint32_t>(8 + 2 * mfhd.size()));
  twice.u32(fourcc("moof"));
  twice.bytes(mfhd);
  twice.bytes(mfhd);
  EXPECT_EQ(read_box<Moof>(twice.view()).error().message, "box 'moof': has more than one box 'mfhd'");
}

TEST(BoxHeader, SizesOfAllThreeForms) {
  const Bytes large = from_hex("000000016d646174000000000000001400000000").value();
  const auto header = read_box_header(large, large.size());
  ASSERT_TRUE(header);
  EXPECT_EQ(header->header_size, 16U);
  EXPECT_EQ(header->payload_size(), 4U);
  const Bytes to_the_end = from_hex("000000006d64617401020304").value();
  EXPECT_EQ(read_box_header(to_the_end, to_the_end.size())->size, 12U);
  EXPECT_EQ(read_box_header(from_hex("000000076d646174").value(), 8).error().code, Code::kParse);
  EXPECT_EQ(read_box_header(from_hex("000000096d646174").value(), 8).error().code, Code::kTruncated);
  EXPECT_EQ(read_box_header(from_hex("000000016d646174ffffffffffffffff").value(), 16).error().code, Code::kTruncated);
}

TEST(FourCcText, HidesBytesThatDoNotPrint) {
  EXPECT_EQ(to_text(0x61ff0a62), "a..b");
}

}  // namespace
}  // namespace aircheck::core::bmff
