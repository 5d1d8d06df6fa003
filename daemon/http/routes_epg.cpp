#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/guide_query.hpp"
#include "http/programmes.hpp"
#include "http/routes_tstv.hpp"

namespace aircheck::http {

namespace {

void epg(const StreamServices& services, const Request& request, Responder responder) {
  const auto caller = services.authenticator.bearer(request, responder);
  if (!caller) return;
  const auto query = read_guide_query(services.channels, services.now(), request);
  if (!query) return responder.error(query.error());

  std::vector<std::pair<std::string, std::pair<std::size_t, schedule::Entry>>> found;
  std::vector<ProgrammeViews> views;
  for (const channels::Channel& channel : services.channels.all()) {
    if (!query->wants(channel)) continue;
    views.emplace_back(services, *caller, channel);
    for (schedule::Entry& entry : services.guide.entries(channel.id, query->from, query->to)) {
      std::string key = sort_key(entry.start.ns, channel.number);
      found.emplace_back(std::move(key), std::make_pair(views.size() - 1, std::move(entry)));
    }
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  responder.header("Cache-Control", "private, no-cache");
  responder.json(200,
                 page_of(found, query->page, [&](const auto& item) { return views[item.first].to_json(item.second); }));
}

}  // namespace

void register_epg_routes(Router& router, StreamServices services) {
  const auto shared = std::make_shared<const StreamServices>(std::move(services));
  router.get("/api/v1/epg",
             [shared](const Request& request, Responder responder) { epg(*shared, request, std::move(responder)); });
}

}  // namespace aircheck::http
