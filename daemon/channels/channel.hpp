// A channel: what it is called, what it shows, how long its archive is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.hpp"
#include "control/values.hpp"
#include "core/result.hpp"

namespace aircheck::channels {

struct Channel {
  std::string id;   // UUID, given by the store
  std::string key;  // cdn_channel_key: ^[a-z0-9][a-z0-9-]{0,31}$; names folder, files and socket
  int number = 0;   // 1 to 9999
  std::string name;
  std::string logo_url;      // http, https, or empty
  std::string zone = "UTC";  // IANA name, for days in catch-up lists
  bool tstv_enabled = true;
  bool startover_enabled = true;
  bool catchup_enabled = true;
  int cutv_window_hours = 168;  // 1 to 720
  std::string pipeline = "simlive";
  control::Variables variables;  // see variable_specs(); "source" empty or absent: a made-up film
  int target_duration_s = 6;     // never changed once the channel exists, and so the next one
  int max_duration_s = 6;        // EXT-X-TARGETDURATION
  bool encrypted = true;
  bool allow_aes128 = true;
  bool allow_clear = false;
  std::string schedule_source = "generated";  // generated | manual | xmltv | playout
  bool on_air_wanted = false;                 // what start and stop asked for; survives a reboot
  std::int64_t version = 0;                   // counts changes: the ETag

  friend bool operator==(const Channel&, const Channel&) = default;
};

// A value that an operator may give to a description.
struct VariableSpec {
  std::string_view name;
  enum class Type { kText, kInteger, kFrameRate } type;
  int min;
  int max;
};
[[nodiscard]] const VariableSpec* find_variable(std::string_view name);

// The variables as the API and the database have them, a JSON object, and back. The error names the variable.
[[nodiscard]] base::Json variables_to_json(const control::Variables& variables);
core::Result<control::Variables> variables_from_json(const base::Json& json);

[[nodiscard]] bool is_channel_key(std::string_view text);

// Every rule for one channel by itself; the error names the field. Uniqueness is the store's.
core::Result<void> validate(const Channel& channel);

}  // namespace aircheck::channels
