// A pipeline description: a file pipelines/NAME.pipeline. See pipelines/README.md for the format.
#pragma once

#include <glib.h>
#include <gst/gst.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/values.hpp"
#include "core/result.hpp"
#include "gstx/ref.hpp"
#include "worker/settings.hpp"

namespace aircheck::worker {

// element.property, or element:pad.property; numbers are multiplied by factor.
struct Binding {
  std::string element;
  std::string pad;  // empty: a property of the element itself
  std::string property;
  std::int64_t factor = 1;
};

enum class VariableType { kString, kInteger, kUtc };

struct Variable {
  std::string name;
  VariableType type = VariableType::kString;
  std::vector<Binding> sets;
  std::optional<DescriptionValue> standard;  // none: required
  std::int64_t minimum = INT64_MIN;          // integers
  std::int64_t maximum = INT64_MAX;
  std::int64_t max_length = 1024;  // strings, in bytes
  bool markup = false;             // the property takes Pango markup: the text is escaped
};

class Description {
 public:
  // The error names what is wrong and what to write instead.
  static core::Result<Description> parse(std::string_view name, std::string_view text);
  static core::Result<Description> load(const std::string& path);
  // By name, in AIRCHECK_PIPELINE_DIR if that is set, else in the installed directory. Never a path.
  static core::Result<Description> find(const std::string& name);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& summary() const { return summary_; }
  [[nodiscard]] bool can_encrypt() const { return !ciphers_.empty(); }

  // Names, types and ranges of all of Configure's variables: what they do not say has its standard value.
  core::Result<void> check_values(const control::Variables& variables) const;

  // Gives every encrypting element of such a pipeline its next key. kUnsupported, and nothing changed, where one of
  // them has no signal rotate-key.
  core::Result<void> rotate(GstElement* pipeline, const control::Encryption& next, GstClockTime running_time) const;

  // The pipeline, in state NULL, with everything set. Without encryption the elements that only encrypt are taken out.
  core::Result<gstx::Ref<GstElement>> build(const DescriptionValues& values,
                                            const std::optional<control::Encryption>& encryption) const;

  // Builds it both ways with made-up values: elements exist, bindings fit, the feeder's elements are there.
  core::Result<void> verify() const;

 private:
  // A number for a property of a pad, which gst-launch syntax does not reach.
  struct PadConstant {
    Binding binding;
    std::int64_t value = 0;
  };

  core::Result<void> parse_header(const std::string& header);
  core::Result<void> parse_pipeline_group(GKeyFile* file);
  core::Result<void> parse_pads_group(GKeyFile* file);
  core::Result<void> parse_variable_group(GKeyFile* file, const std::string& group);
  core::Result<void> check_value(const Variable& variable, const DescriptionValue& value) const;
  core::Result<gstx::Ref<GstElement>> parse_launch() const;
  core::Result<void> check_elements(GstElement* pipeline) const;
  core::Result<void> set_variables(GstElement* pipeline, const DescriptionValues& values) const;
  core::Result<void> encrypt(GstElement* pipeline, const control::Encryption& encryption) const;
  core::Result<void> remove_ciphers(GstElement* pipeline) const;

  std::string name_;
  std::string summary_;
  std::string launch_;
  std::vector<Variable> variables_;
  std::vector<PadConstant> pad_constants_;
  std::vector<std::string> ciphers_;  // names of the elements that encrypt
};

}  // namespace aircheck::worker
