#include "access/issuers.hpp"

#include <algorithm>

#include "base/json.hpp"

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;

namespace {

constexpr std::int64_t kDefaultLifetimeSeconds = 24 * 3600;
constexpr std::int64_t kMaxLifetimeSeconds = 30 * 24 * 3600;

// It stands before a colon in account ids and in the log.
bool is_name(std::string_view text) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 32 && std::all_of(text.begin(), text.end(), allowed) && text != "own" &&
         text != "shared";
}

Result<std::vector<Role>> read_roles(const base::Json& list) {
  if (list.as_array() == nullptr) return fail(Code::kInvalidArgument, "\"roles\" has to be a list");
  std::vector<Role> roles;
  for (const base::Json& item : *list.as_array()) {
    const auto role = item.as_string() != nullptr ? role_from_string(*item.as_string()) : std::nullopt;
    if (!role) return fail(Code::kInvalidArgument, "\"roles\" are viewer, operator, admin, alert");
    roles.push_back(*role);
  }
  return roles;
}

Result<JwsKey> read_key(const std::string& algorithm, const std::optional<std::string>& key,
                        const HmacSecret& shared_secret) {
  if (algorithm == "EdDSA") {
    if (!key) return fail(Code::kInvalidArgument, "\"key\" is missing");
    AIRCHECK_TRY(const Ed25519PublicKey public_key, Ed25519PublicKey::from_base64url(*key));
    return JwsKey{public_key};
  }
  if (algorithm != "HS256") return fail(Code::kInvalidArgument, "\"algorithm\" has to be EdDSA or HS256");
  if (key) return fail(Code::kInvalidArgument, "\"key\" is for EdDSA only: HS256 tokens are signed with JWT_SECRET");
  return JwsKey{shared_secret};
}

Result<IssuerProfile> read_issuer(const base::Json& entry, const HmacSecret& shared_secret) {
  base::JsonReader in(entry);
  IssuerProfile profile{.name = in.required<std::string>("name"), .issuer = in.required<std::string>("issuer")};
  const std::string algorithm = in.required<std::string>("algorithm");
  const auto key = in.optional<std::string>("key");
  const std::string key_id = in.optional<std::string>("key_id").value_or("");
  profile.audience = in.optional<std::string>("audience").value_or(std::string(kOwnIssuer));
  profile.max_lifetime_s = in.optional<std::int64_t>("max_lifetime").value_or(kDefaultLifetimeSeconds);
  const auto roles = in.optional<base::Json>("roles");
  AIRCHECK_TRY_VOID(in.finish());

  if (!is_name(profile.name)) {
    return fail(Code::kInvalidArgument, "\"name\" has to be 1 to 32 of a-z 0-9 -, and not own or shared");
  }
  if (profile.issuer.empty() || profile.issuer == kOwnIssuer) {
    return fail(Code::kInvalidArgument, "\"issuer\" has to be the `iss` of that service's tokens, not our own");
  }
  if (profile.max_lifetime_s < 1 || profile.max_lifetime_s > kMaxLifetimeSeconds) {
    return fail(Code::kInvalidArgument, "\"max_lifetime\" has to be 1 to 2592000 seconds");
  }
  if (roles) {
    AIRCHECK_TRY(profile.roles, read_roles(*roles));
  }
  AIRCHECK_TRY(JwsKey verifying, read_key(algorithm, key, shared_secret));
  profile.audience_required = algorithm == "EdDSA";
  profile.keys = {{key_id, std::move(verifying)}};
  profile.types = {"", "JWT", "at+jwt"};
  return profile;
}

}  // namespace

Result<std::vector<IssuerProfile>> parse_issuers(std::string_view text, const HmacSecret& shared_secret) {
  AIRCHECK_TRY(const base::Json file, base::Json::parse(text));
  base::JsonReader in(file);
  const base::Json list = in.required<base::Json>("issuers");
  AIRCHECK_TRY_VOID(in.finish());
  if (list.as_array() == nullptr) return fail(Code::kInvalidArgument, "\"issuers\" has to be a list");

  std::vector<IssuerProfile> profiles;
  for (const base::Json& entry : *list.as_array()) {
    const std::string which = "issuer " + std::to_string(profiles.size() + 1);
    auto profile = read_issuer(entry, shared_secret).with_context(which);
    if (!profile) return profile.unexpected();
    const auto same = [&](const IssuerProfile& p) { return p.name == profile->name || p.issuer == profile->issuer; };
    if (std::any_of(profiles.begin(), profiles.end(), same)) {
      return fail(Code::kInvalidArgument, which + ": another one has this name or issuer");
    }
    profiles.push_back(std::move(*profile));
  }
  return profiles;
}

}  // namespace aircheck::access
