#include "http/idempotency.hpp"

#include <glib.h>

#include <string_view>
#include <utility>
#include <vector>

namespace aircheck::http {

namespace {

constexpr std::size_t kLongestKey = 255;

std::string digest(const std::string& body) {
  g_autofree char* text =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(body.data()), body.size());
  return text;
}

}  // namespace

struct Idempotency::Answer {
  std::string body_digest;
  int status = 0;  // 0: it is being answered
  std::string content_type = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};

  void replay(Responder& responder) const {
    for (const auto& [name, value] : headers) responder.header(name, value);
    if (content_type.empty()) return responder.empty(status);
    responder.text(status, content_type, body);
  }
};

// Stands between a handler and the client, and keeps what goes through.
class Idempotency::Recording final : public Exchange {
 public:
  Recording(Responder client, std::string request_id, std::shared_ptr<Answer> answer, std::function<void()> forget)
      : client_(std::move(client)),
        request_id_(std::move(request_id)),
        answer_(std::move(answer)),
        forget_(std::move(forget)) {}

  void set_header(const std::string& name, const std::string& value) override {
    answer_->headers.emplace_back(name, value);
  }
  void send(int status, const std::string& content_type, const std::vector<base::SharedBytes>& body) override {
    for (const base::SharedBytes& piece : body) answer_->body += base::text_of(piece);
    answer_->status = status;
    answer_->content_type = content_type;
    answer_->replay(client_);
    if (status >= 500) forget_();
  }
  // The answer is compressed on its way out, for each client anew.
  [[nodiscard]] bool accepts_gzip() const override { return false; }
  [[nodiscard]] std::string request_id() const override { return request_id_; }

 private:
  Responder client_;
  std::string request_id_;
  std::shared_ptr<Answer> answer_;
  std::function<void()> forget_;
};

Handler Idempotency::wrap(const Authenticator& authenticator, Handler handler, std::optional<access::Role> role) {
  return [this, &authenticator, role, handler = std::move(handler)](const Request& request, Responder responder) {
    const std::string* key = request.header("idempotency-key");
    if (key == nullptr) return handler(request, std::move(responder));
    if (key->empty() || key->size() > kLongestKey) {
      return responder.problem(base::bad_request("Idempotency-Key has to have 1 to 255 bytes"));
    }
    const auto caller =
        role ? authenticator.with_role(request, responder, *role) : authenticator.bearer(request, responder);
    if (!caller) return;
    answer(request, std::move(responder), caller->account_id + "\n" + request.path + "\n" + *key, handler);
  };
}

void Idempotency::answer(const Request& request, Responder responder, const std::string& name, const Handler& handler) {
  forget_old();
  const std::string body_digest = digest(request.body);
  const auto [found, first] = answers_.try_emplace(name);
  if (!first) {
    const Answer& known = *found->second;
    if (known.body_digest != body_digest) {
      return responder.problem(
          {422, "idempotency_key_reused", "this Idempotency-Key came with another body before", {}, {}});
    }
    if (known.status == 0) {
      return responder.problem(base::conflict("in_progress", "the first request of this key is being answered"));
    }
    responder.header("Idempotent-Replayed", "true");
    return known.replay(responder);
  }
  found->second = std::make_shared<Answer>(Answer{.body_digest = body_digest});
  order_.emplace_back(now_(), name);
  handler(request, Responder(std::make_shared<Recording>(std::move(responder), request.id, found->second,
                                                         [this, name] { answers_.erase(name); })));
}

void Idempotency::forget_old() {
  const core::Utc before = now_() - kKeepNs;
  while (!order_.empty() && (order_.size() >= kMost || order_.front().first < before)) {
    answers_.erase(order_.front().second);
    order_.pop_front();
  }
}

}  // namespace aircheck::http
