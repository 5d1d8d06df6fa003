// A station with all that it answers: what is asked at every route.
#pragma once

#include <string>

#include "channels/supervisor.hpp"
#include "daemon/http/station_with_archive.hpp"
#include "http/outgoing.hpp"
#include "http/routes_admin_channels.hpp"
#include "http/routes_admin_schedule.hpp"
#include "http/routes_admin_sources.hpp"
#include "http/routes_channels.hpp"
#include "http/routes_devices.hpp"
#include "http/routes_export.hpp"
#include "http/routes_metrics.hpp"
#include "http/routes_simlive.hpp"
#include "http/routes_storage.hpp"
#include "http/routes_tstv_rules.hpp"
#include "http/routes_tstv_sessions.hpp"

namespace aircheck::test {

class WholeStation : public StationWithArchive {
 protected:
  explicit WholeStation(bool recorded = true) : StationWithArchive(recorded) {
    http::register_channel_routes(router_, services());
    http::register_admin_channel_routes(router_,
                                        {*channels_, authenticator_, idempotency_, 6, [this] { return now_; }});
    http::register_simlive_routes(router_, {*channels_, supervisor_, *archive_, authenticator_});
    http::register_admin_schedule_routes(router_,
                                         {*channels_, guide_, authenticator_, idempotency_, [this] { return now_; }});
    http::register_admin_source_routes(
        router_, {*channels_, sources_, importer_, authenticator_, idempotency_, [this] { return now_; }});
    http::register_tstv_rules_routes(router_, {*channels_, authenticator_, [this] { return now_; }});
    http::register_tstv_session_routes(router_, {services(), *tstv_sessions_, limits_, idempotency_});
    http::register_export_routes(router_, services());
    http::register_device_routes(router_, {devices_, authenticator_, idempotency_, [this] { return now_; }});
    http::register_storage_routes(router_,
                                  {*channels_, *archive_, retention_, authenticator_, [this] { return now_; }});
    http::register_metrics_routes(router_,
                                  {.channels = *channels_,
                                   .supervisor = supervisor_,
                                   .archive = *archive_,
                                   .retention = retention_,
                                   .blobs = blobs_,
                                   .segments = segment_meter_,
                                   .traffic = *traffic_,
                                   .tstv_sessions = *tstv_sessions_,
                                   .authenticator = authenticator_,
                                   .now = [this] { return now_; },
                                   .connections = [] { return 0; },
                                   .certificate_end = [] { return std::nullopt; }},
                                  "a token for monitoring");
  }

  // The route's path with every parameter replaced.
  static std::string fill(const std::string& path_template, const std::string& value) {
    std::string path = path_template;
    for (std::size_t open = path.find('{'); open != std::string::npos; open = path.find('{', open + value.size())) {
      path.replace(open, path.find('}', open) - open + 1, value);
    }
    return path;
  }
  // Never booted: nothing is started.
  http::Idempotency idempotency_{[this] { return now_; }};
  channels::Supervisor supervisor_{{.now = [this] { return now_; }}, *channels_, *keys_, {}};
  schedule::Sources sources_ = std::move(schedule::Sources::open(*database_).value());
  http::Outgoing outgoing_{http::AddressRules::make({}).value()};
  schedule::Importer importer_{{.directory = directory_ / "listings", .now = [this] { return now_; }, .channel = {}},
                               sources_,
                               guide_,
                               outgoing_,
                               pool_};
  timeshift::SegmentMeter segment_meter_;
  // It looks for itself after half a minute, which a slow machine reaches.
  timeshift::Retention retention_{{.now = [this] { return now_; },
                                   .rules = [] { return std::vector<timeshift::RetentionRule>{}; },
                                   .space = [] { return core::Result<timeshift::DiskSpace>(timeshift::DiskSpace{}); }},
                                  *archive_,
                                  pool_};
};

}  // namespace aircheck::test
