// Accepts connections for a server: a socket with a long backlog, a limit, and an eye on slow clients.
#pragma once

#include <gio/gio.h>
#include <sys/socket.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/main_context.hpp"
#include "core/result.hpp"

namespace aircheck::http {

struct ListenOptions {
  std::string address = "127.0.0.1";  // numeric, or "localhost"
  int port = 0;                       // 0: any free one
  std::string tls_certificate;        // PEM files; empty: plain HTTP
  std::string tls_key;
  int max_connections = 1000;
  // A client that neither has a request in hand nor completes one within this time is disconnected, and so is one that
  // takes no byte of its answer for as long.
  std::int64_t idle_ms = 60'000;
  // Asked where there are too many connections and none is idle: disconnects one more, or says that it cannot.
  std::function<bool()> make_room = {};
};

class Listener {
 public:
  // Gets each connection, and owns its socket from then on, until it says forget(). False: it is closed already.
  using Accepted = std::function<bool(int socket, const sockaddr* address, socklen_t size)>;

  static core::Result<std::unique_ptr<Listener>> open(const ListenOptions& options, Accepted accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] int port() const { return port_; }
  // The address as URLs have it; loopback for one that means all addresses.
  [[nodiscard]] std::string host() const;
  [[nodiscard]] bool tls() const { return !options_.tls_certificate.empty(); }
  [[nodiscard]] int connections() const { return static_cast<int>(connections_.size()); }

  void set_max_connections(int most) { options_.max_connections = most; }
  // No new connections; those without a request in hand are ended now, the others after their answer.
  void drain();
  // Of the connections, those with a request in hand.
  [[nodiscard]] int busy() const;

  // Of the connection of this socket: a request is complete, and its answer is written (or its client gone).
  void request_begins(int socket);
  void request_ends(int socket);
  // It is about to be closed.
  void forget(int socket);

  // Ends the connection, whatever it does. It counts no more against the limit.
  void disconnect(int socket);

 private:
  struct Connection {
    std::int64_t since_ms = 0;  // last change of `busy`
    bool busy = false;
    bool leaving = false;  // disconnected by us, until forget()
  };
  struct Refused {
    int socket = -1;
    std::int64_t until_ms = 0;
  };

  explicit Listener(ListenOptions options, Accepted accepted);
  core::Result<void> bind();
  void watch();
  void accept_some();
  void take(int socket, const sockaddr* address, socklen_t size);
  void refuse(int socket);
  void close_refused(std::int64_t before_ms);
  bool make_room();
  void end(int socket, Connection& connection);
  void disconnect_idle();

  static gboolean on_readable(GSocket* socket, GIOCondition condition, gpointer data) noexcept;

  ListenOptions options_;
  Accepted accepted_;
  GSocket* socket_ = nullptr;
  GSource* source_ = nullptr;
  int port_ = 0;
  std::unordered_map<int, Connection> connections_;  // by socket
  int leaving_ = 0;                                  // of the connections
  std::int64_t none_yields_until_ = 0;               // monotonic ms
  std::deque<Refused> refused_;                      // the first goes first
  bool draining_ = false;
  base::Timer sweep_;
  base::Timer resume_;
  base::Timer linger_;
};

}  // namespace aircheck::http
