#include "http/routes_channels.hpp"

#include <memory>
#include <string>
#include <utility>

#include "http/paging.hpp"
#include "http/programmes.hpp"

namespace aircheck::http {

namespace {

base::Json programme_or_null(const std::optional<schedule::Entry>& entry) {
  return entry ? programme_json(*entry) : base::Json();
}

// What is sold instead, as refusals have it; null when there is nothing to sell.
base::Json upsell_of(const access::Decision& refusal) {
  for (const auto& [name, value] : access::to_problem(refusal).members) {
    if (name == "upsell") return value;
  }
  return {};
}

base::Json channel_json(const StreamServices& services, const access::Caller& caller, const std::string& base_url,
                        const channels::Channel& channel) {
  const core::Utc now = services.now();
  const auto current = services.guide.at(channel.id, now);
  const auto next = services.guide.next(channel.id, current ? current->end : now);
  const auto live = services.gate.decide(caller, channel.id, {.kind = access::Kind::kLive, .now = now});
  base::Json json = base::Json::object({{"id", channel.id},
                                        {"cdn_channel_key", channel.key},
                                        {"number", channel.number},
                                        {"name", channel.name},
                                        {"zone", channel.zone}});
  json.set("logo_url", channel.logo_url.empty() ? base::Json() : base::Json(channel.logo_url));
  json.set("now", programme_or_null(current));
  json.set("next", programme_or_null(next));
  json.set("live_url", live.allowed ? base::Json(stream_url(services, base_url, caller, channel, {})) : base::Json());
  json.set("why_not", live.allowed ? base::Json() : base::Json(live.code));
  json.set("upsell", live.allowed ? base::Json() : upsell_of(live));
  return json;
}

void list_channels(const StreamServices& services, const Request& request, Responder responder) {
  const auto caller = services.authenticator.bearer(request, responder);
  if (!caller) return;
  if (auto query = request.only_query({"limit", "cursor"}); !query) return responder.error(query.error());
  const auto page = read_page(request);
  if (!page) return responder.error(page.error());
  const auto found = keyed(services.channels.all());
  responder.header("Cache-Control", "private, no-cache");
  responder.json(200, page_of(found, *page, [&](const channels::Channel* channel) {
                   return channel_json(services, *caller, request.base_url, *channel);
                 }));
}

}  // namespace

void register_channel_routes(Router& router, StreamServices services) {
  const auto shared = std::make_shared<const StreamServices>(std::move(services));
  router.get("/api/v1/channels", [shared](const Request& request, Responder responder) {
    list_channels(*shared, request, std::move(responder));
  });
}

}  // namespace aircheck::http
