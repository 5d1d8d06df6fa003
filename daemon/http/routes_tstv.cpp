#include "http/routes_tstv.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/civil_day.hpp"
#include "http/paging.hpp"
#include "http/playlists.hpp"
#include "http/programmes.hpp"

namespace aircheck::http {

namespace {

using access::Caller;
using access::Kind;

// A signed-in viewer's request for one channel. The functions get what they need or are not called.
using ChannelHandler =
    std::function<void(const StreamServices&, const Caller&, const channels::Channel&, const Request&, Responder)>;

base::Json null_or(const std::string& text) {
  return text.empty() ? base::Json() : base::Json(text);
}

// {channel_id} and, where the route has it, the access to this kind of viewing at all.
void with_channel(const StreamServices& services, const Request& request, Responder responder,
                  const ChannelHandler& handler) {
  const auto caller = services.authenticator.bearer(request, responder);
  if (!caller) return;
  const channels::Channel* channel = services.channels.find(request.param("channel_id"));
  if (channel == nullptr) return responder.problem(base::not_found("there is no such channel"));
  responder.header("Cache-Control", "private, no-cache");
  handler(services, *caller, *channel, request, std::move(responder));
}

void list_channels(const StreamServices& services, const Request& request, Responder responder) {
  const auto caller = services.authenticator.bearer(request, responder);
  if (!caller) return;
  if (auto query = request.only_query({"protection", "limit", "cursor"}); !query) {
    return responder.error(query.error());
  }
  const auto protection = read_protection(request);
  if (!protection) return responder.error(protection.error());
  const auto page = read_page(request);
  if (!page) return responder.error(page.error());
  const auto found = keyed(services.channels.all());
  responder.header("Cache-Control", "private, no-cache");
  responder.json(
      200, page_of(found, *page, [&](const channels::Channel* channel) {
        const StreamQuery stream{.kind = Kind::kLive, .protection = *protection};
        const access::Decision live = services.gate.decide(
            *caller, channel->id, {.kind = stream.kind, .protection = stream.protection, .now = services.now()});
        const std::string url = live.allowed ? stream_url(services, request.base_url, *caller, *channel, stream) : "";
        return base::Json::object({{"id", channel->id},
                                   {"cdn_channel_key", channel->key},
                                   {"number", channel->number},
                                   {"name", channel->name},
                                   {"tstv_enabled", channel->tstv_enabled},
                                   {"startover_enabled", channel->startover_enabled},
                                   {"catchup_enabled", channel->catchup_enabled},
                                   {"cutv_window_hours", channel->cutv_window_hours},
                                   {"live_url", null_or(url)},
                                   {"why_not", null_or(live.code)}});
      }));
}

void startover(const StreamServices& services, const Caller& caller, const channels::Channel& channel,
               const Request& request, Responder responder) {
  if (auto query = request.only_query({"protection"}); !query) return responder.error(query.error());
  const auto protection = read_protection(request);
  if (!protection) return responder.error(protection.error());
  const core::Utc now = services.now();
  const auto entry = services.guide.at(channel.id, now);
  access::Decision decision =
      services.gate.decide(caller, channel.id, {.kind = Kind::kStartover, .protection = *protection, .now = now});
  if (entry && decision.allowed) {
    decision = ProgrammeViews(services, caller, channel, *protection).available(*entry, Kind::kStartover);
  }
  if (!entry && decision.allowed) decision = {.allowed = false, .code = "no_programme"};
  base::Json body = base::Json::object({{"channel_id", channel.id}, {"cdn_channel_key", channel.key}});
  body.set("available", decision.allowed);
  body.set("why_not", null_or(decision.code));
  body.set("programme", entry ? programme_json(*entry) : base::Json());
  body.set("elapsed_seconds", entry ? (now - entry->start) / core::kNsPerSecond : 0);
  const bool playable = entry && decision.allowed;
  body.set("startover_url", null_or(playable ? stream_url(services, request.base_url, caller, channel,
                                                          programme_stream(*entry, Kind::kStartover, *protection))
                                             : ""));
  responder.json(200, body);
}

// The manifest of one programme: a multivariant playlist with absolute URLs.
void manifest(const StreamServices& services, const Caller& caller, const channels::Channel& channel,
              const Request& request, Kind kind, Responder responder) {
  if (auto query = request.only_query({"schedule_entry_id", "protection"}); !query) {
    return responder.error(query.error());
  }
  const auto protection = read_protection(request);
  if (!protection) return responder.error(protection.error());
  const std::string* id = request.query_value("schedule_entry_id");
  if (id == nullptr && kind == Kind::kCatchup) {
    return responder.problem(base::bad_request("schedule_entry_id is missing"));
  }
  const auto entry = id != nullptr ? services.guide.entry(*id) : services.guide.at(channel.id, services.now());
  if (!entry || entry->channel_id != channel.id) {
    return responder.problem(base::not_found("this channel has no such programme"));
  }
  const StreamQuery stream = programme_stream(*entry, kind, *protection);
  const std::string token = services.gate.playback_token(caller, channel.id, kind, stream.protection, services.now());
  answer_playlist(services, request,
                  {.caller = caller,
                   .channel = channel,
                   .stream = stream,
                   .token = token,
                   .uri_base = request.base_url + "/hls/" + channel.key + "/"},
                  std::move(responder));
}

struct CatchupItem {
  access::Protection protection;
  const channels::Channel* channel;
  schedule::Entry entry;
  access::Decision decision;
  core::Utc expires_at;
};
using CatchupItems = std::vector<std::pair<std::string, CatchupItem>>;

// Programmes of the channel in [from, to) that are over, are recorded and have not expired, with what the policy says.
void collect(const StreamServices& services, const Caller& caller, const channels::Channel& channel, core::Utc from,
             core::Utc to, access::Protection protection, CatchupItems& items) {
  const core::Utc now = services.now();
  const ProgrammeViews views(services, caller, channel, protection);
  for (schedule::Entry& entry : services.guide.entries(channel.id, from, std::min(to, now))) {
    if (entry.end > now || entry.start < from || views.expires_at(entry) <= now || !views.is_archived(entry)) continue;
    access::Decision decision = views.available(entry, Kind::kCatchup);
    const core::Utc expires_at = views.expires_at(entry);
    std::string key = sort_key(-entry.start.ns, channel.number);
    items.emplace_back(std::move(key),
                       CatchupItem{protection, &channel, std::move(entry), std::move(decision), expires_at});
  }
}

void answer_items(const StreamServices& services, const Caller& caller, const Request& request, CatchupItems items,
                  Responder& responder) {
  const auto page = read_page(request);
  if (!page) return responder.error(page.error());
  std::sort(items.begin(), items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  responder.json(200, page_of(items, *page, [&](const CatchupItem& item) {
                   const std::string url =
                       item.decision.allowed ? stream_url(services, request.base_url, caller, *item.channel,
                                                          programme_stream(item.entry, Kind::kCatchup, item.protection))
                                             : "";
                   base::Json json = programme_json(item.entry);
                   json.set("channel_id", item.channel->id);
                   json.set("cdn_channel_key", item.channel->key);
                   json.set("catchup_url", null_or(url));
                   json.set("expires_at", core::to_rfc3339(item.expires_at));
                   json.set("why_not", null_or(item.decision.code));
                   return json;
                 }));
}

// From when to when the query asks for programmes: a day of the zone that it names, else of `zone`; without a date all.
core::Result<std::pair<core::Utc, core::Utc>> read_day(const Request& request, const std::string& zone, core::Utc now) {
  const std::string* date = request.query_value("date");
  const std::string* named = request.query_value("tz");
  if (date != nullptr) return civil_day(*date, named != nullptr ? *named : zone);
  if (named != nullptr) return core::fail(core::Code::kInvalidArgument, "tz belongs to date");
  return std::pair(core::Utc{0}, now);
}

void catchup_of_channel(const StreamServices& services, const Caller& caller, const channels::Channel& channel,
                        const Request& request, Responder responder) {
  if (auto query = request.only_query({"date", "tz", "protection", "limit", "cursor"}); !query) {
    return responder.error(query.error());
  }
  const auto protection = read_protection(request);
  if (!protection) return responder.error(protection.error());
  const auto day = read_day(request, channel.zone, services.now());
  if (!day) return responder.error(day.error());
  const access::Decision decision = services.gate.decide(
      caller, channel.id, {.kind = Kind::kCatchup, .protection = *protection, .now = services.now()});
  if (!decision.allowed) return responder.problem(access::to_problem(decision));
  CatchupItems items;
  collect(services, caller, channel, day->first, day->second, *protection, items);
  answer_items(services, caller, request, std::move(items), responder);
}

void catchup_of_day(const StreamServices& services, const Request& request, Responder responder) {
  const auto caller = services.authenticator.bearer(request, responder);
  if (!caller) return;
  if (auto query = request.only_query({"date", "tz", "protection", "limit", "cursor"}); !query) {
    return responder.error(query.error());
  }
  const auto protection = read_protection(request);
  if (!protection) return responder.error(protection.error());
  const core::Utc now = services.now();
  if (const auto day = read_day(request, "UTC", now); !day) return responder.error(day.error());
  CatchupItems items;
  for (const channels::Channel& channel : services.channels.all()) {
    const auto day = read_day(request, channel.zone, now);
    if (!day) return responder.error(day.error());
    if (!services.gate.decide(*caller, channel.id, {.kind = Kind::kCatchup, .now = now}).allowed) continue;
    collect(services, *caller, channel, day->first, day->second, *protection, items);
  }
  responder.header("Cache-Control", "private, no-cache");
  answer_items(services, *caller, request, std::move(items), responder);
}

}  // namespace

void register_tstv_routes(Router& router, StreamServices services) {
  const auto shared = std::make_shared<const StreamServices>(std::move(services));
  const auto channel_route = [&](const std::string& path, ChannelHandler handler) {
    router.get(path, [shared, handler = std::move(handler)](const Request& request, Responder responder) {
      with_channel(*shared, request, std::move(responder), handler);
    });
  };
  const auto manifest_of = [](Kind kind) {
    return [kind](const StreamServices& parts, const Caller& caller, const channels::Channel& channel,
                  const Request& request,
                  Responder responder) { manifest(parts, caller, channel, request, kind, std::move(responder)); };
  };
  router.get("/api/v1/tstv/channels", [shared](const Request& request, Responder responder) {
    list_channels(*shared, request, std::move(responder));
  });
  channel_route("/api/v1/tstv/startover/{channel_id}", startover);
  channel_route("/api/v1/tstv/startover/{channel_id}/manifest", manifest_of(Kind::kStartover));
  router.get("/api/v1/tstv/catchup", [shared](const Request& request, Responder responder) {
    catchup_of_day(*shared, request, std::move(responder));
  });
  channel_route("/api/v1/tstv/catchup/{channel_id}", catchup_of_channel);
  channel_route("/api/v1/tstv/catchup/{channel_id}/manifest", manifest_of(Kind::kCatchup));
}

}  // namespace aircheck::http
