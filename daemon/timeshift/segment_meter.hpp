// What the workers delivered since the daemon started, by channel: for GET /metrics.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/metrics.hpp"
#include "core/time.hpp"
#include "timeshift/segment_row.hpp"

namespace aircheck::timeshift {

// Main context only.
class SegmentMeter {
 public:
  static constexpr std::array kLatenessBounds = {0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 6.0, 10.0, 30.0, 60.0, 300.0, 3600.0};

  struct Channel {
    std::uint64_t segments = 0;
    std::uint64_t bytes = 0;
    std::uint64_t gaps = 0;  // GAP rows between these segments
    base::Histogram lateness{kLatenessBounds};
  };

  // A segment was listed `now`. last_sequence: of the last file before it; none: there was none.
  void listed(std::string_view channel_id, const SegmentRow& row, std::optional<std::uint64_t> last_sequence,
              core::Utc now) {
    auto found = channels_.find(channel_id);
    if (found == channels_.end()) found = channels_.try_emplace(std::string(channel_id)).first;
    Channel& channel = found->second;
    ++channel.segments;
    channel.bytes += row.size;
    if (last_sequence && row.sequence > *last_sequence) channel.gaps += row.sequence - *last_sequence - 1;
    channel.lateness.observe(static_cast<double>(now - row.end()) / static_cast<double>(core::kNsPerSecond));
  }

  [[nodiscard]] const Channel& channel(std::string_view channel_id) const {
    static const Channel kNothing;
    const auto found = channels_.find(channel_id);
    return found == channels_.end() ? kNothing : found->second;
  }

 private:
  std::map<std::string, Channel, std::less<>> channels_;
};

}  // namespace aircheck::timeshift
