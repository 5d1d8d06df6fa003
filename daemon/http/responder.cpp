#include "http/responder.hpp"

#include "base/log.hpp"
#include "http/gzip.hpp"

namespace aircheck::http {

using base::SharedBytes;

struct Responder::State {
  std::shared_ptr<Exchange> exchange;
  bool answered = false;

  ~State() {
    if (answered) return;
    const base::RequestScope scope(std::make_shared<const std::string>(exchange->request_id()));
    base::log_error("http", "nobody answered a request");
    const base::Problem problem = base::to_problem({core::Code::kInternal, ""});
    const std::string body = problem.to_json().dump();
    exchange->send(problem.status, "application/problem+json", {base::copy_of(body)});
  }
};

Responder::Responder(std::shared_ptr<Exchange> exchange) : state_(std::make_shared<State>()) {
  state_->exchange = std::move(exchange);
}

Responder& Responder::header(const std::string& name, const std::string& value) {
  if (!state_->answered) state_->exchange->set_header(name, value);
  return *this;
}

bool Responder::answered() const {
  return state_->answered;
}

bool Responder::accepts_gzip() const {
  return state_->exchange->accepts_gzip();
}

void Responder::send(int status, const std::string& content_type, const std::vector<SharedBytes>& body) {
  if (state_->answered) return;
  state_->answered = true;
  state_->exchange->send(status, content_type, body);
}

void Responder::send_text(int status, const std::string& content_type, std::string_view body) {
  if (state_->answered) return;
  SharedBytes bytes;
  if (body.size() >= kCompressFrom) {
    header("Vary", "Accept-Encoding");
    if (state_->exchange->accepts_gzip()) bytes = gzip(body);
    if (bytes != nullptr) header("Content-Encoding", "gzip");
  }
  send(status, content_type, {bytes != nullptr ? bytes : base::copy_of(body)});
}

void Responder::json(int status, const base::Json& body) {
  send_text(status, "application/json", body.dump());
}

void Responder::text(int status, const std::string& content_type, std::string_view body) {
  send_text(status, content_type, body);
}

void Responder::bytes(int status, const std::string& content_type, const std::vector<SharedBytes>& body) {
  send(status, content_type, body);
}

void Responder::empty(int status) {
  send(status, "", {});
}

void Responder::problem(const base::Problem& problem) {
  for (const auto& [name, value] : problem.headers) header(name, value);
  header("Cache-Control", "no-store");
  send_text(problem.status, "application/problem+json", problem.to_json().dump());
}

void Responder::error(const core::Error& error) {
  const base::Problem translated = base::to_problem(error);
  if (translated.status >= 500) {
    const base::RequestScope scope(std::make_shared<const std::string>(state_->exchange->request_id()));
    base::log_warning("http", error.message);
  }
  problem(translated);
}

}  // namespace aircheck::http
