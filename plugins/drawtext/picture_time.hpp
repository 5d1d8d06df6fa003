// The UTC of a picture.
#pragma once

#include <gst/gst.h>

#include <optional>

#include "core/time.hpp"

namespace aircheck::drawtext {

class PictureTime {
 public:
  // The UTC of running time zero; nothing: the clock at the first picture decides.
  void set_start(std::optional<core::Utc> start) { start_ = start; }
  void set_segment(const GstSegment* segment) { segment_ = *segment; }
  void reset();

  // Running time in ns; that of the picture before where the buffer has no time.
  std::int64_t running_time(GstBuffer* buffer);

  // Of a GstReferenceTimestampMeta with caps timestamp/x-unix if the buffer has one, else by its running time.
  std::optional<core::Utc> utc(GstBuffer* buffer, std::int64_t running_time);

 private:
  GstSegment segment_{};
  std::int64_t last_ = 0;
  std::optional<core::Utc> start_;
  std::optional<core::Utc> first_;  // what the clock said of running time zero
};

}  // namespace aircheck::drawtext
