// Idempotency-Key: a POST that is sent again, because its answer was lost, creates nothing twice.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "http/authenticate.hpp"
#include "http/router.hpp"

namespace aircheck::http {

// Answers are kept in memory for a day, the last kMost of them: a restart forgets them. Main context only.
class Idempotency {
 public:
  static constexpr std::int64_t kKeepNs = 24 * 3600 * core::kNsPerSecond;
  static constexpr std::size_t kMost = 1000;

  explicit Idempotency(std::function<core::Utc()> now) : now_(std::move(now)) {}

  // As the handler; where the request has a key, the same account, path and key get the first answer again, with
  // `Idempotent-Replayed: true`. 422 for a key with another body, 409 while the first is being answered, 400 for a key
  // that is empty or longer than 255 bytes. Who has not got `role` any more is refused as by the handler (401, 403).
  // Answers of 5xx, and those before sign-in or without that role, are not kept. This has to outlive the handler.
  [[nodiscard]] Handler wrap(const Authenticator& authenticator, Handler handler,
                             std::optional<access::Role> role = std::nullopt);

 private:
  struct Answer;
  class Recording;

  void answer(const Request& request, Responder responder, const std::string& name, const Handler& handler);
  void forget_old();

  std::function<core::Utc()> now_;
  std::map<std::string, std::shared_ptr<Answer>> answers_;
  std::deque<std::pair<core::Utc, std::string>> order_;
};

}  // namespace aircheck::http
