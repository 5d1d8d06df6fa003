// aircheckd: wires the station together and runs it until SIGINT or SIGTERM.

#include <glib-unix.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <set>

#include "access/first_accounts.hpp"
#include "access/service.hpp"
#include "access/tstv_sessions.hpp"
#include "base/certificate.hpp"
#include "base/command_line.hpp"
#include "base/config.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "base/worker_pool.hpp"
#include "channels/demo.hpp"
#include "channels/supervisor.hpp"
#include "http/authenticate.hpp"
#include "http/idempotency.hpp"
#include "http/outgoing.hpp"
#include "http/routes_admin_channels.hpp"
#include "http/routes_admin_schedule.hpp"
#include "http/routes_admin_sources.hpp"
#include "http/routes_auth.hpp"
#include "http/routes_channels.hpp"
#include "http/routes_devices.hpp"
#include "http/routes_drm.hpp"
#include "http/routes_export.hpp"
#include "http/routes_health.hpp"
#include "http/routes_hls.hpp"
#include "http/routes_metrics.hpp"
#include "http/routes_simlive.hpp"
#include "http/routes_storage.hpp"
#include "http/routes_tstv.hpp"
#include "http/routes_tstv_rules.hpp"
#include "http/routes_tstv_sessions.hpp"
#include "http/server.hpp"
#include "http/static_files.hpp"
#include "operations/commands.hpp"
#include "operations/control_socket.hpp"
#include "operations/requests.hpp"
#include "operations/state_lock.hpp"
#include "operations/station_files.hpp"
#include "schedule/guide.hpp"
#include "schedule/importer.hpp"
#include "schedule/sources.hpp"
#include "store/database.hpp"
#include "timeshift/archive.hpp"
#include "timeshift/blob_cache.hpp"
#include "timeshift/retention.hpp"
#include "timeshift/segment_meter.hpp"

namespace aircheck {
namespace {

constexpr int kPoolThreads = 4;
constexpr std::size_t kSegmentCacheBytes = 256U << 20;
constexpr std::size_t kPlaylistCacheBytes = 48U << 20;
constexpr std::int64_t kGuideEveryMs = 60'000;
constexpr std::int64_t kDrainMs = 10'000;
constexpr int kMetricsConnections = 32;
constexpr rlim_t kOpenFiles = 65'536;

core::Utc utc_now() {
  return core::Utc{g_get_real_time() * 1000};
}

// Beside this program in a build folder, else where it was installed.
std::string find_worker_program(const base::Config& config) {
  if (!config.worker_program.empty()) return config.worker_program;
  std::error_code error;
  const auto here = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const auto built = here / "worker" / "aircheck-channel";
  return std::filesystem::exists(built, error) ? built.string() : AIRCHECK_LIBEXEC_DIR "/aircheck-channel";
}

std::vector<std::string> worker_environment(const base::Config& config) {
  g_auto(GStrv) environment = g_get_environ();
  if (!config.pipeline_directory.empty()) {
    environment = g_environ_setenv(environment, "AIRCHECK_PIPELINE_DIR", config.pipeline_directory.c_str(), TRUE);
  }
  std::vector<std::string> variables;
  for (char** variable = environment; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  return channels::scrub_environment(variables);
}

timeshift::SegmentRow to_archive_row(const control::SegmentRow& row) {
  timeshift::SegmentRow result;
  result.sequence = row.sequence;
  result.discontinuity_sequence = row.discontinuity_sequence;
  result.start = row.start;
  result.duration_ns = row.duration_ns;
  result.size = row.size;
  result.epoch = row.epoch;
  result.discontinuity = row.discontinuity;
  result.key_id = row.key_id;
  result.location = row.location;
  result.init_location = row.init_location;
  return result;
}

base::LogLevel log_level(const std::string& name) {
  if (name == "debug") return base::LogLevel::kDebug;
  if (name == "warning") return base::LogLevel::kWarning;
  return name == "error" ? base::LogLevel::kError : base::LogLevel::kInfo;
}

void install_log_writer(const base::Config& config) {
  base::install_log_writer(log_level(config.log_level),
                           config.log_format == "json" ? base::LogFormat::kJson : base::LogFormat::kText);
}

core::Result<std::optional<base::Certificate>> read_certificate(const base::Config& config) {
  if (!config.tls()) return std::optional<base::Certificate>();
  AIRCHECK_TRY(const base::Certificate read, base::read_certificate(config.tls_certificate, config.tls_key));
  return std::optional(read);
}

class Station {
 public:
  Station(base::Config config, std::function<core::Result<base::Config>()> load)
      : config_(std::move(config)), load_(std::move(load)) {}
  // Requests are still answered while a server ends: all else has to be there.
  ~Station() {
    server_.reset();
    metrics_server_.reset();
  }
  Station(const Station&) = delete;
  Station& operator=(const Station&) = delete;

  core::Result<void> open();
  core::Result<void> serve();
  // Finishes open answers, for kDrainMs at most, and then what else has to end; calls `done`.
  void close(std::function<void()> done);
  // Reads the configuration anew. What may change while the station runs is in force then; on an error, which the log
  // has too, nothing is.
  core::Result<std::vector<base::ConfigChange>> reload();
  // What the command `stop` asks for.
  void on_stop(std::function<void()> stop) { stop_ = std::move(stop); }
  [[nodiscard]] const http::Server& server() const { return *server_; }
  [[nodiscard]] const base::Config& config() const { return config_; }

 private:
  core::Result<void> open_stores();
  core::Result<void> open_page();
  core::Result<void> open_importer();
  [[nodiscard]] http::ServerOptions server_options() const;
  core::Result<std::vector<base::ConfigChange>> take_over();
  void take_certificate(const std::optional<base::Certificate>& certificate);
  [[nodiscard]] std::optional<core::Utc> certificate_end() const;
  core::Result<void> open_control_socket();
  void end_workers(std::function<void()> done);
  void take_channels_in();
  void channel_scanned();
  void cover_keys();
  void extend_guide();
  [[nodiscard]] std::vector<timeshift::RetentionRule> retention_rules() const;
  channels::ArchiveHooks archive_hooks();
  void add_segment(const channels::Channel& channel, const timeshift::SegmentRow& row);
  core::Result<void> register_routes();
  core::Result<void> register_service_routes();
  [[nodiscard]] std::string missing() const;

  base::Config config_;
  std::function<core::Result<base::Config>()> load_;
  std::function<void()> stop_;
  std::optional<operations::StateLock> lock_;
  // Each may refer to those before it.
  base::WorkerPool pool_{kPoolThreads};
  std::unique_ptr<store::Database> database_;
  std::unique_ptr<channels::ChannelStore> channels_;
  std::unique_ptr<channels::KeyStore> keys_;
  std::optional<schedule::Guide> guide_;
  std::optional<schedule::Sources> schedule_sources_;
  std::unique_ptr<http::Outgoing> outgoing_;
  std::unique_ptr<schedule::Importer> importer_;
  std::unique_ptr<access::Service> access_;
  std::unique_ptr<access::TstvSessions> tstv_sessions_;
  std::unique_ptr<timeshift::Archive> archive_;
  std::optional<timeshift::Retention> retention_;
  std::optional<timeshift::BlobCache> blobs_;
  std::optional<timeshift::PlaylistCache> playlists_;
  std::unique_ptr<channels::Supervisor> supervisor_;
  std::optional<http::Authenticator> authenticator_;
  http::Idempotency idempotency_{utc_now};
  std::optional<http::StaticFiles> page_;
  timeshift::SegmentMeter segment_meter_;
  std::shared_ptr<http::TrafficMeter> traffic_ = std::make_shared<http::TrafficMeter>();
  http::Router router_;
  http::Router metrics_router_;  // of the listener for metrics alone
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Server> metrics_server_;
  std::optional<base::Certificate> certificate_;  // that is presented
  std::unique_ptr<operations::ControlSocket> control_;
  base::Timer guide_timer_;
  bool booted_ = false;
  bool closing_ = false;
};

core::Result<void> Station::open_stores() {
  AIRCHECK_TRY(database_, operations::open_station_database(config_));
  AIRCHECK_TRY(channels_, channels::ChannelStore::open(*database_));
  AIRCHECK_TRY(keys_, channels::KeyStore::open(*database_, config_.secrets_directory() + "/master.key"));
  AIRCHECK_TRY(guide_, schedule::Guide::open(*database_));
  AIRCHECK_TRY(schedule_sources_, schedule::Sources::open(*database_));
  AIRCHECK_TRY(access_, access::Service::open({.secrets_directory = config_.secrets_directory(),
                                               .jwt_secret = config_.jwt_secret,
                                               .admin_password = config_.admin_password,
                                               .issuers_file = config_.issuers_file,
                                               .demo = config_.demo},
                                              *database_, *channels_, *guide_, utc_now));
  AIRCHECK_TRY(tstv_sessions_, access::TstvSessions::open({.now = utc_now,
                                                           .monotonic_ns = [] { return g_get_monotonic_time() * 1000; },
                                                           .keep_days = config_.session_days},
                                                          *database_));
  AIRCHECK_TRY(archive_, timeshift::Archive::open({.segment_directory = config_.segment_directory,
                                                   .index_path = config_.state_directory + "/index.db",
                                                   .now = utc_now},
                                                  pool_));
  return {};
}

core::Result<void> Station::open_page() {
  const bool configured = !config_.webui_directory.empty();
  auto page = http::StaticFiles::load(configured ? config_.webui_directory : AIRCHECK_WEB_INSTALL_DIR);
  if (!page && configured) return page.unexpected();
  if (!page) {
    base::log_info("http", "no web page is installed: the API alone is served");
    return {};
  }
  page_ = std::move(*page);
  router_.set_fallback([this](const http::Request& request, http::Responder responder) {
    page_->answer(request, std::move(responder));
  });
  return {};
}

core::Result<void> Station::open_importer() {
  auto rules = http::AddressRules::make(config_.fetch_allow);
  AIRCHECK_TRY(const http::AddressRules checked, std::move(rules).with_context("AIRCHECK_FETCH_ALLOW"));
  outgoing_ = std::make_unique<http::Outgoing>(checked);
  schedule::ImporterOptions options{.directory = config_.listings_directory, .now = utc_now, .channel = {}};
  options.channel = [this](const std::string& id) -> std::optional<schedule::ImportChannel> {
    const channels::Channel* channel = channels_->find(id);
    if (channel == nullptr) return std::nullopt;
    return schedule::ImportChannel{.id = channel->id,
                                   .key = channel->key,
                                   .schedule_source = channel->schedule_source,
                                   .keep_ns = channel->cutv_window_hours * 3600 * core::kNsPerSecond};
  };
  importer_ = std::make_unique<schedule::Importer>(std::move(options), *schedule_sources_, *guide_, *outgoing_, pool_);
  return {};
}

core::Result<void> Station::open() {
  AIRCHECK_TRY_VOID(operations::prepare_directories(config_));
  AIRCHECK_TRY(lock_, operations::StateLock::acquire(config_.state_directory));
  if (!config_.demo_source.empty() && ::access(config_.demo_source.c_str(), R_OK) != 0) {
    return core::fail_errno(errno, "--demo-source: give a film that can be read: " + config_.demo_source);
  }
  AIRCHECK_TRY_VOID(open_page());
  AIRCHECK_TRY_VOID(open_stores());
  AIRCHECK_TRY_VOID(open_importer());
  if (config_.demo) {
    AIRCHECK_TRY_VOID(channels::ensure_demo_channels(*channels_, config_.segment_duration_s, utc_now()));
  }
  channels::SupervisorOptions options;
  options.worker_program = find_worker_program(config_);
  options.run_directory = config_.run_directory;
  options.segment_directory = config_.segment_directory;
  options.log_directory = config_.log_directory();
  options.environment = worker_environment(config_);
  options.sources = {config_.sources_directory, config_.demo_source};
  options.drm_enabled = config_.drm_enabled;
  options.now = utc_now;
  options.guide = [this](const channels::Channel& channel, core::Utc from, core::Utc to) {
    std::vector<channels::ProgrammeRights> programmes;
    for (const schedule::Entry& entry : guide_->entries(channel.id, from, to)) {
      programmes.push_back({entry.start, entry.end, entry.catchup_eligible});
    }
    return programmes;
  };
  supervisor_ = std::make_unique<channels::Supervisor>(options, *channels_, *keys_, archive_hooks());
  access_->follow_media([this](const std::string& id) { return supervisor_ ? supervisor_->on_air(id) : std::nullopt; });
  blobs_.emplace(pool_, kSegmentCacheBytes);
  playlists_.emplace(pool_, kPlaylistCacheBytes);
  timeshift::Retention::Options retention;
  retention.min_free_bytes = static_cast<std::uint64_t>(config_.min_free_mib) << 20;
  retention.now = utc_now;
  retention.rules = [this] { return retention_rules(); };
  retention.space = [directory = config_.segment_directory] { return timeshift::disk_space(directory); };
  retention.segment_directory = config_.segment_directory;
  retention.channel_keys = [this] {
    std::set<std::string> keys;
    for (const channels::Channel& channel : channels_->all()) keys.insert(channel.key);
    return keys;
  };
  retention_.emplace(std::move(retention), *archive_, pool_);
  authenticator_.emplace(access_->gate(), access_->limits(), utc_now);
  AIRCHECK_TRY_VOID(register_routes());
  // From here on it is used by the main loop: who finds it locked is told so and comes again.
  database_->set_busy_timeout(0);
  return register_service_routes();
}

// A programme that began in the window may be watched from its beginning to its end, by who began within the hour.
std::vector<timeshift::RetentionRule> Station::retention_rules() const {
  constexpr std::int64_t kHourNs = 3600 * core::kNsPerSecond;
  std::vector<timeshift::RetentionRule> rules;
  for (const channels::Channel& channel : channels_->all()) {
    rules.push_back({channel.id, (channel.cutv_window_hours + 1) * kHourNs + guide_->longest_ns(channel.id)});
  }
  return rules;
}

void Station::add_segment(const channels::Channel& channel, const timeshift::SegmentRow& row) {
  const timeshift::SegmentIndex* index = archive_->index(channel.id);
  if (index == nullptr) return;
  const std::size_t count = index->segment_count();
  const auto last = index->last_segment_sequence();
  archive_->add_segment(channel.id, row);
  if (index->segment_count() > count) segment_meter_.listed(channel.id, row, last, utc_now());
}

channels::ArchiveHooks Station::archive_hooks() {
  channels::ArchiveHooks hooks;
  hooks.last_sequence = [this](const channels::Channel& channel) -> std::optional<std::uint64_t> {
    const timeshift::SegmentIndex* index = archive_->index(channel.id);
    return index != nullptr ? index->last_segment_sequence() : std::nullopt;
  };
  hooks.last_segment = [this](const channels::Channel& channel) -> std::optional<channels::LastSegment> {
    const timeshift::SegmentIndex* index = archive_->index(channel.id);
    const auto last = index != nullptr ? index->last_segment_sequence() : std::nullopt;
    const auto row = last ? index->row(*last) : std::nullopt;
    return row ? std::optional(channels::LastSegment{row->key_id, row->end()}) : std::nullopt;
  };
  hooks.not_before = [this](const channels::Channel& channel) { return archive_->not_before(channel.id); };
  hooks.segments = [this](const channels::Channel& channel, const std::vector<control::SegmentRow>& rows) {
    for (const control::SegmentRow& row : rows) add_segment(channel, to_archive_row(row));
  };
  hooks.lost = [this](const channels::Channel& channel, core::Utc until) { archive_->add_loss(channel.id, until); };
  hooks.on_air = [this](const channels::Channel& channel, bool up) { archive_->set_worker_down(channel.id, !up); };
  return hooks;
}

core::Result<void> Station::register_routes() {
  std::string link_key;
  if (config_.segment_links) {
    AIRCHECK_TRY(link_key, base::load_or_create_token(config_.secrets_directory() + "/segment-link.key"));
  }
  const http::StreamServices streams{.channels = *channels_,
                                     .keys = *keys_,
                                     .guide = *guide_,
                                     .archive = *archive_,
                                     .blobs = *blobs_,
                                     .playlists = *playlists_,
                                     .gate = access_->gate(),
                                     .authenticator = *authenticator_,
                                     .cdn_base_url = [this] { return config_.cdn_base_url; },
                                     .now = utc_now,
                                     .link_key = link_key};
  http::register_auth_routes(router_, {access_->sign_in(), access_->accounts(), *tstv_sessions_, *authenticator_});
  http::register_drm_routes(router_, {.gate = access_->gate(),
                                      .authenticator = *authenticator_,
                                      .limits = access_->limits(),
                                      .keys = *keys_,
                                      .now = utc_now});
  http::register_channel_routes(router_, streams);
  http::register_epg_routes(router_, streams);
  http::register_tstv_routes(router_, streams);
  http::register_tstv_rules_routes(router_, {*channels_, *authenticator_, utc_now});
  http::register_tstv_session_routes(router_, {streams, *tstv_sessions_, access_->limits(), idempotency_});
  http::register_hls_routes(router_, streams);
  http::register_export_routes(router_, streams);
  http::register_device_routes(router_, {access_->devices(), *authenticator_, idempotency_, utc_now});
  http::register_simlive_routes(router_, {*channels_, *supervisor_, *archive_, *authenticator_});
  http::register_admin_channel_routes(router_,
                                      {*channels_, *authenticator_, idempotency_, config_.segment_duration_s, utc_now});
  http::register_admin_schedule_routes(router_, {*channels_, *guide_, *authenticator_, idempotency_, utc_now});
  http::register_admin_source_routes(
      router_, {*channels_, *schedule_sources_, *importer_, *authenticator_, idempotency_, utc_now});
  http::register_storage_routes(router_, {*channels_, *archive_, *retention_, *authenticator_, utc_now});
  return {};
}

// What supervisors and monitoring ask for, on the station's own address and on the one that is for them alone.
core::Result<void> Station::register_service_routes() {
  AIRCHECK_TRY(const std::string token, base::load_or_create_token(config_.secrets_directory() + "/metrics-token"));
  const http::MetricsServices metrics{.channels = *channels_,
                                      .supervisor = *supervisor_,
                                      .archive = *archive_,
                                      .retention = *retention_,
                                      .blobs = *blobs_,
                                      .segments = segment_meter_,
                                      .traffic = *traffic_,
                                      .tstv_sessions = *tstv_sessions_,
                                      .authenticator = *authenticator_,
                                      .now = utc_now,
                                      .connections = [this] { return server_ ? server_->connections() : 0; },
                                      .certificate_end = [this] { return certificate_end(); }};
  http::register_metrics_routes(router_, metrics, token);
  http::register_metrics_routes(metrics_router_, metrics, std::nullopt);
  for (http::Router* router : {&router_, &metrics_router_}) {
    http::register_health_routes(
        *router,
        {.dependencies = {{"database", [this] { return database_->ping(); }},
                          {"storage", [this] { return operations::check_storage(config_.segment_directory); }}},
         .missing = [this] { return missing(); }});
  }
  return {};
}

std::string Station::missing() const {
  return booted_ ? "" : "the segment folders are being compared with the index";
}

void Station::take_channels_in() {
  for (const channels::Channel& channel : channels_->all()) {
    archive_->add_channel({channel.id, channel.key, channel.target_duration_s}, [this] { channel_scanned(); });
  }
  channels_->observe([this](const std::string& id) {
    const channels::Channel* channel = channels_->find(id);
    if (channel == nullptr) {
      guide_->forget(id);
      archive_->remove_channel(id);
      return retention_->run();
    }
    archive_->add_channel({channel->id, channel->key, channel->target_duration_s});
    extend_guide();
  });
  guide_->observe([this](const std::string& id) {
    if (supervisor_) supervisor_->rights_changed(id);
  });
  channel_scanned();
}

// What workers encrypted while no daemon ran, for longer than their keys were meant for.
void Station::cover_keys() {
  for (const channels::Channel& channel : channels_->all()) {
    const timeshift::SegmentIndex* index = archive_->index(channel.id);
    if (index == nullptr) continue;
    for (const timeshift::SegmentIndex::KeyUse& use : index->key_uses()) {
      const auto covered = keys_->cover(use.key_id, {use.start, use.end});
      if (!covered) base::log_warning("channels", "content key: " + covered.error().message, channel.key);
    }
  }
}

// Workers are started once it is known which slots are taken, unless that is known too late.
void Station::channel_scanned() {
  if (booted_ || closing_ || !archive_->complete()) return;
  booted_ = true;
  cover_keys();
  supervisor_->boot();
  retention_->run();
  base::log_info("station", "ready");
}

void Station::extend_guide() {
  std::vector<schedule::GuideChannel> guides;
  for (const channels::Channel& channel : channels_->all()) {
    schedule::GuideChannel guide{.channel_id = channel.id, .source = channel.schedule_source};
    guide.keep_ns = channel.cutv_window_hours * 3600 * core::kNsPerSecond;
    if (config_.demo) guide.programme_ns = config_.demo_programme_duration_s * core::kNsPerSecond;
    guides.push_back(guide);
  }
  const auto extended = guide_->extend(utc_now(), guides);
  if (!extended) base::log_warning("schedule", "guide: " + extended.error().message);
}

http::ServerOptions Station::server_options() const {
  http::ServerOptions options;
  options.listen.address = config_.listen;
  options.listen.port = config_.port;
  options.listen.tls_certificate = config_.tls_certificate;
  options.listen.tls_key = config_.tls_key;
  options.listen.max_connections = config_.max_connections;
  options.public_url = config_.public_url;
  options.trusted_proxies = config_.trusted_proxies;
  options.cors_origins = config_.cors_origins;
  options.meter = traffic_;
  return options;
}

// One whose days are wrong takes no station off the air: players that do not look at it go on.
void Station::take_certificate(const std::optional<base::Certificate>& certificate) {
  certificate_ = certificate;
  if (!certificate_) return;
  if (const auto why = base::refused_at(*certificate_, utc_now())) {
    base::log_error("station",
                    certificate_->title + " " + *why + ": clients refuse it; renew it and run 'aircheckd reload'");
  } else {
    base::log_info("station", certificate_->title + " is valid until " + core::to_rfc3339(certificate_->not_after));
  }
}

std::optional<core::Utc> Station::certificate_end() const {
  return certificate_ ? std::optional(certificate_->not_after) : std::nullopt;
}

core::Result<void> Station::serve() {
  AIRCHECK_TRY(const auto certificate, read_certificate(config_));
  AIRCHECK_TRY(server_, http::Server::start(server_options(), router_));
  take_certificate(certificate);
  if (!config_.metrics_address.empty()) {
    http::ServerOptions metrics;
    metrics.listen.address = config_.metrics_address;
    metrics.listen.port = config_.metrics_port;
    metrics.listen.max_connections = kMetricsConnections;
    AIRCHECK_TRY(metrics_server_,
                 http::Server::start(metrics, metrics_router_).with_context("AIRCHECK_METRICS_LISTEN"));
    base::log_info("station", "metrics on " + metrics_server_->url() + "/metrics");
  }
  AIRCHECK_TRY_VOID(open_control_socket());
  extend_guide();
  guide_timer_ = base::Timer::every(kGuideEveryMs, [this] {
    extend_guide();
    importer_->run_due();
  });
  importer_->run_due();
  take_channels_in();
  return {};
}

// A channel's key begins with a letter or a digit, so no worker has this name.
core::Result<void> Station::open_control_socket() {
  const std::string path = config_.run_directory + "/.aircheckd.sock";
  operations::Requests requests{.channels = *channels_, .archive = *archive_, .reload = {}, .stop = {}};
  requests.reload = [this] { return reload(); };
  requests.stop = [this](const std::string& workers) {
    if (!workers.empty()) config_.workers_on_exit = workers;
    stop_();
  };
  AIRCHECK_TRY(control_, operations::ControlSocket::listen(path, operations::answer_with(std::move(requests))));
  return lock_->announce(path);
}

core::Result<std::vector<base::ConfigChange>> Station::reload() {
  auto changes = take_over();
  if (!changes) base::log_error("station", "the configuration stays as it was: " + changes.error().message);
  return changes;
}

core::Result<std::vector<base::ConfigChange>> Station::take_over() {
  AIRCHECK_TRY(base::Config fresh, load_());
  const base::Config before = config_;
  std::vector<base::ConfigChange> changes = base::config_changes(before, fresh);
  // Between HTTP and HTTPS the station's own address would change.
  const bool same_scheme = before.tls() == fresh.tls();
  for (base::ConfigChange& change : changes) {
    if (!same_scheme && change.name.starts_with("[server] tls-")) change.live = false;
  }
  std::optional<base::Certificate> certificate;
  if (same_scheme) {
    AIRCHECK_TRY(certificate, read_certificate(fresh));
  }
  if (certificate && !base::refused_at(*certificate_, utc_now())) {
    if (const auto why = base::refused_at(*certificate, utc_now())) {
      return core::fail(core::Code::kInvalidArgument,
                        certificate->title + " " + *why + ", and the one that is presented is good");
    }
  }
  config_.public_url = fresh.public_url;
  config_.trusted_proxies = fresh.trusted_proxies;
  config_.cors_origins = fresh.cors_origins;
  config_.max_connections = fresh.max_connections;
  if (same_scheme) {
    config_.tls_certificate = fresh.tls_certificate;
    config_.tls_key = fresh.tls_key;
  }
  if (auto reloaded = server_->reload(server_options()); !reloaded) {
    config_ = before;
    return reloaded.unexpected();
  }
  if (certificate) take_certificate(certificate);
  config_.cdn_base_url = fresh.cdn_base_url;
  config_.min_free_mib = fresh.min_free_mib;
  config_.session_days = fresh.session_days;
  config_.workers_on_exit = fresh.workers_on_exit;
  config_.log_level = fresh.log_level;
  config_.log_format = fresh.log_format;
  retention_->set_min_free_bytes(static_cast<std::uint64_t>(config_.min_free_mib) << 20);
  tstv_sessions_->set_keep_days(config_.session_days);
  install_log_writer(config_);
  for (const base::ConfigChange& change : changes) {
    base::log_info("station", change.name + (change.live ? ": the new value is in force" : ": needs a restart"));
  }
  base::log_info("station", "configuration read anew");
  return changes;
}

void Station::close(std::function<void()> done) {
  closing_ = true;
  guide_timer_.cancel();
  server_->drain(kDrainMs, [this, done = std::move(done)]() mutable {
    server_.reset();
    metrics_server_.reset();
    control_.reset();
    end_workers(std::move(done));
  });
}

void Station::end_workers(std::function<void()> done) {
  if (config_.workers_on_exit == "stop") return supervisor_->shut_down(std::move(done));
  supervisor_.reset();
  done();
}

struct Loop {
  Station* station;
  GMainLoop* loop;
  bool closing = false;
};

void end(Loop& loop) {
  if (loop.closing) {
    base::log_warning("station", "asked twice: ending at once");
    return g_main_loop_quit(loop.loop);
  }
  loop.closing = true;
  base::log_info("station", "ending");
  loop.station->close([&loop] { g_main_loop_quit(loop.loop); });
}

gboolean on_end(gpointer data) noexcept {
  end(*static_cast<Loop*>(data));
  return G_SOURCE_CONTINUE;
}

gboolean on_reload(gpointer data) noexcept {
  const auto* loop = static_cast<Loop*>(data);
  if (loop->closing) return G_SOURCE_CONTINUE;
  static_cast<void>(loop->station->reload());
  return G_SOURCE_CONTINUE;
}

// For people, on standard output: the log never has a password.
void print_demo(const Station& station) {
  const base::Config& config = station.config();
  const auto password = [&](const char* name) {
    const auto bytes = base::read_secret_file(config.secrets_directory() + "/" + name);
    std::string text = bytes ? std::string(bytes->begin(), bytes->end()) : "(see your configuration)";
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  };
  const std::string page = config.public_url.empty() ? station.server().url() : config.public_url;
  std::printf("\nAircheck is on air: %s/\n  viewer  %s  %s\n  admin   %s  %s\n\n", page.c_str(),
              std::string(access::kDemoViewerEmail).c_str(), password("viewer-password").c_str(),
              std::string(access::kFirstAdminEmail).c_str(),
              config.admin_password.empty() ? password("admin-password").c_str() : "(AIRCHECK_ADMIN_PASSWORD)");
  std::fflush(stdout);
}

void set_process_limits() {
  umask(027);
  std::signal(SIGPIPE, SIG_IGN);
  const struct rlimit no_core = {0, 0};  // memory holds keys
  setrlimit(RLIMIT_CORE, &no_core);
  struct rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < kOpenFiles) {
    files.rlim_cur = std::min<rlim_t>(kOpenFiles, files.rlim_max);
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

core::Result<int> run(const base::CommandLine& command_line) {
  const auto load = [command_line] {
    return base::load_config({.file = command_line.config_file,
                              .getenv = [](const char* name) { return g_getenv(name); },
                              .command_line = command_line.options});
  };
  AIRCHECK_TRY(base::Config config, load());
  if (command_line.mode == base::CommandLine::Mode::kCheck) {
    AIRCHECK_TRY_VOID(read_certificate(config));
    std::puts("the configuration is good");
    return 0;
  }
  if (command_line.mode == base::CommandLine::Mode::kCommand) {
    // Its report is on standard output.
    base::install_log_writer(base::LogLevel::kWarning);
    return operations::run_command(command_line, config);
  }
  install_log_writer(config);
  Station station(std::move(config), load);
  AIRCHECK_TRY_VOID(station.open());
  AIRCHECK_TRY_VOID(station.serve());
  base::log_info("station", "listening on " + station.server().url());
  if (station.config().demo) print_demo(station);

  const std::unique_ptr<GMainLoop, decltype(&g_main_loop_unref)> loop(g_main_loop_new(nullptr, FALSE),
                                                                      g_main_loop_unref);
  Loop signals{&station, loop.get()};
  station.on_stop([&signals] { end(signals); });
  g_unix_signal_add(SIGINT, on_end, &signals);
  g_unix_signal_add(SIGTERM, on_end, &signals);
  g_unix_signal_add(SIGHUP, on_reload, &signals);
  g_main_loop_run(loop.get());
  return 0;
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  using namespace aircheck;
  control::forbid_message_dumps();
  set_process_limits();
  if (sodium_init() < 0) {
    std::fputs("error: libsodium does not start: the system has no random numbers\n", stderr);
    return 1;
  }
  const auto command_line = base::parse_command_line(argc, argv);
  if (!command_line) {
    std::fprintf(stderr, "error: %s\n", command_line.error().message.c_str());
    return 2;
  }
  if (command_line->mode == base::CommandLine::Mode::kHelp) {
    std::fputs(command_line->help.c_str(), stdout);
    return 0;
  }
  if (command_line->mode == base::CommandLine::Mode::kVersion) {
    std::puts("aircheckd " AIRCHECK_VERSION);
    return 0;
  }
  const auto result = run(*command_line);
  if (result) return *result;
  std::fprintf(stderr, "error: %s\n", result.error().message.c_str());
  return result.error().code == core::Code::kInvalidArgument ? 2 : 1;
}
