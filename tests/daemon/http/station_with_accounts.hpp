// A server on a real socket with sign-in and key routes, two channels, a guide and keys: what access tests need.
#pragma once

#include <memory>
#include <string>

#include "access/gate.hpp"
#include "access/password.hpp"
#include "access/sign_in.hpp"
#include "access/tstv_sessions.hpp"
#include "base/log.hpp"
#include "channels/channel_store.hpp"
#include "channels/key_store.hpp"
#include "http/authenticate.hpp"
#include "http/routes_auth.hpp"
#include "http/routes_drm.hpp"
#include "http/server.hpp"
#include "store/database.hpp"
#include "support/http_client.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {

class StationWithAccounts : public HttpTest {
 protected:
  static constexpr std::int64_t kHourNs = 3600 * core::kNsPerSecond;

  StationWithAccounts() {
    // The cost of real password hashes is for the tests of passwords.
    static const std::string kHash = access::hash_password("secret").value();
    viewer_ = add("viewer@example.org", access::Role::kViewer, kHash);
    admin_ = add("admin@example.org", access::Role::kAdmin, kHash);
    for (channels::Channel* channel : {&one_, &two_}) *channel = channels_->insert(*channel, now_).value();
    http::register_auth_routes(router_, {sign_in_, accounts_, *tstv_sessions_, authenticator_});
    http::register_drm_routes(
        router_, {.gate = gate_, .authenticator = authenticator_, .limits = limits_, .keys = *keys_, .now = [this] {
                    return now_;
                  }});
    http::ServerOptions options;
    options.cors_origins = {"https://tv.example"};
    options.meter = traffic_;
    server_ = std::move(http::Server::start(options, router_).value());
  }

  access::Account add(const std::string& email, access::Role role, const std::string& hash) {
    return accounts_.create({.email = email, .role = role, .password_hash = hash, .channel_ids = std::nullopt}, now_)
        .value();
  }
  std::unique_ptr<access::TstvSessions> open_tstv_sessions() {
    return std::move(access::TstvSessions::open(
                         {.now = [this] { return now_; }, .monotonic_ns = [this] { return monotonic_ns_; }}, *database_)
                         .value());
  }
  std::string url(const std::string& path) { return server_->url() + path; }

  // An access token of a new session.
  std::string bearer(const access::Account& account) {
    const access::Session session = sessions_.begin(account.id, now_).value();
    return access::issue_access_token(secret_, account.id, account.role, session.id, now_);
  }
  std::string playback_token(access::Kind kind, access::Protection protection = access::Protection::kCenc,
                             const std::string& channel_id = {}) {
    const access::Caller caller{.account_id = viewer_.id, .own = true};
    return gate_.playback_token(caller, channel_id.empty() ? one_.id : channel_id, kind, protection, now_);
  }

  core::Utc now_ = core::Utc::from_seconds(1'772'000'000);
  std::unique_ptr<store::Database> database_ =
      std::move(store::Database::open(":memory:", store::station_schema()).value());
  TemporaryDirectory directory_;
  channels::Channel one_{.key = "ch1", .number = 1, .name = "One", .cutv_window_hours = 24};
  channels::Channel two_{.key = "ch2", .number = 2, .name = "Two", .cutv_window_hours = 24};
  std::unique_ptr<channels::ChannelStore> channels_ = std::move(channels::ChannelStore::open(*database_).value());
  std::unique_ptr<channels::KeyStore> keys_ =
      std::move(channels::KeyStore::open(*database_, directory_ / "master.key").value());
  access::Accounts accounts_{*database_};
  access::Sessions sessions_{*database_};
  access::Devices devices_{*database_};
  schedule::Guide guide_ = std::move(schedule::Guide::open(*database_).value());
  access::HmacSecret secret_ = access::HmacSecret::from_bytes(core::Bytes(32, 1)).value();
  access::JwtVerifier verifier_{{access::own_profile(secret_), access::shared_secret_profile(secret_)}};
  access::PlaybackTokens tokens_{access::HmacSecret::from_bytes(core::Bytes(32, 2)).value()};
  access::Gate gate_{{.access_tokens = verifier_,
                      .playback_tokens = tokens_,
                      .accounts = accounts_,
                      .sessions = sessions_,
                      .devices = devices_,
                      .guide = guide_,
                      .channels = *channels_}};
  access::SignIn sign_in_{accounts_, sessions_, secret_, [this] { return now_; }};
  access::RequestLimits limits_;
  std::int64_t monotonic_ns_ = 0;
  std::unique_ptr<access::TstvSessions> tstv_sessions_ = open_tstv_sessions();
  http::Authenticator authenticator_{gate_, limits_, [this] { return now_; }};
  access::Account viewer_;
  access::Account admin_;
  std::shared_ptr<http::TrafficMeter> traffic_ = std::make_shared<http::TrafficMeter>();
  http::Router router_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace aircheck::test
