// The rows of viewing sessions in station.db.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/policy.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "store/database.hpp"

namespace aircheck::access {

struct TstvSession {
  std::string id;          // UUID
  std::string account_id;  // also of another auth service
  std::string channel_id;
  std::string schedule_entry_id;
  Kind kind = Kind::kCatchup;  // never live
  core::Utc started_at;
  core::Utc last_heartbeat_at;  // its start, before the first one
  std::optional<core::Utc> ended_at;
  std::string end_reason;       // stopped, timeout, replaced, signed_out; empty while it lasts
  double position_seconds = 0;  // from the programme's start
  std::int64_t stalls = 0;
  std::int64_t bitrate = 0;  // bits per second; 0: never told
  std::int64_t dropped_frames = 0;
  std::int64_t errors = 0;
  std::string error;  // the last one
  std::string user_agent;
  std::string ip_address;  // numeric
  std::string sign_in_id;  // that signing out ends; empty with a token of another auth service
};

// Where a session stands in the list, which is newest first.
struct TstvSessionPlace {
  core::Utc started_at;
  std::string id;
};

// Sessions that have all of what is given.
struct TstvSessionFilter {
  std::optional<std::string> account_id = std::nullopt;
  std::optional<std::string> channel_id = std::nullopt;
  std::optional<Kind> kind = std::nullopt;
  std::optional<core::Utc> from = std::nullopt;  // of started_at
  std::optional<core::Utc> to = std::nullopt;    // exclusive
  std::optional<TstvSessionPlace> after = std::nullopt;
};

// Main context only.
class TstvSessionStore {
 public:
  // The database has to outlive this.
  explicit TstvSessionStore(store::Database& database) : database_(database) {}

  core::Result<void> insert(const TstvSession& session);
  // What heartbeats and the end change, of all of them or of none.
  core::Result<void> update(const std::vector<const TstvSession*>& sessions);
  // kNotFound: the account has no such session.
  core::Result<TstvSession> find(std::string_view id, std::string_view account_id) const;
  // Those that have not ended.
  core::Result<std::vector<TstvSession>> open_ones() const;
  // Newest first, `most` of them.
  core::Result<std::vector<TstvSession>> list(const TstvSessionFilter& filter, std::size_t most) const;
  // Deletes `most` of those that ended before that; says how many there were.
  core::Result<std::int64_t> forget(core::Utc before, int most);

 private:
  core::Result<std::vector<TstvSession>> read(store::Statement& rows) const;
  core::Result<std::vector<TstvSession>> list_kind(const TstvSessionFilter& filter, Kind kind, std::size_t most) const;

  store::Database& database_;
};

}  // namespace aircheck::access
