#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/paging.hpp"
#include "http/programmes.hpp"
#include "http/routes_tstv.hpp"

namespace aircheck::http {

namespace {

using core::Code;
using core::fail;

constexpr std::int64_t kDayNs = 24 * 3600 * core::kNsPerSecond;
constexpr std::int64_t kLongestSpanNs = 14 * kDayNs;

struct EpgQuery {
  const channels::Channel* channel = nullptr;  // null: all
  core::Utc from;
  core::Utc to;
  PageRequest page;
};

core::Result<EpgQuery> read_query(const StreamServices& services, const Request& request) {
  AIRCHECK_TRY_VOID(request.only_query({"channel_id", "from", "to", "limit", "cursor"}));
  EpgQuery query;
  AIRCHECK_TRY(query.page, read_page(request));
  if (const std::string* id = request.query_value("channel_id")) {
    query.channel = services.channels.find(*id);
    if (query.channel == nullptr) return fail(Code::kNotFound, "there is no such channel");
  }
  query.from = services.now();
  if (const std::string* from = request.query_value("from")) {
    AIRCHECK_TRY(query.from, read_instant("from", *from));
  }
  query.to = query.from + kDayNs;
  if (const std::string* to = request.query_value("to")) {
    AIRCHECK_TRY(query.to, read_instant("to", *to));
  }
  if (query.to <= query.from) return fail(Code::kInvalidArgument, "to has to be after from");
  if (query.to - query.from > kLongestSpanNs) return fail(Code::kInvalidArgument, "from and to span at most 14 days");
  return query;
}

void epg(const StreamServices& services, const Request& request, Responder responder) {
  const auto caller = services.authenticator.bearer(request, responder);
  if (!caller) return;
  const auto query = read_query(services, request);
  if (!query) return responder.error(query.error());

  std::vector<std::pair<std::string, std::pair<std::size_t, schedule::Entry>>> found;
  std::vector<ProgrammeViews> views;
  for (const channels::Channel& channel : services.channels.all()) {
    if (query->channel != nullptr && query->channel->id != channel.id) continue;
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
