#include "access/sign_in.hpp"

#include <glib.h>

#include <algorithm>
#include <utility>

#include "access/jwt.hpp"
#include "base/log.hpp"
#include "core/secret.hpp"

namespace aircheck::access {

namespace {

constexpr int kConcurrentHashes = 3;  // 64 MiB each
constexpr unsigned kMaxWaitingHashes = 60;

base::Problem slow_down(std::int64_t seconds) {
  return {429,
          "too_many_attempts",
          "Too many attempts: try again in " + std::to_string(seconds) + " s.",
          {},
          {{"Retry-After", std::to_string(seconds)}}};
}

// One answer for a wrong password, an unknown account and one that is switched off.
base::Problem wrong_credentials() {
  base::Problem problem = base::unauthorized("The e-mail address or the password is wrong.");
  problem.code = "invalid_credentials";
  return problem;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) { return g_ascii_tolower(c); });
  return text;
}

}  // namespace

SignIn::SignIn(Accounts& accounts, Sessions& sessions, HmacSecret jwt_secret, std::function<core::Utc()> now)
    : accounts_(accounts),
      sessions_(sessions),
      jwt_secret_(std::move(jwt_secret)),
      now_(std::move(now)),
      hashing_(kConcurrentHashes) {}

SignIn::~SignIn() {
  *alive_ = false;
}

void SignIn::login(LoginRequest request, std::function<void(Answer)> done) {
  request.email = lower(std::move(request.email));
  if (request.email.empty() || request.email.size() > 254 || request.password.empty() ||
      request.password.size() > kMaxPasswordSize) {
    done(base::bad_request("an e-mail address has 1 to 254 bytes, a password 1 to 1024"));
    return;
  }
  if (const auto wait = throttle_.begin(request.email, request.address, g_get_monotonic_time() * 1000)) {
    done(slow_down(*wait));
    return;
  }
  if (hashing_.waiting() > kMaxWaitingHashes) {
    done(base::Problem{503, "busy", "Too many people sign in right now: try again.", {}, {{"Retry-After", "2"}}});
    return;
  }
  auto account = accounts_.find_by_email(request.email);
  if (!account && account.error().code != core::Code::kNotFound) {
    done(base::to_problem(account.error()));
    return;
  }
  const std::string hash = account ? account->password_hash : std::string();
  const Account found = account ? std::move(*account) : Account{};
  auto check = [hash, password = request.password]() mutable {
    PasswordCheck result = check_password(hash, password);
    core::wipe(password.data(), password.size());
    return result;
  };
  core::wipe(request.password.data(), request.password.size());
  auto finish = [this, alive = alive_, request = std::move(request), found,
                 done = std::move(done)](const PasswordCheck& result) {
    if (*alive) done(finish_login(request, found, result));
  };
  hashing_.run(std::move(check), std::move(finish));
}

SignIn::Answer SignIn::finish_login(const LoginRequest& request, const Account& account, const PasswordCheck& check) {
  if (!check.matches || !account.enabled) {
    base::log_warning("access", "sign-in refused for an account at " + request.address);
    return wrong_credentials();
  }
  throttle_.succeeded(request.email, request.address);
  const core::Utc now = now_();
  if (check.rehashed) {
    if (auto stored = accounts_.set_password_hash(account.id, *check.rehashed, now); !stored) {
      base::log_warning("access", "a renewed password hash was not stored: " + stored.error().message);
    }
  }
  if (auto purged = sessions_.purge(now); !purged) return base::to_problem(purged.error());
  const auto session = sessions_.begin(account.id, now);
  if (!session) return base::to_problem(session.error());
  base::log_info("access", "account " + account.id + " signed in from " + request.address);
  return tokens_for(account, *session);
}

SignIn::Answer SignIn::refresh(const std::string& refresh_token) {
  const auto session = sessions_.refresh(refresh_token, now_());
  if (!session && session.error().code != core::Code::kPermission) return base::to_problem(session.error());
  if (!session) {
    base::log_warning("access", session.error().message);
    return base::unauthorized("Sign in again.");
  }
  const auto account = accounts_.find(session->account_id);
  if (!account) return base::to_problem(account.error());
  if (!account->enabled) return base::unauthorized("Sign in again.");
  return tokens_for(*account, *session);
}

core::Result<std::string> SignIn::logout(const std::string& refresh_token) {
  return sessions_.end(refresh_token, now_());
}

Tokens SignIn::tokens_for(const Account& account, const Session& session) const {
  return {.access_token = issue_access_token(jwt_secret_, account.id, account.role, session.id, now_()),
          .expires_in = kAccessTokenSeconds,
          .refresh_token = session.refresh_token};
}

}  // namespace aircheck::access
