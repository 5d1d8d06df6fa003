#include "core/bmff/init.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  namespace core = aircheck::core;
  const core::ByteView bytes(data, size);
  if (const auto info = core::bmff::parse_init(bytes); info) (void)core::bmff::clear_init(bytes);
  return 0;
}
