#include "core/cenc.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <limits>
#include <string>

namespace aircheck::core {

namespace {

constexpr std::size_t kBlock = std::tuple_size_v<AesBlock>;

Result<void> check_sum(std::size_t sample_size, std::span<const Subsample> subsamples) {
  std::uint64_t described = subsamples.empty() ? sample_size : 0;
  for (const Subsample& entry : subsamples) described += std::uint64_t{entry.clear_bytes} + entry.protected_bytes;
  if (described == sample_size) return {};
  return fail(Code::kParse, "subsamples describe " + std::to_string(described) + " bytes, the sample has " +
                                std::to_string(sample_size));
}

// Calls apply() with each protected range; the subsamples add up to the sample.
template <typename Apply>
Result<void> for_each_range(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples, const Apply& apply) {
  if (subsamples.empty()) return apply(sample);
  for (const Subsample& entry : subsamples) {
    AIRCHECK_TRY_VOID(apply(sample.subspan(entry.clear_bytes, entry.protected_bytes)));
    sample = sample.subspan(std::size_t{entry.clear_bytes} + entry.protected_bytes);
  }
  return {};
}

Result<void> random_bytes(std::span<std::uint8_t> out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) == 1) return {};
  return fail(Code::kInternal, "libcrypto gives no random bytes");
}

// An IV of 8 bytes is followed by zeros, in `cenc` (clause 9.2) as in `cbcs`.
Result<AesBlock> first_block(ByteView iv) {
  AesBlock block{};
  if (iv.size() != kBlock && iv.size() != std::tuple_size_v<CencIv>) {
    return fail(Code::kParse, "an IV of " + std::to_string(iv.size()) + " bytes, not of 8 or 16");
  }
  std::ranges::copy(iv, block.begin());
  return block;
}

}  // namespace

bool SubsampleMap::append(Subsample subsample) {
  if (size_ >= std::min(capacity_, entries_.size())) return false;
  entries_[size_++] = subsample;
  return true;
}

Result<CencCipher> CencCipher::create(const ContentKey& key) {
  AIRCHECK_TRY(auto aes, AesCtr::create(key));
  return CencCipher(std::move(aes));
}

Result<void> CencCipher::apply(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples,
                               const CencIv& iv) {
  AesBlock counter{};
  std::ranges::copy(iv, counter.begin());
  return apply_from(sample, subsamples, counter);
}

Result<void> CencCipher::apply_from(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples,
                                    const AesBlock& counter) {
  AIRCHECK_TRY_VOID(check_sum(sample.size(), subsamples));
  std::uint64_t low = 0;
  for (std::size_t i = kBlock / 2; i < kBlock; ++i) low = low << 8 | counter[i];
  const std::uint64_t blocks = ~low;  // until the wrap, less one: 2^64 of them do not fit
  bytes_to_wrap_ = blocks >= std::numeric_limits<std::uint64_t>::max() / kBlock
                       ? std::numeric_limits<std::uint64_t>::max()
                       : (blocks + 1) * kBlock;
  counter_ = counter;
  AIRCHECK_TRY_VOID(aes_.start(counter_));
  return for_each_range(sample, subsamples, [this](std::span<std::uint8_t> range) { return apply_range(range); });
}

Result<void> CencCipher::apply_range(std::span<std::uint8_t> range) {
  const std::size_t before_wrap = std::min<std::uint64_t>(range.size(), bytes_to_wrap_);
  AIRCHECK_TRY_VOID(aes_.apply(range.first(before_wrap)));
  bytes_to_wrap_ -= before_wrap;
  if (before_wrap == range.size()) return {};
  // libcrypto would carry into the upper half.
  std::fill(counter_.begin() + kBlock / 2, counter_.end(), std::uint8_t{0});
  bytes_to_wrap_ = std::numeric_limits<std::uint64_t>::max();
  AIRCHECK_TRY_VOID(aes_.start(counter_));
  return aes_.apply(range.subspan(before_wrap));
}

Result<CbcsCipher> CbcsCipher::create(const ContentKey& key, CipherDirection direction) {
  AIRCHECK_TRY(auto aes, AesCbc::create(key, direction));
  return CbcsCipher(std::move(aes));
}

Result<void> CbcsCipher::apply(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples,
                               const AesBlock& iv, CryptPattern pattern) {
  AIRCHECK_TRY_VOID(check_sum(sample.size(), subsamples));
  if (pattern.crypt_blocks == 0 && pattern.skip_blocks != 0) {
    return fail(Code::kParse, "a pattern of 0:" + std::to_string(pattern.skip_blocks) + " blocks encrypts nothing");
  }
  return for_each_range(sample, subsamples,
                        [&](std::span<std::uint8_t> range) { return apply_range(range, iv, pattern); });
}

Result<void> CbcsCipher::apply_range(std::span<std::uint8_t> range, const AesBlock& iv, CryptPattern pattern) {
  if (range.size() < kBlock) return {};
  AIRCHECK_TRY_VOID(aes_.start(iv));
  if (pattern.skip_blocks == 0) return aes_.apply(range.first(range.size() / kBlock * kBlock));

  // The encrypted blocks lie apart but are one chain: they are brought together, because a call of libcrypto costs more
  // than a block.
  std::array<std::uint8_t, 256 * kBlock> gathered;
  const std::size_t group = pattern.crypt_blocks * kBlock;
  const std::size_t period = group + pattern.skip_blocks * kBlock;
  while (range.size() >= group) {
    std::size_t count = 0;
    std::size_t at = 0;
    for (; count + group <= gathered.size() && at + group <= range.size(); at += period, count += group) {
      std::copy_n(range.data() + at, group, gathered.data() + count);
    }
    AIRCHECK_TRY_VOID(aes_.apply(std::span(gathered).first(count)));
    at = 0;
    for (std::size_t from = 0; from < count; from += group, at += period) {
      std::copy_n(gathered.data() + from, group, range.data() + at);
    }
    range = range.subspan(std::min(at, range.size()));
  }
  return {};
}

Result<SampleDecryptor> SampleDecryptor::create(CencScheme scheme, const ContentKey& key) {
  if (scheme == CencScheme::kCenc) {
    AIRCHECK_TRY(auto cipher, CencCipher::create(key));
    return SampleDecryptor(std::move(cipher));
  }
  AIRCHECK_TRY(auto cipher, CbcsCipher::create(key, CipherDirection::kDecrypt));
  return SampleDecryptor(std::move(cipher));
}

Result<void> SampleDecryptor::decrypt(std::span<std::uint8_t> sample, const SampleProtection& protection) {
  AIRCHECK_TRY(const AesBlock iv, first_block(protection.iv));
  if (auto* const cenc = std::get_if<CencCipher>(&cipher_)) return cenc->apply_from(sample, protection.subsamples, iv);
  return std::get_if<CbcsCipher>(&cipher_)->apply(sample, protection.subsamples, iv, protection.pattern);
}

CencIvSequence::CencIvSequence(const CencIv& first) {
  for (const std::uint8_t byte : first) next_ = next_ << 8 | byte;
}

Result<CencIvSequence> CencIvSequence::random() {
  CencIv first{};
  AIRCHECK_TRY_VOID(random_bytes(first));
  return CencIvSequence(first);
}

CencIv CencIvSequence::next() {
  CencIv iv{};
  for (std::size_t i = 0; i < iv.size(); ++i) iv[i] = static_cast<std::uint8_t>(next_ >> (56 - 8 * i));
  ++next_;
  return iv;
}

Result<AesBlock> random_constant_iv() {
  AesBlock iv{};
  AIRCHECK_TRY_VOID(random_bytes(iv));
  return iv;
}

}  // namespace aircheck::core
