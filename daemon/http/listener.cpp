#include "http/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/problem.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptBurst = 64;      // then other sources get a turn
constexpr int kMaxRefusedOpen = 200;  // connections over the limit that wait for their 503 to be read
constexpr std::int64_t kLingerMs = 1000;
// Without a request in hand for as long, a connection gives way to a new one at the limit. Players that keep theirs
// between two playlists make another.
constexpr std::int64_t kYieldMs = 1000;
constexpr std::int64_t kOutOfFilesPauseMs = 200;

const std::string& busy_answer() {
  static const std::string kAnswer = [] {
    base::Problem problem{503, "too_many_connections", "too many connections: try again shortly", {}, {}};
    const std::string body = problem.to_json().dump();
    return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\nRetry-After: 2\r\nConnection: close\r\n\r\n" + body;
  }();
  return kAnswer;
}

std::int64_t now_ms() {
  return g_get_monotonic_time() / 1000;
}

core::Error from_gerror(const GError* error) {
  const bool not_found = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) != FALSE ||
                         g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) != FALSE;
  return {not_found ? Code::kNotFound : Code::kInvalidArgument, error->message};
}

core::Result<GTlsCertificate*> load_certificate(const ListenOptions& options) {
  g_autoptr(GError) error = nullptr;
  GTlsCertificate* const certificate =
      g_tls_certificate_new_from_files(options.tls_certificate.c_str(), options.tls_key.c_str(), &error);
  if (certificate != nullptr) return certificate;
  return core::Unexpected(
      from_gerror(error).with_context("TLS certificate " + options.tls_certificate + " with key " + options.tls_key));
}

}  // namespace

// What the stream's weak reference carries: the listener, if it still is there, and the connection's name.
struct Listener::Closing {
  std::shared_ptr<Listener*> listener;
  std::string name;
};

struct Listener::Handshake {
  std::shared_ptr<Listener*> listener;
  std::string name;
  GSocketAddress* local;
  GSocketAddress* remote;

  ~Handshake() {
    g_clear_object(&local);
    g_clear_object(&remote);
  }
};

Listener::Listener(ListenOptions options, Accepted accepted)
    : options_(std::move(options)), accepted_(std::move(accepted)), alive_(std::make_shared<Listener*>(this)) {}

Listener::~Listener() {
  *alive_ = nullptr;
  if (source_ != nullptr) g_source_destroy(source_);
  g_clear_pointer(&source_, g_source_unref);
  for (auto& [name, connection] : connections_) {
    g_socket_shutdown(connection.socket, TRUE, TRUE, nullptr);
    g_object_unref(connection.socket);
  }
  g_clear_object(&socket_);
  g_clear_object(&certificate_);
}

core::Result<std::unique_ptr<Listener>> Listener::open(const ListenOptions& options, Accepted accepted) {
  std::unique_ptr<Listener> listener(new Listener(options, std::move(accepted)));
  if (!options.tls_certificate.empty()) {
    AIRCHECK_TRY(listener->certificate_, load_certificate(options));
  }
  AIRCHECK_TRY_VOID(listener->bind());
  listener->watch();
  // Often enough that nobody overstays by more than a tenth.
  Listener* self = listener.get();
  listener->sweep_ =
      base::Timer::every(std::max<std::int64_t>(options.idle_ms / 10, 10), [self] { self->disconnect_idle(); });
  return listener;
}

core::Result<void> Listener::reload(const ListenOptions& options) {
  if (certificate_ != nullptr) {
    AIRCHECK_TRY(GTlsCertificate * fresh, load_certificate(options));
    g_object_unref(std::exchange(certificate_, fresh));
  }
  options_.max_connections = options.max_connections;
  return {};
}

void Listener::drain() {
  draining_ = true;
  if (source_ != nullptr) g_source_destroy(source_);
  g_clear_pointer(&source_, g_source_unref);
  resume_.cancel();
  // The kernel would go on completing connections that nobody accepts.
  g_socket_close(socket_, nullptr);
  for (auto& [name, connection] : connections_) {
    if (!connection.busy) g_socket_shutdown(connection.socket, TRUE, TRUE, nullptr);
  }
}

int Listener::busy() const {
  return static_cast<int>(std::ranges::count_if(connections_, [](const auto& entry) { return entry.second.busy; }));
}

core::Result<void> Listener::bind() {
  const std::string where = options_.address + ":" + std::to_string(options_.port);
  const std::string numeric = options_.address == "localhost" ? "127.0.0.1" : options_.address;
  g_autoptr(GSocketAddress) address =
      g_inet_socket_address_new_from_string(numeric.c_str(), static_cast<guint>(options_.port));
  if (address == nullptr) {
    return fail(Code::kInvalidArgument, "--listen: '" + options_.address + "' is no IP address of this machine");
  }
  g_autoptr(GError) error = nullptr;
  socket_ = g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  if (socket_ == nullptr) return fail(Code::kIo, "cannot open a socket: " + std::string(error->message));
  g_socket_set_listen_backlog(socket_, kBacklog);
  g_socket_set_blocking(socket_, FALSE);
  if (g_socket_bind(socket_, address, TRUE, &error) == FALSE || g_socket_listen(socket_, &error) == FALSE) {
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_ADDRESS_IN_USE) != FALSE) {
      return fail(Code::kExists, "--port: " + where + " is in use: stop the other program or give another --port");
    }
    return fail(Code::kIo, "--listen: cannot listen on " + where + ": " + error->message);
  }
  g_autoptr(GSocketAddress) bound = g_socket_get_local_address(socket_, nullptr);
  port_ = g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound));
  return {};
}

void Listener::watch() {
  source_ = g_socket_create_source(socket_, G_IO_IN, nullptr);
  // GSource callbacks take their real type through GSourceFunc.
  g_source_set_callback(source_, reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(on_readable)), this,
                        nullptr);
  g_source_attach(source_, nullptr);
}

gboolean Listener::on_readable(GSocket*, GIOCondition, gpointer data) noexcept {
  auto* self = static_cast<Listener*>(data);
  self->accept_some();
  return self->source_ != nullptr ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void Listener::accept_some() {
  for (int i = 0; i < kAcceptBurst; ++i) {
    g_autoptr(GError) error = nullptr;
    g_autoptr(GSocket) socket = g_socket_accept(socket_, nullptr, &error);
    if (socket != nullptr) {
      take(socket);
      continue;
    }
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) != FALSE) return;
    // Out of file descriptors: the socket stays readable, so looking at it again at once would burn a core.
    base::log_warning("http", std::string("cannot accept connections: ") + error->message);
    g_clear_pointer(&source_, g_source_unref);
    resume_ = base::Timer::once(kOutOfFilesPauseMs, [this] { watch(); });
    return;
  }
}

void Listener::take(GSocket* socket) {
  if (connections() - leaving_ >= options_.max_connections && !make_room()) return refuse(socket);
  g_autoptr(GSocketAddress) remote = g_socket_get_remote_address(socket, nullptr);
  g_autoptr(GSocketAddress) local = g_socket_get_local_address(socket, nullptr);
  if (remote == nullptr || local == nullptr) return;  // gone already
  g_socket_set_timeout(socket, static_cast<guint>(std::max<std::int64_t>(options_.idle_ms / 1000, 1)));
  g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, nullptr);
  g_autoptr(GSocketConnection) plain = g_socket_connection_factory_create_connection(socket);
  const std::string name = name_of(remote);
  connections_[name] = Connection{.socket = G_SOCKET(g_object_ref(socket)), .since_ms = now_ms()};
  g_object_weak_ref(G_OBJECT(plain), on_closed, new Closing{alive_, name});
  if (certificate_ == nullptr) return hand_over(G_IO_STREAM(plain), local, remote);

  g_autoptr(GError) error = nullptr;
  g_autoptr(GIOStream) stream = g_tls_server_connection_new(G_IO_STREAM(plain), certificate_, &error);
  if (stream == nullptr) {
    base::log_warning("http", std::string("TLS: ") + error->message);
    return;
  }
  auto* handshake = new Handshake{alive_, name, std::exchange(local, nullptr), std::exchange(remote, nullptr)};
  g_tls_connection_handshake_async(G_TLS_CONNECTION(stream), G_PRIORITY_DEFAULT, nullptr, on_handshake, handshake);
}

void Listener::on_handshake(GObject* source, GAsyncResult* result, gpointer data) noexcept {
  const std::unique_ptr<Handshake> handshake(static_cast<Handshake*>(data));
  g_autoptr(GError) error = nullptr;
  if (g_tls_connection_handshake_finish(G_TLS_CONNECTION(source), result, &error) == FALSE) {
    base::log_debug("http", "TLS handshake with " + handshake->name + ": " + error->message);
    return;
  }
  if (Listener* self = *handshake->listener) self->hand_over(G_IO_STREAM(source), handshake->local, handshake->remote);
}

void Listener::hand_over(GIOStream* stream, GSocketAddress* local, GSocketAddress* remote) {
  const auto found = connections_.find(name_of(remote));
  if (found == connections_.end()) return;
  WatchedStream* const watched = watched_stream_new(stream);
  found->second.stream = watched;
  accepted_(G_IO_STREAM(watched), local, remote);
  g_object_unref(watched);
}

// The connection that has been idle the longest goes; where none is, somebody slow, if the server knows one. Each look
// goes through all of them, so there is none before it could find one.
bool Listener::make_room() {
  const std::int64_t now = now_ms();
  if (now >= none_yields_until_) {
    Connection* oldest = nullptr;
    for (auto& [name, connection] : connections_) {
      if (connection.busy || connection.leaving) continue;
      if (oldest == nullptr || connection.since_ms < oldest->since_ms) oldest = &connection;
    }
    if (oldest != nullptr && oldest->since_ms + kYieldMs <= now) {
      end(*oldest);
      return true;
    }
    // A request that ends now is idle from now on.
    none_yields_until_ = oldest != nullptr ? oldest->since_ms + kYieldMs : now + kYieldMs;
  }
  return options_.make_room && options_.make_room();
}

void Listener::refuse(GSocket* socket) {
  if (certificate_ != nullptr || refused_open_ >= kMaxRefusedOpen) return;
  g_socket_set_blocking(socket, FALSE);
  const std::string& answer = busy_answer();
  if (g_socket_send(socket, answer.data(), answer.size(), nullptr, nullptr) < 0) return;
  g_socket_shutdown(socket, FALSE, TRUE, nullptr);
  // Closing at once would reset the connection before the client has read the answer.
  ++refused_open_;
  GSocket* kept = G_SOCKET(g_object_ref(socket));
  g_timeout_add_full(
      G_PRIORITY_DEFAULT, kLingerMs,
      [](gpointer pair) -> gboolean {
        const auto* closing = static_cast<std::pair<std::shared_ptr<Listener*>, GSocket*>*>(pair);
        if (Listener* self = *closing->first) --self->refused_open_;
        return G_SOURCE_REMOVE;
      },
      new std::pair<std::shared_ptr<Listener*>, GSocket*>(alive_, kept),
      [](gpointer pair) {
        auto* closing = static_cast<std::pair<std::shared_ptr<Listener*>, GSocket*>*>(pair);
        g_object_unref(closing->second);
        delete closing;
      });
}

void Listener::on_closed(gpointer data, GObject*) noexcept {
  const std::unique_ptr<Closing> closing(static_cast<Closing*>(data));
  if (Listener* self = *closing->listener) self->forget(closing->name);
}

void Listener::forget(const std::string& name) {
  const auto found = connections_.find(name);
  if (found == connections_.end()) return;
  if (found->second.leaving) --leaving_;
  g_object_unref(found->second.socket);
  connections_.erase(found);
}

void Listener::request_begins(GSocketAddress* remote) {
  const auto found = connections_.find(name_of(remote));
  if (found == connections_.end()) return;
  found->second.busy = true;
  found->second.since_ms = now_ms();
}

void Listener::request_ends(GSocketAddress* remote) {
  const auto found = connections_.find(name_of(remote));
  if (found == connections_.end()) return;
  found->second.busy = false;
  if (found->second.stream != nullptr) watched_stream_wait(found->second.stream);
  found->second.since_ms = now_ms();
  if (draining_) g_socket_shutdown(found->second.socket, TRUE, TRUE, nullptr);
}

// The reader in libsoup sees the end of the stream and lets go of it; forget() follows from that.
void Listener::end(Connection& connection) {
  g_socket_shutdown(connection.socket, TRUE, TRUE, nullptr);
  if (!std::exchange(connection.leaving, true)) ++leaving_;
}

void Listener::disconnect(const std::string& name) {
  if (const auto found = connections_.find(name); found != connections_.end()) end(found->second);
}

void Listener::disconnect_idle() {
  const std::int64_t oldest = now_ms() - options_.idle_ms;
  for (auto& [name, connection] : connections_) {
    if (!connection.busy && connection.since_ms < oldest) end(connection);
  }
}

std::string Listener::host() const {
  if (options_.address == "0.0.0.0") return "127.0.0.1";
  if (options_.address == "::") return "[::1]";
  const bool ipv6 = options_.address.find(':') != std::string::npos;
  return ipv6 ? "[" + options_.address + "]" : options_.address;
}

std::string Listener::name_of(GSocketAddress* address) {
  if (address == nullptr || !G_IS_INET_SOCKET_ADDRESS(address)) return {};
  auto* inet = G_INET_SOCKET_ADDRESS(address);
  g_autofree char* text = g_inet_address_to_string(g_inet_socket_address_get_address(inet));
  return std::string(text) + ":" + std::to_string(g_inet_socket_address_get_port(inet));
}

}  // namespace aircheck::http
