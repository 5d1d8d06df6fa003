// Sign-in sessions and their refresh tokens (RFC 9700 section 4.14.2: rotation with reuse detection).
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"
#include "store/database.hpp"
#include "store/memo.hpp"

namespace aircheck::access {

struct Session {
  std::string id;
  std::string account_id;
  std::string refresh_token;  // the only copy: the database has its hash
};

// A refresh token is good for one exchange within 30 days. Exchanged again later than 10 s after that (two tabs of one
// browser share a token), somebody has a copy, and the whole session ends.
class Sessions {
 public:
  static constexpr std::int64_t kRefreshNs = 30LL * 24 * 3600 * core::kNsPerSecond;
  static constexpr std::int64_t kGraceNs = 10 * core::kNsPerSecond;

  // The database has to outlive this.
  explicit Sessions(store::Database& database) : database_(database), live_(database) {}

  core::Result<Session> begin(std::string_view account_id, core::Utc now);
  // kPermission: unknown, expired, revoked or used twice.
  core::Result<Session> refresh(std::string_view refresh_token, core::Utc now);
  // Ends the session that the token belongs to, and says its id; an unknown token is no error: empty.
  core::Result<std::string> end(std::string_view refresh_token, core::Utc now);
  core::Result<void> end_all_of(std::string_view account_id, core::Utc now);
  // Neither revoked nor forgotten, and of that account.
  core::Result<bool> is_live(std::string_view session_id, std::string_view account_id) const;
  // Forgets what nobody can use any more.
  core::Result<void> purge(core::Utc now);

 private:
  core::Result<std::string> add_token(std::string_view session_id, core::Utc now);
  core::Result<void> revoke(std::string_view session_id, core::Utc now);

  store::Database& database_;
  mutable store::Memo<bool> live_;  // by session and account
};

}  // namespace aircheck::access
