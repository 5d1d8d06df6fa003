#include "fmp4/random_access.hpp"

#include <array>

namespace aircheck::fmp4 {

bool is_random_access(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size) {
  std::array<std::uint8_t, 5> head{};
  std::size_t offset = 0;
  for (;;) {
    const std::size_t wanted = nal_length_size + 1;
    if (gst_buffer_extract(access_unit, offset, head.data(), wanted) != wanted) return false;
    std::size_t length = 0;
    for (std::size_t i = 0; i < nal_length_size; ++i) length = length << 8 | head[i];
    offset += nal_length_size + length;
    if (length == 0) continue;
    const std::uint8_t header = head[nal_length_size];
    if (codec == Codec::kH264) {
      constexpr std::uint8_t kFirstSlice = 1;
      constexpr std::uint8_t kIdrSlice = 5;
      const std::uint8_t type = header & 0x1fU;
      if (type >= kFirstSlice && type <= kIdrSlice) return type == kIdrSlice;
    } else {
      constexpr std::uint8_t kFirstIrap = 16;  // BLA, IDR and CRA
      constexpr std::uint8_t kLastIrap = 21;
      constexpr std::uint8_t kFirstOther = 32;  // parameter sets and the like
      const std::uint8_t type = header >> 1 & 0x3fU;
      if (type < kFirstOther) return type >= kFirstIrap && type <= kLastIrap;
    }
  }
}

}  // namespace aircheck::fmp4
