#include "access/sessions.hpp"

#include <sodium.h>

#include <array>
#include <optional>

#include "base/files.hpp"

namespace aircheck::access {

using core::Code;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t kTokenBytes = 32;

// Random tokens need no slow hash: nobody can try 2^256 of them.
std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash_of(std::string_view token) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> hash{};
  crypto_hash_sha256(hash.data(), core::as_bytes(token).data(), token.size());
  return hash;
}

core::Unexpected<core::Error> refused(std::string_view why) {
  return fail(Code::kPermission, "refresh token: " + std::string(why));
}

}  // namespace

Result<std::string> Sessions::add_token(std::string_view session_id, core::Utc now) {
  const std::string token = core::to_base64url(base::random_bytes(kTokenBytes));
  AIRCHECK_TRY(auto insert, database_.prepare("INSERT INTO refresh_tokens (token_hash, session_id, expires_at) "
                                              "VALUES (?1, ?2, ?3)"));
  const auto hash = hash_of(token);
  AIRCHECK_TRY_VOID(insert.bind(1, core::ByteView(hash)).bind(2, session_id).bind(3, now.ns + kRefreshNs).run());
  return token;
}

Result<Session> Sessions::begin(std::string_view account_id, core::Utc now) {
  Session session{.id = base::random_uuid(), .account_id = std::string(account_id)};
  const auto stored = database_.transaction([&]() -> Result<void> {
    AIRCHECK_TRY(auto insert, database_.prepare("INSERT INTO sessions (id, user_id, created_at) VALUES (?1, ?2, ?3)"));
    AIRCHECK_TRY_VOID(insert.bind(1, session.id).bind(2, account_id).bind(3, now.ns).run());
    AIRCHECK_TRY(session.refresh_token, add_token(session.id, now));
    return {};
  });
  if (!stored) return stored.unexpected();
  return session;
}

Result<Session> Sessions::refresh(std::string_view refresh_token, core::Utc now) {
  const auto hash = hash_of(refresh_token);
  AIRCHECK_TRY(auto query, database_.prepare("SELECT t.session_id, t.expires_at, t.rotated_at, s.user_id, s.revoked_at "
                                             "FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id "
                                             "WHERE t.token_hash = ?1"));
  AIRCHECK_TRY(const bool found, query.bind(1, core::ByteView(hash)).step());
  if (!found) return refused("unknown");
  Session session{.id = query.text(0), .account_id = query.text(3)};
  const std::int64_t expires_at = query.integer(1);
  const std::optional<std::int64_t> rotated_at = query.optional_integer(2);
  const bool revoked = !query.is_null(4);
  query.reset();

  if (revoked) return refused("its session has ended");
  if (now.ns >= expires_at) return refused("expired");
  // A clock that was set back says nothing about how long ago it was.
  if (rotated_at && (now.ns - *rotated_at > kGraceNs || *rotated_at > now.ns)) {
    AIRCHECK_TRY_VOID(revoke(session.id, now));
    return refused("used twice; its session is ended");
  }
  const auto stored = database_.transaction([&]() -> Result<void> {
    AIRCHECK_TRY(auto rotate, database_.prepare("UPDATE refresh_tokens SET rotated_at = ?2 "
                                                "WHERE token_hash = ?1 AND rotated_at IS NULL"));
    AIRCHECK_TRY_VOID(rotate.bind(1, core::ByteView(hash)).bind(2, now.ns).run());
    AIRCHECK_TRY(session.refresh_token, add_token(session.id, now));
    return {};
  });
  if (!stored) return stored.unexpected();
  return session;
}

Result<void> Sessions::revoke(std::string_view session_id, core::Utc now) {
  AIRCHECK_TRY(auto update,
               database_.prepare("UPDATE sessions SET revoked_at = ?2 WHERE id = ?1 AND revoked_at IS NULL"));
  return update.bind(1, session_id).bind(2, now.ns).run();
}

Result<std::string> Sessions::end(std::string_view refresh_token, core::Utc now) {
  AIRCHECK_TRY(auto query, database_.prepare("SELECT session_id FROM refresh_tokens WHERE token_hash = ?1"));
  const auto hash = hash_of(refresh_token);
  AIRCHECK_TRY(const bool found, query.bind(1, core::ByteView(hash)).step());
  if (!found) return std::string();
  std::string session_id = query.text(0);
  query.reset();
  AIRCHECK_TRY_VOID(revoke(session_id, now));
  return session_id;
}

Result<void> Sessions::end_all_of(std::string_view account_id, core::Utc now) {
  AIRCHECK_TRY(auto update,
               database_.prepare("UPDATE sessions SET revoked_at = ?2 WHERE user_id = ?1 AND revoked_at IS NULL"));
  return update.bind(1, account_id).bind(2, now.ns).run();
}

Result<bool> Sessions::is_live(std::string_view session_id, std::string_view account_id) const {
  return live_.get(std::string(session_id) + " " + std::string(account_id), [&]() -> Result<bool> {
    AIRCHECK_TRY(auto query,
                 database_.prepare("SELECT 1 FROM sessions WHERE id = ?1 AND user_id = ?2 AND revoked_at IS NULL"));
    return query.bind(1, session_id).bind(2, account_id).step();
  });
}

Result<void> Sessions::purge(core::Utc now) {
  return database_.transaction([&]() -> Result<void> {
    AIRCHECK_TRY(auto tokens, database_.prepare("DELETE FROM refresh_tokens WHERE expires_at <= ?1"));
    AIRCHECK_TRY_VOID(tokens.bind(1, now.ns).run());
    return database_.execute(
        "DELETE FROM sessions WHERE NOT EXISTS (SELECT 1 FROM refresh_tokens t WHERE t.session_id = sessions.id)");
  });
}

}  // namespace aircheck::access
