#include "drawtext/picture_time.hpp"

#include "gstx/caps.hpp"

namespace aircheck::drawtext {

void PictureTime::reset() {
  gst_segment_init(&segment_, GST_FORMAT_TIME);
  last_ = 0;
  first_.reset();
}

std::int64_t PictureTime::running_time(GstBuffer* buffer) {
  guint64 time = 0;
  const int sign = segment_.format != GST_FORMAT_TIME
                       ? 0
                       : gst_segment_to_running_time_full(&segment_, GST_FORMAT_TIME, GST_BUFFER_PTS(buffer), &time);
  if (sign != 0) last_ = sign * static_cast<std::int64_t>(time);
  return last_;
}

std::optional<core::Utc> PictureTime::utc(GstBuffer* buffer, std::int64_t running_time) {
  static const auto kUnix = gstx::caps_from_text("timestamp/x-unix");
  if (const auto* meta = gst_buffer_get_reference_timestamp_meta(buffer, kUnix.get()); meta != nullptr) {
    return core::Utc{static_cast<std::int64_t>(meta->timestamp)};
  }
  if (start_) return *start_ + running_time;
  if (!first_) first_ = core::Utc{g_get_real_time() * 1000 - running_time};
  return *first_ + running_time;
}

}  // namespace aircheck::drawtext
