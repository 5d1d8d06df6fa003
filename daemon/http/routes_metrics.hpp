// GET /metrics: the station's figures in Prometheus' text format 0.0.4.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "access/tstv_sessions.hpp"
#include "channels/supervisor.hpp"
#include "http/authenticate.hpp"
#include "http/router.hpp"
#include "http/traffic_meter.hpp"
#include "timeshift/archive.hpp"
#include "timeshift/blob_cache.hpp"
#include "timeshift/retention.hpp"
#include "timeshift/segment_meter.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct MetricsServices {
  const channels::ChannelStore& channels;
  const channels::Supervisor& supervisor;
  const timeshift::Archive& archive;
  const timeshift::Retention& retention;
  const timeshift::BlobCache& blobs;
  const timeshift::SegmentMeter& segments;
  const TrafficMeter& traffic;
  const access::TstvSessions& tstv_sessions;
  const Authenticator& authenticator;
  std::function<core::Utc()> now;
  std::function<int()> connections;                           // open ones
  std::function<std::optional<core::Utc>()> certificate_end;  // none: no TLS
};

// token: the Bearer token that opens it, beside an operator's own. None: whoever reaches the router may read, which is
// for a listener of its own.
void register_metrics_routes(Router& router, const MetricsServices& services, std::optional<std::string> token);

}  // namespace aircheck::http
