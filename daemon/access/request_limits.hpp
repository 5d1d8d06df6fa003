// How often one account or one address may ask. Main context only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "access/rate_limit.hpp"

namespace aircheck::access {

// Who proved an account is counted by that account alone: a whole household or mobile network behind one address does
// not share its limit. Who proved nothing is counted by address.
class RequestLimits {
 public:
  // A key or licence request. A viewer who zaps once a second for ever is never stopped.
  std::optional<std::int64_t> key_request(std::string_view account_id, std::int64_t now_ns) {
    return keys_.take(account_id, now_ns);
  }
  // A viewing session that begins: each is a row. As above.
  std::optional<std::int64_t> tstv_session(std::string_view account_id, std::int64_t now_ns) {
    return tstv_sessions_.take(account_id, now_ns);
  }
  // A request whose token was missing or wrong.
  std::optional<std::int64_t> refused(std::string_view address, std::int64_t now_ns) {
    return refused_.take(counted_address(address), now_ns);
  }

 private:
  RateLimiter keys_{90, 60};
  RateLimiter tstv_sessions_{60, 60};
  RateLimiter refused_{60, 60};
};

}  // namespace aircheck::access
