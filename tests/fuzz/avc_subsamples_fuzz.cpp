// Any access unit: a map that is given adds up to the sample, protects whole blocks only, and decrypts to the same.
#include <cstdlib>

#include "core/cenc.hpp"

using namespace aircheck::core;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto cipher = *CencCipher::create(ContentKey());
  const ByteView sample(data, size);
  for (const std::size_t nal_length_size : {1, 2, 4}) {
    const auto map = avc_subsamples(sample, nal_length_size);
    if (!map || map->entries().empty()) continue;
    for (const Subsample& entry : map->entries()) {
      if (entry.protected_bytes % 16 != 0) std::abort();
    }
    Bytes copy(sample.begin(), sample.end());
    if (!cipher.apply(copy, map->entries(), CencIv{}) || !cipher.apply(copy, map->entries(), CencIv{})) std::abort();
    if (!std::equal(copy.begin(), copy.end(), sample.begin())) std::abort();
  }
  return 0;
}
