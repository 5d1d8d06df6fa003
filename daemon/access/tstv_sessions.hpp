// Who watches start-over and catch-up now, and who did: sessions that players start, keep alive and stop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "access/tstv_session_store.hpp"
#include "base/main_context.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "store/database.hpp"

namespace aircheck::access {

struct NewTstvSession {
  std::string account_id;
  std::string channel_id;
  std::string schedule_entry_id;
  Kind kind = Kind::kCatchup;
  double position_seconds = 0;
  std::string user_agent = {};
  std::string ip_address = {};
  std::string sign_in_id = {};
};

// What a player says of its session so far. Counts are totals, so that a heartbeat that is lost or comes twice changes
// nothing; what is not given stays.
struct TstvHeartbeat {
  double position_seconds = 0;
  std::optional<std::int64_t> stalls = std::nullopt;
  std::optional<std::int64_t> bitrate = std::nullopt;
  std::optional<std::int64_t> dropped_frames = std::nullopt;
  std::string error = {};  // what went wrong since the heartbeat before; empty: nothing
};

// Of one channel and kind.
struct TstvFigures {
  std::uint64_t viewers = 0;  // sessions that are open now
  // Since the daemon started.
  std::uint64_t sessions = 0;
  std::uint64_t stalls = 0;
  std::uint64_t errors = 0;
};

// Starts and ends are written at once, heartbeats every kFlushMs and when this goes: a daemon that crashes loses what
// its last heartbeats said, and no session. Main context only.
class TstvSessions {
 public:
  static constexpr std::int64_t kHeartbeatSeconds = 30;  // how often players shall tell
  // Who says nothing for so long has gone.
  static constexpr std::int64_t kSilenceNs = 3 * kHeartbeatSeconds * core::kNsPerSecond;
  static constexpr std::int64_t kFlushMs = 10'000;
  // Beyond, the one that said nothing for the longest ends: an account has a household of players, and some crash.
  static constexpr std::size_t kMostOpenOfAccount = 20;
  // Rows that one turn of the main loop writes, and deletes: each of those changes a page in every index.
  static constexpr std::size_t kBatch = 100;
  static constexpr int kForgetBatch = 20;

  struct Options {
    std::function<core::Utc()> now;
    std::function<std::int64_t()> monotonic_ns;  // a clock that is set ends no session
    int keep_days = 90;                          // after its end a session is deleted
  };

  // Takes over the sessions that were open when the last daemon ended; they have kSilenceNs from now on. The database
  // has to outlive this.
  static core::Result<std::unique_ptr<TstvSessions>> open(Options options, store::Database& database);
  ~TstvSessions();
  TstvSessions(const TstvSessions&) = delete;
  TstvSessions& operator=(const TstvSessions&) = delete;

  core::Result<TstvSession> start(NewTstvSession wanted);
  // kNotFound: the account has no such session. kConflict: it has ended.
  core::Result<TstvSession> heartbeat(std::string_view id, std::string_view account_id, const TstvHeartbeat& heartbeat);
  // As it ended, also where it had ended before. kNotFound as above.
  core::Result<TstvSession> stop(std::string_view id, std::string_view account_id);
  // Ends those that were started with this sign-in. Where the file takes nothing now, that is written later.
  void sign_out(std::string_view sign_in_id);
  // Newest first, `most` of them, with what is not written yet.
  core::Result<std::vector<TstvSession>> list(const TstvSessionFilter& filter, std::size_t most) const;
  [[nodiscard]] TstvFigures figures(const std::string& channel_id, Kind kind) const;

  // Ends the sessions that are silent and writes what was heard, by itself every kFlushMs.
  void look();
  // Deletes what is older than keep_days in batches, by itself every hour.
  void forget_old();
  void set_keep_days(int days) { options_.keep_days = days; }

 private:
  struct Open {
    TstvSession session;
    std::int64_t heard_ns = 0;    // monotonic
    bool dirty = false;           // to be written; it is in dirty_
    std::string last_error = {};  // of the last heartbeat
  };
  using Sessions = std::unordered_map<std::string, Open>;

  TstvSessions(Options options, store::Database& database);

  core::Result<Open*> find_open(std::string_view id, std::string_view account_id);
  void make_room(const std::string& account_id);
  void end(Open& open, core::Utc at, std::string_view reason);
  void touch(Open& open);
  void forgive_standstill(std::int64_t now_ns);
  void flush();
  // Writes the next batch; false: nothing is left, or it did not work.
  bool flush_batch();
  void written(const TstvSession& session);

  Options options_;
  TstvSessionStore store_;
  Sessions sessions_;  // that are open, or whose end is not written
  std::unordered_map<std::string, std::size_t> open_of_account_;
  std::vector<std::string> dirty_;
  std::map<std::pair<std::string, Kind>, TstvFigures> figures_;  // by channel
  std::int64_t looked_ns_ = 0;
  bool told_failure_ = false;
  base::Timer look_timer_;
  base::Timer flush_timer_;  // the next batch
  base::Timer forget_timer_;
  base::Timer forget_next_;  // the next batch
};

}  // namespace aircheck::access
