#include "core/cenc.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <numeric>

namespace aircheck::core {

void PrintTo(const Subsample& entry, std::ostream* out) {
  *out << "[" << entry.clear_bytes << "," << entry.protected_bytes << "]";
}

namespace {

using Entries = std::vector<Subsample>;

const ContentKey kKey = *ContentKey::from_hex("00112233445566778899aabbccddeeff");
constexpr CencIv kIv = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

Bytes counting_bytes(std::size_t size) {
  Bytes bytes(size);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

std::string sha256(ByteView bytes) {
  std::array<std::uint8_t, 32> digest{};
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  return to_hex(digest);
}

struct KnownAnswer {
  const char* name;
  std::size_t size;
  Entries subsamples;
  const char* head;
  const char* sha256;
};

// Made with another implementation and checked both ways against Shaka Packager's output.
const KnownAnswer kKnownAnswers[] = {
    {"aligned",
     200,
     {{10, 64}, {14, 96}, {16, 0}},
     "0001020304050607080968b8eeb96b83a6ba61f41ae5bca18325a5814058bdf1",
     "f8c817d73b5365626442227e03016d789cd70b2ec975e3910bf5432db050bcd3"},
    {"a block across two ranges",
     100,
     {{5, 23}, {4, 40}, {8, 20}},
     "000102030467b5e5bc6c86bda77ee901e0bba48828aa8c4b5dbaf4731c1d1e1f",
     "6a1941b32ad2221464d5be02741c436fbaccf63e1829df78f75baeda1997152f"},
    {"full sample",
     50,
     {},
     "62b2e0b76189b0ac7bee04fba6bb9533af8b4e56b7fb7e625c1274be28cd2233",
     "7bbca81109ebbf2aa2952bacc85f91b625801735bf98d652a77418cfbdf9c332"},
};

TEST(CencCipher, GivesTheKnownAnswersBothWays) {
  auto cipher = CencCipher::create(kKey);
  ASSERT_TRUE(cipher);
  for (const KnownAnswer& answer : kKnownAnswers) {
    SCOPED_TRACE(answer.name);
    Bytes sample = counting_bytes(answer.size);
    ASSERT_TRUE(cipher->apply(sample, answer.subsamples, kIv));
    EXPECT_EQ(to_hex(ByteView(sample).first(32)), answer.head);
    EXPECT_EQ(sha256(sample), answer.sha256);
    ASSERT_TRUE(cipher->apply(sample, answer.subsamples, kIv));
    EXPECT_EQ(sample, counting_bytes(answer.size));
  }
}

TEST(CencCipher, RefusesSubsamplesThatDoNotAddUp) {
  auto cipher = CencCipher::create(kKey);
  for (const Entries& subsamples :
       {Entries{{10, 64}}, Entries{{10, 64}, {14, 13}}, Entries{{0, 0xffffffff}, {101, 0}}}) {
    Bytes sample = counting_bytes(100);
    const auto applied = cipher->apply(sample, subsamples, kIv);
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().code, Code::kParse);
    EXPECT_EQ(sample, counting_bytes(100));
  }
}

TEST(CencIvSequence, CountsUpAndWraps) {
  CencIvSequence ivs({0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(to_hex(ivs.next()), "00000000ffffffff");
  EXPECT_EQ(to_hex(ivs.next()), "0000000100000000");
  CencIvSequence last({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  EXPECT_EQ(to_hex(last.next()), "ffffffffffffffff");
  EXPECT_EQ(to_hex(last.next()), "0000000000000000");
}

TEST(CencIvSequence, StartsAtRandom) {
  auto a = CencIvSequence::random();
  auto b = CencIvSequence::random();
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->next(), b->next());
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

}  // namespace
}  // namespace aircheck::core
