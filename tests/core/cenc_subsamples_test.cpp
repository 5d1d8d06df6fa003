#include "core/cenc_subsamples.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace aircheck::core {

void PrintTo(const Subsample& entry, std::ostream* out) {
  *out << "[" << entry.clear_bytes << "," << entry.protected_bytes << "]";
}

namespace {

using Entries = std::vector<Subsample>;

const ContentKey kKey = *ContentKey::from_hex("00112233445566778899aabbccddeeff");
constexpr CencIv kIv = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

Result<SubsampleMap> avc_subsamples(ByteView access_unit, std::size_t length_size) {
  return cenc_subsamples(access_unit, {NalCodec::kAvc, length_size});
}

// A NAL unit whose size with its length field is unit_size.
void append_nal(Bytes& au, std::size_t nal_length_size, std::uint8_t header, std::size_t unit_size) {
  const std::size_t size = unit_size - nal_length_size;
  for (std::size_t i = nal_length_size; i-- > 0;) au.push_back(static_cast<std::uint8_t>(size >> (8 * i)));
  if (size == 0) return;
  au.push_back(header);
  au.insert(au.end(), size - 1, 0xaa);
}

struct Nal {
  std::uint8_t header;
  std::size_t unit_size;
};

Bytes access_unit(const std::vector<Nal>& nals, std::size_t nal_length_size = 4) {
  Bytes au;
  for (const Nal& nal : nals) append_nal(au, nal_length_size, nal.header, nal.unit_size);
  return au;
}

Entries entries_of(const Result<SubsampleMap>& map) {
  if (!map) {
    ADD_FAILURE() << map.error().message;
    return {};
  }
  return {map->entries().begin(), map->entries().end()};
}

constexpr std::uint8_t kIdr = 0x65;
constexpr std::uint8_t kSlice = 0x41;
constexpr std::uint8_t kSei = 0x06;
constexpr std::uint8_t kAud = 0x09;

TEST(AvcSubsamples, LeavesShortSlicesAndTheirHeadsClear) {
  const struct {
    std::size_t unit_size;
    Entries expected;
  } kCases[] = {
      {5, {{5, 0}}},     {111, {{111, 0}}},    {112, {{96, 16}}},    {127, {{111, 16}}},
      {128, {{96, 32}}}, {4000, {{96, 3904}}}, {4001, {{97, 3904}}}, {200'000, {{96, 199'904}}},
  };
  for (const auto& [unit_size, expected] : kCases) {
    EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kSlice, unit_size}}), 4)), expected) << unit_size;
  }
}

TEST(AvcSubsamples, ProtectsSlicesOnly) {
  for (std::uint8_t type = 0; type < 32; ++type) {
    const Entries expected = type >= 1 && type <= 5 ? Entries{{96, 416}} : Entries{{512, 0}};
    const auto header = static_cast<std::uint8_t>(0x60 | type);
    EXPECT_EQ(entries_of(avc_subsamples(access_unit({{header, 512}}), 4)), expected) << int{type};
  }
}

TEST(AvcSubsamples, MergesClearNalUnitsIntoTheNextEntry) {
  EXPECT_EQ(
      entries_of(avc_subsamples(access_unit({{kAud, 6}, {kSei, 700}, {kIdr, 1000}, {kSlice, 50}, {kIdr, 114}}), 4)),
      (Entries{{6 + 700 + 104, 896}, {50 + 98, 16}}));
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kIdr, 1000}, {kSlice, 50}, {kSei, 20}}), 4)),
            (Entries{{104, 896}, {70, 0}}));
}

TEST(AvcSubsamples, SplitsLongClearRuns) {
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kSei, 65535 - 96}, {kIdr, 112}}), 4)), (Entries{{65535, 16}}));
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kSei, 65536 - 96}, {kIdr, 112}}), 4)),
            (Entries{{65535, 0}, {1, 16}}));
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kIdr, 112}, {kSei, 150'000}}), 4)),
            (Entries{{96, 16}, {65535, 0}, {65535, 0}, {18930, 0}}));
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kSei, 131'070}}), 4)), (Entries{{65535, 0}, {65535, 0}}));
}

TEST(AvcSubsamples, ReadsEveryLengthSize) {
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kIdr, 200}}, 1), 1)), (Entries{{104, 96}}));
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kIdr, 5000}}, 2), 2)), (Entries{{104, 4896}}));
  EXPECT_EQ(avc_subsamples(access_unit({{kIdr, 200}}), 3).error().code, Code::kInvalidArgument);
}

TEST(AvcSubsamples, KeepsTheMapWithinOneSaizByte) {
  const std::vector<Nal> forty(40, {kSlice, 1008});
  EXPECT_EQ(entries_of(avc_subsamples(access_unit(forty), 4)), Entries(40, {96, 912}));

  // 60 slices: 20 stay clear, the last one is in reach again.
  const std::vector<Nal> sixty(60, {kSlice, 1008});
  Entries expected(39, {96, 912});
  expected.push_back({20 * 1008 + 96, 912});
  EXPECT_EQ(entries_of(avc_subsamples(access_unit(sixty), 4)), expected);

  // Large slices: whatever stays clear may need more than one entry.
  const std::vector<Nal> large(44, {kSlice, 20'000});
  expected.assign(38, {96, 19'904});
  expected.insert(expected.end(), 2, {2 * 20'000 + 96, 19'904});
  EXPECT_EQ(entries_of(avc_subsamples(access_unit(large), 4)), expected);
}

TEST(AvcSubsamples, ProtectsMoreThanItCouldLeaveClear) {
  // 40 clear entries reach 2.6 MB; protected bytes have no such limit.
  EXPECT_EQ(entries_of(avc_subsamples(access_unit({{kIdr, 2'000'000}, {kIdr, 2'000'000}}), 4)),
            Entries(2, {96, 1'999'904}));
  const auto clear = avc_subsamples(access_unit({{kSei, 2'700'000}}), 4);
  ASSERT_FALSE(clear);
  EXPECT_EQ(clear.error().code, Code::kUnsupported);
}

TEST(AvcSubsamples, RefusesNalUnitsBeyondTheSample) {
  const Bytes whole = access_unit({{kSei, 20}, {kIdr, 300}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto map = avc_subsamples(ByteView(whole).first(size), 4);
    if (size == 0 || size == 20) {
      EXPECT_TRUE(map) << size;
    } else {
      ASSERT_FALSE(map) << size;
      EXPECT_EQ(map.error().code, Code::kTruncated);
    }
  }
  EXPECT_FALSE(avc_subsamples(Bytes{0xff, 0xff, 0xff, 0xff, 0x65}, 4));
}

TEST(AvcSubsamples, AddsUpToTheSampleForAnySlicing) {
  auto cipher = CencCipher::create(kKey);
  for (std::size_t count : {1, 3, 39, 41, 200}) {
    for (std::size_t size : {4, 5, 111, 112, 1000, 9999}) {
      Bytes au = access_unit(std::vector<Nal>(count, {kSlice, size}));
      const auto map = avc_subsamples(au, 4);
      ASSERT_TRUE(map) << map.error().message;
      EXPECT_TRUE(cipher->apply(au, map->entries(), kIv)) << count << " slices of " << size;
    }
  }
}

TEST(HevcSubsamples, ProtectsVclUnitsOnly) {
  for (int type = 0; type < 64; ++type) {
    const Entries expected = type < 32 ? Entries{{96, 416}} : Entries{{512, 0}};
    const auto header = static_cast<std::uint8_t>(type << 1);
    EXPECT_EQ(entries_of(cenc_subsamples(access_unit({{header, 512}}), {NalCodec::kHevc, 4})), expected) << type;
  }
}

// A header of as many bytes as told; keeps count of what it is shown.
class FixedHeaders final : public SliceHeaders {
 public:
  explicit FixedHeaders(std::size_t size) : size_(size) {}
  Result<std::size_t> header_size(ByteView nal) override {
    types.push_back(nal_type(NalCodec::kAvc, nal));
    if (nal.back() == 0xee) return fail(Code::kParse, "no slice header");
    return size_;
  }
  std::vector<int> types;

 private:
  std::size_t size_;
};

TEST(CbcsSubsamples, ProtectsFromTheHeaderToTheEnd) {
  FixedHeaders headers(7);
  const Bytes au = access_unit({{kAud, 6}, {kSei, 30}, {kIdr, 1001}, {kSlice, 12}, {kSlice, 11}, {kSei, 9}});
  EXPECT_EQ(entries_of(cbcs_subsamples(au, {}, headers)), (Entries{{6 + 30 + 11, 990}, {11, 1}, {11 + 9, 0}}));
  EXPECT_EQ(headers.types, (std::vector<int>{9, 6, 5, 1, 1, 6}));
  FixedHeaders longer_than_the_unit(2000);
  EXPECT_EQ(entries_of(cbcs_subsamples(access_unit({{kIdr, 1001}}), {}, longer_than_the_unit)), (Entries{{1001, 0}}));
}

TEST(CbcsSubsamples, LeavesDataPartitionsAndReservedUnitsClear) {
  FixedHeaders headers(7);
  for (std::uint8_t type = 0; type < 64; ++type) {
    const Entries sliced = {{11, 89}};
    const Entries clear = {{100, 0}};
    const bool avc = type == 1 || type == 5;
    const bool hevc = type <= 9 || (type >= 16 && type <= 21);
    if (type < 32) {
      EXPECT_EQ(entries_of(cbcs_subsamples(access_unit({{type, 100}}), {}, headers)), avc ? sliced : clear);
    }
    const auto header = static_cast<std::uint8_t>(type << 1);
    EXPECT_EQ(entries_of(cbcs_subsamples(access_unit({{header, 100}}), {NalCodec::kHevc, 4}, headers)),
              hevc ? sliced : clear)
        << int{type};
  }
}

TEST(CbcsSubsamples, HasRoomForFortyEntriesToo) {
  FixedHeaders headers(7);
  const std::vector<Nal> slices(40, {kSlice, 1008});
  EXPECT_EQ(entries_of(cbcs_subsamples(access_unit(slices), {}, headers)), Entries(40, {11, 997}));
  const std::vector<Nal> sixty(60, {kSlice, 1008});
  Entries expected(39, {11, 997});
  expected.push_back({20 * 1008 + 11, 997});
  EXPECT_EQ(entries_of(cbcs_subsamples(access_unit(sixty), {}, headers)), expected);
}

TEST(CbcsSubsamples, HandsOnWhatTheHeadersRefuse) {
  FixedHeaders headers(7);
  Bytes au = access_unit({{kIdr, 300}});
  au.back() = 0xee;
  EXPECT_EQ(cbcs_subsamples(au, {}, headers).error().code, Code::kParse);
  au.pop_back();
  EXPECT_EQ(cbcs_subsamples(au, {}, headers).error().code, Code::kTruncated);
}

TEST(RandomAccess, IsToldByTheFirstVclUnit) {
  EXPECT_TRUE(is_random_access(access_unit({{kAud, 6}, {kSei, 30}, {kIdr, 200}}), {}));
  EXPECT_FALSE(is_random_access(access_unit({{kAud, 6}, {kSlice, 200}, {kIdr, 200}}), {}));
  EXPECT_FALSE(is_random_access(access_unit({{kAud, 6}}), {}));
  EXPECT_FALSE(is_random_access(Bytes{0, 0, 0, 9, kIdr}, {}));
  for (int type = 0; type < 64; ++type) {
    const auto header = static_cast<std::uint8_t>(type << 1);
    EXPECT_EQ(is_random_access(access_unit({{header, 200}}), {NalCodec::kHevc, 4}), type >= 16 && type <= 21) << type;
  }
}

TEST(ClearSubsamples, DescribeTheSample) {
  EXPECT_EQ(entries_of(clear_subsamples(70'000, 40)), (Entries{{65535, 0}, {4465, 0}}));
  EXPECT_TRUE(clear_subsamples(42 * 65535, 42));
  EXPECT_EQ(clear_subsamples(42 * 65535 + 1, 42).error().code, Code::kUnsupported);
}

}  // namespace
}  // namespace aircheck::core
