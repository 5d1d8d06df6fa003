#include "access/policy.hpp"

#include <algorithm>
#include <array>

#include "channels/key_periods.hpp"

namespace aircheck::access {

using channels::kGuideToleranceNs;
using core::Utc;

namespace {

constexpr std::int64_t kMinuteNs = 60 * core::kNsPerSecond;
constexpr std::int64_t kHourNs = 60 * kMinuteNs;

// A live player needs the key of what it still shows, and a little early the one that comes next.
constexpr std::int64_t kLiveKeyTailNs = 15 * kMinuteNs;
constexpr std::int64_t kLiveKeyLeadNs = 10 * kMinuteNs;

Decision refuse(std::string_view code, std::string message, std::optional<Utc> expires_at = std::nullopt) {
  return {.allowed = false, .code = std::string(code), .message = std::move(message), .expires_at = expires_at};
}

using Refusal = std::optional<Decision>;

Refusal check_account(const AccountView& account) {
  if (!account.signed_in) return refuse("unauthorized", "Sign in first.");
  if (!account.enabled) return refuse("account_disabled", "This account is switched off.");
  if (account.role == Role::kAlert) return refuse("role_not_allowed", "An alert account does not watch.");
  if (!account.subscription_active) return refuse("no_subscription", "The subscription is not active.");
  return std::nullopt;
}

Refusal check_protection(Protection protection, const ChannelView& channel) {
  const bool allowed = protection == Protection::kCenc     ? true
                       : protection == Protection::kAes128 ? channel.encrypted && channel.allow_aes128
                                                           : !channel.encrypted || channel.allow_clear;
  if (allowed) return std::nullopt;
  return refuse("protection_not_allowed",
                "This channel is not given out with protection " + std::string(to_string(protection)) + ".");
}

Refusal check_kind(Kind kind, const ChannelView& channel) {
  if (kind == Kind::kStartover && !(channel.tstv_enabled && channel.startover_enabled)) {
    return refuse("kind_not_allowed", "This channel has no start-over.");
  }
  if (kind == Kind::kCatchup && !(channel.tstv_enabled && channel.catchup_enabled)) {
    return refuse("kind_not_allowed", "This channel has no catch-up.");
  }
  return std::nullopt;
}

// Start-over belongs to the programme on air. Who started it over in its last second may see it to its end, so its
// catch-up rights are asked only once more than its own length has gone by.
bool may_still_start_over(const ProgrammeView& programme, Utc live_time) {
  return live_time < programme.end + (programme.end - programme.start);
}

bool has_rights(const ProgrammeView& programme, const AccessRequest& request, const AccessView& view) {
  if (programme.catchup_eligible && view.channel.tstv_enabled && view.channel.catchup_enabled) return true;
  const Utc live_time = view.live_time(request.now);
  if (request.kind == Kind::kStartover) return may_still_start_over(programme, live_time);
  return request.kind == Kind::kLive && programme.end > live_time - kLiveKeyTailNs;
}

// The instants at which the parts of [start, end) go out of the channel's window: each programme a window's length
// after its end; time without a programme a window's length after it was on air.
std::vector<Utc> expiries(Utc start, Utc end, const AccessView& view) {
  const std::int64_t window_ns = view.channel.cutv_window_hours * kHourNs;
  std::vector<Utc> result;
  Utc covered = start;
  for (const ProgrammeView& programme : view.programmes) {
    if (programme.end <= start || programme.start >= end) continue;
    if (programme.start - covered > kGuideToleranceNs) result.push_back(covered + window_ns);
    result.push_back(programme.end + window_ns);
    covered = std::max(covered, programme.end);
  }
  if (end - covered > kGuideToleranceNs) result.push_back(covered + window_ns);
  return result;
}

// Time without a programme, which matters where only programmes on air may be watched, counts as programmes of an hour;
// the first hour of a hole is the first to go.
bool may_have_hole(Utc start, const AccessRequest& request, const AccessView& view) {
  const Utc hour = core::slot_start(core::slot_of(start, channels::kUnplannedNs), channels::kUnplannedNs);
  return has_rights({hour, hour + channels::kUnplannedNs, true}, request, view);
}

bool touches_time_without_rights(Utc start, Utc end, const AccessRequest& request, const AccessView& view) {
  Utc covered = start;
  for (const ProgrammeView& programme : view.programmes) {
    if (programme.end <= start || programme.start >= end) continue;
    const bool hole = programme.start - covered > kGuideToleranceNs;
    if (hole && !may_have_hole(covered, request, view)) return true;
    if (!has_rights(programme, request, view)) return true;
    covered = std::max(covered, programme.end);
  }
  return end - covered > kGuideToleranceNs && !may_have_hole(covered, request, view);
}

Decision decide_window(const AccessRequest& request, const AccessView& view) {
  if (!request.start || request.kind == Kind::kLive) return {.allowed = true};
  const Utc start = *request.start;
  if (request.end && *request.end <= start)
    return refuse("window_invalid", "The window's end has to be after its start.");
  const Utc reached = view.reached(request.now);
  if (start > reached) return refuse("window_future", "This has not been on air yet.");
  const Utc end = std::max(request.end.value_or(reached), start);

  if (touches_time_without_rights(start, end, request, view)) {
    return refuse("not_eligible", "A programme in this window may not be watched later.");
  }
  const std::vector<Utc> limits = expiries(start, end, view);
  if (limits.empty()) return {.allowed = true};
  const Utc first = *std::min_element(limits.begin(), limits.end());
  if (request.now >= first) return refuse("window_expired", "This is no longer available.", first);
  return {.allowed = true, .expires_at = first};
}

// A key opens the whole of its crypto period. Rights have to hold for all of it that has been on air, for live viewers
// too; time need not: its last programme is within the window for as long as anything that this key opens is.
Decision decide_key(const AccessRequest& request, const AccessView& view) {
  if (!request.start || !request.end) return refuse("window_invalid", "A key has a crypto period.");
  const Utc live_time = view.live_time(request.now);
  const Utc reached = view.reached(request.now);
  const bool live = request.kind == Kind::kLive;
  const bool in_use = *request.start <= live_time + kLiveKeyLeadNs && *request.end > live_time - kLiveKeyTailNs;
  if (live && !in_use) return refuse("key_not_current", "This key is not in use on air.");
  if (*request.start > reached + kLiveKeyLeadNs) return refuse("window_future", "This has not been on air yet.");
  const Utc end = std::max(std::min(*request.end, reached), *request.start + 1);
  if (touches_time_without_rights(*request.start, end, request, view)) {
    return refuse("not_eligible", "A programme under this key may not be watched later.");
  }
  if (live) return {.allowed = true};
  Utc last = end;
  for (const ProgrammeView& programme : view.programmes) {
    if (programme.start < end) last = std::max(last, programme.end);
  }
  last = last + view.channel.cutv_window_hours * kHourNs;
  if (request.now >= last) return refuse("window_expired", "This is no longer available.", last);
  return {.allowed = true, .expires_at = last};
}

struct Name {
  int value;
  std::string_view text;
};

constexpr std::array kKindNames = {Name{static_cast<int>(Kind::kLive), "live"},
                                   Name{static_cast<int>(Kind::kStartover), "startover"},
                                   Name{static_cast<int>(Kind::kCatchup), "catchup"}};
constexpr std::array kProtectionNames = {Name{static_cast<int>(Protection::kCenc), "cenc"},
                                         Name{static_cast<int>(Protection::kAes128), "aes-128"},
                                         Name{static_cast<int>(Protection::kClear), "clear"}};

template <typename Enum, std::size_t N>
std::string_view name_of(const std::array<Name, N>& names, Enum value) {
  for (const Name& name : names) {
    if (name.value == static_cast<int>(value)) return name.text;
  }
  return {};
}

template <typename Enum, std::size_t N>
std::optional<Enum> value_of(const std::array<Name, N>& names, std::string_view text) {
  for (const Name& name : names) {
    if (name.text == text) return static_cast<Enum>(name.value);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(Kind kind) {
  return name_of(kKindNames, kind);
}
std::optional<Kind> kind_from_string(std::string_view text) {
  return value_of<Kind>(kKindNames, text);
}
std::string_view to_string(Protection protection) {
  return name_of(kProtectionNames, protection);
}
std::optional<Protection> protection_from_string(std::string_view text) {
  return value_of<Protection>(kProtectionNames, text);
}

core::Result<KindSet> KindSet::from_bits(std::uint8_t bits) {
  if ((bits & ~all().bits()) != 0) return core::fail(core::Code::kUnsupported, "an unknown kind of playlist");
  KindSet set;
  set.bits_ = bits;
  return set;
}

Decision decide(const AccessRequest& request, const AccessView& view) {
  if (auto refusal = check_account(view.account)) return *refusal;
  if (!view.channel.exists) return refuse("not_found", "There is no such channel.");
  if (!view.account.channel_allowed) return refuse("channel_not_allowed", "This channel is not in your package.");
  if (auto refusal = check_kind(request.kind, view.channel)) return *refusal;
  if (auto refusal = check_protection(request.protection, view.channel)) return *refusal;
  return request.subject == Subject::kKey ? decide_key(request, view) : decide_window(request, view);
}

base::Problem to_problem(const Decision& refusal) {
  if (refusal.code == "unauthorized") return base::unauthorized(refusal.message);
  if (refusal.code == "not_found") return base::not_found(refusal.message);
  base::Problem problem = base::forbidden(refusal.code, refusal.message);
  if (refusal.code == "window_invalid") problem.status = 400;
  if (refusal.code == "no_subscription" || refusal.code == "channel_not_allowed") {
    problem.members.emplace_back("upsell", base::Json::array());
  }
  if (refusal.expires_at) {
    const std::string expires_at = core::to_rfc3339(*refusal.expires_at);
    problem.members.emplace_back("expires_at", expires_at);
    problem.headers.emplace_back("X-Expires-At", expires_at);
  }
  return problem;
}

}  // namespace aircheck::access
