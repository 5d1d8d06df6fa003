// Accepts connections for a server: own sockets with a long backlog, a limit, TLS, and an eye on slow clients.
#pragma once

#include <gio/gio.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/main_context.hpp"
#include "core/result.hpp"
#include "http/watched_stream.hpp"

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
  // Gets each connection after its TLS handshake.
  using Accepted = std::function<void(GIOStream*, GSocketAddress* local, GSocketAddress* remote)>;

  static core::Result<std::unique_ptr<Listener>> open(const ListenOptions& options, Accepted accepted);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  [[nodiscard]] int port() const { return port_; }
  // The address as URLs have it; loopback for one that means all addresses.
  [[nodiscard]] std::string host() const;
  [[nodiscard]] bool tls() const { return certificate_ != nullptr; }
  [[nodiscard]] int connections() const { return static_cast<int>(connections_.size()); }

  // Takes over max_connections, and reads the certificate anew for connections to come. On an error nothing changed.
  // Whether there is TLS at all, and the address, stay.
  core::Result<void> reload(const ListenOptions& options);
  // No new connections; those without a request in hand are ended now, the others after their answer.
  void drain();
  // Of the connections, those with a request in hand.
  [[nodiscard]] int busy() const;

  // A request's headers are complete, and its answer is written (or its client gone).
  void request_begins(GSocketAddress* remote);
  void request_ends(GSocketAddress* remote);

  // Ends the connection of this name, whatever it does. It counts no more against the limit.
  void disconnect(const std::string& name);

  // "address:port", which names a connection while it lives.
  [[nodiscard]] static std::string name_of(GSocketAddress* address);

 private:
  struct Connection {
    GSocket* socket = nullptr;        // referenced
    WatchedStream* stream = nullptr;  // libsoup's; null until it has it
    std::int64_t since_ms = 0;        // last change of `busy`
    bool busy = false;
    bool leaving = false;  // disconnected by us, until libsoup has let go of it
  };
  struct Closing;
  struct Handshake;

  explicit Listener(ListenOptions options, Accepted accepted);
  core::Result<void> bind();
  void watch();
  void accept_some();
  void take(GSocket* socket);
  void refuse(GSocket* socket);
  bool make_room();
  void end(Connection& connection);
  void hand_over(GIOStream* stream, GSocketAddress* local, GSocketAddress* remote);
  void forget(const std::string& name);
  void disconnect_idle();

  static gboolean on_readable(GSocket* socket, GIOCondition condition, gpointer data) noexcept;
  static void on_closed(gpointer data, GObject* where_the_object_was) noexcept;
  static void on_handshake(GObject* source, GAsyncResult* result, gpointer data) noexcept;

  ListenOptions options_;
  Accepted accepted_;
  GSocket* socket_ = nullptr;
  GSource* source_ = nullptr;
  GTlsCertificate* certificate_ = nullptr;
  int port_ = 0;
  std::map<std::string, Connection> connections_;
  int leaving_ = 0;                     // of the connections
  std::int64_t none_yields_until_ = 0;  // monotonic ms
  int refused_open_ = 0;
  bool draining_ = false;
  base::Timer sweep_;
  base::Timer resume_;
  std::shared_ptr<Listener*> alive_;  // null inside once this is gone: callbacks of GIO may come later
};

}  // namespace aircheck::http
