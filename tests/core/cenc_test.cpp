#include "core/cenc.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <numeric>

#include "core/cenc_ivs.hpp"

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

struct CbcsAnswer {
  KnownAnswer answer;
  CryptPattern pattern;
};
const CbcsAnswer kCbcsAnswers[] = {
    {{"video 1:9",
      600,
      {{9, 371}, {12, 200}, {8, 0}},
      "000102030405060708a87dab18d9d6c1169d4dd43c58427b0e191a1b1c1d1e1f",
      "e02cedde2ad981c8bd2354803312a0ae4db6630f211a0c265048f4b67f5c3e4d"},
     kVideoPattern},
    {{"audio 0:0",
      50,
      {},
      "20a2d56b12661ceeda308d6f8243657dd52c5353ff50d181dd49d12560c525a4",
      "9a8ca3cecdb1eacccbf325cbc20eb67f82b67119e612ce791b9e60bdd7db2fde"},
     kAudioPattern},
    {{"less than a block",
      20,
      {{9, 11}},
      "000102030405060708090a0b0c0d0e0f10111213",
      "e7aebf577f60412f0312d442c70a1fa6148c090bf5bab404caec29482ae779e8"},
     kVideoPattern},
};
constexpr AesBlock kConstantIv = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                  0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};

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

// Clause 9.2: the block counter is the lower half alone. Block n is the encryption of the counter block by itself.
TEST(CencCipher, WrapsTheCounterOfALongIvWithoutACarry) {
  auto cipher = CencCipher::create(kKey);
  auto single = CencCipher::create(kKey);
  AesBlock counter = kConstantIv;
  for (std::size_t i = 8; i < 16; ++i) counter[i] = 0xff;
  counter[15] = 0xfe;
  const Entries subsamples = {{3, 25}, {4, 40}};
  Bytes sample(72);
  ASSERT_TRUE(cipher->apply_from(sample, subsamples, counter));
  Bytes keystream(sample.begin() + 3, sample.begin() + 28);
  keystream.insert(keystream.end(), sample.begin() + 32, sample.end());
  for (std::size_t block = 0; block * 16 < keystream.size(); ++block) {
    AesBlock at = kConstantIv;
    std::fill(at.begin() + 8, at.end(), block < 2 ? 0xff : 0x00);
    at[15] = static_cast<std::uint8_t>(0xfe + block);
    Bytes expected(16);
    ASSERT_TRUE(single->apply_from(expected, {}, at));
    expected.resize(std::min<std::size_t>(16, keystream.size() - 16 * block));
    EXPECT_EQ(to_hex(ByteView(keystream).subspan(16 * block, expected.size())), to_hex(expected)) << block;
  }
}

TEST(CbcsCipher, GivesTheKnownAnswersBothWays) {
  auto encrypt = CbcsCipher::create(kKey, CipherDirection::kEncrypt);
  auto decrypt = CbcsCipher::create(kKey, CipherDirection::kDecrypt);
  ASSERT_TRUE(encrypt && decrypt);
  for (const auto& [answer, pattern] : kCbcsAnswers) {
    SCOPED_TRACE(answer.name);
    Bytes sample = counting_bytes(answer.size);
    ASSERT_TRUE(encrypt->apply(sample, answer.subsamples, kConstantIv, pattern));
    EXPECT_EQ(to_hex(ByteView(sample).first(std::min<std::size_t>(32, sample.size()))), answer.head);
    EXPECT_EQ(sha256(sample), answer.sha256);
    ASSERT_TRUE(decrypt->apply(sample, answer.subsamples, kConstantIv, pattern));
    EXPECT_EQ(sample, counting_bytes(answer.size));
  }
}

Bytes block_at(const Bytes& bytes, std::size_t at) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  return {begin, begin + 16};
}

// One chain over the encrypted blocks of a range, made block by block with another call of libcrypto.
Bytes cbcs_by_hand(Bytes sample, CryptPattern pattern) {
  AesBlock chain = kConstantIv;
  const std::size_t period = std::size_t{16} * (pattern.crypt_blocks + pattern.skip_blocks);
  const std::size_t group = pattern.skip_blocks == 0 ? 16 : std::size_t{16} * pattern.crypt_blocks;
  for (std::size_t at = 0; at + group <= sample.size(); at += pattern.skip_blocks == 0 ? 16 : period) {
    for (std::size_t i = at; i < at + group; i += 16) {
      const auto block = aes_cbc_encrypt(kKey, chain, block_at(sample, i));
      std::copy_n(block->begin(), 16, chain.begin());
      std::copy_n(block->begin(), 16, sample.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }
  return sample;
}

TEST(CbcsCipher, ChainsOverAnyPatternAndLength) {
  auto encrypt = CbcsCipher::create(kKey, CipherDirection::kEncrypt);
  auto decrypt = CbcsCipher::create(kKey, CipherDirection::kDecrypt);
  for (const CryptPattern pattern : {CryptPattern{1, 9}, CryptPattern{2, 8}, CryptPattern{5, 5}, CryptPattern{15, 15},
                                     CryptPattern{10, 0}, CryptPattern{0, 0}}) {
    for (const std::size_t size : {0, 1, 15, 16, 31, 32, 159, 160, 175, 176, 16'000, 40'959, 40'960, 41'000, 100'003}) {
      Bytes sample = counting_bytes(size);
      ASSERT_TRUE(encrypt->apply(sample, {}, kConstantIv, pattern));
      EXPECT_EQ(sample, cbcs_by_hand(counting_bytes(size), pattern))
          << int{pattern.crypt_blocks} << ":" << int{pattern.skip_blocks} << " of " << size;
      ASSERT_TRUE(decrypt->apply(sample, {}, kConstantIv, pattern));
      EXPECT_EQ(sample, counting_bytes(size));
    }
  }
}

TEST(CbcsCipher, RefusesWhatDoesNotAddUpAndLeavesTheSampleAlone) {
  auto cipher = CbcsCipher::create(kKey, CipherDirection::kDecrypt);
  Bytes sample = counting_bytes(100);
  EXPECT_EQ(cipher->apply(sample, Entries{{10, 64}}, kConstantIv, kVideoPattern).error().code, Code::kParse);
  EXPECT_EQ(cipher->apply(sample, Entries{{10, 90}}, kConstantIv, {0, 9}).error().code, Code::kParse);
  EXPECT_EQ(sample, counting_bytes(100));
}

TEST(SampleDecryptor, TakesBothSchemesAndIvSizes) {
  const ByteView long_iv(kConstantIv);
  auto cenc = SampleDecryptor::create(CencScheme::kCenc, kKey);
  auto cbcs = SampleDecryptor::create(CencScheme::kCbcs, kKey);
  auto encrypt_cenc = CencCipher::create(kKey);
  auto encrypt_cbcs = CbcsCipher::create(kKey, CipherDirection::kEncrypt);
  for (const std::size_t iv_size : {8, 16}) {
    AesBlock iv{};
    std::copy_n(kConstantIv.begin(), iv_size, iv.begin());
    Bytes sample = counting_bytes(600);
    ASSERT_TRUE(encrypt_cenc->apply_from(sample, {}, iv));
    ASSERT_TRUE(cenc->decrypt(sample, {{}, long_iv.first(iv_size), {}}));
    EXPECT_EQ(sample, counting_bytes(600));
    ASSERT_TRUE(encrypt_cbcs->apply(sample, {}, iv, kVideoPattern));
    ASSERT_TRUE(cbcs->decrypt(sample, {{}, long_iv.first(iv_size), kVideoPattern}));
    EXPECT_EQ(sample, counting_bytes(600));
  }
  Bytes sample = counting_bytes(600);
  EXPECT_EQ(cenc->decrypt(sample, {{}, long_iv.first(7), {}}).error().code, Code::kParse);
  EXPECT_EQ(cbcs->decrypt(sample, {{}, {}, kVideoPattern}).error().code, Code::kParse);
  EXPECT_EQ(sample, counting_bytes(600));
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

TEST(IvHistory, GoesOnWhereAKeyWasLeft) {
  IvHistory history;
  const ContentKey other = *ContentKey::from_hex("ffeeddccbbaa99887766554433221100");
  auto ivs = history.use(kKey);
  ASSERT_TRUE(ivs);
  const CencIv first = (*ivs)->sample.next();
  const AesBlock constant = (*ivs)->constant;
  auto others = history.use(other);
  ASSERT_TRUE(others);
  EXPECT_NE((*others)->sample.next(), first);
  EXPECT_NE((*others)->constant, constant);
  ivs = history.use(kKey);
  const CencIv second = (*ivs)->sample.next();
  CencIvSequence expected(first);
  (void)expected.next();
  EXPECT_EQ(second, expected.next());
  EXPECT_EQ((*ivs)->constant, constant);
}

TEST(IvHistory, IsBounded) {
  IvHistory history;
  history.set_first(TrackIvs{CencIvSequence(CencIv{}), AesBlock{}});
  (void)(*history.use(kKey))->sample.next();
  Bytes bytes(16);
  for (std::size_t i = 0; i < IvHistory::kCapacity; ++i) {
    bytes[0] = static_cast<std::uint8_t>(i);
    bytes[1] = static_cast<std::uint8_t>(i >> 8);
    ASSERT_TRUE(history.use(*ContentKey::from_bytes(bytes)));
  }
  EXPECT_EQ((*history.use(kKey))->sample.next(), CencIv{});
}

}  // namespace
}  // namespace aircheck::core
