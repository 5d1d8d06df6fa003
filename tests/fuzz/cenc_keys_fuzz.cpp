// Any text as the property keys: it is read or refused, and a refusal repeats nothing of it that could be a key.
#include <cstdlib>

#include "cenc/keys.hpp"

using namespace aircheck;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto keys = cenc::keys_from_text(text);
  if (keys) return 0;
  for (std::size_t at = 0; at + 16 <= size; ++at) {
    const std::string_view part = text.substr(at, 16);
    if (part.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos &&
        keys.error().message.find(part) != std::string::npos) {
      std::abort();
    }
  }
  return 0;
}
