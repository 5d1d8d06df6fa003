#include "access/jwt.hpp"

#include <algorithm>
#include <cmath>

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;

namespace {

// 9999-12-31T23:59:59Z: beyond it a NumericDate is a mistake, and int64 nanoseconds would not hold it.
constexpr double kMaxNumericDate = 253'402'300'799.0;

Result<std::optional<std::int64_t>> numeric_date(const base::Json& claims, std::string_view name) {
  const base::Json* value = claims.find(name);
  if (value == nullptr) return std::optional<std::int64_t>{};
  const std::optional<double> number = value->as_double();
  if (!number || *number < 0 || *number > kMaxNumericDate) {
    return fail(Code::kParse, "token: '" + std::string(name) + "' is not a NumericDate");
  }
  return std::optional<std::int64_t>{static_cast<std::int64_t>(std::floor(*number))};
}

// Returns `exp`, in seconds.
Result<std::int64_t> check_times(const base::Json& claims, const IssuerProfile& profile, std::int64_t now) {
  AIRCHECK_TRY(const auto expires, numeric_date(claims, "exp"));
  AIRCHECK_TRY(const auto not_before, numeric_date(claims, "nbf"));
  AIRCHECK_TRY(const auto issued, numeric_date(claims, "iat"));
  if (!expires) return fail(Code::kParse, "token: 'exp' is missing");
  if (now >= *expires + kLeewaySeconds) return fail(Code::kPermission, "token: expired");
  if (not_before && *not_before > now + kLeewaySeconds) return fail(Code::kPermission, "token: not valid yet");
  if (issued && *issued > now + kLeewaySeconds) return fail(Code::kPermission, "token: issued in the future");
  if (*expires - issued.value_or(now) > profile.max_lifetime_s + kLeewaySeconds) {
    return fail(Code::kPermission, "token: valid for longer than its issuer may give");
  }
  return *expires;
}

Result<void> check_audience(const base::Json& claims, const IssuerProfile& profile) {
  const base::Json* audience = claims.find("aud");
  if (audience == nullptr) {
    if (!profile.audience_required) return {};
    return fail(Code::kPermission, "token: 'aud' is missing");
  }
  const auto is_ours = [&](const base::Json& value) {
    return value.as_string() != nullptr && *value.as_string() == profile.audience;
  };
  const auto* list = audience->as_array();
  if (is_ours(*audience) || (list != nullptr && std::any_of(list->begin(), list->end(), is_ours))) return {};
  return fail(Code::kPermission, "token: for another audience");
}

// A playback token has one byte for the length of an identifier.
constexpr std::size_t kLongestIdentifier = 255;

Result<std::string> text_claim(const base::Json& claims, std::string_view name) {
  const base::Json* value = claims.find(name);
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (text == nullptr || text->empty() || text->size() > kLongestIdentifier ||
      std::any_of(text->begin(), text->end(), is_control)) {
    return fail(Code::kParse, "token: '" + std::string(name) + "' is not a text of 1 to 255 bytes");
  }
  return *text;
}

Role granted_role(const base::Json& claims, const IssuerProfile& profile) {
  const base::Json* claim = claims.find("role");
  if (claim == nullptr || claim->as_string() == nullptr) return Role::kViewer;
  const auto role = role_from_string(*claim->as_string());
  if (!role || std::find(profile.roles.begin(), profile.roles.end(), *role) == profile.roles.end()) {
    return Role::kViewer;
  }
  return *role;
}

// Services say it in three ways: true, "active", {"status":"active"}. Any other
// content is no subscription.
std::optional<bool> subscription_of(const base::Json& claims) {
  const base::Json* claim = claims.find("subscription");
  if (claim == nullptr) return std::nullopt;
  if (const bool* flag = claim->as_bool()) return *flag;
  const base::Json* status = claim->as_object() == nullptr ? claim : claim->find("status");
  return status != nullptr && status->as_string() != nullptr && *status->as_string() == "active";
}

Result<void> check_signature(const Jws& jws, const IssuerProfile& profile) {
  const auto same_id = [&](const IssuerKey& key) { return key.id == jws.key_id; };
  const auto key = std::find_if(profile.keys.begin(), profile.keys.end(), same_id);
  if (key == profile.keys.end()) return fail(Code::kPermission, "token: no such key ('kid') of its issuer");
  return verify_jws(jws, key->key);
}

}  // namespace

const IssuerProfile* JwtVerifier::profile_for(const base::Json& claims) const {
  const base::Json* claim = claims.find("iss");
  const std::string* issuer = claim == nullptr ? nullptr : claim->as_string();
  if (claim != nullptr && issuer == nullptr) return nullptr;
  const IssuerProfile* fallback = nullptr;
  for (const IssuerProfile& profile : profiles_) {
    if (profile.issuer.empty()) {
      fallback = &profile;
    } else if (issuer != nullptr && *issuer == profile.issuer) {
      return &profile;
    }
  }
  return fallback;
}

Result<Identity> JwtVerifier::verify(std::string_view token, core::Utc now) const {
  AIRCHECK_TRY(const Jws jws, parse_jws(token));
  auto claims = base::Json::parse({reinterpret_cast<const char*>(jws.payload.data()), jws.payload.size()});
  if (!claims || claims->as_object() == nullptr) return fail(Code::kParse, "token: its claims are no JSON object");
  // Unverified, the issuer's name only chooses the profile whose key the signature then has to fit.
  const IssuerProfile* profile = profile_for(*claims);
  if (profile == nullptr) return fail(Code::kPermission, "token: unknown issuer");
  if (std::find(profile->types.begin(), profile->types.end(), jws.type) == profile->types.end()) {
    return fail(Code::kPermission, "token: not of an accepted 'typ'");
  }
  AIRCHECK_TRY_VOID(check_signature(jws, *profile));
  AIRCHECK_TRY(const std::int64_t expires, check_times(*claims, *profile, now.ns / core::kNsPerSecond));
  AIRCHECK_TRY_VOID(check_audience(*claims, *profile));
  AIRCHECK_TRY(const std::string subject, text_claim(*claims, "sub"));

  Identity identity;
  identity.account_id = profile->own ? subject : profile->name + ':' + subject;
  if (identity.account_id.size() > kLongestIdentifier) return fail(Code::kParse, "token: its 'sub' is too long");
  identity.own = profile->own;
  identity.role = granted_role(*claims, *profile);
  identity.expires_at = core::Utc::from_seconds(std::min<std::int64_t>(expires, INT64_MAX / core::kNsPerSecond));
  if (profile->own) {
    AIRCHECK_TRY(identity.session_id, text_claim(*claims, "sid"));
  } else {
    identity.subscription_active = subscription_of(*claims);
  }
  return identity;
}

IssuerProfile own_profile(const HmacSecret& secret) {
  return {.name = "own",
          .issuer = std::string(kOwnIssuer),
          .keys = {{"", secret}},
          .types = {std::string(kOwnTokenType)},
          .audience = std::string(kOwnIssuer),
          .max_lifetime_s = kAccessTokenSeconds,
          .roles = {Role::kViewer, Role::kOperator, Role::kAdmin, Role::kAlert},
          .own = true};
}

IssuerProfile shared_secret_profile(const HmacSecret& secret, std::vector<Role> roles) {
  // Other services date their tokens generously: a day is common, a month is the most that we believe.
  constexpr std::int64_t kMaxSeconds = 30 * 24 * 3600;
  return {.name = "shared",
          .keys = {{"", secret}},
          .types = {"", "JWT", "at+jwt"},
          .audience = std::string(kOwnIssuer),
          .audience_required = false,
          .max_lifetime_s = kMaxSeconds,
          .roles = std::move(roles)};
}

std::string issue_access_token(const HmacSecret& secret, std::string_view account_id, Role role,
                               std::string_view session_id, core::Utc now) {
  const std::int64_t issued = now.ns / core::kNsPerSecond;
  const auto header = base::Json::object({{"alg", "HS256"}, {"typ", kOwnTokenType}});
  const auto claims = base::Json::object({{"iss", kOwnIssuer},
                                          {"aud", kOwnIssuer},
                                          {"sub", account_id},
                                          {"role", to_string(role)},
                                          {"sid", session_id},
                                          {"iat", issued},
                                          {"exp", issued + kAccessTokenSeconds}});
  return sign_hs256(header.dump(), claims.dump(), secret);
}

}  // namespace aircheck::access
