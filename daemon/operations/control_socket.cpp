#include "operations/control_socket.hpp"

#include <gio/gunixsocketaddress.h>
#include <unistd.h>

#include <array>

#include "base/log.hpp"

namespace aircheck::operations {

using core::Code;
using core::fail;

namespace {

constexpr std::size_t kLongestRequest = 8192;  // comes in one piece: it is written in one

struct Connection {
  GSocketConnection* stream;  // referenced
  std::weak_ptr<ControlSocket::Handler> handler;
  std::array<char, kLongestRequest> buffer{};

  ~Connection() { g_object_unref(stream); }
};

bool is_our_user(GSocketConnection* stream) {
  g_autoptr(GCredentials) peer = g_socket_get_credentials(g_socket_connection_get_socket(stream), nullptr);
  if (peer == nullptr) return false;
  const uid_t user = g_credentials_get_unix_user(peer, nullptr);
  return user == geteuid() || user == 0;
}

void answer(GSocketConnection* stream, const base::Json& reply) {
  const std::string line = reply.dump() + "\n";
  GOutputStream* out = g_io_stream_get_output_stream(G_IO_STREAM(stream));
  // An answer fits the socket's buffer, so this does not wait; whoever asked may have gone.
  g_output_stream_write_all(out, line.data(), line.size(), nullptr, nullptr, nullptr);
  g_io_stream_close(G_IO_STREAM(stream), nullptr, nullptr);
}

void on_read(GObject* source, GAsyncResult* result, gpointer data) noexcept {
  const std::shared_ptr<Connection> connection(static_cast<Connection*>(data));
  const gssize size = g_input_stream_read_finish(G_INPUT_STREAM(source), result, nullptr);
  const auto handler = connection->handler.lock();
  if (size <= 0 || !handler) return;
  const auto request = base::Json::parse({connection->buffer.data(), static_cast<std::size_t>(size)});
  const auto refuse = [&](const std::string& why) {
    answer(connection->stream, base::Json::object({{"ok", false}, {"error", why}}));
  };
  if (!request) return refuse("the request is no JSON: " + request.error().message);
  (*handler)(*request, [connection](const base::Json& reply) { answer(connection->stream, reply); });
}

}  // namespace

ControlSocket::ControlSocket(std::string path, Handler handler)
    : path_(std::move(path)), handler_(std::make_shared<Handler>(std::move(handler))) {}

ControlSocket::~ControlSocket() {
  if (service_ == nullptr) return;
  g_signal_handlers_disconnect_by_data(service_, this);
  g_socket_service_stop(service_);
  g_socket_listener_close(G_SOCKET_LISTENER(service_));
  g_object_unref(service_);
  unlink(path_.c_str());
}

core::Result<std::unique_ptr<ControlSocket>> ControlSocket::listen(const std::string& path, Handler handler) {
  std::unique_ptr<ControlSocket> socket(new ControlSocket(path, std::move(handler)));
  unlink(path.c_str());
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path.c_str());
  g_autoptr(GError) error = nullptr;
  socket->service_ = g_socket_service_new();
  if (g_socket_listener_add_address(G_SOCKET_LISTENER(socket->service_), address, G_SOCKET_TYPE_STREAM,
                                    G_SOCKET_PROTOCOL_DEFAULT, nullptr, nullptr, &error) == FALSE) {
    return fail(Code::kIo, "AIRCHECK_RUN_DIR: cannot listen on " + path + ": " + error->message);
  }
  g_signal_connect(socket->service_, "incoming", G_CALLBACK(on_incoming), socket.get());
  g_socket_service_start(socket->service_);
  return socket;
}

gboolean ControlSocket::on_incoming(GSocketService*, GSocketConnection* stream, GObject*, gpointer data) noexcept {
  auto* self = static_cast<ControlSocket*>(data);
  if (!is_our_user(stream)) {
    base::log_warning("station", "another user asked on the control socket and got no answer");
    return TRUE;
  }
  auto* connection = new Connection{G_SOCKET_CONNECTION(g_object_ref(stream)), self->handler_};
  g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(stream)), connection->buffer.data(),
                            connection->buffer.size(), G_PRIORITY_DEFAULT, nullptr, on_read, connection);
  return TRUE;
}

core::Result<base::Json> ask_daemon(const std::string& path, const base::Json& request, int timeout_s) {
  g_autoptr(GSocketClient) client = g_socket_client_new();
  g_socket_client_set_timeout(client, static_cast<guint>(timeout_s));
  g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path.c_str());
  g_autoptr(GError) error = nullptr;
  g_autoptr(GSocketConnection) stream = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), nullptr, &error);
  if (stream == nullptr) {
    const bool denied = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED) != FALSE;
    return fail(denied ? Code::kPermission : Code::kUnavailable,
                denied ? "the daemon belongs to another user: run this as that user or as root" : error->message);
  }
  const std::string line = request.dump() + "\n";
  std::string text;
  std::array<char, 4096> buffer{};
  gssize size = g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(stream)), line.data(), line.size(),
                                          nullptr, nullptr, &error) != FALSE
                    ? 1
                    : -1;
  while (size > 0) {
    size = g_input_stream_read(g_io_stream_get_input_stream(G_IO_STREAM(stream)), buffer.data(), buffer.size(), nullptr,
                               &error);
    if (size > 0) text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  if (size < 0) {
    const bool late = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) != FALSE;
    return fail(late ? Code::kTimeout : Code::kUnavailable, error->message);
  }
  if (text.empty()) return fail(Code::kPermission, "the daemon gave no answer: run this as its user or as root");
  return base::Json::parse(text);
}

}  // namespace aircheck::operations
