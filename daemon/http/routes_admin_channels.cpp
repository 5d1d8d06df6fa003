#include "http/routes_admin_channels.hpp"

#include <string>
#include <utility>

#include "http/if_match.hpp"
#include "http/paging.hpp"

namespace aircheck::http {

namespace {

using channels::Channel;

base::Json channel_json(const Channel& channel) {
  const std::string mode = channel.encrypted ? "cenc" : "none";
  base::Json json = base::Json::object({{"id", channel.id},
                                        {"cdn_channel_key", channel.key},
                                        {"number", channel.number},
                                        {"name", channel.name},
                                        {"logo_url", channel.logo_url},
                                        {"zone", channel.zone},
                                        {"tstv_enabled", channel.tstv_enabled},
                                        {"startover_enabled", channel.startover_enabled},
                                        {"catchup_enabled", channel.catchup_enabled},
                                        {"cutv_window_hours", channel.cutv_window_hours},
                                        {"pipeline", channel.pipeline}});
  json.set("variables", channels::variables_to_json(channel.variables));
  json.set("target_duration", channel.target_duration_s);
  json.set("max_duration", channel.max_duration_s);
  json.set("protection",
           base::Json::object(
               {{"encryption", mode}, {"allow_aes128", channel.allow_aes128}, {"allow_clear", channel.allow_clear}}));
  json.set("schedule_source", channel.schedule_source);
  json.set("on_air_wanted", channel.on_air_wanted);
  return json;
}

core::Result<void> read_protection(const base::Json& json, Channel& channel) {
  base::JsonReader in(json);
  if (const auto mode = in.optional<std::string>("encryption")) {
    if (*mode != "cenc" && *mode != "none") {
      return core::fail(core::Code::kInvalidArgument, "\"protection.encryption\" has to be cenc or none");
    }
    channel.encrypted = *mode == "cenc";
  }
  channel.allow_aes128 = in.optional<bool>("allow_aes128").value_or(channel.allow_aes128);
  channel.allow_clear = in.optional<bool>("allow_clear").value_or(channel.allow_clear);
  return in.finish().with_context("protection");
}

// Variables merge as PATCH does (RFC 7396): null takes one away.
core::Result<void> read_variables(const base::Json& json, Channel& channel) {
  if (json.as_object() == nullptr) {
    return core::fail(core::Code::kInvalidArgument, "\"variables\" has to be an object");
  }
  base::Json given = base::Json::object();
  for (const auto& [name, value] : *json.as_object()) {
    if (value.is_null()) {
      channel.variables.erase(name);
    } else {
      given.set(name, value);
    }
  }
  AIRCHECK_TRY(control::Variables typed, channels::variables_from_json(given));
  for (auto& [name, value] : typed) channel.variables[name] = std::move(value);
  return {};
}

// Members that are absent keep what `channel` has: the stored values for PATCH, the defaults for POST.
core::Result<void> merge(base::JsonReader& in, Channel& channel) {
  in.merge("cdn_channel_key", channel.key);
  in.merge("name", channel.name);
  in.merge("logo_url", channel.logo_url);
  in.merge("zone", channel.zone);
  in.merge("pipeline", channel.pipeline);
  in.merge("schedule_source", channel.schedule_source);
  channel.number = in.optional<int>("number").value_or(channel.number);
  channel.tstv_enabled = in.optional<bool>("tstv_enabled").value_or(channel.tstv_enabled);
  channel.startover_enabled = in.optional<bool>("startover_enabled").value_or(channel.startover_enabled);
  channel.catchup_enabled = in.optional<bool>("catchup_enabled").value_or(channel.catchup_enabled);
  channel.cutv_window_hours = in.optional<int>("cutv_window_hours").value_or(channel.cutv_window_hours);
  channel.target_duration_s = in.optional<int>("target_duration").value_or(channel.target_duration_s);
  channel.max_duration_s = in.optional<int>("max_duration").value_or(channel.max_duration_s);
  if (const auto variables = in.optional<base::Json>("variables")) {
    AIRCHECK_TRY_VOID(read_variables(*variables, channel));
  }
  if (const auto protection = in.optional<base::Json>("protection")) {
    AIRCHECK_TRY_VOID(read_protection(*protection, channel));
  }
  return in.finish();
}

class AdminChannels {
 public:
  static constexpr access::Role kRole = access::Role::kAdmin;

  explicit AdminChannels(AdminChannelServices services) : services_(std::move(services)) {}

  void list(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {"limit", "cursor"})) return;
    const auto page = read_page(request);
    if (!page) return responder.error(page.error());
    const auto found = keyed(services_.channels.all());
    responder.json(200, page_of(found, *page, [](const Channel* channel) { return channel_json(*channel); }));
  }

  void get(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    if (const Channel* channel = find(request, responder)) answer(200, *channel, responder);
  }

  void create(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    const auto body = request.json();
    if (!body) return responder.error(body.error());
    base::JsonReader in(*body);
    Channel channel;
    channel.target_duration_s = services_.segment_duration_s;
    channel.max_duration_s = 0;
    if (const auto merged = merge(in, channel); !merged) return responder.error(merged.error());
    if (channel.max_duration_s == 0) channel.max_duration_s = channel.target_duration_s;
    const auto stored = services_.channels.insert(channel, services_.now());
    if (!stored) return responder.error(stored.error());
    responder.header("Location", "/api/v1/admin/channels/" + stored->id);
    answer(201, *stored, responder);
  }

  void change(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    const Channel* stored = find(request, responder);
    if (stored == nullptr || !matches(request, *stored, responder)) return;
    const auto body = request.json();
    if (!body) return responder.error(body.error());
    base::JsonReader in(*body);
    Channel channel = *stored;
    if (const auto merged = merge(in, channel); !merged) return responder.error(merged.error());
    const auto updated = services_.channels.update(channel, services_.now());
    if (!updated) return responder.error(updated.error());
    answer(200, *updated, responder);
  }

  void remove(const Request& request, Responder responder) const {
    if (!admitted(request, responder, {})) return;
    const Channel* stored = find(request, responder);
    if (stored == nullptr || !matches(request, *stored, responder)) return;
    const std::string id = stored->id;
    if (const auto removed = services_.channels.remove(id); !removed) return responder.error(removed.error());
    responder.empty(204);
  }

 private:
  [[nodiscard]] bool admitted(const Request& request, Responder& responder,
                              std::initializer_list<std::string_view> query) const {
    return services_.authenticator.admits(request, responder, kRole, query).has_value();
  }

  const Channel* find(const Request& request, Responder& responder) const {
    const Channel* channel = services_.channels.find(request.param("channel_id"));
    if (channel == nullptr) responder.problem(base::not_found("there is no such channel"));
    return channel;
  }

  [[nodiscard]] static bool matches(const Request& request, const Channel& channel, Responder& responder) {
    return if_match(request, version_etag(channel.version), "channel", responder);
  }

  static void answer(int status, const Channel& channel, Responder& responder) {
    responder.header("ETag", version_etag(channel.version));
    responder.json(status, channel_json(channel));
  }

  AdminChannelServices services_;
};

}  // namespace

void register_admin_channel_routes(Router& router, AdminChannelServices services) {
  const auto bind = handlers_of(std::make_shared<const AdminChannels>(services));
  router.get("/api/v1/admin/channels", bind(&AdminChannels::list));
  router.post("/api/v1/admin/channels",
              services.idempotency.wrap(services.authenticator, bind(&AdminChannels::create), AdminChannels::kRole));
  router.get("/api/v1/admin/channels/{channel_id}", bind(&AdminChannels::get));
  router.patch("/api/v1/admin/channels/{channel_id}", bind(&AdminChannels::change));
  router.remove("/api/v1/admin/channels/{channel_id}", bind(&AdminChannels::remove));
}

}  // namespace aircheck::http
