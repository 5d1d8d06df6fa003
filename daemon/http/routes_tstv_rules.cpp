#include "http/routes_tstv_rules.hpp"

#include <glib.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/if_match.hpp"

namespace aircheck::http {

namespace {

using channels::Channel;
using core::Code;
using core::fail;

base::Json rules_json(const channels::ChannelStore& channels) {
  base::Json items = base::Json::array();
  for (const Channel& channel : channels.all()) {
    items.push(base::Json::object({{"channel_id", channel.id},
                                   {"cdn_channel_key", channel.key},
                                   {"tstv_enabled", channel.tstv_enabled},
                                   {"startover_enabled", channel.startover_enabled},
                                   {"catchup_enabled", channel.catchup_enabled},
                                   {"cutv_window_hours", channel.cutv_window_hours}}));
  }
  base::Json rules = base::Json::object({{"items", std::move(items)}});
  rules.set("next_cursor", base::Json());
  return rules;
}

std::string etag_of(const base::Json& rules) {
  g_autofree char* digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, rules.dump().c_str(), -1);
  return "\"" + std::string(digest, 32) + "\"";
}

// cdn_channel_key may stand there as it was read; a channel is named by channel_id.
core::Result<Channel> changed_channel(const channels::ChannelStore& channels, const base::Json& item) {
  base::JsonReader in(item);
  const auto id = in.required<std::string>("channel_id");
  const auto key = in.optional<std::string>("cdn_channel_key");
  const auto tstv = in.optional<bool>("tstv_enabled");
  const auto startover = in.optional<bool>("startover_enabled");
  const auto catchup = in.optional<bool>("catchup_enabled");
  const auto hours = in.optional<int>("cutv_window_hours");
  AIRCHECK_TRY_VOID(in.finish());
  const Channel* stored = channels.find(id);
  if (stored == nullptr) return fail(Code::kNotFound, "there is no channel " + id);
  if (key && *key != stored->key) return fail(Code::kInvalidArgument, "\"cdn_channel_key\" is not that of the channel");
  Channel channel = *stored;
  channel.tstv_enabled = tstv.value_or(channel.tstv_enabled);
  channel.startover_enabled = startover.value_or(channel.startover_enabled);
  channel.catchup_enabled = catchup.value_or(channel.catchup_enabled);
  channel.cutv_window_hours = hours.value_or(channel.cutv_window_hours);
  return channel;
}

core::Result<std::vector<Channel>> read_rules(const channels::ChannelStore& channels, const base::Json& body) {
  base::JsonReader in(body);
  const auto items = in.required<base::Json>("items");
  static_cast<void>(in.optional<base::Json>("next_cursor"));
  AIRCHECK_TRY_VOID(in.finish());
  if (items.as_array() == nullptr) return fail(Code::kInvalidArgument, "\"items\" has to be an array");
  std::vector<Channel> changed;
  for (const base::Json& item : *items.as_array()) {
    AIRCHECK_TRY(Channel channel, changed_channel(channels, item));
    if (std::ranges::find(changed, channel.id, &Channel::id) != changed.end()) {
      return fail(Code::kInvalidArgument, "\"items\" names channel " + channel.key + " twice");
    }
    changed.push_back(std::move(channel));
  }
  return changed;
}

void answer(const TstvRulesServices& services, Responder& responder) {
  const base::Json rules = rules_json(services.channels);
  responder.header("ETag", etag_of(rules));
  responder.json(200, rules);
}

bool admitted(const TstvRulesServices& services, const Request& request, Responder& responder) {
  return services.authenticator.admits(request, responder, access::Role::kOperator, {}).has_value();
}

void put(const TstvRulesServices& services, const Request& request, Responder responder) {
  if (!admitted(services, request, responder)) return;
  if (!if_match(request, etag_of(rules_json(services.channels)), "rules", responder)) return;
  const auto body = request.json();
  if (!body) return responder.error(body.error());
  const auto changed = read_rules(services.channels, *body);
  if (!changed) return responder.error(changed.error());
  const auto stored = services.channels.update_all(*changed, services.now());
  if (!stored) return responder.error(stored.error());
  answer(services, responder);
}

}  // namespace

void register_tstv_rules_routes(Router& router, TstvRulesServices services) {
  const auto shared = std::make_shared<const TstvRulesServices>(std::move(services));
  router.get("/api/v1/admin/tstv/rules", [shared](const Request& request, Responder responder) {
    if (admitted(*shared, request, responder)) answer(*shared, responder);
  });
  router.put("/api/v1/admin/tstv/rules",
             [shared](const Request& request, Responder responder) { put(*shared, request, std::move(responder)); });
}

}  // namespace aircheck::http
