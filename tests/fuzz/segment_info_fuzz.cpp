#include "core/segment_info.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  namespace core = aircheck::core;
  const core::ByteView bytes(data, size);
  if (const auto info = core::read_segment_info(bytes); info) (void)core::write_segment_info_box(*info);
  return 0;
}
