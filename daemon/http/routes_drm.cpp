#include "http/routes_drm.hpp"

#include <glib.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "core/bytes.hpp"
#include "timeshift/protector.hpp"

namespace aircheck::http {

using access::Caller;
using access::Protection;
using core::Code;
using core::fail;
using core::KeyId;
using core::Result;

namespace {

constexpr std::size_t kMaxLicenceRequest = 8 * 1024;
constexpr std::size_t kMaxKeyIds = 16;
constexpr std::size_t kKeyIdCharacters = 22;  // 16 bytes as unpadded base64url

// The same for a key that does not exist and for one that this account may not have.
base::Problem no_key() {
  return base::forbidden("key_not_allowed", "There is no key for you here.");
}

Result<KeyId> read_key_id(const base::Json& item) {
  const std::string* text = item.as_string();
  const auto bytes = text != nullptr && text->size() == kKeyIdCharacters ? core::from_base64url(*text)
                                                                         : fail(Code::kParse, "no key id");
  if (!bytes) return fail(Code::kInvalidArgument, "each of \"kids\" is 22 characters of base64url");
  KeyId key_id{};
  std::copy(bytes->begin(), bytes->end(), key_id.begin());
  return key_id;
}

// W3C Encrypted Media Extensions, section 9.1.3 "License Request Format". Other members are ignored, as it asks.
Result<std::vector<KeyId>> read_licence_request(const std::string& body) {
  AIRCHECK_TRY(const base::Json request, base::Json::parse(body));
  const base::Json* kids = request.find("kids");
  if (kids == nullptr || kids->as_array() == nullptr || kids->as_array()->empty() ||
      kids->as_array()->size() > kMaxKeyIds) {
    return fail(Code::kInvalidArgument, "\"kids\" has to be a list of 1 to 16 key ids");
  }
  if (const base::Json* type = request.find("type")) {
    if (type->as_string() == nullptr || *type->as_string() != "temporary") {
      return fail(Code::kInvalidArgument, "\"type\" has to be \"temporary\"");
    }
  }
  std::vector<KeyId> key_ids;
  for (const base::Json& item : *kids->as_array()) {
    AIRCHECK_TRY(const KeyId key_id, read_key_id(item));
    if (std::find(key_ids.begin(), key_ids.end(), key_id) == key_ids.end()) key_ids.push_back(key_id);
  }
  return key_ids;
}

// The key, if it exists and the caller may have it with this protection. Every request leaves a line in the log.
Result<std::optional<core::ContentKey>> entitled_key(const DrmServices& services, const Request& request,
                                                     const Caller& caller, const KeyId& key_id, Protection protection) {
  const auto refused = std::optional<core::ContentKey>{};
  const std::string about = "key " + core::to_hex(key_id) + " as " + std::string(access::to_string(protection)) +
                            ", account " + caller.account_id + ", from " + request.client_address + ": ";
  const auto record = services.keys.find(key_id);
  if (!record && record.error().code != Code::kNotFound) return record.unexpected();
  if (!record) {
    base::log_warning("audit", about + "refused (unknown)");
    return refused;
  }
  const access::KeyPeriod period{record->channel_id, record->period.start, record->period.end};
  const access::Decision decision = services.gate.decide_key(caller, period, protection, services.now());
  if (!decision.allowed) {
    base::log_warning("audit", about + "refused (" + decision.code + ")");
    return refused;
  }
  base::log_info("audit", about + "given");
  return std::optional(record->key);
}

// Nothing where the request is answered: no valid token, or too many requests.
std::optional<Caller> key_caller(const DrmServices& services, const Request& request, Responder& responder) {
  auto caller = services.authenticator.bearer_or_token(request, responder);
  if (!caller) return std::nullopt;
  if (const auto wait = services.limits.key_request(caller->account_id, g_get_monotonic_time() * 1000)) {
    responder.problem(too_many_requests(*wait));
    return std::nullopt;
  }
  return caller;
}

void license(const DrmServices& services, const Request& request, Responder responder) {
  if (auto query = request.only_query({"token"}); !query) return responder.error(query.error());
  const auto caller = key_caller(services, request, responder);
  if (!caller) return;
  if (request.body.size() > kMaxLicenceRequest) {
    return responder.problem({413, "too_large", "a licence request has at most 8192 bytes", {}, {}});
  }
  const auto key_ids = read_licence_request(request.body);
  if (!key_ids) return responder.error(key_ids.error());

  base::Json keys = base::Json::array();
  for (const KeyId& key_id : *key_ids) {
    const auto found = entitled_key(services, request, *caller, key_id, Protection::kCenc);
    if (!found) return responder.error(found.error());
    if (!*found) continue;
    keys.push(base::Json::object(
        {{"kty", "oct"}, {"kid", core::to_base64url(key_id)}, {"k", core::to_base64url((*found)->reveal())}}));
  }
  // An empty list would be a TypeError in the browser; 403 is an answer that a player shows.
  if (keys.as_array()->empty()) return responder.problem(no_key());
  responder.header("Cache-Control", "no-store");
  responder.json(200, base::Json::object({{"keys", std::move(keys)}, {"type", "temporary"}}));
}

void key(const DrmServices& services, const Request& request, Responder responder) {
  if (auto query = request.only_query({"token"}); !query) return responder.error(query.error());
  const auto caller = key_caller(services, request, responder);
  if (!caller) return;
  const std::string& text = request.param("kid");
  const auto key_id = core::key_id_from_hex(text);
  if (!key_id || core::to_hex(*key_id) != text) {
    return responder.problem(base::bad_request("a key id is 32 lower-case hexadecimal digits"));
  }
  const Protection protection = caller->grant ? caller->grant->protection : Protection::kCenc;
  if (protection == Protection::kClear) return responder.problem(no_key());
  const auto found = entitled_key(services, request, *caller, *key_id, protection);
  if (!found) return responder.error(found.error());
  if (!*found) return responder.problem(no_key());

  const core::ContentKey given =
      protection == Protection::kAes128 ? timeshift::derive_aes128_key(**found, *key_id) : **found;
  responder.header("Cache-Control", "no-store")
      .bytes(200, "application/octet-stream", {base::copy_of(core::ByteView(given.reveal()))});
}

}  // namespace

void register_drm_routes(Router& router, const DrmServices& services) {
  router.post("/api/v1/drm/license", [services](const Request& request, Responder responder) {
    license(services, request, std::move(responder));
  });
  router.get("/api/v1/drm/key/{kid}",
             [services](const Request& request, Responder responder) { key(services, request, std::move(responder)); });
}

}  // namespace aircheck::http
