// The Unix socket on which `aircheckd stop`, `rescan` and `reload` reach the running daemon: one line of JSON each way.
//
// Only the daemon's own user and root are answered (SO_PEERCRED), beside what the mode of its directory says.
#pragma once

#include <gio/gio.h>

#include <functional>
#include <memory>
#include <string>

#include "base/json.hpp"
#include "core/result.hpp"

namespace aircheck::operations {

// Main context only.
class ControlSocket {
 public:
  // Answers one request, now or later; `reply` may be called after this object is gone.
  using Reply = std::function<void(const base::Json&)>;
  using Handler = std::function<void(const base::Json& request, Reply reply)>;

  // Takes the place of a socket that a dead daemon left.
  static core::Result<std::unique_ptr<ControlSocket>> listen(const std::string& path, Handler handler);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

 private:
  ControlSocket(std::string path, Handler handler);
  static gboolean on_incoming(GSocketService* service, GSocketConnection* connection, GObject* source,
                              gpointer self) noexcept;

  std::string path_;
  std::shared_ptr<Handler> handler_;  // null inside connections once this is gone
  GSocketService* service_ = nullptr;
};

// Asks and waits for the answer; blocks. kUnavailable: nobody listens; kTimeout: no answer in time.
[[nodiscard]] core::Result<base::Json> ask_daemon(const std::string& path, const base::Json& request, int timeout_s);

}  // namespace aircheck::operations
