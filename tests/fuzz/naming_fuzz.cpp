#include <cstdlib>
#include <string_view>

#include "core/naming.hpp"

// The first line is a pattern, the rest a name: a name that can be read is the one that is written.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  namespace core = aircheck::core;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t line = text.find('\n');
  const auto pattern = core::NamePattern::parse(text.substr(0, line));
  if (!pattern || line == std::string_view::npos) return 0;
  const auto parts = pattern->parse_name(text.substr(line + 1));
  if (parts && pattern->format(*parts) != text.substr(line + 1)) std::abort();
  return 0;
}
