// Access tokens: which issuers are trusted, with what, and who a token says that its bearer is (RFC 7519, RFC 8725).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/jws.hpp"
#include "access/role.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

namespace aircheck::access {

// Clocks of different machines may differ by this much.
inline constexpr std::int64_t kLeewaySeconds = 30;

struct IssuerKey {
  std::string id;  // `kid`; empty: for tokens that carry none
  JwsKey key;
};

// What is believed of one issuer.
struct IssuerProfile {
  std::string name;    // in logs, and before `sub` in the account of a foreign issuer
  std::string issuer;  // `iss`; empty: tokens whose `iss` no other profile
                       // names, or that have none
  std::vector<IssuerKey> keys;
  std::vector<std::string> types;  // accepted `typ`; "" stands for a token without one
  std::string audience;            // `aud` has to contain it
  bool audience_required = true;   // false: a token without `aud` is taken too
  std::int64_t max_lifetime_s = 0;
  std::vector<Role> roles = {Role::kViewer};  // that it may give; any other claim makes a viewer
  bool own = false;                           // our tokens: `sub` is an account of this station, `sid`
                                              // its session
};

// The bearer of a verified token.
struct Identity {
  std::string account_id;  // own: the account's UUID; foreign: "<profile>:<sub>"
  bool own = false;
  Role role = Role::kViewer;
  std::string session_id;                   // own tokens only
  std::optional<bool> subscription_active;  // what a foreign token's `subscription` claim says
  core::Utc expires_at;
};

class JwtVerifier {
 public:
  explicit JwtVerifier(std::vector<IssuerProfile> profiles) : profiles_(std::move(profiles)) {}

  // The error says why, for the log. The bearer learns only that the token is not valid.
  core::Result<Identity> verify(std::string_view token, core::Utc now) const;

 private:
  [[nodiscard]] const IssuerProfile* profile_for(const base::Json& claims) const;

  std::vector<IssuerProfile> profiles_;
};

inline constexpr std::string_view kOwnIssuer = "aircheck";
inline constexpr std::string_view kOwnTokenType = "tv+jwt";
inline constexpr std::int64_t kAccessTokenSeconds = 15 * 60;

// The profile of this station's own tokens.
[[nodiscard]] IssuerProfile own_profile(const HmacSecret& secret);
// The profile of another auth service that holds the same secret: `sub`, `role`, `exp`; it gives the roles listed.
[[nodiscard]] IssuerProfile shared_secret_profile(const HmacSecret& secret, std::vector<Role> roles = {Role::kViewer});

// A token of this station, valid for kAccessTokenSeconds.
[[nodiscard]] std::string issue_access_token(const HmacSecret& secret, std::string_view account_id, Role role,
                                             std::string_view session_id, core::Utc now);

}  // namespace aircheck::access
