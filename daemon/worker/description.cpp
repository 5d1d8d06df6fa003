#include "worker/description.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "base/utf8.hpp"
#include "gobj/error.hpp"
#include "gobj/text.hpp"
#include "worker/binding.hpp"

namespace aircheck::worker {
namespace {

constexpr std::string_view kSeparator = "\n---\n";
constexpr std::size_t kMaxFileSize = 64 * 1024;

using KeyFile = std::unique_ptr<GKeyFile, decltype([](GKeyFile* file) { g_key_file_free(file); })>;
using TextList = std::unique_ptr<char*, decltype([](char** list) { g_strfreev(list); })>;

core::Unexpected<core::Error> wrong(std::string message) {
  return core::fail(core::Code::kParse, std::move(message));
}

bool is_name(std::string_view text) {
  const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 64 && text.front() != '-' && std::ranges::all_of(text, good);
}

std::vector<std::string> text_list(GKeyFile* file, const std::string& group, const char* key) {
  std::vector<std::string> values;
  const TextList list(g_key_file_get_string_list(file, group.c_str(), key, nullptr, nullptr));
  for (char** item = list.get(); item != nullptr && *item != nullptr; ++item) values.emplace_back(*item);
  return values;
}

std::optional<std::string> text_of(GKeyFile* file, const std::string& group, const char* key) {
  const gobj::Text text(g_key_file_get_string(file, group.c_str(), key, nullptr));
  return text ? std::optional<std::string>(text.get()) : std::nullopt;
}

core::Result<std::int64_t> number_from(std::string_view text, const std::string& where) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return wrong(where + ": '" + std::string(text) + "' is not a whole number");
  }
  return value;
}

core::Result<std::int64_t> number_or(GKeyFile* file, const std::string& group, const char* key, std::int64_t standard) {
  const auto text = text_of(file, group, key);
  if (!text) return standard;
  return number_from(*text, "[" + group + "] " + key);
}

core::Result<void> only_keys(GKeyFile* file, const std::string& group, std::initializer_list<std::string_view> known) {
  const TextList keys(g_key_file_get_keys(file, group.c_str(), nullptr, nullptr));
  for (char** key = keys.get(); key != nullptr && *key != nullptr; ++key) {
    if (std::ranges::find(known, std::string_view(*key)) != known.end()) continue;
    std::string message = "[" + group + "] has no key '" + *key + "': remove it or use one of";
    for (const auto name : known) message += " " + std::string(name);
    return wrong(std::move(message));
  }
  return {};
}

std::string without_comments(std::string_view text) {
  std::istringstream lines{std::string(text)};
  std::string result, line;
  while (std::getline(lines, line)) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos || line[first] == '#') continue;
    result += line + "\n";
  }
  return result;
}

}  // namespace

core::Result<Description> Description::find(const std::string& name) {
  if (!is_name(name)) {
    return core::fail(
        core::Code::kInvalidArgument,
        "pipeline '" + name.substr(0, 64) + "' is not a name: use a-z, 0-9 and '-', without folder or suffix");
  }
  const char* directory = std::getenv("AIRCHECK_PIPELINE_DIR");
  const std::string path =
      std::string(directory != nullptr ? directory : AIRCHECK_PIPELINE_DATADIR) + "/" + name + ".pipeline";
  return load(path);
}

core::Result<Description> Description::load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return core::fail(core::Code::kNotFound,
                      path + ": no such description; aircheck-channel reads NAME.pipeline files");
  std::string text(kMaxFileSize + 1, '\0');
  file.read(text.data(), std::ssize(text));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kMaxFileSize) return wrong(path + ": is larger than 64 KiB; this is no description");
  const auto slash = path.rfind('/');
  std::string_view name = std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
  if (const auto dot = name.rfind('.'); dot != std::string_view::npos) name = name.substr(0, dot);
  return parse(name, text).with_context(path);
}

core::Result<Description> Description::parse(std::string_view name, std::string_view text) {
  if (!base::is_utf8(text) || text.find('\0') != std::string_view::npos) return wrong("is not UTF-8 text");
  const auto separator = text.find(kSeparator);
  if (separator == std::string_view::npos) {
    return wrong("has no line '---' between the header and the pipeline; see pipelines/README.md");
  }
  Description description;
  description.name_ = name;
  AIRCHECK_TRY_VOID(description.parse_header(std::string(text.substr(0, separator + 1))));
  description.launch_ = without_comments(text.substr(separator + kSeparator.size()));
  if (description.launch_.empty()) return wrong("has no pipeline after the line '---'");
  return description;
}

core::Result<void> Description::parse_header(const std::string& header) {
  const KeyFile file(g_key_file_new());
  gobj::ErrorSlot error;
  if (!g_key_file_load_from_data(file.get(), header.data(), header.size(), G_KEY_FILE_NONE, error.out())) {
    return error.fail();
  }
  if (!g_key_file_has_group(file.get(), "pipeline")) return wrong("the header has no group [pipeline]");
  const TextList groups(g_key_file_get_groups(file.get(), nullptr));
  for (char** group = groups.get(); *group != nullptr; ++group) {
    const std::string_view title = *group;
    if (title == "pipeline") {
      AIRCHECK_TRY_VOID(parse_pipeline_group(file.get()));
    } else if (title == "pads") {
      AIRCHECK_TRY_VOID(parse_pads_group(file.get()));
    } else if (title.starts_with("variable ")) {
      AIRCHECK_TRY_VOID(parse_variable_group(file.get(), *group));
    } else {
      return wrong("unknown group [" + std::string(title) + "]: use [pipeline], [pads] or [variable NAME]");
    }
  }
  return {};
}

core::Result<void> Description::parse_pipeline_group(GKeyFile* file) {
  AIRCHECK_TRY_VOID(only_keys(file, "pipeline", {"format", "summary", "encrypts"}));
  if (text_of(file, "pipeline", "format") != "1") return wrong("[pipeline] format must be 1, the only one there is");
  summary_ = text_of(file, "pipeline", "summary").value_or("");
  if (summary_.empty()) return wrong("[pipeline] summary is missing: say in a sentence what this is for");
  ciphers_ = text_list(file, "pipeline", "encrypts");
  return {};
}

core::Result<void> Description::parse_pads_group(GKeyFile* file) {
  const TextList keys(g_key_file_get_keys(file, "pads", nullptr, nullptr));
  for (char** key = keys.get(); *key != nullptr; ++key) {
    PadConstant constant;
    AIRCHECK_TRY(constant.binding, parse_binding(*key));
    if (constant.binding.pad.empty()) return wrong(std::string("[pads] ") + *key + ": write ELEMENT:PAD.PROPERTY");
    AIRCHECK_TRY(constant.value, number_from(text_of(file, "pads", *key).value_or(""), std::string("[pads] ") + *key));
    pad_constants_.push_back(std::move(constant));
  }
  return {};
}

core::Result<void> Description::parse_variable_group(GKeyFile* file, const std::string& group) {
  AIRCHECK_TRY_VOID(
      only_keys(file, group, {"type", "default", "minimum", "maximum", "max-length", "markup", "sets", "help"}));
  Variable variable;
  variable.name = group.substr(std::string_view("variable ").size());
  if (!is_name(variable.name)) return wrong("[" + group + "]: a variable's name has a-z, 0-9 and '-'");
  const auto type = text_of(file, group, "type").value_or("");
  if (type != "string" && type != "integer" && type != "utc") {
    return wrong("[" + group + "] type must be string, integer or utc");
  }
  variable.type = type == "string"    ? VariableType::kString
                  : type == "integer" ? VariableType::kInteger
                                      : VariableType::kUtc;
  AIRCHECK_TRY(variable.minimum, number_or(file, group, "minimum", variable.minimum));
  AIRCHECK_TRY(variable.maximum, number_or(file, group, "maximum", variable.maximum));
  AIRCHECK_TRY(variable.max_length, number_or(file, group, "max-length", variable.max_length));
  variable.markup = text_of(file, group, "markup") == "pango";
  for (const std::string& target : text_list(file, group, "sets")) {
    AIRCHECK_TRY(Binding binding, parse_binding(target));
    variable.sets.push_back(std::move(binding));
  }
  if (variable.sets.empty()) return wrong("[" + group + "] sets nothing: write sets=ELEMENT.PROPERTY");
  if (const auto standard = text_of(file, group, "default")) {
    if (variable.type == VariableType::kUtc) return wrong("[" + group + "]: an instant has no default");
    if (variable.type == VariableType::kString) {
      variable.standard = *standard;
    } else {
      AIRCHECK_TRY(variable.standard, number_from(*standard, "[" + group + "] default"));
    }
    AIRCHECK_TRY_VOID(check_value(variable, *variable.standard));
  }
  variables_.push_back(std::move(variable));
  return {};
}

core::Result<void> Description::check_value(const Variable& variable, const DescriptionValue& value) const {
  const std::string where = "variable '" + variable.name + "'";
  if (static_cast<std::size_t>(variable.type) != value.index()) {
    constexpr const char* kNames[] = {"string", "whole number", "instant"};
    return core::fail(core::Code::kInvalidArgument,
                      where + " must be a " + kNames[static_cast<std::size_t>(variable.type)]);
  }
  if (const auto* number = std::get_if<std::int64_t>(&value);
      number != nullptr && (*number < variable.minimum || *number > variable.maximum)) {
    return core::fail(core::Code::kInvalidArgument, where + " is " + std::to_string(*number) + ": give " +
                                                        std::to_string(variable.minimum) + " to " +
                                                        std::to_string(variable.maximum));
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (std::ssize(*text) > variable.max_length) {
      return core::fail(core::Code::kInvalidArgument,
                        where + " is longer than " + std::to_string(variable.max_length) + " bytes");
    }
    const bool control = std::ranges::any_of(*text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
    if (control || !base::is_utf8(*text)) {
      return core::fail(core::Code::kInvalidArgument, where + " must be UTF-8 without control characters");
    }
  }
  return {};
}

core::Result<void> Description::check_values(const control::Variables& variables) const {
  for (const auto& [name, given] : variables) {
    const auto known = std::ranges::find(variables_, name, &Variable::name);
    if (known == variables_.end()) {
      if (is_worker_variable(name)) continue;
      std::string message = "pipeline '" + name_ + "' has no variable '" + name + "'; it has";
      for (const Variable& variable : variables_) message += " " + variable.name;
      return core::fail(core::Code::kInvalidArgument, std::move(message));
    }
    const DescriptionValue value = std::visit(
        [](const auto& plain) -> DescriptionValue {
          if constexpr (std::is_integral_v<std::decay_t<decltype(plain)>>)
            return static_cast<std::int64_t>(plain);
          else
            return plain;
        },
        given);
    AIRCHECK_TRY_VOID(check_value(*known, value));
  }
  for (const Variable& variable : variables_) {
    if (variable.standard || is_worker_variable(variable.name) || variables.contains(variable.name)) continue;
    return core::fail(core::Code::kInvalidArgument,
                      "pipeline '" + name_ + "' needs the variable '" + variable.name + "'");
  }
  return {};
}

core::Result<gstx::Ref<GstElement>> Description::parse_launch() const {
  std::unique_ptr<GstParseContext, decltype([](GstParseContext* context) { gst_parse_context_free(context); })> context(
      gst_parse_context_new());
  gobj::ErrorSlot error;
  auto pipeline = gstx::Ref<GstElement>::sink(
      gst_parse_launch_full(launch_.c_str(), context.get(), GST_PARSE_FLAG_FATAL_ERRORS, error.out()));
  const TextList missing(gst_parse_context_get_missing_elements(context.get()));
  if (missing && *missing != nullptr) {
    return core::fail(core::Code::kNotFound, std::string("element '") + *missing +
                                                 "' is not installed: install the GStreamer plugin that has it, or set "
                                                 "GST_PLUGIN_PATH");
  }
  if (!pipeline) return wrong("the pipeline cannot be parsed: " + error.error().message);
  if (!GST_IS_PIPELINE(pipeline.get()))
    return wrong("the pipeline is a single element: link at least a source and a sink");
  return pipeline;
}

core::Result<void> Description::check_elements(GstElement* pipeline) const {
  for (const char* name : {"video", "audio"}) {
    const auto element = gstx::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), name));
    GstElementFactory* factory = element ? gst_element_get_factory(element.get()) : nullptr;
    if (factory == nullptr || std::string_view(GST_OBJECT_NAME(factory)) != "appsrc") {
      return wrong(std::string("the pipeline has no 'appsrc name=") + name + "', where the feeder's " + name +
                   " enters");
    }
  }
  return {};
}

core::Result<void> Description::set_variables(GstElement* pipeline, const DescriptionValues& values) const {
  for (const Variable& variable : variables_) {
    const auto given = values.find(variable.name);
    if (given == values.end() && !variable.standard) {
      return core::fail(core::Code::kInvalidArgument, "variable '" + variable.name + "' has no value");
    }
    DescriptionValue value = given != values.end() ? given->second : *variable.standard;
    AIRCHECK_TRY_VOID(check_value(variable, value));
    if (variable.markup) {
      value = gobj::take_text(g_markup_escape_text(std::get<std::string>(value).c_str(), -1));
    }
    for (const Binding& binding : variable.sets) {
      if (auto set = set_binding(pipeline, binding, value); !set) {
        return std::move(set).with_context("variable '" + variable.name + "'");
      }
    }
  }
  for (const PadConstant& constant : pad_constants_) {
    if (auto set = set_binding(pipeline, constant.binding, constant.value); !set) {
      return std::move(set).with_context("[pads]");
    }
  }
  return {};
}

core::Result<gstx::Ref<GstElement>> Description::build(const DescriptionValues& values,
                                                       const std::optional<control::Encryption>& encryption) const {
  AIRCHECK_TRY(auto pipeline, parse_launch());
  AIRCHECK_TRY_VOID(check_elements(pipeline.get()));
  AIRCHECK_TRY_VOID(set_variables(pipeline.get(), values));
  if (encryption) {
    if (!can_encrypt()) {
      return core::fail(core::Code::kConflict, "pipeline '" + name_ +
                                                   "' cannot encrypt: name its encrypting elements in "
                                                   "[pipeline] encrypts, or turn the channel's encryption off");
    }
    AIRCHECK_TRY_VOID(encrypt(pipeline.get(), *encryption));
  } else {
    AIRCHECK_TRY_VOID(remove_ciphers(pipeline.get()));
  }
  return pipeline;
}

core::Result<void> Description::encrypt(GstElement* pipeline, const control::Encryption& encryption) const {
  for (const std::string& name : ciphers_) {
    AIRCHECK_TRY_VOID(set_binding(pipeline, Binding{name, "", "key-id"}, core::to_hex(encryption.key_id)));
    AIRCHECK_TRY_VOID(set_secret(pipeline, name, "key", encryption.key));
  }
  return {};
}

core::Result<void> Description::rotate(GstElement* pipeline, const control::Encryption& next,
                                       GstClockTime running_time) const {
  for (const std::string& name : ciphers_) AIRCHECK_TRY_VOID(check_rotates(pipeline, name));
  for (const std::string& name : ciphers_) AIRCHECK_TRY_VOID(rotate_key(pipeline, name, next, running_time));
  // A key changes at a key frame, and the one that comes by itself may be a whole segment away.
  ask_for_cut(pipeline, running_time);
  return {};
}

core::Result<void> Description::remove_ciphers(GstElement* pipeline) const {
  for (const std::string& name : ciphers_) AIRCHECK_TRY_VOID(bypass_element(pipeline, name));
  return {};
}

core::Result<void> Description::verify() const {
  DescriptionValues values;
  values["start-utc"] = core::Utc::from_seconds(1'772'029'800);
  for (const Variable& variable : variables_) {
    if (variable.standard || values.contains(variable.name)) continue;
    if (variable.type == VariableType::kString) values[variable.name] = std::string("x");
    if (variable.type == VariableType::kUtc) values[variable.name] = core::Utc::from_seconds(1'772'029'800);
    if (variable.type == VariableType::kInteger) {
      values[variable.name] = std::clamp<std::int64_t>(6, variable.minimum, variable.maximum);
    }
  }
  AIRCHECK_TRY_VOID(build(values, std::nullopt));
  if (!can_encrypt()) return {};
  control::Encryption encryption;
  encryption.key_id.fill(0x11);
  AIRCHECK_TRY(encryption.key, core::ContentKey::from_hex("22222222222222222222222222222222"));
  AIRCHECK_TRY_VOID(build(values, encryption));
  return {};
}

}  // namespace aircheck::worker
