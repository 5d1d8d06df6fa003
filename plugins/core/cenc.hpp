// Common Encryption (ISO/IEC 23001-7): the schemes `cenc` (AES-128-CTR) and `cbcs` (AES-128-CBC with a pattern) over
// the protected ranges of a sample.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "core/aes.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/secret.hpp"

namespace aircheck::core {

enum class CencScheme { kCenc, kCbcs };

// Per_Sample_IV_Size 8, clause 9.2: the upper half of the counter block; the lower half starts at zero.
using CencIv = std::array<std::uint8_t, 8>;

// One entry of `senc`: clear bytes, then protected bytes.
struct Subsample {
  std::uint16_t clear_bytes = 0;
  std::uint32_t protected_bytes = 0;

  friend bool operator==(const Subsample&, const Subsample&) = default;
};

// The subsamples of one sample, in order; their bytes add up to the sample. Lives without the heap.
class SubsampleMap {
 public:
  // `saiz` sizes are one byte: 8 (IV) + 2 (count) + 40 * 6 = 250; without an IV 2 + 42 * 6 = 254.
  static constexpr std::size_t kCapacity = 40;
  static constexpr std::size_t kCapacityConstantIv = 42;

  SubsampleMap() = default;
  // At most kCapacityConstantIv.
  explicit SubsampleMap(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] std::size_t capacity() const { return capacity_; }
  // False, and nothing changed, when full.
  [[nodiscard]] bool append(Subsample subsample);

  [[nodiscard]] std::span<const Subsample> entries() const { return {entries_.data(), size_}; }

 private:
  std::array<Subsample, kCapacityConstantIv> entries_{};
  std::size_t capacity_ = kCapacity;
  std::size_t size_ = 0;
};

// Scheme `cenc` with one key. No member allocates.
class CencCipher {
 public:
  static Result<CencCipher> create(const ContentKey& key);

  // Encrypts or decrypts a sample in place. The keystream runs on from one protected range into the next. No subsamples
  // means that the whole sample is protected, as audio is. kParse: the subsamples do not add up to the sample; it is
  // left as it was.
  Result<void> apply(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples, const CencIv& iv);

  // The same with Per_Sample_IV_Size 16: `counter` is the first counter block. Its lower half alone counts, and wraps
  // (clause 9.2).
  Result<void> apply_from(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples,
                          const AesBlock& counter);

 private:
  explicit CencCipher(AesCtr aes) : aes_(std::move(aes)) {}

  Result<void> apply_range(std::span<std::uint8_t> range);

  AesCtr aes_;
  AesBlock counter_{};
  std::uint64_t bytes_to_wrap_ = 0;  // keystream left until the lower half of the counter is zero again
};

// crypt_byte_block and skip_byte_block of `tenc`: so many blocks of 16 bytes encrypted, so many left clear, and so on.
// Without skipped blocks every whole block is encrypted, as 0:0 says.
struct CryptPattern {
  std::uint8_t crypt_blocks = 0;
  std::uint8_t skip_blocks = 0;

  friend bool operator==(const CryptPattern&, const CryptPattern&) = default;
};
inline constexpr CryptPattern kVideoPattern{1, 9};  // clause 10.4.2
inline constexpr CryptPattern kAudioPattern{0, 0};

// Scheme `cbcs` with one key, in one direction. No member allocates.
class CbcsCipher {
 public:
  static Result<CbcsCipher> create(const ContentKey& key, CipherDirection direction);

  // Encrypts or decrypts a sample in place. Each protected range starts with `iv` and with a new pattern; the chain
  // runs over encrypted blocks only, and a group of fewer than crypt_blocks whole blocks at the end stays clear (clause
  // 9.6.1). No subsamples: the whole sample is one protected range. kParse: the subsamples do not add up to the sample,
  // or the pattern skips blocks without encrypting any; the sample is left as it was.
  Result<void> apply(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples, const AesBlock& iv,
                     CryptPattern pattern);

 private:
  explicit CbcsCipher(AesCbc aes) : aes_(std::move(aes)) {}

  Result<void> apply_range(std::span<std::uint8_t> range, const AesBlock& iv, CryptPattern pattern);

  AesCbc aes_;
};

// What `senc` and `tenc` say about one protected sample.
struct SampleProtection {
  std::span<const Subsample> subsamples;  // none: the whole sample
  ByteView iv;                            // the sample's own or the constant one, 8 or 16 bytes
  CryptPattern pattern;                   // `cbcs` only
};

// Decrypts samples of either scheme with one key.
class SampleDecryptor {
 public:
  static Result<SampleDecryptor> create(CencScheme scheme, const ContentKey& key);

  // kParse: an IV of another size, or what the ciphers refuse; the sample is left as it was.
  Result<void> decrypt(std::span<std::uint8_t> sample, const SampleProtection& protection);

 private:
  explicit SampleDecryptor(std::variant<CencCipher, CbcsCipher> cipher) : cipher_(std::move(cipher)) {}

  std::variant<CencCipher, CbcsCipher> cipher_;
};

// The IVs of one track under one key: a random 64-bit start (so that tracks and restarts that share a key do not meet),
// then one more per sample.
class CencIvSequence {
 public:
  explicit CencIvSequence(const CencIv& first);
  // kInternal when the system has no randomness.
  static Result<CencIvSequence> random();

  [[nodiscard]] CencIv next();

 private:
  std::uint64_t next_ = 0;
};

// A constant IV for one track under one key. kInternal when the system has no randomness.
Result<AesBlock> random_constant_iv();

}  // namespace aircheck::core
