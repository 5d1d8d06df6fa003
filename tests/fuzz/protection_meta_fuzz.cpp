// Any protection meta on any frame: what read_protection() accepts, the ciphers decrypt without a complaint. Input: 16
// bits of frame size, then for each field in turn a byte for its type and its value.
#include <cstdlib>

#include "cenc/protection.hpp"
#include "fuzz/start_gst.hpp"

using namespace aircheck;

namespace {

constexpr const char* kFields[] = {"encrypted",       "kid",        "cipher-mode",      "iv_size",        "iv",
                                   "subsample_count", "subsamples", "crypt_byte_block", "skip_byte_block"};
constexpr const char* kModes[] = {"cenc", "cbcs", "cens", ""};

void set_buffer(GstStructure* info, const char* name, core::ByteView bytes) {
  GstBuffer* const buffer = gst_buffer_new_allocate(nullptr, bytes.size(), nullptr);
  gst_buffer_fill(buffer, 0, bytes.data(), bytes.size());
  gst_structure_set(info, name, GST_TYPE_BUFFER, buffer, nullptr);
  gst_buffer_unref(buffer);
}

core::Result<void> set_field(core::ByteReader& reader, GstStructure* info, const char* name) {
  AIRCHECK_TRY(const std::uint8_t type, reader.u8());
  switch (type % 6) {
    case 0: return {};
    case 1: {
      AIRCHECK_TRY(const std::uint32_t value, reader.u32());
      gst_structure_set(info, name, G_TYPE_UINT, value, nullptr);
      return {};
    }
    case 2: {
      AIRCHECK_TRY(const std::uint16_t size, reader.u16());
      AIRCHECK_TRY(const core::ByteView bytes, reader.bytes(std::min<std::size_t>(size, reader.remaining())));
      set_buffer(info, name, bytes);
      return {};
    }
    case 3: gst_structure_set(info, name, G_TYPE_BOOLEAN, type < 128, nullptr); return {};
    case 4: gst_structure_set(info, name, G_TYPE_STRING, kModes[type / 6 % 4], nullptr); return {};
    default: gst_structure_set(info, name, G_TYPE_INT, -1, nullptr); return {};
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  fuzz::start_gst();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  core::ByteReader reader(core::ByteView(data, size));
  const auto frame_size = reader.u16();
  if (!frame_size) return 0;
  const gstx::Structure info(gst_structure_new_empty("application/x-cenc"));
  for (const char* name : kFields) {
    if (!set_field(reader, info.get(), name)) break;
  }
  const auto read = cenc::read_protection(info.get(), core::CencScheme::kCenc, *frame_size);
  if (!read || !read->encrypted) return 0;
  core::Bytes frame(*frame_size);
  auto decryptor = *core::SampleDecryptor::create(read->scheme, core::ContentKey());
  const auto iv = core::ByteView(read->iv).first(read->iv_size);
  if (!decryptor.decrypt(frame, {read->subsamples.entries(), iv, read->pattern})) std::abort();
  return 0;
}
