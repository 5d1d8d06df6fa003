// The answer to one request. Copies are handles to the same answer; keep one and answer later from the main context.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/problem.hpp"
#include "base/shared_bytes.hpp"
#include "core/result.hpp"

namespace aircheck::http {

// What the transport does with an answer.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual void set_header(const std::string& name, const std::string& value) = 0;
  // The pieces of the body, in order; none: there is no body. Called once.
  virtual void send(int status, const std::string& content_type, const std::vector<base::SharedBytes>& body) = 0;
  [[nodiscard]] virtual bool accepts_gzip() const = 0;
  [[nodiscard]] virtual std::string request_id() const = 0;
};

class Responder {
 public:
  explicit Responder(std::shared_ptr<Exchange> exchange);

  // A header of the coming answer. Call before the answer; a name that is set twice keeps the last value.
  Responder& header(const std::string& name, const std::string& value);

  // Exactly one of these answers; later calls do nothing. A request whose last Responder goes without an answer gets
  // 500. Text and JSON are compressed where the client takes gzip.
  void json(int status, const base::Json& body);
  void text(int status, const std::string& content_type, std::string_view body);
  // The pieces of the body, in order; nothing is copied.
  void bytes(int status, const std::string& content_type, const std::vector<base::SharedBytes>& body);
  void empty(int status);
  void problem(const base::Problem& problem);
  // The problem for an error of ours; what the client may not see goes to the log under the request's id.
  void error(const core::Error& error);

  [[nodiscard]] bool answered() const;
  // For answers that are kept compressed.
  [[nodiscard]] bool accepts_gzip() const;

 private:
  struct State;
  void send(int status, const std::string& content_type, const std::vector<base::SharedBytes>& body);
  void send_text(int status, const std::string& content_type, std::string_view body);

  std::shared_ptr<State> state_;
};

}  // namespace aircheck::http
