#include "http/routes_tstv_sessions.hpp"

#include <glib.h>

#include <charconv>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/paging.hpp"
#include "http/programmes.hpp"
#include "schedule/entry.hpp"

namespace aircheck::http {

namespace {

using access::Kind;
using access::TstvSession;
using access::TstvSessions;
using base::Json;
using core::Code;
using core::fail;
using core::Result;

// A programme lasts 24 hours at most; its stream reaches a segment beyond, and may be late.
constexpr double kLatestPosition = 25 * 3600;
constexpr std::int64_t kMostCounted = 1'000'000'000;
constexpr std::int64_t kFastestBitrate = 10'000'000'000;
constexpr std::size_t kErrorBytes = 300;
constexpr std::size_t kUserAgentBytes = 200;
constexpr std::size_t kAddressBytes = 64;

Json null_or(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json session_json(const StreamServices& streams, const TstvSession& session) {
  const channels::Channel* channel = streams.channels.find(session.channel_id);
  const core::Utc until = session.ended_at.value_or(session.last_heartbeat_at);
  Json json = Json::object({{"id", session.id}, {"channel_id", session.channel_id}});
  json.set("cdn_channel_key", channel != nullptr ? Json(channel->key) : Json());
  json.set("schedule_entry_id", session.schedule_entry_id);
  json.set("kind", access::to_string(session.kind));
  json.set("started_at", core::to_rfc3339(session.started_at));
  json.set("last_heartbeat_at", core::to_rfc3339(session.last_heartbeat_at));
  json.set("ended_at", session.ended_at ? Json(core::to_rfc3339(*session.ended_at)) : Json());
  json.set("end_reason", null_or(session.end_reason));
  json.set("duration_seconds", (until - session.started_at) / core::kNsPerSecond);
  json.set("position_seconds", session.position_seconds);
  json.set("stalls", session.stalls);
  json.set("bitrate", session.bitrate > 0 ? Json(session.bitrate) : Json());
  json.set("dropped_frames", session.dropped_frames);
  json.set("errors", session.errors);
  json.set("error", null_or(session.error));
  json.set("heartbeat_seconds", TstvSessions::kHeartbeatSeconds);
  return json;
}

// NaN is in no range.
Result<void> in_range(std::string_view name, double value, double most) {
  if (value >= 0 && value <= most) return {};
  return fail(Code::kInvalidArgument, "\"" + std::string(name) + "\" has to be a number from 0 to " +
                                          std::to_string(static_cast<std::int64_t>(most)));
}

Result<std::optional<std::int64_t>> checked(std::string_view name, std::optional<std::int64_t> value,
                                            std::int64_t most) {
  if (value && (*value < 0 || *value > most)) {
    return fail(Code::kInvalidArgument,
                "\"" + std::string(name) + "\" has to be a whole number from 0 to " + std::to_string(most));
  }
  return value;
}

Result<access::TstvHeartbeat> read_heartbeat(const Request& request) {
  AIRCHECK_TRY(const Json body, request.json());
  base::JsonReader in(body);
  access::TstvHeartbeat heartbeat{.position_seconds = in.required<double>("position_seconds")};
  const auto stalls = in.optional<std::int64_t>("stalls");
  const auto bitrate = in.optional<std::int64_t>("bitrate");
  const auto dropped_frames = in.optional<std::int64_t>("dropped_frames");
  const auto error = in.optional<std::string>("error");
  AIRCHECK_TRY_VOID(in.finish());
  AIRCHECK_TRY_VOID(in_range("position_seconds", heartbeat.position_seconds, kLatestPosition));
  AIRCHECK_TRY(heartbeat.stalls, checked("stalls", stalls, kMostCounted));
  AIRCHECK_TRY(heartbeat.bitrate, checked("bitrate", bitrate, kFastestBitrate));
  AIRCHECK_TRY(heartbeat.dropped_frames, checked("dropped_frames", dropped_frames, kMostCounted));
  heartbeat.error = schedule::tidy_text(error.value_or(""), kErrorBytes);
  return heartbeat;
}

struct Wanted {
  const channels::Channel* channel = nullptr;
  std::optional<schedule::Entry> entry;
  StreamQuery stream;
  double position_seconds = 0;
};

// Start-over without a programme is that of what is on air, as its manifest is.
Result<Wanted> read_wanted(const StreamServices& streams, const Request& request) {
  AIRCHECK_TRY(const Json body, request.json());
  base::JsonReader in(body);
  const auto channel_id = in.required<std::string>("channel_id");
  const auto kind_name = in.required<std::string>("kind");
  const auto entry_id = in.optional<std::string>("schedule_entry_id");
  const auto protection_name = in.optional<std::string>("protection").value_or("cenc");
  Wanted wanted{.position_seconds = in.optional<double>("position_seconds").value_or(0)};
  AIRCHECK_TRY_VOID(in.finish());
  const auto kind = access::kind_from_string(kind_name);
  if (!kind || *kind == Kind::kLive) return fail(Code::kInvalidArgument, "\"kind\" has to be startover or catchup");
  const auto protection = access::protection_from_string(protection_name);
  if (!protection) return fail(Code::kInvalidArgument, "\"protection\" has to be cenc, aes-128 or clear");
  if (!entry_id && *kind == Kind::kCatchup) {
    return fail(Code::kInvalidArgument, "\"schedule_entry_id\" is missing: catch-up is that of a programme");
  }
  AIRCHECK_TRY_VOID(in_range("position_seconds", wanted.position_seconds, kLatestPosition));
  wanted.channel = streams.channels.find(channel_id);
  if (wanted.channel == nullptr) return fail(Code::kNotFound, "there is no such channel");
  wanted.entry = entry_id ? streams.guide.entry(*entry_id) : streams.guide.at(wanted.channel->id, streams.now());
  if (!wanted.entry || wanted.entry->channel_id != wanted.channel->id) {
    return fail(Code::kNotFound, "this channel has no such programme");
  }
  wanted.stream = programme_stream(*wanted.entry, *kind, *protection);
  return wanted;
}

class Resource {
 public:
  explicit Resource(TstvSessionServices services) : services_(std::move(services)) {}

  void start(const Request& request, Responder responder) const;
  void heartbeat(const Request& request, Responder responder) const;
  void stop(const Request& request, Responder responder) const;
  void list(const Request& request, Responder responder) const;

 private:
  [[nodiscard]] std::optional<access::Caller> viewer(const Request& request, Responder& responder) const;
  [[nodiscard]] Result<access::TstvSessionFilter> read_filter(const Request& request) const;
  void answer(int status, const Result<TstvSession>& session, Responder& responder) const;

  TstvSessionServices services_;
};

std::optional<access::Caller> Resource::viewer(const Request& request, Responder& responder) const {
  auto caller = services_.streams.authenticator.bearer(request, responder);
  if (!caller) return std::nullopt;
  responder.header("Cache-Control", "no-store");
  if (auto query = request.only_query({}); !query) {
    responder.error(query.error());
    return std::nullopt;
  }
  return caller;
}

void Resource::answer(int status, const Result<TstvSession>& session, Responder& responder) const {
  if (session) return responder.json(status, session_json(services_.streams, *session));
  if (session.error().code != Code::kConflict) return responder.error(session.error());
  responder.problem(base::conflict("session_ended", session.error().message));
}

void Resource::start(const Request& request, Responder responder) const {
  const auto caller = viewer(request, responder);
  if (!caller) return;
  const auto wanted = read_wanted(services_.streams, request);
  if (!wanted) return responder.error(wanted.error());
  std::optional<core::Utc> expires_at;
  if (const auto problem = refuse_stream(services_.streams, *caller, *wanted->channel, wanted->stream, expires_at)) {
    return responder.problem(*problem);
  }
  if (const auto wait = services_.limits.tstv_session(caller->account_id, g_get_monotonic_time() * 1000)) {
    return responder.problem(too_many_requests(*wait));
  }
  const std::string* agent = request.header("user-agent");
  const auto started =
      services_.sessions.start({.account_id = caller->account_id,
                                .channel_id = wanted->channel->id,
                                .schedule_entry_id = wanted->entry->id,
                                .kind = wanted->stream.kind,
                                .position_seconds = wanted->position_seconds,
                                .user_agent = agent != nullptr ? schedule::tidy_text(*agent, kUserAgentBytes) : "",
                                .ip_address = request.client_address.substr(0, kAddressBytes),
                                .sign_in_id = caller->session_id});
  if (started) responder.header("Location", "/api/v1/tstv/sessions/" + started->id);
  if (started && expires_at) responder.header("X-Expires-At", core::to_rfc3339(*expires_at));
  answer(201, started, responder);
}

void Resource::heartbeat(const Request& request, Responder responder) const {
  const auto caller = viewer(request, responder);
  if (!caller) return;
  const auto heartbeat = read_heartbeat(request);
  if (!heartbeat) return responder.error(heartbeat.error());
  answer(200, services_.sessions.heartbeat(request.param("session_id"), caller->account_id, *heartbeat), responder);
}

void Resource::stop(const Request& request, Responder responder) const {
  const auto caller = viewer(request, responder);
  if (!caller) return;
  answer(200, services_.sessions.stop(request.param("session_id"), caller->account_id), responder);
}

// "{started_at in nanoseconds}.{id}" of the last item.
Result<access::TstvSessionPlace> read_place(const std::string& cursor) {
  access::TstvSessionPlace place;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), place.started_at.ns);
  if (error != std::errc() || end == cursor.data() + cursor.size() || *end != '.') {
    return fail(Code::kInvalidArgument, "cursor has to be the next_cursor of a page");
  }
  place.id = std::string(end + 1, cursor.data() + cursor.size());
  return place;
}

Result<access::TstvSessionFilter> Resource::read_filter(const Request& request) const {
  access::TstvSessionFilter filter;
  if (const std::string* user = request.query_value("user_id")) filter.account_id = *user;
  if (const std::string* id = request.query_value("channel_id")) {
    // Of a channel that was deleted the sessions are still there.
    const channels::Channel* channel = services_.streams.channels.find(*id);
    filter.channel_id = channel != nullptr ? channel->id : *id;
  }
  if (const std::string* kind = request.query_value("kind")) {
    filter.kind = access::kind_from_string(*kind);
    if (!filter.kind || *filter.kind == Kind::kLive) {
      return fail(Code::kInvalidArgument, "kind has to be startover or catchup");
    }
  }
  if (const std::string* from = request.query_value("from")) {
    AIRCHECK_TRY(filter.from, read_instant("from", *from));
  }
  if (const std::string* to = request.query_value("to")) {
    AIRCHECK_TRY(filter.to, read_instant("to", *to));
  }
  if (filter.from && filter.to && *filter.to <= *filter.from) {
    return fail(Code::kInvalidArgument, "to has to be after from");
  }
  return filter;
}

void Resource::list(const Request& request, Responder responder) const {
  const Authenticator& authenticator = services_.streams.authenticator;
  const auto caller = authenticator.admits(request, responder, access::Role::kOperator,
                                           {"user_id", "channel_id", "kind", "from", "to", "limit", "cursor"});
  if (!caller) return;
  const auto page = read_page(request);
  if (!page) return responder.error(page.error());
  auto filter = read_filter(request);
  if (!filter) return responder.error(filter.error());
  if (!page->after.empty()) {
    const auto place = read_place(page->after);
    if (!place) return responder.error(place.error());
    filter->after = *place;
  }
  auto sessions = services_.sessions.list(*filter, page->limit + 1);
  if (!sessions) return responder.error(sessions.error());
  const bool more = sessions->size() > page->limit;
  if (more) sessions->pop_back();
  const bool with_address = authenticator.has_role(*caller, access::Role::kAdmin);
  Json items = Json::array();
  for (const TstvSession& session : *sessions) {
    Json item = session_json(services_.streams, session);
    item.set("user_id", session.account_id);
    if (with_address) {
      item.set("user_agent", null_or(session.user_agent));
      item.set("ip_address", null_or(session.ip_address));
    }
    items.push(std::move(item));
  }
  Json body = Json::object({{"items", std::move(items)}});
  const auto cursor = [&] { return std::to_string(sessions->back().started_at.ns) + "." + sessions->back().id; };
  body.set("next_cursor", more ? Json(cursor()) : Json());
  responder.json(200, body);
}

}  // namespace

void register_tstv_session_routes(Router& router, TstvSessionServices services) {
  const Authenticator& authenticator = services.streams.authenticator;
  Idempotency& idempotency = services.idempotency;
  const auto handler = handlers_of(std::make_shared<const Resource>(std::move(services)));
  router.post("/api/v1/tstv/sessions", idempotency.wrap(authenticator, handler(&Resource::start)));
  router.put("/api/v1/tstv/sessions/{session_id}", handler(&Resource::heartbeat));
  router.remove("/api/v1/tstv/sessions/{session_id}", handler(&Resource::stop));
  router.get("/api/v1/admin/sessions", handler(&Resource::list));
}

}  // namespace aircheck::http
