// schedule::XmltvReader on any bytes, in pieces of any size: what it takes are valid entries, by start, that do not
// overlap.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "schedule/xmltv.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aircheck;
  if (size == 0) return 0;
  const std::size_t step = 1 + data[0];
  const core::ByteView bytes = core::ByteView(data, size).subspan(1);
  schedule::XmltvReader reader({"a", ""}, gobj::find_time_zone("Europe/Berlin"), {.inflated_bytes = 1 << 22});
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    if (!reader.feed(bytes.subspan(at, std::min(step, bytes.size() - at)))) return 0;
  }
  auto file = reader.finish();
  if (!file) return 0;
  for (auto& [channel, programmes] : file->programmes) {
    const auto listing = schedule::make_listing(channel, "id", std::move(programmes), file->notes);
    const schedule::Entry* before = nullptr;
    for (const schedule::Entry& entry : listing.entries) {
      if (!schedule::validate(entry) || (before != nullptr && before->end > entry.start)) std::abort();
      before = &entry;
    }
  }
  return 0;
}
