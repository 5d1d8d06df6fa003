#include "access/service.hpp"

#include <utility>

#include "access/first_accounts.hpp"
#include "access/issuers.hpp"
#include "base/files.hpp"
#include "core/secret.hpp"

namespace aircheck::access {

using core::Code;
using core::Result;

namespace {

constexpr std::size_t kMaxIssuersFile = 256 * 1024;

// Text, so that it can be copied into the JWT_SECRET of another service.
Result<core::Bytes> generated_jwt_secret(const std::string& path) {
  auto stored = base::read_secret_file(path);
  if (stored || stored.error().code != Code::kNotFound) return stored;
  const std::string text = core::to_base64url(base::random_bytes(HmacSecret::kMinSize));
  AIRCHECK_TRY_VOID(base::write_secret_file(path, core::as_bytes(text)));
  return core::Bytes(text.begin(), text.end());
}

std::vector<IssuerProfile> all_profiles(const HmacSecret& secret, std::vector<IssuerProfile> configured) {
  configured.push_back(own_profile(secret));
  configured.push_back(shared_secret_profile(secret));
  return configured;
}

}  // namespace

Result<Service::Secrets> Service::load_secrets(const ServiceOptions& options) {
  const std::string& directory = options.secrets_directory;
  core::Bytes jwt_bytes(options.jwt_secret.begin(), options.jwt_secret.end());
  if (jwt_bytes.empty()) {
    AIRCHECK_TRY(jwt_bytes, generated_jwt_secret(directory + "/jwt-secret"));
  }
  auto jwt = HmacSecret::from_bytes(jwt_bytes).with_context("JWT_SECRET");
  core::wipe(jwt_bytes.data(), jwt_bytes.size());
  if (!jwt) return jwt.unexpected();
  AIRCHECK_TRY(auto playback_bytes,
               base::load_or_create_secret(directory + "/playback-token.key", HmacSecret::kMinSize));
  AIRCHECK_TRY(auto playback, HmacSecret::from_bytes(playback_bytes).with_context("secrets/playback-token.key"));
  core::wipe(playback_bytes.data(), playback_bytes.size());

  std::vector<IssuerProfile> issuers;
  if (!options.issuers_file.empty()) {
    AIRCHECK_TRY(const core::Bytes bytes, base::read_file(options.issuers_file, kMaxIssuersFile));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    AIRCHECK_TRY(issuers, parse_issuers(text, *jwt).with_context(options.issuers_file));
  }
  return Secrets{std::move(*jwt), std::move(playback), std::move(issuers)};
}

Service::Service(Secrets secrets, store::Database& database, const channels::ChannelStore& channels,
                 const schedule::Guide& guide, std::function<core::Utc()> now)
    : accounts_(database),
      sessions_(database),
      devices_(database),
      access_tokens_(all_profiles(secrets.jwt, std::move(secrets.issuers))),
      playback_tokens_(std::move(secrets.playback)),
      gate_({.access_tokens = access_tokens_,
             .playback_tokens = playback_tokens_,
             .accounts = accounts_,
             .sessions = sessions_,
             .devices = devices_,
             .guide = guide,
             .channels = channels}),
      sign_in_(accounts_, sessions_, std::move(secrets.jwt), std::move(now)) {}

Result<std::unique_ptr<Service>> Service::open(const ServiceOptions& options, store::Database& database,
                                               const channels::ChannelStore& channels, const schedule::Guide& guide,
                                               std::function<core::Utc()> now) {
  AIRCHECK_TRY(Secrets secrets, load_secrets(options));
  const core::Utc opened = now();
  auto service = std::unique_ptr<Service>(new Service(std::move(secrets), database, channels, guide, std::move(now)));
  AIRCHECK_TRY_VOID(ensure_first_accounts(
      service->accounts_, service->sessions_,
      {.secrets_directory = options.secrets_directory, .admin_password = options.admin_password, .demo = options.demo},
      opened));
  return service;
}

}  // namespace aircheck::access
