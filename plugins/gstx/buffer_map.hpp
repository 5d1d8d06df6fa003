// The bytes of a GstBuffer, mapped for as long as the object lives.
#pragma once

#include <gst/gst.h>

#include <span>
#include <utility>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::gstx {

// Maps a buffer that the caller keeps alive; the reader's own thread only.
//   AIRCHECK_TRY(const auto map, BufferMap::read(buffer));
//   parse(map.bytes());
class BufferMap {
 public:
  static core::Result<BufferMap> read(GstBuffer* buffer) { return map(buffer, GST_MAP_READ); }
  // kConflict unless gst_buffer_is_writable().
  static core::Result<BufferMap> read_write(GstBuffer* buffer) { return map(buffer, GST_MAP_READWRITE); }

  BufferMap(BufferMap&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)), info_(other.info_) {}
  BufferMap& operator=(BufferMap&&) = delete;
  ~BufferMap() {
    if (buffer_ != nullptr) gst_buffer_unmap(buffer_, &info_);
  }

  [[nodiscard]] core::ByteView bytes() const { return {info_.data, info_.size}; }
  // Only after read_write().
  [[nodiscard]] std::span<std::uint8_t> writable_bytes() { return {info_.data, info_.size}; }

 private:
  BufferMap(GstBuffer* buffer, const GstMapInfo& info) : buffer_(buffer), info_(info) {}

  static core::Result<BufferMap> map(GstBuffer* buffer, GstMapFlags flags) {
    GstMapInfo info;
    // Asked first, because gst_buffer_map() would log a critical warning about a shared buffer.
    const bool allowed = flags == GST_MAP_READ || gst_buffer_is_writable(buffer);
    if (!allowed || !gst_buffer_map(buffer, &info, flags)) {
      return core::fail(core::Code::kConflict, flags == GST_MAP_READ ? "a buffer cannot be mapped for reading"
                                                                     : "a buffer cannot be mapped for writing");
    }
    return BufferMap(buffer, info);
  }

  GstBuffer* buffer_;
  GstMapInfo info_;
};

}  // namespace aircheck::gstx
