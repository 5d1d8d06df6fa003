#include "drawtext/picture_time.hpp"

#include <algorithm>
#include <cstdint>

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
  if (sign != 0) last_ = sign * static_cast<std::int64_t>(std::min<guint64>(time, INT64_MAX));
  return last_;
}

std::optional<core::Utc> PictureTime::utc(GstBuffer* buffer, std::int64_t running_time) {
  static const auto kUnix = gstx::caps_from_text("timestamp/x-unix");
  if (const auto* meta = gst_buffer_get_reference_timestamp_meta(buffer, kUnix.get()); meta != nullptr) {
    return core::Utc{static_cast<std::int64_t>(meta->timestamp)};
  }
  if (!start_ && !first_) first_ = core::Utc{g_get_real_time() * 1000 - running_time};
  core::Utc utc = start_ ? *start_ : *first_;
  // Beyond the year 2262 there is none.
  if (__builtin_add_overflow(utc.ns, running_time, &utc.ns)) return std::nullopt;
  return utc;
}

}  // namespace aircheck::drawtext
