#include "access/tstv_session_store.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;
using core::Utc;

namespace {

constexpr std::string_view kSelect =
    "SELECT id, user_id, channel_id, schedule_entry_id, kind, started_at, last_heartbeat_at, ended_at, end_reason, "
    "position_seconds, stalls, bitrate, dropped_frames, errors, error, user_agent, ip_address, sign_in_id FROM "
    "tstv_sessions ";

TstvSession read_row(const store::Statement& row) {
  TstvSession session{.id = row.text(0),
                      .account_id = row.text(1),
                      .channel_id = row.text(2),
                      .schedule_entry_id = row.text(3),
                      .kind = kind_from_string(row.text(4)).value_or(Kind::kCatchup),
                      .started_at = Utc{row.integer(5)},
                      .last_heartbeat_at = Utc{row.integer(6)},
                      .ended_at = std::nullopt,
                      .end_reason = row.text(8),
                      .position_seconds = row.real(9),
                      .stalls = row.integer(10),
                      .bitrate = row.integer(11),
                      .dropped_frames = row.integer(12),
                      .errors = row.integer(13),
                      .error = row.text(14),
                      .user_agent = row.text(15),
                      .ip_address = row.text(16),
                      .sign_in_id = row.text(17)};
  if (const auto ended = row.optional_integer(7)) session.ended_at = Utc{*ended};
  return session;
}

std::optional<std::int64_t> ns_of(const std::optional<Utc>& instant) {
  return instant ? std::optional(instant->ns) : std::nullopt;
}

}  // namespace

Result<void> TstvSessionStore::insert(const TstvSession& session) {
  AIRCHECK_TRY(auto row, database_.prepare(
                             "INSERT INTO tstv_sessions (id, user_id, channel_id, schedule_entry_id, kind, started_at, "
                             "last_heartbeat_at, position_seconds, user_agent, ip_address, sign_in_id) "
                             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"));
  row.bind(1, session.id).bind(2, session.account_id).bind(3, session.channel_id).bind(4, session.schedule_entry_id);
  row.bind(5, to_string(session.kind)).bind(6, session.started_at.ns).bind(7, session.last_heartbeat_at.ns);
  row.bind(8, session.position_seconds).bind(9, session.user_agent).bind(10, session.ip_address);
  row.bind(11, session.sign_in_id);
  return database_.aside([&] { return row.run(); });
}

Result<void> TstvSessionStore::update(const std::vector<const TstvSession*>& sessions) {
  const auto write = [&]() -> Result<void> {
    AIRCHECK_TRY(auto row, database_.prepare(
                               "UPDATE tstv_sessions SET last_heartbeat_at = ?2, ended_at = ?3, end_reason = ?4, "
                               "position_seconds = ?5, stalls = ?6, bitrate = ?7, dropped_frames = ?8, errors = ?9, "
                               "error = ?10 WHERE id = ?1"));
    for (const TstvSession* session : sessions) {
      row.bind(1, session->id).bind(2, session->last_heartbeat_at.ns).bind(3, ns_of(session->ended_at));
      row.bind(4, session->end_reason).bind(5, session->position_seconds).bind(6, session->stalls);
      row.bind(7, session->bitrate).bind(8, session->dropped_frames).bind(9, session->errors);
      AIRCHECK_TRY_VOID(row.bind(10, session->error).run());
    }
    return {};
  };
  return database_.aside([&] { return database_.transaction(write); });
}

Result<TstvSession> TstvSessionStore::find(std::string_view id, std::string_view account_id) const {
  AIRCHECK_TRY(auto row, database_.prepare(std::string(kSelect) + "WHERE id = ?1 AND user_id = ?2"));
  AIRCHECK_TRY(const bool found, row.bind(1, id).bind(2, account_id).step());
  if (!found) return fail(Code::kNotFound, "there is no such session");
  return read_row(row);
}

Result<std::vector<TstvSession>> TstvSessionStore::read(store::Statement& rows) const {
  std::vector<TstvSession> sessions;
  while (true) {
    AIRCHECK_TRY(const bool more, rows.step());
    if (!more) return sessions;
    sessions.push_back(read_row(rows));
  }
}

Result<std::vector<TstvSession>> TstvSessionStore::open_ones() const {
  AIRCHECK_TRY(auto rows, database_.prepare(std::string(kSelect) + "WHERE ended_at IS NULL"));
  return read(rows);
}

// The clauses are those that are asked for, and the kind is always one of them, so that SQLite reads an index and in it
// only what it gives. "+" keeps it from another index than the user's, whose sessions are the fewest.
Result<std::vector<TstvSession>> TstvSessionStore::list_kind(const TstvSessionFilter& filter, Kind kind,
                                                             std::size_t most) const {
  std::string sql = std::string(kSelect) + "WHERE kind = ?1";
  if (filter.account_id) sql += " AND user_id = ?2";
  if (filter.channel_id) sql += filter.account_id ? " AND +channel_id = ?3" : " AND channel_id = ?3";
  if (filter.from) sql += " AND started_at >= ?4";
  if (filter.to) sql += " AND started_at < ?5";
  if (filter.after) sql += " AND (started_at, id) < (?6, ?7)";
  sql += " ORDER BY started_at DESC, id DESC LIMIT ?8";
  AIRCHECK_TRY(auto rows, database_.prepare(sql));
  rows.bind(1, to_string(kind));
  if (filter.account_id) rows.bind(2, *filter.account_id);
  if (filter.channel_id) rows.bind(3, *filter.channel_id);
  if (filter.from) rows.bind(4, filter.from->ns);
  if (filter.to) rows.bind(5, filter.to->ns);
  if (filter.after) rows.bind(6, filter.after->started_at.ns).bind(7, filter.after->id);
  rows.bind(8, static_cast<std::int64_t>(most));
  return read(rows);
}

Result<std::vector<TstvSession>> TstvSessionStore::list(const TstvSessionFilter& filter, std::size_t most) const {
  if (filter.kind) return list_kind(filter, *filter.kind, most);
  AIRCHECK_TRY(std::vector<TstvSession> sessions, list_kind(filter, Kind::kStartover, most));
  AIRCHECK_TRY(std::vector<TstvSession> catchup, list_kind(filter, Kind::kCatchup, most));
  std::move(catchup.begin(), catchup.end(), std::back_inserter(sessions));
  std::ranges::sort(sessions, std::greater<>(),
                    [](const TstvSession& session) { return std::pair(session.started_at.ns, session.id); });
  if (sessions.size() > most) sessions.resize(most);
  return sessions;
}

Result<std::int64_t> TstvSessionStore::forget(Utc before, int most) {
  AIRCHECK_TRY(auto rows, database_.prepare("DELETE FROM tstv_sessions WHERE id IN (SELECT id FROM tstv_sessions "
                                            "WHERE ended_at < ?1 ORDER BY ended_at LIMIT ?2)"));
  rows.bind(1, before.ns).bind(2, most);
  AIRCHECK_TRY_VOID(database_.aside([&] { return rows.run(); }));
  const std::int64_t gone = database_.changes();
  // These pages alone: the checkpoint that SQLite makes by itself, of 1000 pages, takes 30 ms.
  if (gone > 0) AIRCHECK_TRY_VOID(database_.execute("PRAGMA wal_checkpoint(PASSIVE)"));
  return gone;
}

}  // namespace aircheck::access
