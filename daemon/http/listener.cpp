#include "http/listener.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "base/log.hpp"
#include "base/problem.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

namespace {

constexpr int kBacklog = 1024;
constexpr int kAcceptBurst = 64;              // then other sources get a turn
constexpr std::size_t kMaxRefusedOpen = 200;  // connections over the limit that wait for their 503 to be read
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

}  // namespace

Listener::Listener(ListenOptions options, Accepted accepted)
    : options_(std::move(options)), accepted_(std::move(accepted)) {}

Listener::~Listener() {
  if (source_ != nullptr) g_source_destroy(source_);
  g_clear_pointer(&source_, g_source_unref);
  close_refused(std::numeric_limits<std::int64_t>::max());
  g_clear_object(&socket_);
}

core::Result<std::unique_ptr<Listener>> Listener::open(const ListenOptions& options, Accepted accepted) {
  std::unique_ptr<Listener> listener(new Listener(options, std::move(accepted)));
  AIRCHECK_TRY_VOID(listener->bind());
  listener->watch();
  // Often enough that nobody overstays by more than a tenth.
  Listener* self = listener.get();
  listener->sweep_ =
      base::Timer::every(std::max<std::int64_t>(options.idle_ms / 10, 10), [self] { self->disconnect_idle(); });
  return listener;
}

void Listener::drain() {
  draining_ = true;
  if (source_ != nullptr) g_source_destroy(source_);
  g_clear_pointer(&source_, g_source_unref);
  resume_.cancel();
  // The kernel would go on completing connections that nobody accepts.
  g_socket_close(socket_, nullptr);
  for (const auto& [socket, connection] : connections_) {
    if (!connection.busy) shutdown(socket, SHUT_RDWR);
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
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* const address = reinterpret_cast<sockaddr*>(&storage);
    const int socket = accept4(g_socket_get_fd(socket_), address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      take(socket, address, size);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    // Out of file descriptors: the socket stays readable, so looking at it again at once would burn a core.
    base::log_warning("http", std::string("cannot accept connections: ") + g_strerror(errno));
    g_source_destroy(source_);
    g_clear_pointer(&source_, g_source_unref);
    resume_ = base::Timer::once(kOutOfFilesPauseMs, [this] { watch(); });
    return;
  }
}

void Listener::take(int socket, const sockaddr* address, socklen_t size) {
  if (connections() - leaving_ >= options_.max_connections && !make_room()) return refuse(socket);
  connections_[socket] = Connection{.since_ms = now_ms()};
  if (!accepted_(socket, address, size)) forget(socket);
}

// The connection that has been idle the longest goes; where none is, somebody slow, if the server knows one. Each look
// goes through all of them, so there is none before it could find one.
bool Listener::make_room() {
  const std::int64_t now = now_ms();
  if (now >= none_yields_until_) {
    auto oldest = connections_.end();
    for (auto one = connections_.begin(); one != connections_.end(); ++one) {
      if (one->second.busy || one->second.leaving) continue;
      if (oldest == connections_.end() || one->second.since_ms < oldest->second.since_ms) oldest = one;
    }
    const std::int64_t since_ms = oldest != connections_.end() ? oldest->second.since_ms : now;
    if (since_ms + kYieldMs <= now) {
      end(oldest->first, oldest->second);
      return true;
    }
    // A request that ends now is idle from now on.
    none_yields_until_ = since_ms + kYieldMs;
  }
  return options_.make_room && options_.make_room();
}

void Listener::refuse(int socket) {
  const std::string& answer = busy_answer();
  const bool answered = !tls() && refused_.size() < kMaxRefusedOpen &&
                        send(socket, answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
  if (!answered) {
    close(socket);
    return;
  }
  shutdown(socket, SHUT_WR);
  // Closing at once would reset the connection before the client has read the answer.
  refused_.push_back({socket, now_ms() + kLingerMs});
  if (linger_.active()) return;
  linger_ = base::Timer::every(kLingerMs / 10, [this] { close_refused(now_ms()); });
}

void Listener::close_refused(std::int64_t before_ms) {
  while (!refused_.empty() && refused_.front().until_ms <= before_ms) {
    close(refused_.front().socket);
    refused_.pop_front();
  }
  if (refused_.empty()) linger_.cancel();
}

void Listener::forget(int socket) {
  const auto found = connections_.find(socket);
  if (found == connections_.end()) return;
  if (found->second.leaving) --leaving_;
  connections_.erase(found);
}

void Listener::request_begins(int socket) {
  const auto found = connections_.find(socket);
  if (found == connections_.end()) return;
  found->second.busy = true;
  found->second.since_ms = now_ms();
}

void Listener::request_ends(int socket) {
  const auto found = connections_.find(socket);
  if (found == connections_.end()) return;
  found->second.busy = false;
  found->second.since_ms = now_ms();
  if (draining_) shutdown(socket, SHUT_RDWR);
}

// The reader sees the end of the stream and closes it; forget() follows from that.
void Listener::end(int socket, Connection& connection) {
  shutdown(socket, SHUT_RDWR);
  if (!std::exchange(connection.leaving, true)) ++leaving_;
}

void Listener::disconnect(int socket) {
  if (const auto found = connections_.find(socket); found != connections_.end()) end(socket, found->second);
}

void Listener::disconnect_idle() {
  const std::int64_t oldest = now_ms() - options_.idle_ms;
  for (auto& [socket, connection] : connections_) {
    if (!connection.busy && connection.since_ms < oldest) end(socket, connection);
  }
}

std::string Listener::host() const {
  if (options_.address == "0.0.0.0") return "127.0.0.1";
  if (options_.address == "::") return "[::1]";
  const bool ipv6 = options_.address.find(':') != std::string::npos;
  return ipv6 ? "[" + options_.address + "]" : options_.address;
}

}  // namespace aircheck::http
