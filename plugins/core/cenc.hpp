// Common Encryption (ISO/IEC 23001-7), scheme `cenc`: AES-128-CTR over the protected ranges of a sample.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/aes.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/secret.hpp"

namespace aircheck::core {

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
  // `saiz` sizes are one byte: 8 (IV) + 2 (count) + 40 * 6 = 250.
  static constexpr std::size_t kCapacity = 40;

  // False, and nothing changed, when full.
  [[nodiscard]] bool append(Subsample subsample);

  [[nodiscard]] std::span<const Subsample> entries() const { return {entries_.data(), size_}; }

 private:
  std::array<Subsample, kCapacity> entries_{};
  std::size_t size_ = 0;
};

// Protected parts of an access unit of AVC NAL units that each follow a length of nal_length_size (1, 2 or 4) bytes.
// A NAL unit that is no slice (nal_unit_type 1 to 5), or is shorter than 112 bytes with its length, stays clear; of
// another, the first 96 to 111 bytes stay clear, which is beyond any slice header that players read, and the rest, a
// multiple of 16 bytes (clause 9.5.2.4), is protected. Slices for which there is no room in the map stay clear.
// kTruncated: a NAL unit goes beyond the sample. kUnsupported: 40 entries cannot describe a sample of that size.
Result<SubsampleMap> avc_subsamples(ByteView access_unit, std::size_t nal_length_size);

// One key. apply() does not allocate.
class CencCipher {
 public:
  static Result<CencCipher> create(const ContentKey& key);

  // Encrypts or decrypts a sample in place. The keystream runs on from one protected range into the next. No subsamples
  // means that the whole sample is protected, as audio is. kParse: the subsamples do not add up to the sample; it is
  // left as it was.
  Result<void> apply(std::span<std::uint8_t> sample, std::span<const Subsample> subsamples, const CencIv& iv);

 private:
  explicit CencCipher(AesCtr aes) : aes_(std::move(aes)) {}

  AesCtr aes_;
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

}  // namespace aircheck::core
