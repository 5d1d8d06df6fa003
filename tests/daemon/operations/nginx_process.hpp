// nginx with data/nginx in front of a station.
#pragma once

#include <gio/gio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "support/process.hpp"

namespace aircheck::test {

class NginxProcess {
 public:
  struct Options {
    std::string folder;    // of its own: configuration, logs, temporary files
    std::string upstream;  // the station, address:port
    std::string segments;
    std::string link_key = {};  // empty: addresses of segments are not signed
    int connections = 1024;     // clients and upstream
  };

  NginxProcess() = default;
  NginxProcess(const NginxProcess&) = delete;
  NginxProcess& operator=(const NginxProcess&) = delete;
  ~NginxProcess() { end(); }

  // True once it answers.
  bool start(const Options& options) {
    const std::string root = g_getenv("AIRCHECK_TEST_SOURCE_ROOT");
    const std::string& folder = options.folder;
    std::filesystem::create_directories(folder);
    std::ofstream(folder + "/nginx.conf")
        << "daemon off; pid " << folder << "/pid; error_log stderr crit; worker_processes 1; worker_rlimit_nofile "
        << options.connections + 100 << ";\n"
        << (getuid() == 0 ? "user root;\n" : "") << "events { worker_connections " << options.connections
        << "; }\nhttp {\n  client_body_temp_path " << folder << "/body; proxy_temp_path " << folder
        << "/proxy; fastcgi_temp_path " << folder << "/f; uwsgi_temp_path " << folder << "/u; scgi_temp_path " << folder
        << "/s;\n  include " << folder << "/aircheck.conf;\n}\n";
    for (int attempt = 0; attempt < 5 && pid_ == 0; ++attempt) {
      port_ = free_port();
      const std::string address = "127.0.0.1:" + std::to_string(port_);
      const auto made =
          run("AIRCHECK_LISTEN=" + address + " AIRCHECK_UPSTREAM=" + options.upstream +
              " AIRCHECK_SEGMENTS=" + options.segments + " AIRCHECK_NGINX_LOGS=" + folder + " AIRCHECK_LINK_KEY='" +
              options.link_key + "' envsubst " +
              "'$AIRCHECK_LISTEN $AIRCHECK_UPSTREAM $AIRCHECK_SEGMENTS $AIRCHECK_NGINX_LOGS $AIRCHECK_LINK_KEY' < " +
              root + "/data/nginx/aircheck.conf.template > " + folder + "/aircheck.conf && nginx -t -c " + folder +
              "/nginx.conf 2>&1");
      why_ = made.output;
      if (made.exit != 0) return false;
      url_ = "http://" + address;
      if (spawn(folder + "/nginx.conf")) wait_until_it_answers();
    }
    return pid_ != 0;
  }
  void end() {
    if (pid_ == 0) return;
    kill(pid_, SIGTERM);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] int port() const { return port_; }
  // What nginx had to say where it did not start.
  [[nodiscard]] const std::string& why() const { return why_; }

 private:
  // A port that was free a moment ago; nginx itself says when it is not any more.
  static int free_port() {
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    return g_socket_listener_add_any_inet_port(listener, nullptr, nullptr);
  }
  bool spawn(std::string config) {
    std::string name = "nginx";
    std::string option = "-c";
    char* argv[] = {name.data(), option.data(), config.data(), nullptr};
    return g_spawn_async(nullptr, argv, nullptr,
                         static_cast<GSpawnFlags>(G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD), nullptr, nullptr,
                         &pid_, nullptr) != FALSE;
  }
  void wait_until_it_answers() {
    const std::int64_t give_up = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;
    while (g_get_monotonic_time() < give_up) {
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = 0;
        return;
      }
      if (run("curl -s -f -o /dev/null " + url_ + "/health").exit == 0) return;
    }
    end();
  }

  pid_t pid_ = 0;
  int port_ = 0;
  std::string url_;
  std::string why_;
};

}  // namespace aircheck::test
