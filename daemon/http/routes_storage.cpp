#include "http/routes_storage.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace aircheck::http {

namespace {

// The present rate is that of the last hour.
constexpr std::int64_t kRateNs = 3600 * core::kNsPerSecond;

base::Json instant(const std::optional<core::Utc>& utc) {
  return utc ? base::Json(core::to_rfc3339(*utc, 3)) : base::Json();
}

std::uint64_t bytes_per_hour(const timeshift::Archive& archive, const channels::Channel& channel, core::Utc now) {
  const timeshift::SegmentIndex* const index = archive.index(channel.id);
  return index != nullptr ? index->bytes_since(now - kRateNs) : 0;
}

base::Json archive_json(const StorageServices& services, const channels::Channel& channel, std::uint64_t rate) {
  const timeshift::SegmentIndex* const index = services.archive.index(channel.id);
  const bool any = index != nullptr && !index->empty();
  const auto last = any ? index->row(*index->last_segment_sequence()) : std::nullopt;
  return base::Json::object({
      {"id", channel.id},
      {"cdn_channel_key", channel.key},
      {"segments", static_cast<std::int64_t>(any ? index->segment_count() : 0)},
      {"bytes", any ? index->bytes() : 0},
      {"oldest", any ? instant(index->row(index->first_sequence())->start) : base::Json()},
      {"newest", last ? instant(last->end()) : base::Json()},
      {"bytes_per_hour", rate},
      {"cutv_window_hours", channel.cutv_window_hours},
  });
}

base::Json round_json(const timeshift::RetentionRound& round) {
  return base::Json::object({
      {"started_at", instant(round.started)},
      {"finished_at", instant(round.finished)},
      {"expired_segments", round.expired_segments},
      {"expired_bytes", round.expired_bytes},
      {"displaced_segments", round.displaced_segments},
      {"displaced_bytes", round.displaced_bytes},
      {"failed_files", round.failed},
  });
}

void show_storage(const StorageServices& services, const Request& request, Responder responder) {
  if (!services.authenticator.with_role(request, responder, access::Role::kOperator)) return;
  if (auto query = request.only_query({}); !query) return responder.error(query.error());
  const core::Utc now = services.now();
  base::Json items = base::Json::array();
  for (const channels::Channel& channel : services.channels.all()) {
    items.push(archive_json(services, channel, bytes_per_hour(services.archive, channel, now)));
  }
  const timeshift::Retention& retention = services.retention;
  const DiskOutlook outlook = disk_outlook(services.channels, services.archive, retention, now);
  const auto& space = retention.space();
  base::Json body;
  body.set("free_bytes", space ? base::Json(space->free_bytes) : base::Json());
  body.set("total_bytes", space ? base::Json(space->total_bytes) : base::Json());
  body.set("min_free_bytes", retention.min_free_bytes());
  body.set("bytes_per_hour", outlook.bytes_per_hour);
  body.set("hours_left", outlook.hours_left ? base::Json(*outlook.hours_left) : base::Json());
  body.set("deleted_segments", retention.deleted_segments());
  body.set("deleted_bytes", retention.deleted_bytes());
  body.set("last_round", retention.round() ? round_json(*retention.round()) : base::Json());
  body.set("items", std::move(items));
  body.set("next_cursor", base::Json());
  responder.header("Cache-Control", "no-store").json(200, body);
}

}  // namespace

DiskOutlook disk_outlook(const channels::ChannelStore& channels, const timeshift::Archive& archive,
                         const timeshift::Retention& retention, core::Utc now) {
  DiskOutlook outlook;
  for (const channels::Channel& channel : channels.all())
    outlook.bytes_per_hour += bytes_per_hour(archive, channel, now);
  const auto& space = retention.space();
  if (!space || outlook.bytes_per_hour == 0) return outlook;
  const std::uint64_t left = space->free_bytes - std::min(space->free_bytes, retention.min_free_bytes());
  outlook.hours_left = static_cast<double>(left) / static_cast<double>(outlook.bytes_per_hour);
  return outlook;
}

void register_storage_routes(Router& router, const StorageServices& services) {
  router.get("/api/v1/admin/storage", [services](const Request& request, Responder responder) {
    show_storage(services, request, std::move(responder));
  });
}

}  // namespace aircheck::http
