// What Configure asked for, checked: the feeder's own part, and the values for the description.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>

#include "control/values.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "worker/decoder.hpp"
#include "worker/timeline.hpp"

namespace aircheck::worker {

// A value for a variable of a description.
using DescriptionValue = std::variant<std::string, std::int64_t, core::Utc>;
using DescriptionValues = std::map<std::string, DescriptionValue, std::less<>>;

// Read by the worker itself, whatever the description. Descriptions may bind them to elements as well.
struct ChannelSettings {
  std::string source;             // absolute path
  std::string segment_directory;  // absolute path
  Raster raster;
  FrameRate frame_rate;
  std::uint32_t target_duration_s = 6;
  std::uint32_t max_duration_s = 0;  // 0: as long as the target
  core::Utc not_before{0};

  [[nodiscard]] std::int64_t target_ns() const { return target_duration_s * core::kNsPerSecond; }
};

core::Result<ChannelSettings> parse_settings(const control::Variables& variables);

// Everything that a description may bind: what Configure gave, and what follows from it: start-utc (of running time
// zero), segment-location (a pattern for the sink) and slot-frames (frames of one target duration).
[[nodiscard]] DescriptionValues description_values(const control::Variables& variables, const ChannelSettings& settings,
                                                   const std::string& channel, core::Utc start);

// The names in description_values() that the worker provides by itself, and those that parse_settings() reads.
[[nodiscard]] bool is_worker_variable(std::string_view name);

}  // namespace aircheck::worker
