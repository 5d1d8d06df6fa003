// A TCP client that sends any bytes and reads to the end of the stream, on the test's own main context.
#pragma once

#include <gio/gio.h>

#include <string>

namespace aircheck::test {

class RawClient {
 public:
  explicit RawClient(int port) : client_(g_socket_client_new()) {
    connection_ = g_socket_client_connect_to_host(client_, "127.0.0.1", static_cast<guint16>(port), nullptr, nullptr);
    g_socket_set_blocking(socket(), FALSE);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() {
    g_object_unref(connection_);
    g_object_unref(client_);
  }

  // What does not fit into the socket's buffer goes out in closed().
  void send(const std::string& text) {
    pending_ += text;
    flush();
  }
  // Nothing more will be sent.
  void finish() {
    finished_ = true;
    flush();
  }
  // True once the server has closed, or reset, the connection; what came before is in `received`.
  bool closed() {
    flush();
    char buffer[65536];
    g_autoptr(GError) error = nullptr;
    const gssize count = g_socket_receive(socket(), buffer, sizeof buffer, nullptr, &error);
    if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
    if (count < 0) return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) == FALSE;
    return count == 0;
  }

  std::string received;

 private:
  [[nodiscard]] GSocket* socket() const { return g_socket_connection_get_socket(connection_); }

  void flush() {
    while (!pending_.empty()) {
      const gssize count = g_socket_send(socket(), pending_.data(), pending_.size(), nullptr, nullptr);
      if (count <= 0) return;
      pending_.erase(0, static_cast<std::size_t>(count));
    }
    if (finished_) g_socket_shutdown(socket(), FALSE, TRUE, nullptr);
    finished_ = false;
  }

  GSocketClient* client_;
  GSocketConnection* connection_ = nullptr;
  std::string pending_;
  bool finished_ = false;
};

}  // namespace aircheck::test
