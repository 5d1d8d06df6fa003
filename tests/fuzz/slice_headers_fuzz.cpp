// Any decoder configuration and access unit, in both codecs: parameter sets and slices are read, and the map that comes
// out adds up to the access unit. Input: a byte that chooses the codec, 16 bits of length, codec_data, access unit.
#include <cstdlib>

#include "cenc/slice_headers.hpp"
#include "fuzz/start_gst.hpp"

using namespace aircheck;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  fuzz::start_gst();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  core::ByteReader reader(core::ByteView(data, size));
  const auto choice = reader.u8();
  const auto length = reader.u16();
  if (!choice || !length) return 0;
  const auto codec_data = reader.bytes(*length);
  if (!codec_data) return 0;
  cenc::ParsedSliceHeaders headers((*choice & 1) == 0 ? core::NalCodec::kAvc : core::NalCodec::kHevc);
  const auto format = headers.configure(*codec_data);
  if (!format) return 0;
  const core::ByteView frame = *reader.bytes(reader.remaining());
  const auto map = core::cbcs_subsamples(frame, *format, headers);
  if (!map) return 0;
  std::uint64_t sum = 0;
  for (const core::Subsample& entry : map->entries()) sum += std::uint64_t{entry.clear_bytes} + entry.protected_bytes;
  if (sum != frame.size() || map->entries().size() > core::SubsampleMap::kCapacityConstantIv) std::abort();
  return 0;
}
