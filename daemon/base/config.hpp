// What the operator configured: command line over environment over aircheck.conf over default.
//
// schemas/aircheck.conf.reference documents every key; a test holds it and the table in config.cpp together.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace aircheck::base {

struct Config {
  // [server]
  std::string listen;           // address to listen on
  int port = 0;                 // 0: any free port, logged
  std::string public_url;       // as viewers see us, without a slash at the end; empty: from the request
  std::string tls_certificate;  // PEM files; both or none
  std::string tls_key;
  std::vector<std::string> trusted_proxies;  // addresses or CIDR blocks whose X-Forwarded-* counts
  std::vector<std::string> cors_origins;     // origins that may call /api/
  std::string cdn_base_url;                  // replaces PUBLIC_URL/hls in playlists; empty: ourselves
  bool segment_links = false;                // segments have signed addresses, for nginx's secure_link
  std::string webui_directory;               // the built page; empty: where it was installed
  int max_connections = 0;
  std::vector<std::string> fetch_allow;  // addresses or CIDR blocks, not public, that may be fetched from

  // [storage]
  std::string state_directory;
  std::string segment_directory;   // default: STATE/segments
  std::string sources_directory;   // default: STATE/sources
  std::string listings_directory;  // XMLTV files; default: STATE/listings
  int min_free_mib = 0;            // below this the oldest segments are deleted; 0: never
  int session_days = 0;            // how long after its end a viewing session is kept

  // [streaming]
  int segment_duration_s = 0;  // target duration of new channels
  bool drm_enabled = true;

  // [access]
  std::string jwt_secret;      // empty: generated into STATE/secrets/
  std::string admin_password;  // the first admin's; empty: random
  std::string issuers_file;    // other auth services that are believed; empty: none

  // [workers]
  std::string workers_on_exit;     // keep | stop
  std::string run_directory;       // sockets and locks
  std::string worker_program;      // aircheck-channel
  std::string pipeline_directory;  // descriptions; empty: where they were installed

  // [demo]
  int demo_programme_duration_s = 0;

  // [log]
  std::string log_level;   // debug | info | warning | error
  std::string log_format;  // text | json

  // [metrics]
  std::string metrics_listen;  // as configured; empty: no listener of its own
  std::string metrics_address;
  int metrics_port = 0;

  // Command line only.
  bool demo = false;
  std::string demo_source;  // the film that ch1 loops in the demo; empty: a made-up one

  [[nodiscard]] bool tls() const { return !tls_certificate.empty(); }
  [[nodiscard]] std::string secrets_directory() const { return state_directory + "/secrets"; }
  [[nodiscard]] std::string log_directory() const { return state_directory + "/logs"; }
};

struct ConfigKey {
  std::string_view group;
  std::string_view name;
  std::string_view environment;   // empty: none
  std::string_view default_text;  // as it would stand in the file
};

// Every key, in the order of the reference.
[[nodiscard]] std::vector<ConfigKey> config_keys();

// A key whose value differs between two configurations.
struct ConfigChange {
  std::string name;   // "[server] public-url"
  bool live = false;  // a running daemon can take it over
};
[[nodiscard]] std::vector<ConfigChange> config_changes(const Config& before, const Config& after);

struct ConfigSources {
  std::string file;                                 // path of aircheck.conf; empty: none
  std::function<const char*(const char*)> getenv;   // the environment; empty: nothing is set
  std::map<std::string, std::string> command_line;  // "group.name" -> value
};

// Reads, checks each value and fills defaults that depend on others. The error names key and remedy.
core::Result<Config> load_config(const ConfigSources& sources);

}  // namespace aircheck::base
