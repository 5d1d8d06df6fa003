// Any access unit, any slice header lengths: a map that is given adds up to the sample and decrypts to the same.
#include <cstdlib>

#include "core/cenc_subsamples.hpp"

using namespace aircheck::core;

namespace {

// Lengths that the input chooses, beyond the unit too.
class AnyHeaders final : public SliceHeaders {
 public:
  Result<std::size_t> header_size(ByteView nal) override { return std::size_t{nal.back()}; }
};

void check(ByteView sample, const SubsampleMap& map, std::size_t capacity) {
  if (map.entries().size() > capacity) std::abort();
  static auto cenc = *CencCipher::create(ContentKey());
  static auto encrypt = *CbcsCipher::create(ContentKey(), CipherDirection::kEncrypt);
  static auto decrypt = *CbcsCipher::create(ContentKey(), CipherDirection::kDecrypt);
  Bytes copy(sample.begin(), sample.end());
  if (!cenc.apply(copy, map.entries(), CencIv{}) || !cenc.apply(copy, map.entries(), CencIv{})) std::abort();
  if (!encrypt.apply(copy, map.entries(), AesBlock{}, kVideoPattern)) std::abort();
  if (!decrypt.apply(copy, map.entries(), AesBlock{}, kVideoPattern)) std::abort();
  if (!std::equal(copy.begin(), copy.end(), sample.begin())) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView sample(data, size);
  AnyHeaders headers;
  for (const NalCodec codec : {NalCodec::kAvc, NalCodec::kHevc}) {
    for (const std::size_t length_size : {1, 2, 4}) {
      if (const auto map = cenc_subsamples(sample, {codec, length_size}); map && !map->entries().empty()) {
        for (const Subsample& entry : map->entries()) {
          if (entry.protected_bytes % 16 != 0) std::abort();
        }
        check(sample, *map, SubsampleMap::kCapacity);
      }
      if (const auto map = cbcs_subsamples(sample, {codec, length_size}, headers); map && !map->entries().empty()) {
        check(sample, *map, SubsampleMap::kCapacityConstantIv);
      }
    }
  }
  return 0;
}
