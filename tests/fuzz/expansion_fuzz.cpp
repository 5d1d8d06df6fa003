#include <cstdlib>
#include <cstring>
#include <string_view>

#include "drawtext/expansion.hpp"

// The first eight bytes are an instant, the rest a text: whatever is in it, what is no expansion stands as it is.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using aircheck::drawtext::Expansion;
  aircheck::drawtext::Moment moment;
  aircheck::core::Utc utc;
  if (size < sizeof utc.ns) return 0;
  std::memcpy(&utc.ns, data, sizeof utc.ns);
  moment.utc = utc;
  moment.pts = static_cast<std::uint64_t>(utc.ns);
  moment.channel = "<channel>";
  moment.metadata = [](const std::string& key) { return key; };
  const std::string_view text(reinterpret_cast<const char*>(data) + sizeof utc.ns, size - sizeof utc.ns);
  const Expansion expansion = Expansion::parse(text);
  const std::string plain = expansion.expand(moment, false);
  (void)expansion.expand(moment, true);
  if (text.find("%{") == std::string_view::npos && (!expansion.is_constant() || plain != text)) std::abort();
  return 0;
}
