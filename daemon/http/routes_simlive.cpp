#include "http/routes_simlive.hpp"

#include <string>
#include <utility>

#include "http/paging.hpp"

namespace aircheck::http {

namespace {

using channels::Supervisor;

base::Json status_json(const SimliveServices& services, const channels::Channel& channel) {
  const channels::ChannelStatus status = services.supervisor.status(channel);
  base::Json json = base::Json::object({{"id", channel.id},
                                        {"cdn_channel_key", channel.key},
                                        {"state", status.state},
                                        {"wanted", channel.on_air_wanted},
                                        {"since", core::to_rfc3339(status.since, 3)},
                                        {"failures", status.failures}});
  json.set("reason", status.reason.empty() ? base::Json() : base::Json(status.reason));
  json.set("pid", status.pid ? base::Json(static_cast<int>(*status.pid)) : base::Json());
  json.set("retry_at", status.retry_at ? base::Json(core::to_rfc3339(*status.retry_at, 3)) : base::Json());
  const timeshift::SegmentIndex* index = services.archive.index(channel.id);
  json.set("segments", static_cast<std::int64_t>(index != nullptr ? index->segment_count() : 0));
  return json;
}

// One of Supervisor's wishes, answered with the state that it leads to; asking again changes nothing.
void add_wish(Router& router, const SimliveServices& services, const std::string& name,
              core::Result<void> (Supervisor::*wish)(std::string_view)) {
  router.post("/api/v1/admin/simlive/{cdn_channel_key}/" + name,
              [services, wish](const Request& request, Responder responder) {
                if (!services.authenticator.with_role(request, responder, access::Role::kOperator)) return;
                if (auto query = request.only_query({}); !query) return responder.error(query.error());
                const std::string& key = request.param("cdn_channel_key");
                if (services.channels.find(key) == nullptr) {
                  return responder.problem(base::not_found("there is no such channel"));
                }
                const auto result = (services.supervisor.*wish)(key);
                if (!result) return responder.error(result.error());
                responder.header("Cache-Control", "no-store");
                responder.json(200, status_json(services, *services.channels.find(key)));
              });
}

void list_status(const SimliveServices& services, const Request& request, Responder responder) {
  if (!services.authenticator.with_role(request, responder, access::Role::kOperator)) return;
  if (auto query = request.only_query({"limit", "cursor"}); !query) return responder.error(query.error());
  const auto page = read_page(request);
  if (!page) return responder.error(page.error());
  const auto found = keyed(services.channels.all());
  responder.header("Cache-Control", "no-store");
  responder.json(
      200, page_of(found, *page, [&](const channels::Channel* channel) { return status_json(services, *channel); }));
}

}  // namespace

void register_simlive_routes(Router& router, SimliveServices services) {
  add_wish(router, services, "start", &Supervisor::start);
  add_wish(router, services, "stop", &Supervisor::stop);
  add_wish(router, services, "restart", &Supervisor::restart);
  router.get("/api/v1/admin/simlive/status", [services](const Request& request, Responder responder) {
    list_status(services, request, std::move(responder));
  });
}

}  // namespace aircheck::http
