#include "fmp4/random_access.hpp"

#include <array>

namespace aircheck::fmp4 {
namespace {

// The types of NAL units that the two functions look for, of one codec.
struct Types {
  std::uint8_t first_slice;
  std::uint8_t last_slice;
  std::uint8_t first_random_access;
  std::uint8_t last_random_access;
  std::uint8_t sequence_parameter_set;
};
constexpr Types kH264{1, 5, 5, 5, 7};
constexpr Types kH265{0, 31, 16, 21, 33};  // random access: BLA, IDR and CRA

const Types& types_of(Codec codec) {
  return codec == Codec::kH264 ? kH264 : kH265;
}

// Shows the type of each NAL unit to `seen`, until it returns true.
template <typename Seen>
void walk(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size, Seen seen) {
  std::array<std::uint8_t, 5> head{};
  std::size_t offset = 0;
  for (;;) {
    const std::size_t wanted = nal_length_size + 1;
    if (gst_buffer_extract(access_unit, offset, head.data(), wanted) != wanted) return;
    std::size_t length = 0;
    for (std::size_t i = 0; i < nal_length_size; ++i) length = length << 8 | head[i];
    offset += nal_length_size + length;
    if (length == 0) continue;
    const std::uint8_t header = head[nal_length_size];
    if (seen(static_cast<std::uint8_t>(codec == Codec::kH264 ? header & 0x1fU : header >> 1 & 0x3fU))) return;
  }
}

}  // namespace

bool is_random_access(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size) {
  const Types& types = types_of(codec);
  bool result = false;
  walk(access_unit, codec, nal_length_size, [&](std::uint8_t type) {
    result = type >= types.first_random_access && type <= types.last_random_access;
    return type >= types.first_slice && type <= types.last_slice;
  });
  return result;
}

bool brings_parameter_sets(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size) {
  const Types& types = types_of(codec);
  bool result = false;
  walk(access_unit, codec, nal_length_size, [&](std::uint8_t type) {
    result = type == types.sequence_parameter_set;
    return result || (type >= types.first_slice && type <= types.last_slice);
  });
  return result;
}

}  // namespace aircheck::fmp4
