#include "worker/settings.hpp"

#include <algorithm>
#include <array>

namespace aircheck::worker {
namespace {

constexpr std::array<std::string_view, 11> kWorkerVariables = {
    "source",       "segment-directory", "width",     "height",           "framerate",  "target-duration",
    "max-duration", "not-before",        "start-utc", "segment-location", "slot-frames"};

constexpr std::int64_t kMinSide = 16;
constexpr std::int64_t kMaxSide = 8192;
constexpr std::int64_t kMaxTargetSeconds = 60;

core::Unexpected<core::Error> wrong(std::string_view name, std::string_view what) {
  return core::fail(core::Code::kInvalidArgument, "variable '" + std::string(name) + "': " + std::string(what));
}

class Reader {
 public:
  explicit Reader(const control::Variables& variables) : variables_(variables) {}

  core::Result<void> text(const char* name, std::string& value) const {
    const auto found = variables_.find(name);
    if (found == variables_.end()) return {};
    const auto* text = std::get_if<std::string>(&found->second);
    if (text == nullptr) return wrong(name, "must be a string");
    value = *text;
    return {};
  }

  core::Result<void> path(const char* name, std::string& value) const {
    AIRCHECK_TRY_VOID(text(name, value));
    if (!value.starts_with('/')) return wrong(name, "give an absolute path");
    if (value.find('\0') != std::string::npos) return wrong(name, "a path has no zero byte");
    return {};
  }

  // Integers of any of the three types.
  template <typename T>
  core::Result<void> integer(const char* name, T& value, std::int64_t minimum, std::int64_t maximum) const {
    const auto found = variables_.find(name);
    if (found == variables_.end()) return {};
    const auto number = std::visit(
        [](const auto& given) -> std::optional<std::int64_t> {
          if constexpr (std::is_integral_v<std::decay_t<decltype(given)>>) return given;
          return std::nullopt;
        },
        found->second);
    if (!number || *number < minimum || *number > maximum) {
      return wrong(name, "must be a number from " + std::to_string(minimum) + " to " + std::to_string(maximum));
    }
    value = static_cast<T>(*number);
    return {};
  }

 private:
  const control::Variables& variables_;
};

// The sink's patterns take strftime(3) fields: a percent sign of a folder's name stands for itself.
std::string escape_pattern(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped.append(c == '%' ? 2 : 1, c);
  return escaped;
}

}  // namespace

core::Result<ChannelSettings> parse_settings(const control::Variables& variables) {
  const Reader reader(variables);
  ChannelSettings settings;
  // An empty source is the made-up film; a missing one is a mistake.
  AIRCHECK_TRY_VOID(reader.text("source", settings.source));
  if (!settings.source.empty() || !variables.contains("source")) {
    AIRCHECK_TRY_VOID(reader.path("source", settings.source));
  }
  AIRCHECK_TRY_VOID(reader.path("segment-directory", settings.segment_directory));
  AIRCHECK_TRY_VOID(reader.integer("width", settings.raster.width, kMinSide, kMaxSide));
  AIRCHECK_TRY_VOID(reader.integer("height", settings.raster.height, kMinSide, kMaxSide));
  if (settings.raster.width % 2 != 0) return wrong("width", "must be even for 4:2:0 video");
  if (settings.raster.height % 2 != 0) return wrong("height", "must be even for 4:2:0 video");
  std::string rate = "25/1";
  AIRCHECK_TRY_VOID(reader.text("framerate", rate));
  AIRCHECK_TRY(settings.frame_rate, parse_frame_rate(rate));
  AIRCHECK_TRY_VOID(reader.integer("target-duration", settings.target_duration_s, 1, kMaxTargetSeconds));
  AIRCHECK_TRY_VOID(reader.integer("max-duration", settings.max_duration_s, 0, 2 * kMaxTargetSeconds));
  if (settings.max_duration_s != 0 && settings.max_duration_s < settings.target_duration_s) {
    return wrong("max-duration", "must be 0 or at least the target-duration");
  }
  AIRCHECK_TRY_VOID(reader.integer("not-before", settings.not_before.ns, 0, INT64_MAX));
  return settings;
}

DescriptionValues description_values(const control::Variables& variables, const ChannelSettings& settings,
                                     const std::string& channel, core::Utc start) {
  DescriptionValues values;
  for (const auto& [name, value] : variables) {
    values[name] = std::visit(
        [](const auto& given) -> DescriptionValue {
          if constexpr (std::is_integral_v<std::decay_t<decltype(given)>>)
            return static_cast<std::int64_t>(given);
          else
            return given;
        },
        value);
  }
  const std::string prefix = escape_pattern(settings.segment_directory) +
                             (settings.segment_directory.ends_with('/') ? "" : "/") + channel + "-";
  const Timeline timeline(settings.frame_rate, 1);
  values["width"] = std::int64_t{settings.raster.width};
  values["height"] = std::int64_t{settings.raster.height};
  values["target-duration"] = std::int64_t{settings.target_duration_s};
  values["max-duration"] = std::int64_t{settings.max_duration_s};
  values["start-utc"] = start;
  values["segment-location"] = prefix + "%Y%m%d%H%M%S.m4s";
  values["slot-frames"] = timeline.frames_in_seconds(settings.target_duration_s);
  return values;
}

bool is_worker_variable(std::string_view name) {
  return std::ranges::find(kWorkerVariables, name) != kWorkerVariables.end();
}

}  // namespace aircheck::worker
