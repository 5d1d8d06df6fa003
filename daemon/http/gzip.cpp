#include "http/gzip.hpp"

#include <gio/gio.h>

namespace aircheck::http {

base::SharedBytes gzip(std::string_view text) {
  g_autoptr(GZlibCompressor) compressor = g_zlib_compressor_new(G_ZLIB_COMPRESSOR_FORMAT_GZIP, 1);
  g_autoptr(GOutputStream) memory = g_memory_output_stream_new_resizable();
  g_autoptr(GOutputStream) out = g_converter_output_stream_new(memory, G_CONVERTER(compressor));
  const bool written = g_output_stream_write_all(out, text.data(), text.size(), nullptr, nullptr, nullptr) != FALSE &&
                       g_output_stream_close(out, nullptr, nullptr) != FALSE;
  if (!written) return nullptr;
  return {g_memory_output_stream_steal_as_bytes(G_MEMORY_OUTPUT_STREAM(memory)), g_bytes_unref};
}

}  // namespace aircheck::http
