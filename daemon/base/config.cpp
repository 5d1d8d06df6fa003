#include "base/config.hpp"

#include <glib.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>
#include <variant>

#include "base/command_line.hpp"
#include "core/bytes.hpp"

namespace aircheck::base {

using core::Code;
using core::fail;

namespace {

struct IntegerMember {
  int Config::*member;
  int min;
  int max;
};
struct ChoiceMember {
  std::string Config::*member;
  std::string_view choices;  // "keep stop"
};
using Target = std::variant<std::string Config::*, bool Config::*, std::vector<std::string> Config::*, IntegerMember,
                            ChoiceMember>;

struct Entry {
  ConfigKey key;
  Target target;
  bool live = false;  // a running daemon takes a new value over
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> kEntries = {
      {{"server", "listen", "AIRCHECK_LISTEN", "127.0.0.1"}, &Config::listen},
      {{"server", "port", "AIRCHECK_PORT", "8000"}, IntegerMember{&Config::port, 0, 65535}},
      {{"server", "public-url", "AIRCHECK_PUBLIC_URL", ""}, &Config::public_url, true},
      {{"server", "tls-certificate", "AIRCHECK_TLS_CERTIFICATE", ""}, &Config::tls_certificate, true},
      {{"server", "tls-key", "AIRCHECK_TLS_KEY", ""}, &Config::tls_key, true},
      {{"server", "trusted-proxies", "AIRCHECK_TRUSTED_PROXIES", ""}, &Config::trusted_proxies, true},
      {{"server", "cors-origins", "AIRCHECK_CORS_ORIGINS", ""}, &Config::cors_origins, true},
      {{"server", "cdn-base-url", "CDN_BASE_URL", ""}, &Config::cdn_base_url, true},
      {{"server", "segment-links", "AIRCHECK_SEGMENT_LINKS", "false"}, &Config::segment_links},
      {{"server", "webui-directory", "AIRCHECK_WEB_DIR", ""}, &Config::webui_directory},
      {{"server", "max-connections", "AIRCHECK_MAX_CONNECTIONS", "1000"},
       IntegerMember{&Config::max_connections, 1, 100000},
       true},
      {{"server", "fetch-allow", "AIRCHECK_FETCH_ALLOW", ""}, &Config::fetch_allow},
      {{"storage", "state-directory", "AIRCHECK_STATE_DIR", "/var/lib/aircheck"}, &Config::state_directory},
      {{"storage", "segment-directory", "HLS_SEGMENT_DIR", ""}, &Config::segment_directory},
      {{"storage", "sources-directory", "HLS_SOURCES_DIR", ""}, &Config::sources_directory},
      {{"storage", "listings-directory", "AIRCHECK_LISTINGS_DIR", ""}, &Config::listings_directory},
      {{"storage", "min-free-mib", "AIRCHECK_MIN_FREE_MIB", "1024"},
       IntegerMember{&Config::min_free_mib, 0, 1'000'000'000},
       true},
      {{"storage", "session-days", "AIRCHECK_SESSION_DAYS", "90"}, IntegerMember{&Config::session_days, 1, 3650}, true},
      {{"streaming", "segment-duration", "HLS_SEGMENT_DURATION", "6"},
       IntegerMember{&Config::segment_duration_s, 1, 60}},
      {{"streaming", "drm-enabled", "DRM_ENABLED", "true"}, &Config::drm_enabled},
      {{"access", "jwt-secret", "JWT_SECRET", ""}, &Config::jwt_secret},
      {{"access", "admin-password", "AIRCHECK_ADMIN_PASSWORD", ""}, &Config::admin_password},
      {{"access", "issuers-file", "AIRCHECK_ISSUERS_FILE", ""}, &Config::issuers_file},
      {{"workers", "on-exit", "AIRCHECK_WORKERS_ON_EXIT", "keep"},
       ChoiceMember{&Config::workers_on_exit, "keep stop"},
       true},
      {{"workers", "run-directory", "AIRCHECK_RUN_DIR", ""}, &Config::run_directory},
      {{"workers", "program", "AIRCHECK_CHANNEL_PROGRAM", ""}, &Config::worker_program},
      {{"workers", "pipeline-directory", "AIRCHECK_PIPELINE_DIR", ""}, &Config::pipeline_directory},
      {{"demo", "programme-duration", "AIRCHECK_DEMO_PROGRAMME_DURATION", "120"},
       IntegerMember{&Config::demo_programme_duration_s, 10, 86400}},
      {{"log", "level", "AIRCHECK_LOG_LEVEL", "info"},
       ChoiceMember{&Config::log_level, "debug info warning error"},
       true},
      {{"log", "format", "AIRCHECK_LOG_FORMAT", "text"}, ChoiceMember{&Config::log_format, "text json"}, true},
      {{"metrics", "listen", "AIRCHECK_METRICS_LISTEN", ""}, &Config::metrics_listen},
  };
  return kEntries;
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(separators), text.size());
    if (end > 0) parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

core::Result<void> assign(Config& config, const Target& target, std::string_view text) {
  if (const auto* member = std::get_if<std::string Config::*>(&target)) {
    config.** member = text;
    return {};
  }
  if (const auto* member = std::get_if<std::vector<std::string> Config::*>(&target)) {
    config.** member = split(text, ", ;");
    return {};
  }
  if (const auto* member = std::get_if<bool Config::*>(&target)) {
    const bool yes = text == "true" || text == "1" || text == "yes";
    const bool no = text == "false" || text == "0" || text == "no";
    if (!yes && !no) return fail(Code::kInvalidArgument, "'" + std::string(text) + "' has to be true or false");
    config.** member = yes;
    return {};
  }
  if (const auto* integer = std::get_if<IntegerMember>(&target)) {
    int value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value < integer->min || value > integer->max) {
      return fail(Code::kInvalidArgument, "'" + std::string(text) + "' has to be a whole number from " +
                                              std::to_string(integer->min) + " to " + std::to_string(integer->max));
    }
    config.*(integer->member) = value;
    return {};
  }
  const auto& choice = std::get<ChoiceMember>(target);
  const auto choices = split(choice.choices, " ");
  if (std::find(choices.begin(), choices.end(), text) == choices.end()) {
    return fail(Code::kInvalidArgument, "'" + std::string(text) + "' has to be one of: " + std::string(choice.choices));
  }
  config.*(choice.member) = text;
  return {};
}

core::Result<void> apply_file(Config& config, const std::string& path) {
  g_autoptr(GKeyFile) file = g_key_file_new();
  g_autoptr(GError) error = nullptr;
  if (g_key_file_load_from_file(file, path.c_str(), G_KEY_FILE_NONE, &error) == FALSE) {
    return fail(Code::kParse, "configuration file " + path + ": " + error->message);
  }
  std::set<std::string> known;
  for (const Entry& entry : entries()) {
    const std::string group(entry.key.group);
    const std::string name(entry.key.name);
    known.insert(group + "." + name);
    g_autofree char* value = g_key_file_get_string(file, group.c_str(), name.c_str(), nullptr);
    if (value == nullptr) continue;
    AIRCHECK_TRY_VOID(assign(config, entry.target, value).with_context(path + ": [" + group + "] " + name));
  }
  g_auto(GStrv) groups = g_key_file_get_groups(file, nullptr);
  for (char** group = groups; *group != nullptr; ++group) {
    g_auto(GStrv) names = g_key_file_get_keys(file, *group, nullptr, nullptr);
    for (char** name = names; *name != nullptr; ++name) {
      if (known.contains(std::string(*group) + "." + *name)) continue;
      return fail(Code::kInvalidArgument, path + ": unknown key [" + std::string(*group) + "] " + *name +
                                              ": remove it or correct its name (see aircheck.conf.reference)");
    }
  }
  return {};
}

// A directory for sockets that two stations of one user do not share: known by the state directory's path.
std::string default_run_directory(const std::string& state_directory, const char* runtime_directory) {
  std::string base = "/run/aircheck";
  if (runtime_directory != nullptr && *runtime_directory != '\0') {
    base = std::string(runtime_directory) + "/aircheck";
  } else if (geteuid() != 0) {
    return state_directory + "/run";
  }
  if (state_directory == "/var/lib/aircheck") return base;
  g_autofree char* digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, state_directory.c_str(), -1);
  return base + "-" + std::string(digest, 8);
}

void strip_slashes(std::string& url) {
  while (!url.empty() && url.back() == '/') url.pop_back();
}

bool is_loopback(const std::string& address) {
  return address == "localhost" || address == "::1" || address.rfind("127.", 0) == 0;
}

core::Result<void> check_url(const std::string& value, const char* name) {
  if (value.empty()) return {};
  g_autoptr(GUri) uri = g_uri_parse(value.c_str(), G_URI_FLAGS_NONE, nullptr);
  const char* scheme = uri != nullptr ? g_uri_get_scheme(uri) : nullptr;
  const std::string_view known(scheme != nullptr ? scheme : "");
  if ((known != "http" && known != "https") || g_uri_get_host(uri) == nullptr || *g_uri_get_host(uri) == '\0' ||
      g_uri_get_query(uri) != nullptr || g_uri_get_fragment(uri) != nullptr) {
    return fail(Code::kInvalidArgument, std::string(name) + ": '" + value + "' has to be an http or https URL");
  }
  return {};
}

// "127.0.0.1:9100" or "[::1]:9100".
core::Result<void> split_metrics_listen(Config& config) {
  if (config.metrics_listen.empty()) return {};
  const std::string& text = config.metrics_listen;
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[') && colon != std::string::npos && colon > 1 && text[colon - 1] == ']';
  const auto read = [&]() -> core::Result<void> {
    if (colon == std::string::npos || colon == 0) return fail(Code::kInvalidArgument, "no port");
    config.metrics_address = bracketed ? text.substr(1, colon - 2) : text.substr(0, colon);
    return assign(config, IntegerMember{&Config::metrics_port, 0, 65535}, text.substr(colon + 1));
  };
  if (!read() || (!bracketed && config.metrics_address.find(':') != std::string::npos)) {
    return fail(Code::kInvalidArgument, "AIRCHECK_METRICS_LISTEN: '" + text +
                                            "' has to be an address and a port, as 127.0.0.1:9100 or [::1]:9100");
  }
  return {};
}

core::Result<void> complete(Config& config, const char* runtime_directory) {
  if (config.state_directory.empty()) return fail(Code::kInvalidArgument, "AIRCHECK_STATE_DIR: give a directory");
  for (std::string* path :
       {&config.state_directory, &config.segment_directory, &config.sources_directory, &config.listings_directory,
        &config.run_directory, &config.webui_directory, &config.pipeline_directory, &config.demo_source,
        &config.tls_certificate, &config.tls_key, &config.issuers_file}) {
    if (!path->empty()) *path = std::filesystem::absolute(*path).lexically_normal().string();
    if (path->size() > 1) strip_slashes(*path);
  }
  if (config.segment_directory.empty()) config.segment_directory = config.state_directory + "/segments";
  if (config.sources_directory.empty()) config.sources_directory = config.state_directory + "/sources";
  if (config.listings_directory.empty()) config.listings_directory = config.state_directory + "/listings";
  if (config.run_directory.empty()) {
    config.run_directory = default_run_directory(config.state_directory, runtime_directory);
  }
  strip_slashes(config.public_url);
  strip_slashes(config.cdn_base_url);
  AIRCHECK_TRY_VOID(check_url(config.public_url, "AIRCHECK_PUBLIC_URL"));
  AIRCHECK_TRY_VOID(check_url(config.cdn_base_url, "CDN_BASE_URL"));
  AIRCHECK_TRY_VOID(split_metrics_listen(config));

  // sun_path holds 107 characters; "/" + key of 32 + ".sock" has to fit.
  if (config.run_directory.size() > 69) {
    return fail(Code::kInvalidArgument, "AIRCHECK_RUN_DIR: " + config.run_directory +
                                            " is too long for a Unix socket: give a path of at most 69 characters");
  }
  if (!config.jwt_secret.empty() && config.jwt_secret.size() < 32) {
    return fail(Code::kInvalidArgument,
                "JWT_SECRET: shorter than 32 bytes: set a longer one, or unset it to have one generated");
  }
  if (!config.admin_password.empty() && config.admin_password.size() < 8) {
    return fail(Code::kInvalidArgument, "AIRCHECK_ADMIN_PASSWORD: shorter than 8 characters: set a longer one");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    return fail(Code::kInvalidArgument, "AIRCHECK_TLS_CERTIFICATE and AIRCHECK_TLS_KEY: give both PEM files or none");
  }
  if (config.demo && !is_loopback(config.listen) && (config.admin_password.empty() || !config.tls())) {
    return fail(Code::kInvalidArgument,
                "--listen: a demo listens beyond this machine (" + config.listen +
                    ") only with AIRCHECK_ADMIN_PASSWORD and a TLS certificate and key (./dev run: --tls)");
  }
  return {};
}

}  // namespace

std::vector<ConfigKey> config_keys() {
  std::vector<ConfigKey> keys;
  for (const Entry& entry : entries()) keys.push_back(entry.key);
  return keys;
}

std::vector<ConfigChange> config_changes(const Config& before, const Config& after) {
  std::vector<ConfigChange> changes;
  for (const Entry& entry : entries()) {
    const bool same = std::visit(
        [&](const auto& target) {
          if constexpr (requires { target.member; }) {
            return before.*(target.member) == after.*(target.member);
          } else {
            return before.*target == after.*target;
          }
        },
        entry.target);
    if (same) continue;
    changes.push_back({"[" + std::string(entry.key.group) + "] " + std::string(entry.key.name), entry.live});
  }
  return changes;
}

core::Result<Config> load_config(const ConfigSources& sources) {
  Config config;
  const auto environment = [&](std::string_view name) -> const char* {
    return sources.getenv && !name.empty() ? sources.getenv(std::string(name).c_str()) : nullptr;
  };
  for (const Entry& entry : entries()) AIRCHECK_TRY_VOID(assign(config, entry.target, entry.key.default_text));
  if (!sources.file.empty()) AIRCHECK_TRY_VOID(apply_file(config, sources.file));
  for (const Entry& entry : entries()) {
    const char* value = environment(entry.key.environment);
    if (value == nullptr) continue;
    AIRCHECK_TRY_VOID(assign(config, entry.target, value).with_context(entry.key.environment));
  }
  std::map<std::string, std::string> options = sources.command_line;
  for (const Entry& entry : entries()) {
    const auto option = options.extract(std::string(entry.key.group) + "." + std::string(entry.key.name));
    if (option.empty()) continue;
    AIRCHECK_TRY_VOID(assign(config, entry.target, option.mapped()).with_context(option_of(option.key())));
  }
  if (const auto demo = options.extract("demo"); !demo.empty()) config.demo = demo.mapped() == "true";
  if (const auto source = options.extract("demo-source"); !source.empty()) config.demo_source = source.mapped();
  if (!options.empty()) return fail(Code::kInvalidArgument, "unknown option " + options.begin()->first);
  AIRCHECK_TRY_VOID(complete(config, environment("XDG_RUNTIME_DIR")));
  return config;
}

}  // namespace aircheck::base
