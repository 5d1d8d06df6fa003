// Signing in, renewing and signing out: what the routes below /api/v1/auth do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "access/accounts.hpp"
#include "access/jws.hpp"
#include "access/login_throttle.hpp"
#include "access/password.hpp"
#include "access/sessions.hpp"
#include "base/problem.hpp"
#include "base/worker_pool.hpp"
#include "core/time.hpp"

namespace aircheck::access {

struct Tokens {
  std::string access_token;
  std::int64_t expires_in = 0;  // seconds
  std::string refresh_token;
};

struct LoginRequest {
  std::string email;
  std::string password;
  std::string address;  // of the client
};

// Main context only; password hashes run on threads of their own, three at a time.
class SignIn {
 public:
  using Answer = std::variant<Tokens, base::Problem>;

  // Accounts and sessions have to outlive this. jwt_secret: JWT_SECRET.
  SignIn(Accounts& accounts, Sessions& sessions, HmacSecret jwt_secret, std::function<core::Utc()> now);
  ~SignIn();
  SignIn(const SignIn&) = delete;
  SignIn& operator=(const SignIn&) = delete;

  // Answers later, unless the request is refused at once.
  void login(LoginRequest request, std::function<void(Answer)> done);
  [[nodiscard]] Answer refresh(const std::string& refresh_token);
  // Ends the session and says its id, empty where there was none.
  core::Result<std::string> logout(const std::string& refresh_token);

 private:
  [[nodiscard]] Answer finish_login(const LoginRequest& request, const Account& account, const PasswordCheck& check);
  [[nodiscard]] Tokens tokens_for(const Account& account, const Session& session) const;

  Accounts& accounts_;
  Sessions& sessions_;
  HmacSecret jwt_secret_;
  std::function<core::Utc()> now_;
  LoginThrottle throttle_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  base::WorkerPool hashing_;
};

}  // namespace aircheck::access
