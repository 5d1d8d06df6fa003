// Which other auth services this station believes, as the operator configured it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "access/jwt.hpp"
#include "core/result.hpp"

namespace aircheck::access {

// Text of the issuers file, a JSON object:
//
//   {"issuers": [
//     {"name": "partner", "issuer": "https://id.partner.example", "algorithm": "EdDSA", "key_id": "2026",
//      "key": "<x of the JSON Web Key>", "audience": "tv", "max_lifetime": 3600, "roles": ["viewer"]},
//     {"name": "shop", "issuer": "shop-auth", "algorithm": "HS256", "roles": ["viewer", "operator"]}]}
//
// HS256 tokens are signed with JWT_SECRET. Defaults: audience "aircheck" (required with EdDSA), max_lifetime one day,
// roles viewer only, key_id none. The error names entry and member.
core::Result<std::vector<IssuerProfile>> parse_issuers(std::string_view text, const HmacSecret& shared_secret);

}  // namespace aircheck::access
