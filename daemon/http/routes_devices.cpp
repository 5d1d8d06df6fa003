#include "http/routes_devices.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "http/paging.hpp"
#include "schedule/entry.hpp"

namespace aircheck::http {

namespace {

constexpr std::size_t kNameBytes = 100;
constexpr int kDefaultDays = 365;
constexpr int kMostDays = 3650;
constexpr std::int64_t kDayNs = std::int64_t{24} * 3600 * core::kNsPerSecond;

base::Json device_json(const access::Device& device) {
  base::Json json = base::Json::object({{"id", device.id},
                                        {"name", device.name},
                                        {"created_at", core::to_rfc3339(device.created_at)},
                                        {"expires_at", core::to_rfc3339(device.expires_at)}});
  json.set("last_used_at", device.last_used_at ? base::Json(core::to_rfc3339(*device.last_used_at)) : base::Json());
  return json;
}

// The account of this station that is signed in: accounts of other services have no row that a device could belong to.
std::optional<access::Caller> owner(const DeviceServices& services, const Request& request, Responder& responder) {
  auto caller = services.authenticator.bearer(request, responder);
  if (!caller) return std::nullopt;
  responder.header("Cache-Control", "no-store");
  if (caller->own) return caller;
  responder.problem(base::forbidden("foreign_account", "Only accounts of this station have devices."));
  return std::nullopt;
}

void list(const DeviceServices& services, const Request& request, Responder responder) {
  const auto caller = owner(services, request, responder);
  if (!caller) return;
  if (auto query = request.only_query({"limit", "cursor"}); !query) return responder.error(query.error());
  const auto page = read_page(request);
  if (!page) return responder.error(page.error());
  const auto devices = services.devices.of_account(caller->account_id);
  if (!devices) return responder.error(devices.error());
  std::vector<std::pair<std::string, access::Device>> found;
  for (const access::Device& device : *devices) found.emplace_back(device.name + "/" + device.id, device);
  std::ranges::sort(found, {}, [](const auto& item) { return item.first; });
  responder.json(200, page_of(found, *page, device_json));
}

void create(const DeviceServices& services, const Request& request, Responder responder) {
  const auto caller = owner(services, request, responder);
  if (!caller) return;
  if (auto query = request.only_query({}); !query) return responder.error(query.error());
  const auto body = request.json();
  if (!body) return responder.error(body.error());
  base::JsonReader in(*body);
  const auto name = in.required<std::string>("name");
  const int days = in.optional<int>("expires_in_days").value_or(kDefaultDays);
  if (const auto read = in.finish(); !read) return responder.error(read.error());
  if (name.empty() || schedule::tidy_text(name, kNameBytes) != name) {
    return responder.problem(base::bad_request("\"name\" has to be 1 to 100 bytes of text in one line"));
  }
  if (days < 1 || days > kMostDays) {
    return responder.problem(base::bad_request("\"expires_in_days\" has to be from 1 to 3650"));
  }
  const core::Utc now = services.now();
  const auto made = services.devices.add(caller->account_id, name, now + days * kDayNs, now);
  if (!made) {
    if (made.error().code != core::Code::kConflict) return responder.error(made.error());
    return responder.problem(base::conflict("too_many_devices", made.error().message));
  }
  base::Json json = device_json(made->device);
  json.set("token", made->token);
  json.set("playlist_url", request.base_url + "/playlist.m3u?token=" + made->token);
  json.set("epg_url", request.base_url + "/api/v1/epg.xml?token=" + made->token);
  responder.header("Location", "/api/v1/devices/" + made->device.id);
  responder.json(201, json);
}

void revoke(const DeviceServices& services, const Request& request, Responder responder) {
  const auto caller = owner(services, request, responder);
  if (!caller) return;
  if (auto query = request.only_query({}); !query) return responder.error(query.error());
  const auto revoked = services.devices.revoke(request.param("device_id"), caller->account_id);
  if (!revoked) return responder.error(revoked.error());
  responder.empty(204);
}

}  // namespace

void register_device_routes(Router& router, DeviceServices services) {
  const auto shared = std::make_shared<const DeviceServices>(services);
  const auto bind = [shared](void (*handler)(const DeviceServices&, const Request&, Responder)) -> Handler {
    return [shared, handler](const Request& request, Responder responder) {
      handler(*shared, request, std::move(responder));
    };
  };
  router.get("/api/v1/devices", bind(list));
  router.post("/api/v1/devices", services.idempotency.wrap(services.authenticator, bind(create)));
  router.remove("/api/v1/devices/{device_id}", bind(revoke));
}

}  // namespace aircheck::http
