// The gate: who asks, and what the policy says to that. The routes ask here and nowhere else.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "access/accounts.hpp"
#include "access/devices.hpp"
#include "access/jwt.hpp"
#include "access/playback_token.hpp"
#include "access/policy.hpp"
#include "access/sessions.hpp"
#include "channels/channel_store.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "schedule/guide.hpp"

namespace aircheck::access {

// Who asks, proved by an access token or by a playback token.
struct Caller {
  std::string account_id;
  bool own = false;  // an account of this station
  Role role = Role::kViewer;
  std::string session_id;                   // own access tokens only
  std::optional<bool> subscription_active;  // as another auth service says
  std::optional<PlaybackGrant> grant;       // asked with a playback token: nothing beyond it
  std::optional<Device> device;             // asked with a device token: playlists and the guide
};

// A content key and when it was in use.
struct KeyPeriod {
  std::string channel_id;
  core::Utc start;
  core::Utc end;
};

class Gate {
 public:
  struct Parts {
    const JwtVerifier& access_tokens;
    const PlaybackTokens& playback_tokens;
    const Accounts& accounts;
    const Sessions& sessions;
    const Devices& devices;
    const schedule::Guide& guide;
    const channels::ChannelStore& channels;
  };

  // All parts have to outlive this.
  explicit Gate(const Parts& parts) : parts_(parts) {}
  // How far the media of a channel (by id) have come; nothing where it is not on air. Without it all channels keep to
  // the clock.
  using MediaTime = std::function<std::optional<core::Utc>(const std::string& channel_id)>;
  void follow_media(MediaTime on_air) { on_air_ = std::move(on_air); }

  // The bearer of `token` (a playback token, from the URL) where there is one, else of `bearer` (an access token, of
  // this station only while its session lives). An error means 401; its message is for the log.
  [[nodiscard]] core::Result<Caller> caller(const std::optional<std::string>& bearer, const std::string* token,
                                            core::Utc now) const;

  // The bearer of a device token. As above.
  [[nodiscard]] core::Result<Caller> device_caller(std::string_view token, core::Utc now) const;

  // May the caller have this of the channel (by id or cdn_channel_key)? Reads account, channel and guide anew.
  [[nodiscard]] Decision decide(const Caller& caller, std::string_view channel, const AccessRequest& request) const;
  // May the caller have this key, for any kind of viewing?
  [[nodiscard]] Decision decide_key(const Caller& caller, const KeyPeriod& key, Protection protection,
                                    core::Utc now) const;
  // May the caller do what needs this role? Own accounts: role, state and session are read anew, whatever the token
  // says.
  [[nodiscard]] Decision require(const Caller& caller, Role needed) const;

  // Account and channel without programmes: for lists, which then ask the policy for each entry.
  [[nodiscard]] AccessView view(const Caller& caller, std::string_view channel) const;

  // A token for URLs that play this and nothing else. It ends with the session or the device of the caller; that of a
  // device is good for as long as the device is.
  // channel_id: UUID.
  [[nodiscard]] std::string playback_token(const Caller& caller, std::string_view channel_id, Kind kind,
                                           Protection protection, core::Utc now) const;

 private:
  [[nodiscard]] AccountView account_view(const Caller& caller, std::string_view channel_id) const;
  [[nodiscard]] AccessView compose(const Caller& caller, const channels::Channel* channel,
                                   const AccessRequest& request) const;

  Parts parts_;
  MediaTime on_air_;
};

}  // namespace aircheck::access
