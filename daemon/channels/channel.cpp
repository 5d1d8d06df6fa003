#include "channels/channel.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/http_url.hpp"
#include "gobj/time_zone.hpp"

namespace aircheck::channels {

using core::Code;
using core::fail;

namespace {

using Type = VariableSpec::Type;

constexpr std::array kVariables = {
    VariableSpec{"source", Type::kText, 0, 4096},
    VariableSpec{"title", Type::kText, 0, 200},
    VariableSpec{"width", Type::kInteger, 16, 7680},
    VariableSpec{"height", Type::kInteger, 16, 4320},
    VariableSpec{"framerate", Type::kFrameRate, 1, 240},
    VariableSpec{"video-bitrate", Type::kInteger, 50, 100'000},  // kbit/s
    VariableSpec{"audio-bitrate", Type::kInteger, 16, 1000},     // kbit/s
};

core::Unexpected<core::Error> wrong(std::string_view field, const std::string& rule) {
  return fail(Code::kInvalidArgument, "\"" + std::string(field) + "\" " + rule);
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// "25", "25/1", "30000/1001"
bool is_frame_rate(const std::string& text, int min, int max) {
  int numerator = 0;
  int denominator = 1;
  const char* end = text.data() + text.size();
  auto parsed = std::from_chars(text.data(), end, numerator);
  if (parsed.ec != std::errc() || numerator <= 0) return false;
  if (parsed.ptr != end) {
    if (*parsed.ptr != '/') return false;
    parsed = std::from_chars(parsed.ptr + 1, end, denominator);
    if (parsed.ec != std::errc() || parsed.ptr != end || denominator <= 0) return false;
  }
  return numerator >= static_cast<std::int64_t>(denominator) * min &&
         numerator <= static_cast<std::int64_t>(denominator) * max;
}

core::Result<control::Value> variable_from_json(const VariableSpec& spec, const base::Json& json) {
  const std::string field = "variables." + std::string(spec.name);
  if (spec.type == Type::kInteger) {
    const std::int64_t* value = json.as_integer();
    if (value == nullptr || *value < spec.min || *value > spec.max) {
      return wrong(field, "has to be an integer from " + std::to_string(spec.min) + " to " + std::to_string(spec.max));
    }
    return control::Value(static_cast<std::int32_t>(*value));
  }
  const std::string* text = json.as_string();
  if (text == nullptr || has_control_characters(*text)) return wrong(field, "has to be a string of one line");
  if (spec.type == Type::kFrameRate && !is_frame_rate(*text, spec.min, spec.max)) {
    return wrong(field, "has to be a frame rate like \"25/1\"");
  }
  if (spec.type == Type::kText && text->size() > static_cast<std::size_t>(spec.max)) {
    return wrong(field, "is longer than " + std::to_string(spec.max) + " bytes");
  }
  return control::Value(*text);
}

}  // namespace

const VariableSpec* find_variable(std::string_view name) {
  const auto* found =
      std::find_if(kVariables.begin(), kVariables.end(), [&](const VariableSpec& spec) { return spec.name == name; });
  return found == kVariables.end() ? nullptr : found;
}

base::Json variables_to_json(const control::Variables& variables) {
  base::Json json = base::Json::object();
  for (const auto& [name, value] : variables) {
    std::visit([&, &key = name](const auto& held) { json.set(key, base::Json(held)); }, value);
  }
  return json;
}

core::Result<control::Variables> variables_from_json(const base::Json& json) {
  const base::Json::Object* members = json.as_object();
  if (members == nullptr) return wrong("variables", "has to be an object");
  control::Variables variables;
  for (const auto& [name, value] : *members) {
    const VariableSpec* spec = find_variable(name);
    if (spec == nullptr) return fail(Code::kInvalidArgument, "unknown field \"variables." + name + "\"");
    AIRCHECK_TRY(control::Value typed, variable_from_json(*spec, value));
    variables.emplace(name, std::move(typed));
  }
  return variables;
}

bool is_channel_key(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 32 && letter(text.front()) &&
         std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || c == '-'; });
}

core::Result<void> validate(const Channel& channel) {
  if (!is_channel_key(channel.key)) {
    return wrong("cdn_channel_key", "has to be 1 to 32 of a-z, 0-9 and '-', beginning with a letter or digit");
  }
  if (channel.number < 1 || channel.number > 9999) return wrong("number", "has to be from 1 to 9999");
  if (channel.name.empty() || channel.name.size() > 200 || has_control_characters(channel.name)) {
    return wrong("name", "has to be 1 to 200 bytes of text in one line");
  }
  if (!channel.logo_url.empty() && !base::is_http_url(channel.logo_url)) {
    return wrong("logo_url", "has to be an http or https URL, or empty");
  }
  if (!gobj::find_time_zone(channel.zone)) return wrong("zone", "has to be an IANA time zone like \"Europe/Berlin\"");
  if (channel.cutv_window_hours < 1 || channel.cutv_window_hours > 720) {
    return wrong("cutv_window_hours", "has to be from 1 to 720");
  }
  const bool plain_name =
      !channel.pipeline.empty() && channel.pipeline.size() <= 64 &&
      channel.pipeline.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos;
  if (!plain_name) return wrong("pipeline", "has to be the name of a description: a-z, 0-9, '-' and '_'");
  if (channel.target_duration_s < 1 || channel.target_duration_s > 60) {
    return wrong("target_duration", "has to be from 1 to 60 seconds");
  }
  if (channel.max_duration_s < channel.target_duration_s || channel.max_duration_s > 120) {
    return wrong("max_duration", "has to be at least the target duration and at most 120 seconds");
  }
  static constexpr std::array kSources = {"generated", "manual", "xmltv", "playout"};
  if (std::find(kSources.begin(), kSources.end(), channel.schedule_source) == kSources.end()) {
    return wrong("schedule_source", "has to be generated, manual, xmltv or playout");
  }
  // The variables' own rules hold for those that came through the API; a round trip proves them for all others too.
  AIRCHECK_TRY([[maybe_unused]] const auto variables, variables_from_json(variables_to_json(channel.variables)));
  return {};
}

}  // namespace aircheck::channels
