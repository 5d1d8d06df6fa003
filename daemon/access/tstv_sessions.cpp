#include "access/tstv_sessions.hpp"

#include <algorithm>

#include "base/files.hpp"
#include "base/log.hpp"

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;
using core::Utc;

namespace {

constexpr std::int64_t kForgetEveryMs = 3'600'000;
// Between two batches others get their turn.
constexpr std::int64_t kPauseMs = 20;
constexpr std::int64_t kDayNs = std::int64_t{24} * 3600 * core::kNsPerSecond;

}  // namespace

TstvSessions::TstvSessions(Options options, store::Database& database)
    : options_(std::move(options)), store_(database), looked_ns_(options_.monotonic_ns()) {
  look_timer_ = base::Timer::every(kFlushMs, [this] { look(); });
  forget_timer_ = base::Timer::every(kForgetEveryMs, [this] { forget_old(); });
}

Result<std::unique_ptr<TstvSessions>> TstvSessions::open(Options options, store::Database& database) {
  auto made = std::unique_ptr<TstvSessions>(new TstvSessions(std::move(options), database));
  AIRCHECK_TRY(std::vector<TstvSession> sessions, made->store_.open_ones());
  for (TstvSession& session : sessions) {
    ++made->open_of_account_[session.account_id];
    ++made->figures_[{session.channel_id, session.kind}].viewers;
    std::string id = session.id;
    made->sessions_.emplace(std::move(id), Open{.session = std::move(session), .heard_ns = made->looked_ns_});
  }
  made->forget_old();
  return made;
}

TstvSessions::~TstvSessions() {
  while (flush_batch()) {
  }
}

Result<TstvSession> TstvSessions::start(NewTstvSession wanted) {
  const Utc now = options_.now();
  TstvSession session{.id = base::random_uuid(),
                      .account_id = std::move(wanted.account_id),
                      .channel_id = std::move(wanted.channel_id),
                      .schedule_entry_id = std::move(wanted.schedule_entry_id),
                      .kind = wanted.kind,
                      .started_at = now,
                      .last_heartbeat_at = now,
                      .ended_at = std::nullopt,
                      .end_reason = {},
                      .position_seconds = wanted.position_seconds,
                      .error = {},
                      .user_agent = std::move(wanted.user_agent),
                      .ip_address = std::move(wanted.ip_address),
                      .sign_in_id = std::move(wanted.sign_in_id)};
  AIRCHECK_TRY_VOID(store_.insert(session));
  make_room(session.account_id);
  ++open_of_account_[session.account_id];
  TstvFigures& figures = figures_[{session.channel_id, session.kind}];
  ++figures.viewers;
  ++figures.sessions;
  sessions_.emplace(session.id, Open{.session = session, .heard_ns = options_.monotonic_ns()});
  return session;
}

void TstvSessions::make_room(const std::string& account_id) {
  const auto count = open_of_account_.find(account_id);
  if (count == open_of_account_.end() || count->second < kMostOpenOfAccount) return;
  Open* oldest = nullptr;
  for (auto& [id, open] : sessions_) {
    if (open.session.account_id != account_id || open.session.ended_at) continue;
    if (oldest == nullptr || open.heard_ns < oldest->heard_ns) oldest = &open;
  }
  if (oldest != nullptr) end(*oldest, oldest->session.last_heartbeat_at, "replaced");
}

Result<TstvSessions::Open*> TstvSessions::find_open(std::string_view id, std::string_view account_id) {
  const auto found = sessions_.find(std::string(id));
  if (found == sessions_.end()) return nullptr;
  if (found->second.session.account_id != account_id) return fail(Code::kNotFound, "there is no such session");
  return &found->second;
}

Result<TstvSession> TstvSessions::heartbeat(std::string_view id, std::string_view account_id,
                                            const TstvHeartbeat& heartbeat) {
  AIRCHECK_TRY(Open* const open, find_open(id, account_id));
  if (open == nullptr) AIRCHECK_TRY_VOID(store_.find(id, account_id));
  if (open == nullptr || open->session.ended_at) {
    return fail(Code::kConflict, "this session has ended: start another one");
  }
  TstvSession& session = open->session;
  TstvFigures& figures = figures_[{session.channel_id, session.kind}];
  session.last_heartbeat_at = std::max(session.started_at, options_.now());
  session.position_seconds = heartbeat.position_seconds;
  const std::int64_t stalls = std::max(session.stalls, heartbeat.stalls.value_or(0));
  figures.stalls += static_cast<std::uint64_t>(stalls - session.stalls);
  session.stalls = stalls;
  session.bitrate = heartbeat.bitrate.value_or(session.bitrate);
  session.dropped_frames = std::max(session.dropped_frames, heartbeat.dropped_frames.value_or(0));
  // One that is told again counts once: the heartbeat may have been sent twice.
  if (!heartbeat.error.empty() && heartbeat.error != open->last_error) {
    ++figures.errors;
    ++session.errors;
    session.error = heartbeat.error;
  }
  open->last_error = heartbeat.error;
  open->heard_ns = options_.monotonic_ns();
  touch(*open);
  return session;
}

Result<TstvSession> TstvSessions::stop(std::string_view id, std::string_view account_id) {
  AIRCHECK_TRY(Open* const open, find_open(id, account_id));
  if (open == nullptr) return store_.find(id, account_id);
  if (!open->session.ended_at) {
    TstvSession ended = open->session;
    ended.ended_at = std::max(ended.last_heartbeat_at, options_.now());
    ended.end_reason = "stopped";
    AIRCHECK_TRY_VOID(store_.update({&ended}));
    end(*open, *ended.ended_at, ended.end_reason);
    written(ended);
    return ended;
  }
  return open->session;
}

void TstvSessions::sign_out(std::string_view sign_in_id) {
  if (sign_in_id.empty()) return;
  for (auto& [id, open] : sessions_) {
    const TstvSession& session = open.session;
    if (session.sign_in_id != sign_in_id || session.ended_at) continue;
    end(open, std::max(session.last_heartbeat_at, options_.now()), "signed_out");
  }
  flush();
}

void TstvSessions::end(Open& open, Utc at, std::string_view reason) {
  open.session.ended_at = at;
  open.session.end_reason = reason;
  --figures_[{open.session.channel_id, open.session.kind}].viewers;
  const auto count = open_of_account_.find(open.session.account_id);
  if (--count->second == 0) open_of_account_.erase(count);
  touch(open);
}

void TstvSessions::touch(Open& open) {
  if (!open.dirty) dirty_.push_back(open.session.id);
  open.dirty = true;
}

// A timer that comes late itself (SIGSTOP, a disk that hangs) heard nobody meanwhile.
void TstvSessions::forgive_standstill(std::int64_t now_ns) {
  const std::int64_t late_ns = now_ns - looked_ns_ - kFlushMs * 1'000'000;
  looked_ns_ = now_ns;
  if (late_ns < kFlushMs * 1'000'000) return;
  for (auto& [id, open] : sessions_) open.heard_ns = std::min(now_ns, open.heard_ns + late_ns);
}

void TstvSessions::look() {
  const std::int64_t now_ns = options_.monotonic_ns();
  forgive_standstill(now_ns);
  for (auto& [id, open] : sessions_) {
    const bool silent = now_ns - open.heard_ns >= kSilenceNs;
    // Nobody knows how long it was watched behind its last heartbeat.
    if (silent && !open.session.ended_at) end(open, open.session.last_heartbeat_at, "timeout");
  }
  flush();
}

void TstvSessions::flush() {
  if (!flush_batch()) return;
  flush_timer_ = base::Timer::once(kPauseMs, [this] { flush(); });
}

bool TstvSessions::flush_batch() {
  if (dirty_.empty()) return false;
  const std::size_t count = std::min(dirty_.size(), kBatch);
  std::vector<const TstvSession*> batch;
  for (std::size_t i = dirty_.size() - count; i < dirty_.size(); ++i) {
    if (const auto found = sessions_.find(dirty_[i]); found != sessions_.end()) batch.push_back(&found->second.session);
  }
  const auto stored = store_.update(batch);
  if (!stored) {
    if (!told_failure_) base::log_warning("access", "viewing sessions are not written: " + stored.error().message);
    told_failure_ = true;
    return false;
  }
  told_failure_ = false;
  dirty_.resize(dirty_.size() - count);
  for (const TstvSession* session : batch) written(*session);
  return !dirty_.empty();
}

void TstvSessions::written(const TstvSession& session) {
  const auto found = sessions_.find(session.id);
  found->second.dirty = false;
  if (found->second.session.ended_at) sessions_.erase(found);
}

Result<std::vector<TstvSession>> TstvSessions::list(const TstvSessionFilter& filter, std::size_t most) const {
  AIRCHECK_TRY(std::vector<TstvSession> sessions, store_.list(filter, most));
  for (TstvSession& session : sessions) {
    if (const auto found = sessions_.find(session.id); found != sessions_.end()) session = found->second.session;
  }
  return sessions;
}

TstvFigures TstvSessions::figures(const std::string& channel_id, Kind kind) const {
  const auto found = figures_.find({channel_id, kind});
  return found == figures_.end() ? TstvFigures{} : found->second;
}

void TstvSessions::forget_old() {
  const auto gone = store_.forget(options_.now() - options_.keep_days * kDayNs, kForgetBatch);
  if (!gone) return base::log_warning("access", "old viewing sessions stay: " + gone.error().message);
  if (*gone < kForgetBatch) return;
  forget_next_ = base::Timer::once(kPauseMs, [this] { forget_old(); });
}

}  // namespace aircheck::access
