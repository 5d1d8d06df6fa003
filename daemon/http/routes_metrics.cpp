#include "http/routes_metrics.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>

#include "base/files.hpp"
#include "http/routes_storage.hpp"

namespace aircheck::http {

namespace {

using base::MetricsText;
using base::MetricType;

constexpr const char* kContentType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::array<std::string_view, 5> kStates = {"stopped", "starting", "running", "backoff", "failed"};

double seconds_of(core::Utc instant) {
  return static_cast<double>(instant.ns) / static_cast<double>(core::kNsPerSecond);
}

// One family with a sample for each channel for which `value` has one.
template <typename Value>
void each_channel(MetricsText& text, const MetricsServices& services, const char* name, MetricType type,
                  const char* help, Value value) {
  text.family(name, type, help);
  for (const channels::Channel& channel : services.channels.all()) {
    if (const std::optional<double> sample = value(channel)) text.sample(*sample, {{"channel", channel.key}});
  }
}

void write_states(MetricsText& text, const MetricsServices& services) {
  text.family("aircheck_channel_state", MetricType::kGauge, "1 for the state in which the channel is.");
  for (const channels::Channel& channel : services.channels.all()) {
    const std::string state = services.supervisor.status(channel).state;
    for (const std::string_view candidate : kStates) {
      text.sample(candidate == state ? 1 : 0, {{"channel", channel.key}, {"state", candidate}});
    }
  }
  each_channel(text, services, "aircheck_channel_on_air_wanted", MetricType::kGauge,
               "1 where the channel shall be on air.",
               [](const auto& channel) { return channel.on_air_wanted ? 1 : 0; });
  each_channel(text, services, "aircheck_channel_restarts_total", MetricType::kCounter,
               "How often the channel went on air anew since the daemon took it over or first started it.",
               [&](const auto& channel) { return static_cast<double>(services.supervisor.status(channel).restarts); });
}

void write_delivery(MetricsText& text, const MetricsServices& services) {
  const auto meter = [&](const channels::Channel& channel) -> const timeshift::SegmentMeter::Channel& {
    return services.segments.channel(channel.id);
  };
  each_channel(text, services, "aircheck_channel_segments_total", MetricType::kCounter,
               "Segments that the worker delivered and the index took since the daemon started.",
               [&](const auto& channel) { return static_cast<double>(meter(channel).segments); });
  each_channel(text, services, "aircheck_channel_segment_bytes_total", MetricType::kCounter, "Their bytes.",
               [&](const auto& channel) { return static_cast<double>(meter(channel).bytes); });
  each_channel(text, services, "aircheck_channel_gaps_total", MetricType::kCounter,
               "GAP rows that were listed since the daemon started.", [&](const auto& channel) {
                 const timeshift::SegmentIndex* index = services.archive.index(channel.id);
                 return static_cast<double>(meter(channel).gaps + (index != nullptr ? index->trailing_gaps() : 0));
               });
  text.family("aircheck_channel_segment_lateness_seconds", MetricType::kHistogram,
              "Time from the end of a segment's last picture until the segment was listed.");
  for (const channels::Channel& channel : services.channels.all()) {
    meter(channel).lateness.write(text, {{"channel", channel.key}});
  }
}

// One family with a sample for each channel and kind of viewing session.
template <typename Value>
void each_kind(MetricsText& text, const MetricsServices& services, const char* name, MetricType type, const char* help,
               Value value) {
  text.family(name, type, help);
  for (const channels::Channel& channel : services.channels.all()) {
    for (const access::Kind kind : {access::Kind::kStartover, access::Kind::kCatchup}) {
      const access::TstvFigures figures = services.tstv_sessions.figures(channel.id, kind);
      text.sample(static_cast<double>(value(figures)), {{"channel", channel.key}, {"kind", access::to_string(kind)}});
    }
  }
}

void write_viewing(MetricsText& text, const MetricsServices& services) {
  each_kind(text, services, "aircheck_tstv_viewers", MetricType::kGauge, "Viewing sessions that are open.",
            [](const auto& figures) { return figures.viewers; });
  each_kind(text, services, "aircheck_tstv_sessions_total", MetricType::kCounter,
            "Viewing sessions that began since the daemon started.",
            [](const auto& figures) { return figures.sessions; });
  each_kind(text, services, "aircheck_tstv_stalls_total", MetricType::kCounter,
            "How often players said that they stalled since the daemon started.",
            [](const auto& figures) { return figures.stalls; });
  each_kind(text, services, "aircheck_tstv_errors_total", MetricType::kCounter,
            "Errors that players told since the daemon started.", [](const auto& figures) { return figures.errors; });
}

void write_archive(MetricsText& text, const MetricsServices& services) {
  const auto index = [&](const channels::Channel& channel) -> const timeshift::SegmentIndex* {
    const timeshift::SegmentIndex* found = services.archive.index(channel.id);
    return found != nullptr && !found->empty() ? found : nullptr;
  };
  each_channel(text, services, "aircheck_archive_segments", MetricType::kGauge, "Segments in the channel's archive.",
               [&](const auto& channel) {
                 const auto* rows = index(channel);
                 return rows != nullptr ? static_cast<double>(rows->segment_count()) : 0;
               });
  each_channel(text, services, "aircheck_archive_bytes", MetricType::kGauge, "Their bytes.", [&](const auto& channel) {
    const auto* rows = index(channel);
    return rows != nullptr ? static_cast<double>(rows->bytes()) : 0;
  });
  each_channel(text, services, "aircheck_archive_oldest_timestamp_seconds", MetricType::kGauge,
               "Begin of the oldest segment, seconds since 1970.", [&](const auto& channel) -> std::optional<double> {
                 const auto* rows = index(channel);
                 return rows != nullptr ? std::optional(seconds_of(rows->row(rows->first_sequence())->start))
                                        : std::nullopt;
               });
  each_channel(text, services, "aircheck_archive_newest_timestamp_seconds", MetricType::kGauge,
               "End of the newest segment, seconds since 1970.", [&](const auto& channel) -> std::optional<double> {
                 const auto* rows = index(channel);
                 return rows != nullptr ? std::optional(seconds_of(rows->row(*rows->last_segment_sequence())->end()))
                                        : std::nullopt;
               });
}

void write_disk(MetricsText& text, const MetricsServices& services) {
  const DiskOutlook disk = disk_outlook(services.channels, services.archive, services.retention, services.now());
  const auto gauge = [&](const char* name, const char* help, std::optional<double> value) {
    text.family(name, MetricType::kGauge, help);
    if (value) text.sample(*value);
  };
  const auto& space = services.retention.space();
  gauge("aircheck_disk_free_bytes", "Free on the disk of the segments, as of the last look.",
        space ? std::optional(static_cast<double>(space->free_bytes)) : std::nullopt);
  gauge("aircheck_disk_size_bytes", "Size of that disk.",
        space ? std::optional(static_cast<double>(space->total_bytes)) : std::nullopt);
  gauge("aircheck_disk_left_seconds",
        "Time until retention has to delete what could still be watched, at the rate of the last hour; +Inf where what "
        "expires makes room in time.",
        disk.hours_left ? std::optional(*disk.hours_left * 3600) : std::nullopt);
  gauge("aircheck_leftover_bytes", "What deleted channels have left on the disk, as of the last round of retention.",
        static_cast<double>(services.retention.leftovers().bytes()));
  text.family("aircheck_retention_deleted_segments_total", MetricType::kCounter,
              "Segments that retention deleted since the daemon started.");
  text.sample(static_cast<double>(services.retention.deleted_segments()));
  text.family("aircheck_retention_deleted_bytes_total", MetricType::kCounter, "Their bytes.");
  text.sample(static_cast<double>(services.retention.deleted_bytes()));
  gauge("aircheck_index_unwritten_changes",
        "Rows that index.db does not have yet; far from 0 for long where it cannot be written.",
        static_cast<double>(services.archive.unwritten_changes()));
  gauge("aircheck_segment_cache_bytes", "Segments that are held in memory to be sent.",
        static_cast<double>(services.blobs.size_bytes()));
}

// Names, units and meanings are those of Prometheus' client libraries.
void write_process(MetricsText& text, core::Utc now) {
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  double virtual_pages = 0;
  double resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  text.family("process_resident_memory_bytes", MetricType::kGauge, "Resident memory size in bytes.");
  text.sample(resident_pages * page);
  text.family("process_virtual_memory_bytes", MetricType::kGauge, "Virtual memory size in bytes.");
  text.sample(virtual_pages * page);

  struct rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  text.family("process_cpu_seconds_total", MetricType::kCounter, "Total user and system CPU time spent in seconds.");
  text.sample(seconds(usage.ru_utime) + seconds(usage.ru_stime));

  std::error_code error;
  double open_files = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end; at.increment(error)) {
    ++open_files;
  }
  text.family("process_open_fds", MetricType::kGauge, "Number of open file descriptors.");
  text.sample(open_files - 1);  // less the one that counted
  struct rlimit files = {};
  getrlimit(RLIMIT_NOFILE, &files);
  text.family("process_max_fds", MetricType::kGauge, "Maximum number of open file descriptors.");
  text.sample(static_cast<double>(files.rlim_cur));
  static const double started = seconds_of(now) - static_cast<double>(g_get_monotonic_time()) / 1e6;
  // proc(5): the 22nd field of stat, in clock ticks after the boot; the name in the second may have spaces.
  std::ifstream file("/proc/self/stat");
  std::string stat((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  std::istringstream rest(stat.substr(std::min(stat.rfind(')'), stat.size() - 1) + 1));
  std::string skipped;
  for (int i = 3; i < 22; ++i) rest >> skipped;
  double ticks = 0;
  rest >> ticks;
  text.family("process_start_time_seconds", MetricType::kGauge,
              "Start time of the process since unix epoch in seconds.");
  text.sample(started + ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
}

std::string all_metrics(const MetricsServices& services) {
  MetricsText text;
  text.family("aircheck_build_info", MetricType::kGauge, "1, with the version.");
  text.sample(1, {{"version", AIRCHECK_VERSION}});
  write_states(text, services);
  write_delivery(text, services);
  write_archive(text, services);
  write_disk(text, services);
  write_viewing(text, services);
  text.family("aircheck_http_connections", MetricType::kGauge, "Open connections.");
  text.sample(services.connections());
  text.family("aircheck_tls_certificate_expiry_timestamp_seconds", MetricType::kGauge,
              "Until when clients take the TLS certificate, seconds since 1970.");
  if (const auto end = services.certificate_end()) text.sample(seconds_of(*end));
  services.traffic.write(text);
  write_process(text, services.now());
  return text.text();
}

}  // namespace

void register_metrics_routes(Router& router, const MetricsServices& services, std::optional<std::string> token) {
  router.get("/metrics", [services, token = std::move(token)](const Request& request, Responder responder) {
    const auto given = request.bearer_token();
    const bool open = !token || (given && base::same_secret(*given, *token));
    if (!open && !services.authenticator.with_role(request, responder, access::Role::kOperator)) return;
    responder.header("Cache-Control", "no-store").text(200, kContentType, all_metrics(services));
  });
}

}  // namespace aircheck::http
