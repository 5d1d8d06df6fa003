#include "core/aes.hpp"

#include <gtest/gtest.h>

#include "support/aes_cbc.hpp"

namespace aircheck::core {
namespace {

AesBlock block_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  AesBlock block{};
  std::copy(bytes->begin(), bytes->end(), block.begin());
  return block;
}

// NIST SP 800-38A, the four blocks of appendix F and its AES-128 key.
const ContentKey kKey = *ContentKey::from_hex("2b7e151628aed2a6abf7158809cf4f3c");
const Bytes kPlain = *from_hex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
// F.2.1 (CBC-AES128.Encrypt) and F.5.1 (CTR-AES128.Encrypt).
const AesBlock kCbcIv = block_from_hex("000102030405060708090a0b0c0d0e0f");
constexpr std::string_view kCbcCipher =
    "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7";
const AesBlock kCtrStart = block_from_hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
constexpr std::string_view kCtrCipher =
    "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
    "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee";

TEST(AesCtr, GivesTheKnownAnswer) {
  auto aes = AesCtr::create(kKey);
  ASSERT_TRUE(aes);
  Bytes data = kPlain;
  ASSERT_TRUE(aes->start(kCtrStart));
  ASSERT_TRUE(aes->apply(data));
  EXPECT_EQ(to_hex(data), kCtrCipher);
}

TEST(AesCtr, ContinuesInTheMiddleOfABlockAndStartsAnew) {
  auto aes = AesCtr::create(kKey);
  for (const std::size_t step : {1, 7, 16, 23}) {
    Bytes data = kPlain;
    ASSERT_TRUE(aes->start(kCtrStart));
    for (std::size_t at = 0; at < data.size(); at += step) {
      ASSERT_TRUE(aes->apply(std::span(data).subspan(at, std::min(step, data.size() - at))));
    }
    EXPECT_EQ(to_hex(data), kCtrCipher) << "in steps of " << step;
  }
}

TEST(AesCbc, GivesTheKnownAnswerBothWaysInAnyPieces) {
  auto encrypt = AesCbc::create(kKey, CipherDirection::kEncrypt);
  auto decrypt = AesCbc::create(kKey, CipherDirection::kDecrypt);
  ASSERT_TRUE(encrypt && decrypt);
  for (const std::size_t step : {16, 32, 64}) {
    Bytes data = kPlain;
    ASSERT_TRUE(encrypt->start(kCbcIv));
    for (std::size_t at = 0; at < data.size(); at += step) {
      ASSERT_TRUE(encrypt->apply(std::span(data).subspan(at, step)));
    }
    EXPECT_EQ(to_hex(data), kCbcCipher) << step;
    ASSERT_TRUE(decrypt->start(kCbcIv));
    for (std::size_t at = 0; at < data.size(); at += step) {
      ASSERT_TRUE(decrypt->apply(std::span(data).subspan(at, step)));
    }
    EXPECT_EQ(data, kPlain) << step;
  }
}

TEST(AesCbc, GivesTheKnownAnswerPlusAPaddingBlock) {
  const auto data = aes_cbc_encrypt(kKey, kCbcIv, kPlain);
  ASSERT_TRUE(data);
  ASSERT_EQ(data->size(), kPlain.size() + 16);
  EXPECT_EQ(to_hex(ByteView(*data).first(kPlain.size())), kCbcCipher);
}

TEST(AesCbc, PadsEveryLengthSoThatLibcryptoDecryptsIt) {
  for (std::size_t size = 0; size <= 33; ++size) {
    const Bytes plain(kPlain.begin(), kPlain.begin() + static_cast<std::ptrdiff_t>(size));
    const auto data = aes_cbc_encrypt(kKey, kCbcIv, plain);
    ASSERT_TRUE(data);
    EXPECT_EQ(data->size(), size / 16 * 16 + 16);
    const auto back = test::aes_cbc_decrypt(kKey, kCbcIv, *data);
    ASSERT_TRUE(back);
    EXPECT_EQ(to_hex(*back), to_hex(plain));
  }
}

}  // namespace
}  // namespace aircheck::core
