#include "access/gate.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;
using core::Utc;

namespace {

Decision refuse(std::string_view code, std::string_view message) {
  return {.allowed = false, .code = std::string(code), .message = std::string(message), .expires_at = std::nullopt};
}

// A playback token is for one channel, some kinds and one protection. Of a channel that is not encrypted, what is
// stored is clear.
bool grants(const PlaybackGrant& grant, const channels::Channel& channel, const AccessRequest& request) {
  const bool stored_is_clear = !channel.encrypted && request.subject == Subject::kWindow &&
                               request.protection == Protection::kCenc && grant.protection == Protection::kClear;
  return grant.channel_id == channel.id && grant.kinds.contains(request.kind) &&
         (grant.protection == request.protection || stored_is_clear);
}

ChannelView view_of(const channels::Channel& channel) {
  return {.exists = true,
          .tstv_enabled = channel.tstv_enabled,
          .startover_enabled = channel.startover_enabled,
          .catchup_enabled = channel.catchup_enabled,
          .cutv_window_hours = channel.cutv_window_hours,
          .encrypted = channel.encrypted,
          .allow_aes128 = channel.allow_aes128,
          .allow_clear = channel.allow_clear};
}

// Administrators may do everything, everybody what needs no more than to be signed in.
bool covers(Role has, Role needed) {
  return has == needed || has == Role::kAdmin || (needed == Role::kViewer && has == Role::kOperator);
}

}  // namespace

Result<Caller> Gate::caller(const std::optional<std::string>& bearer, const std::string* token, Utc now) const {
  if (token != nullptr) {
    AIRCHECK_TRY(PlaybackGrant grant, parts_.playback_tokens.verify(*token, now));
    // Accounts of other services carry their issuer before a colon; ours are UUIDs.
    const bool own = grant.account_id.find(':') == std::string::npos;
    if (!grant.device_id.empty()) {
      AIRCHECK_TRY(const bool live, parts_.devices.is_live(grant.device_id, grant.account_id, now));
      if (!live) return fail(Code::kPermission, "token: its device was revoked");
    }
    if (!grant.session_id.empty()) {
      AIRCHECK_TRY(const bool live, parts_.sessions.is_live(grant.session_id, grant.account_id));
      if (!live) return fail(Code::kPermission, "token: its session has ended");
    }
    std::string account_id = grant.account_id;
    return Caller{.account_id = std::move(account_id), .own = own, .grant = std::move(grant)};
  }
  if (!bearer) return fail(Code::kPermission, "no token");
  AIRCHECK_TRY(Identity identity, parts_.access_tokens.verify(*bearer, now));
  // Signing out has to end access at once, and whoever shares the signing secret can write a token but no session.
  if (identity.own) {
    AIRCHECK_TRY(const bool live, parts_.sessions.is_live(identity.session_id, identity.account_id));
    if (!live) return fail(Code::kPermission, "token: its session has ended");
  }
  return Caller{.account_id = std::move(identity.account_id),
                .own = identity.own,
                .role = identity.role,
                .session_id = std::move(identity.session_id),
                .subscription_active = identity.subscription_active};
}

Result<Caller> Gate::device_caller(std::string_view token, Utc now) const {
  AIRCHECK_TRY(Device device, parts_.devices.use(token, now));
  std::string account_id = device.account_id;
  return Caller{.account_id = std::move(account_id), .own = true, .device = std::move(device)};
}

AccountView Gate::account_view(const Caller& caller, std::string_view channel_id) const {
  AccountView view{.signed_in = true, .role = caller.role};
  if (!caller.own) {
    view.subscription_active = caller.subscription_active.value_or(true);
    return view;
  }
  const auto account = parts_.accounts.find(caller.account_id);
  if (!account) {
    if (account.error().code != Code::kNotFound) base::log_error("access", account.error().message);
    return AccountView{.signed_in = false};
  }
  view.enabled = account->enabled;
  view.role = account->role;
  view.channel_allowed = parts_.accounts.channel_allowed(*account, channel_id).value_or(false);
  return view;
}

AccessView Gate::compose(const Caller& caller, const channels::Channel* channel, const AccessRequest& request) const {
  AccessView view{.account = account_view(caller, channel != nullptr ? channel->id : std::string())};
  if (channel == nullptr) return view;
  view.channel = view_of(*channel);
  if (on_air_) view.on_air = on_air_(channel->id);
  if (!request.start || (request.kind == Kind::kLive && request.subject == Subject::kWindow)) return view;
  const Utc end = std::max(request.end.value_or(view.reached(request.now)), *request.start + 1);
  for (const schedule::Entry& entry : parts_.guide.entries(channel->id, *request.start, end)) {
    view.programmes.push_back({entry.start, entry.end, entry.catchup_eligible});
  }
  return view;
}

Decision Gate::decide(const Caller& caller, std::string_view channel, const AccessRequest& request) const {
  const channels::Channel* found = parts_.channels.find(channel);
  if (caller.grant && found != nullptr && !grants(*caller.grant, *found, request)) {
    return refuse("token_not_for_this", "This address was not made for what is asked for.");
  }
  return access::decide(request, compose(caller, found, request));
}

Decision Gate::decide_key(const Caller& caller, const KeyPeriod& key, Protection protection, Utc now) const {
  const KindSet kinds = caller.grant ? caller.grant->kinds : KindSet::all();
  Decision decision = refuse("token_not_for_this", "This address was not made for what is asked for.");
  for (const Kind kind : {Kind::kLive, Kind::kStartover, Kind::kCatchup}) {
    if (!kinds.contains(kind)) continue;
    decision = decide(caller, key.channel_id,
                      {.kind = kind,
                       .protection = protection,
                       .subject = Subject::kKey,
                       .start = key.start,
                       .end = key.end,
                       .now = now});
    if (decision.allowed) return decision;
  }
  return decision;
}

Decision Gate::require(const Caller& caller, Role needed) const {
  Decision refused = refuse("role_not_allowed", "This needs the role " + std::string(to_string(needed)) + ".");
  if (caller.grant || caller.device) return refused;
  if (!caller.own) return covers(caller.role, needed) ? Decision{.allowed = true} : refused;
  const auto account = parts_.accounts.find(caller.account_id);
  const bool live =
      account && account->enabled && parts_.sessions.is_live(caller.session_id, caller.account_id).value_or(false);
  if (!live) return refuse("unauthorized", "Sign in again.");
  return covers(account->role, needed) ? Decision{.allowed = true} : refused;
}

AccessView Gate::view(const Caller& caller, std::string_view channel) const {
  return compose(caller, parts_.channels.find(channel), AccessRequest{});
}

std::string Gate::playback_token(const Caller& caller, std::string_view channel_id, Kind kind, Protection protection,
                                 Utc now) const {
  return parts_.playback_tokens.issue(
      {.account_id = caller.account_id,
       .channel_id = std::string(channel_id),
       .kinds = {kind},
       .protection = protection,
       .expires_at = caller.device ? caller.device->expires_at : PlaybackTokens::expiry(now),
       .device_id = caller.device ? caller.device->id : std::string(),
       .session_id = caller.session_id});
}

}  // namespace aircheck::access
