// Everything of access that one station has, made in the right order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "access/accounts.hpp"
#include "access/devices.hpp"
#include "access/gate.hpp"
#include "access/jwt.hpp"
#include "access/playback_token.hpp"
#include "access/request_limits.hpp"
#include "access/sessions.hpp"
#include "access/sign_in.hpp"
#include "channels/channel_store.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "schedule/guide.hpp"
#include "store/database.hpp"

namespace aircheck::access {

struct ServiceOptions {
  std::string secrets_directory;  // exists, 0700; jwt-secret and playback-token.key are made here
  std::string jwt_secret;         // JWT_SECRET; empty: that of secrets/
  std::string admin_password;     // AIRCHECK_ADMIN_PASSWORD; empty: a random one in secrets/
  std::string issuers_file;       // see issuers.hpp; empty: none
  bool demo = false;              // with a viewer account
};

// Main context only.
class Service {
 public:
  // Database, channels and guide have to outlive it. Hashes up to two passwords. The error names file or setting.
  static core::Result<std::unique_ptr<Service>> open(const ServiceOptions& options, store::Database& database,
                                                     const channels::ChannelStore& channels,
                                                     const schedule::Guide& guide, std::function<core::Utc()> now);

  [[nodiscard]] const Gate& gate() const { return gate_; }
  void follow_media(Gate::MediaTime on_air) { gate_.follow_media(std::move(on_air)); }
  [[nodiscard]] Accounts& accounts() { return accounts_; }
  [[nodiscard]] Devices& devices() { return devices_; }
  [[nodiscard]] SignIn& sign_in() { return sign_in_; }
  [[nodiscard]] RequestLimits& limits() { return limits_; }

 private:
  struct Secrets {
    HmacSecret jwt;
    HmacSecret playback;
    std::vector<IssuerProfile> issuers;
  };
  static core::Result<Secrets> load_secrets(const ServiceOptions& options);

  Service(Secrets secrets, store::Database& database, const channels::ChannelStore& channels,
          const schedule::Guide& guide, std::function<core::Utc()> now);

  Accounts accounts_;
  Sessions sessions_;
  Devices devices_;
  JwtVerifier access_tokens_;
  PlaybackTokens playback_tokens_;
  Gate gate_;
  SignIn sign_in_;
  RequestLimits limits_;
};

}  // namespace aircheck::access
