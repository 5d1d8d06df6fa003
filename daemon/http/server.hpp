// The HTTP server: a Router behind libmicrohttpd, with CORS, trusted proxies, limits and an orderly end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "http/listener.hpp"
#include "http/router.hpp"
#include "http/traffic_meter.hpp"

namespace aircheck::http {

struct ServerOptions {
  ListenOptions listen;
  std::string public_url;                    // empty: from the request's Host
  std::vector<std::string> trusted_proxies;  // addresses or CIDR blocks
  std::vector<std::string> cors_origins;     // for /api/
  std::size_t body_limit = 1 << 20;          // bytes; above: 413
  std::shared_ptr<TrafficMeter> meter;       // gets every answer; null: nobody counts
};

// Main context only. The router is read while the server lives and has to stay where it is.
class Server {
 public:
  // Listens and answers from now on.
  static core::Result<std::unique_ptr<Server>> start(const ServerOptions& options, const Router& router);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Takes over what may change while it runs: public_url, trusted_proxies, cors_origins, of `listen` max_connections,
  // and reads the certificate anew for connections to come. On an error nothing changed.
  core::Result<void> reload(const ServerOptions& options);

  // Accepts nothing more, lets open answers finish for `limit_ms` at most, then calls `done`, unless this is destroyed
  // before.
  void drain(std::int64_t limit_ms, std::function<void()> done);

  [[nodiscard]] int port() const;
  // "http://127.0.0.1:8000": how this machine reaches us.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] int connections() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace aircheck::http
