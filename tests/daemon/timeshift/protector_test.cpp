#include "timeshift/protector.hpp"

#include <gtest/gtest.h>

#include "core/aes.hpp"
#include "core/bmff/fragment.hpp"
#include "core/bmff_samples.hpp"
#include "core/cenc.hpp"
#include "support/aes_cbc.hpp"

namespace aircheck::timeshift {
namespace {

namespace samples = core::bmff::samples;

const core::ContentKey kKey = core::ContentKey::from_hex("00112233445566778899aabbccddeeff").value();

TEST(Protector, DerivesAKeyForEachKidThatIsNotTheContentKey) {
  core::KeyId other = samples::kKeyId;
  other[15] ^= 1;
  const core::ContentKey derived = derive_aes128_key(kKey, samples::kKeyId);
  EXPECT_EQ(derived, derive_aes128_key(kKey, samples::kKeyId));
  EXPECT_FALSE(derived == kKey);
  EXPECT_FALSE(derived == derive_aes128_key(kKey, other));
  // Players and archives outlive releases: this value must never change. Checked with Python's hashlib.blake2b.
  EXPECT_EQ(core::to_hex(derived.reveal()), "1d8d30be17be5c869097d284109dedb1");
}

TEST(Protector, TheIvIsTheMediaSequenceNumber) {
  EXPECT_EQ(core::to_hex(aes128_iv(0x0102030405060708)), "00000000000000000102030405060708");
}

TEST(Protector, AnAes128SegmentDecryptsToTheClearSegment) {
  const core::bmff::InitInfo init = core::bmff::parse_init(samples::init_segment()).value();
  core::Bytes clear = samples::media_segment();
  ASSERT_TRUE(make_clear(clear, init, kKey));
  const auto encrypted = make_aes128(samples::media_segment(), init, kKey, samples::kKeyId, 5);
  ASSERT_TRUE(encrypted) << encrypted.error().message;
  EXPECT_EQ(encrypted->size(), (clear.size() / 16 + 1) * 16) << "padding always adds at least one byte";
  core::AesBlock iv{};
  iv[15] = 5;
  EXPECT_EQ(aircheck::test::aes_cbc_decrypt(derive_aes128_key(kKey, samples::kKeyId), iv, *encrypted).value(), clear);
  EXPECT_FALSE(make_aes128({1, 2, 3}, init, kKey, samples::kKeyId, 5));

  // The samples themselves: the first has 16 protected bytes behind 4 clear ones, the second none.
  const auto fragment = core::bmff::parse_fragment(clear, &init).value();
  core::Bytes sample(clear.begin() + static_cast<std::ptrdiff_t>(fragment.tracks[0].samples[0].offset),
                     clear.begin() + static_cast<std::ptrdiff_t>(fragment.tracks[0].samples[0].offset) + 20);
  const std::array<core::Subsample, 1> map{core::Subsample{4, 16}};
  ASSERT_TRUE(core::CencCipher::create(kKey)->apply(sample, map, {0, 0, 0, 0, 0, 0, 0, 1}));
  for (std::uint8_t i = 0; i < 20; ++i) EXPECT_EQ(sample[i], i);
}

}  // namespace
}  // namespace aircheck::timeshift
