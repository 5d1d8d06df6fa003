#include "core/bytes.hpp"

#include <gtest/gtest.h>

#include "core/secret.hpp"

#include <limits>
#include <sstream>

namespace aircheck::core {
namespace {

TEST(ByteWriter, IsReadBackByTheReader) {
  ByteWriter writer;
  writer.u8(1);
  writer.u16(0x0203);
  writer.u24(0x040506);
  writer.u32(0x0708090a);
  writer.u64(0x0b0c0d0e0f101112);
  writer.text("ab");
  writer.zeros(2);
  EXPECT_EQ(to_hex(writer.view()), "0102030405060708090a0b0c0d0e0f10111261620000");

  ByteReader reader(writer.view());
  EXPECT_EQ(*reader.u8(), 1);
  EXPECT_EQ(*reader.u16(), 0x0203);
  EXPECT_EQ(*reader.u24(), 0x040506U);
  EXPECT_EQ(*reader.u32(), 0x0708090aU);
  EXPECT_EQ(*reader.u64(), 0x0b0c0d0e0f101112U);
  EXPECT_EQ(to_hex(*reader.bytes(2)), "6162");
  EXPECT_TRUE(reader.skip(2).has_value());
  EXPECT_TRUE(reader.empty());
}

TEST(ByteReader, AFailedReadMovesNothing) {
  const Bytes bytes{1, 2, 3};
  ByteReader reader(bytes);
  EXPECT_EQ(reader.u32().error().code, Code::kTruncated);
  EXPECT_EQ(reader.bytes(4).error().code, Code::kTruncated);
  EXPECT_EQ(reader.bytes(std::numeric_limits<std::size_t>::max()).error().code, Code::kTruncated);
  EXPECT_EQ(reader.position(), 0U);
  EXPECT_EQ(*reader.u24(), 0x010203U);
}

TEST(ByteReader, CountsAreBoundedByTheBytesLeft) {
  const Bytes bytes(24);
  const ByteReader reader(bytes);
  EXPECT_TRUE(reader.expect_elements(3, 8).has_value());
  EXPECT_EQ(reader.expect_elements(4, 8).error().code, Code::kTruncated);
  EXPECT_EQ(reader.expect_elements(std::numeric_limits<std::uint64_t>::max(), 8).error().code, Code::kTruncated);
}

TEST(ByteWriter, PatchesAnEarlierSize) {
  ByteWriter writer;
  writer.u32(0);
  writer.text("free");
  writer.patch_u32(0, 8);
  EXPECT_EQ(to_hex(writer.view()), "0000000866726565");
}

TEST(Hex, RefusesWhatIsNotHex) {
  EXPECT_EQ(to_hex(*from_hex("00fFaB")), "00ffab");
  EXPECT_EQ(from_hex("abc").error().code, Code::kParse);
  EXPECT_EQ(from_hex("0g").error().code, Code::kParse);
}

// RFC 4648 section 10.
TEST(Base64, KnownAnswers) {
  EXPECT_EQ(to_base64(as_bytes("")), "");
  EXPECT_EQ(to_base64(as_bytes("f")), "Zg==");
  EXPECT_EQ(to_base64(as_bytes("fo")), "Zm8=");
  EXPECT_EQ(to_base64(as_bytes("foo")), "Zm9v");
  EXPECT_EQ(to_base64(as_bytes("foob")), "Zm9vYg==");
  EXPECT_EQ(to_base64url(as_bytes("foob")), "Zm9vYg");
  EXPECT_EQ(to_base64url(Bytes{0xfb, 0xff}), "-_8");
}

TEST(Base64Url, ReadsOnlyTheCanonicalForm) {
  EXPECT_EQ(to_hex(*from_base64url("-_8")), "fbff");
  EXPECT_FALSE(from_base64url("-_8="));
  EXPECT_FALSE(from_base64url("-_9"));  // trailing bits set
  EXPECT_FALSE(from_base64url("+/8"));
  EXPECT_FALSE(from_base64url("A"));
  EXPECT_FALSE(from_base64url("Zm9v Zm9v"));
}

TEST(KeyId, IsThirtyTwoHexDigits) {
  const auto key_id = key_id_from_hex("11223344556677889900AABBCCDDEEFF");
  ASSERT_TRUE(key_id);
  EXPECT_EQ(to_hex(*key_id), "11223344556677889900aabbccddeeff");
  EXPECT_EQ(key_id_from_hex("1122").error().code, Code::kInvalidArgument);
}

TEST(ContentKey, NeverPrintsAndNeverRepeatsItsText) {
  const auto key = ContentKey::from_hex("00112233445566778899aabbccddeeff");
  ASSERT_TRUE(key);
  std::ostringstream out;
  out << *key;
  EXPECT_EQ(out.str(), "***");
  const auto bad = ContentKey::from_hex("00112233445566778899aabbccddeexx");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message.find("00112233"), std::string::npos);
  EXPECT_EQ(*key, *ContentKey::from_bytes(key->reveal()));
  EXPECT_FALSE(*key == ContentKey());
}

}  // namespace
}  // namespace aircheck::core
