// base::Json::parse on any bytes: what it takes, it writes and takes again as the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using aircheck::base::Json;
  const auto json = Json::parse({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  const auto again = Json::parse(json->dump());
  // 1e3 is written as 1000, and that is an integer: the text settles after one round.
  if (!again || again->dump() != json->dump()) std::abort();
  return 0;
}
