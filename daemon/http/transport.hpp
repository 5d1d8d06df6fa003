// HTTP/1.1 on connections that somebody else has accepted: libmicrohttpd, whose threads read, write and encrypt. What
// they ask of us they ask in turns of the main context. The only place that knows it.
#pragma once

#include <glib.h>
#include <sys/socket.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/main_context.hpp"
#include "base/shared_bytes.hpp"
#include "core/result.hpp"
#include "http/request_head.hpp"

struct MHD_Connection;
struct MHD_Daemon;

namespace aircheck::http {

// Who is at the other end of a connection.
struct Peer {
  int socket = -1;      // names a connection while it lives
  std::string name;     // "address:port"
  std::string address;  // numeric
};

class Transport;

// The way back to the client of one request. May outlive the connection, and does nothing then.
class ReturnPath {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // Once. `body` may be empty; the pieces are sent as they are, without a copy.
  void send(int status, Headers headers, std::vector<base::SharedBytes> body);
  [[nodiscard]] bool gone() const { return connection_ == nullptr; }

 private:
  friend class Transport;
  struct Answer {
    int status = 0;
    Headers headers;
    std::vector<base::SharedBytes> body;
  };
  ReturnPath(Transport& transport, MHD_Connection* connection) : transport_(&transport), connection_(connection) {}

  Transport* transport_;
  MHD_Connection* connection_;  // null: the request has ended
  std::optional<Answer> answer_;
  bool suspended_ = false;
  bool ends_connection_ = false;
};

// A request with the whole of its body.
struct ArrivedRequest {
  RequestHead head;
  std::string body;
  bool too_large = false;  // the body went beyond the limit and was let go of
  std::shared_ptr<const Peer> peer;
};

struct TransportOptions {
  std::string certificate_pem;  // empty: plain HTTP
  std::string key_pem;
  std::int64_t idle_ms = 60'000;  // who neither sends nor takes a byte for as long is disconnected
  std::size_t body_limit = 1 << 20;
};

// In turns of the main context, but for `refuse`, which has to be ready for any thread at any time.
struct TransportEvents {
  // Answered by the return path, at once or later.
  std::function<void(ArrivedRequest, std::shared_ptr<ReturnPath>)> request;
  // The answer is sent, or the client gone; also for what never became a request.
  std::function<void(int socket)> request_ended;
  // The socket is about to be closed; for each that was added.
  std::function<void(int socket)> closed;
  // The answer to a head that is refused, which ends the connection.
  std::function<void(std::string_view why, ReturnPath&)> refuse;
};

// Main context only; one at least has to be started by the thread that runs it.
class Transport {
 public:
  static core::Result<std::unique_ptr<Transport>> start(const TransportOptions& options, TransportEvents events);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Takes the socket over. False: it is closed.
  bool add(int socket, const sockaddr* address, socklen_t size);
  // From now on, answers end their connections.
  void retire() { retired_ = true; }
  [[nodiscard]] std::size_t connections() const { return sockets_.size(); }

 private:
  friend class ReturnPath;
  struct Incoming;
  struct Callbacks;

  Transport(const TransportOptions& options, TransportEvents events);
  core::Result<void> open(const TransportOptions& options);
  core::Result<void> watch_endings();
  void find_ended();
  void tell_of_ends();
  void begin(MHD_Connection* connection, Incoming& incoming);
  void collect(Incoming& incoming, const char* bytes, std::size_t size) const;
  void serve(MHD_Connection* connection, Incoming& incoming);

  const std::size_t body_limit_;
  const TransportEvents events_;
  MHD_Daemon* daemon_ = nullptr;
  GSource* ending_source_ = nullptr;
  int endings_ = -1;  // an epoll that says once whose client sends no more
  std::atomic<bool> retired_{false};

  // In turns of the main context.
  std::unordered_set<int> sockets_;  // that were added
  std::unordered_set<int> ended_;    // of them, those whose client sends no more
  base::Timer tell_again_;
  std::unordered_set<ReturnPath*> suspended_;  // wait for their answers
  bool stopping_ = false;
};

}  // namespace aircheck::http
