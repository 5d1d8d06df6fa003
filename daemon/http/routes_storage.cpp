#include "http/routes_storage.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "timeshift/disk_outlook.hpp"

namespace aircheck::http {

namespace {

// The present rate is that of the last hour.
constexpr std::int64_t kRateNs = 3600 * core::kNsPerSecond;
// What was written in less says nothing of an hour.
constexpr std::int64_t kLeastNs = 60 * core::kNsPerSecond;

base::Json instant(const std::optional<core::Utc>& utc) {
  return utc ? base::Json(core::to_rfc3339(*utc, 3)) : base::Json();
}

std::uint64_t bytes_per_hour(const timeshift::Archive& archive, const channels::Channel& channel, core::Utc now) {
  const timeshift::SegmentIndex* const index = archive.index(channel.id);
  if (index == nullptr || index->empty()) return 0;
  const std::int64_t age_ns = now - index->row(index->first_sequence())->start;
  const std::int64_t over_ns = std::clamp(age_ns, kLeastNs, kRateNs);
  const double hours = static_cast<double>(over_ns) / static_cast<double>(kRateNs);
  return static_cast<std::uint64_t>(static_cast<double>(index->bytes_since(now - over_ns)) / hours);
}

timeshift::ArchiveTrend trend_of(const timeshift::SegmentIndex* index, std::int64_t keep_ns, std::uint64_t rate,
                                 core::Utc now) {
  const auto hours = [](std::int64_t ns) { return static_cast<double>(ns) / static_cast<double>(kRateNs); };
  timeshift::ArchiveTrend trend{.keep_h = hours(keep_ns), .bytes_per_hour = static_cast<double>(rate)};
  if (index == nullptr || index->empty()) return trend;
  trend.bytes = index->bytes();
  trend.reaches_back_h = std::max(0.0, hours(now - index->row(index->first_sequence())->start));
  return trend;
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
      {"leftover_segments", round.leftover_segments},
      {"leftover_bytes", round.leftover_bytes},
      {"failed_files", round.failed},
  });
}

base::Json leftovers_json(const timeshift::Leftovers& leftovers) {
  base::Json items = base::Json::array();
  for (const timeshift::Leftover* leftover : leftovers.all()) {
    items.push(base::Json::object({
        {"cdn_channel_key", leftover->key},
        {"segments", leftover->segments},
        {"bytes", leftover->bytes},
        {"oldest", instant(leftover->oldest)},
        {"newest", instant(leftover->newest)},
    }));
  }
  return items;
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
  const bool ends = outlook.hours_left && std::isfinite(*outlook.hours_left);
  body.set("hours_left", ends ? base::Json(*outlook.hours_left) : base::Json());
  body.set("deleted_segments", retention.deleted_segments());
  body.set("deleted_bytes", retention.deleted_bytes());
  body.set("last_round", retention.round() ? round_json(*retention.round()) : base::Json());
  body.set("leftovers", leftovers_json(retention.leftovers()));
  body.set("items", std::move(items));
  body.set("next_cursor", base::Json());
  responder.header("Cache-Control", "no-store").json(200, body);
}

}  // namespace

DiskOutlook disk_outlook(const channels::ChannelStore& channels, const timeshift::Archive& archive,
                         const timeshift::Retention& retention, core::Utc now) {
  DiskOutlook outlook;
  std::vector<timeshift::ArchiveTrend> trends;
  for (const timeshift::RetentionRule& rule : retention.rules()) {
    const channels::Channel* const channel = channels.find(rule.channel_id);
    if (channel == nullptr) continue;
    const std::uint64_t rate = bytes_per_hour(archive, *channel, now);
    outlook.bytes_per_hour += rate;
    trends.push_back(trend_of(archive.index(channel->id), rule.keep_ns, rate, now));
  }
  const auto& space = retention.space();
  if (!space || outlook.bytes_per_hour == 0) return outlook;
  // What deleted channels have left goes before anything that can be watched.
  const std::uint64_t room = space->free_bytes + retention.leftovers().bytes();
  outlook.hours_left = timeshift::hours_until_full(trends, room - std::min(room, retention.min_free_bytes()));
  return outlook;
}

void register_storage_routes(Router& router, const StorageServices& services) {
  router.get("/api/v1/admin/storage", [services](const Request& request, Responder responder) {
    show_storage(services, request, std::move(responder));
  });
}

}  // namespace aircheck::http
