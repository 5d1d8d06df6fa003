#include "http/server.hpp"

#include <gio/gio.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "base/certificate.hpp"
#include "base/files.hpp"
#include "base/log.hpp"
#include "http/exchange.hpp"
#include "http/large_answers.hpp"
#include "http/transport.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

namespace {

constexpr std::int64_t kDrainLookMs = 10;
constexpr std::int64_t kRetiredLookMs = 1000;
constexpr std::size_t kMostPemBytes = 1 << 20;
constexpr const char* kExposed = "X-Expires-At, X-Request-Id, Retry-After, ETag";
constexpr const char* kAllowedHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Range";
constexpr const char* kAllowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";

core::Result<std::string> read_text(const std::string& path) {
  AIRCHECK_TRY(const core::Bytes bytes, base::read_file(path, kMostPemBytes));
  return std::string(bytes.begin(), bytes.end());
}

// What the transport takes; GIO says what is wrong with a certificate, libmicrohttpd does not.
core::Result<TransportOptions> transport_options(const ServerOptions& options) {
  TransportOptions made{.idle_ms = options.listen.idle_ms, .body_limit = options.body_limit};
  const ListenOptions& listen = options.listen;
  if (listen.tls_certificate.empty()) return made;
  AIRCHECK_TRY_VOID(base::read_certificate(listen.tls_certificate, listen.tls_key));
  AIRCHECK_TRY(made.certificate_pem, read_text(listen.tls_certificate));
  AIRCHECK_TRY(made.key_pem, read_text(listen.tls_key));
  return made;
}

std::string digest_of(const TransportOptions& options) {
  const std::string text = options.certificate_pem + options.key_pem;
  g_autofree char* digest =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(text.data()), text.size());
  return digest;
}

// RFC 9110 section 5.3: lines of one name are one list.
std::string joined(const Request& request, std::string_view name) {
  std::string list;
  for (const auto& [given, value] : request.headers) {
    if (given == name) list += (list.empty() ? "" : ",") + value;
  }
  return list;
}

std::string last_entry(const std::string& list) {
  const std::size_t comma = list.rfind(',');
  std::string last = list.substr(comma == std::string::npos ? 0 : comma + 1);
  last.erase(0, last.find_first_not_of(" \t"));
  return last.substr(0, last.find_last_not_of(" \t") + 1);
}

// What an address that we give out may hold without being encoded.
bool is_plain(const std::string& host) {
  return std::ranges::all_of(host, [](char c) { return g_ascii_isalnum(c) || std::strchr("-._~:[]", c) != nullptr; });
}

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, const Router& router) : options_(std::move(options)), router_(router) {}
  ~Impl() {
    large_->close();
    // They still speak of their connections to the listener.
    transport_.reset();
    retired_.clear();
    free_masks(proxies_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  core::Result<void> start();
  core::Result<void> reload(const ServerOptions& options);
  void drain(std::int64_t limit_ms, std::function<void()> done);
  [[nodiscard]] const Listener& listener() const { return *listener_; }

 private:
  using Masks = std::vector<GInetAddressMask*>;
  static core::Result<Masks> parse_proxies(const std::vector<std::string>& texts);
  static void free_masks(const Masks& masks);
  core::Result<std::unique_ptr<Transport>> make_transport(const TransportOptions& options);
  core::Result<void> take_certificate(const ServerOptions& options);
  void retire(std::unique_ptr<Transport> transport);
  void handle(ArrivedRequest arrived, const std::shared_ptr<ReturnPath>& path);
  void dispatch(Request request, bool too_large, ServerExchange::Summary& summary, Responder responder);
  Request make_request(ArrivedRequest arrived) const;
  std::string forwarded_client(const Request& request, const std::string& peer) const;
  void fill_address(const Peer& peer, std::string_view authority, Request& request) const;
  bool is_trusted(const std::string& address) const;
  // True: it was a preflight, and it is answered.
  bool cors(const Request& request, Responder& responder) const;

  ServerOptions options_;
  const Router& router_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Transport> transport_;             // gets the new connections
  std::vector<std::unique_ptr<Transport>> retired_;  // have connections from before a change of certificate
  // Exchanges may outlive us.
  std::shared_ptr<LargeAnswers> large_ =
      std::make_shared<LargeAnswers>([this](int socket) { listener_->disconnect(socket); });
  std::string certificate_;  // digest of what transport_ presents
  Masks proxies_;
  base::Timer drain_timer_;
  base::Timer retired_timer_;
};

core::Result<Server::Impl::Masks> Server::Impl::parse_proxies(const std::vector<std::string>& texts) {
  Masks masks;
  for (const std::string& text : texts) {
    GInetAddressMask* mask = g_inet_address_mask_new_from_string(text.c_str(), nullptr);
    if (mask != nullptr) {
      masks.push_back(mask);
      continue;
    }
    free_masks(masks);
    return fail(Code::kInvalidArgument,
                "AIRCHECK_TRUSTED_PROXIES: '" + text + "' has to be an IP address or a CIDR block");
  }
  return masks;
}

void Server::Impl::free_masks(const Masks& masks) {
  for (GInetAddressMask* mask : masks) g_object_unref(mask);
}

core::Result<void> Server::Impl::reload(const ServerOptions& options) {
  AIRCHECK_TRY(Masks masks, parse_proxies(options.trusted_proxies));
  if (listener_->tls()) {
    if (auto taken = take_certificate(options); !taken) {
      free_masks(masks);
      return taken;
    }
  }
  listener_->set_max_connections(options.listen.max_connections);
  free_masks(std::exchange(proxies_, std::move(masks)));
  options_.public_url = options.public_url;
  options_.cors_origins = options.cors_origins;
  return {};
}

// libmicrohttpd takes a certificate when it starts, and never again. One that has not changed needs no other threads.
core::Result<void> Server::Impl::take_certificate(const ServerOptions& options) {
  AIRCHECK_TRY(const TransportOptions wanted, transport_options(options));
  if (digest_of(wanted) == certificate_) return {};
  AIRCHECK_TRY(std::unique_ptr<Transport> transport, make_transport(wanted));
  retire(std::exchange(transport_, std::move(transport)));
  return {};
}

void Server::Impl::retire(std::unique_ptr<Transport> transport) {
  transport->retire();
  retired_.push_back(std::move(transport));
  retired_timer_ = base::Timer::every(kRetiredLookMs, [this] {
    const auto done =
        std::partition(retired_.begin(), retired_.end(), [](const auto& old) { return old->connections() > 0; });
    // They give way to their threads while they go.
    const std::vector<std::unique_ptr<Transport>> ending(std::make_move_iterator(done),
                                                         std::make_move_iterator(retired_.end()));
    retired_.erase(done, retired_.end());
    if (retired_.empty()) retired_timer_.cancel();
  });
}

void Server::Impl::drain(std::int64_t limit_ms, std::function<void()> done) {
  listener_->drain();
  const std::int64_t deadline_us = g_get_monotonic_time() + limit_ms * 1000;
  drain_timer_ = base::Timer::every(kDrainLookMs, [this, deadline_us, done = std::move(done)] {
    const int left = listener_->busy();
    if (left > 0 && g_get_monotonic_time() < deadline_us) return;
    if (left > 0) base::log_warning("http", std::to_string(left) + " answers were cut off");
    // The callback destroys this object.
    const auto finished = done;
    drain_timer_.cancel();
    finished();
  });
}

core::Result<std::unique_ptr<Transport>> Server::Impl::make_transport(const TransportOptions& options) {
  AIRCHECK_TRY(std::unique_ptr<Transport> transport,
               Transport::start(options, {.request =
                                              [this](ArrivedRequest arrived, const std::shared_ptr<ReturnPath>& path) {
                                                handle(std::move(arrived), path);
                                              },
                                          .request_ended =
                                              [this](int socket) {
                                                if (!large_->empty()) large_->end(socket);
                                                listener_->request_ends(socket);
                                              },
                                          .closed = [this](int socket) { listener_->forget(socket); },
                                          .refuse = refuse_malformed}));
  certificate_ = digest_of(options);
  return transport;
}

core::Result<void> Server::Impl::start() {
  AIRCHECK_TRY(proxies_, parse_proxies(options_.trusted_proxies));
  AIRCHECK_TRY(const TransportOptions options, transport_options(options_));
  AIRCHECK_TRY(transport_, make_transport(options));
  ListenOptions listen = options_.listen;
  listen.make_room = [this] { return large_->cut_slowest(); };
  AIRCHECK_TRY(listener_, Listener::open(listen, [this](int socket, const sockaddr* address, socklen_t size) {
                 return transport_->add(socket, address, size);
               }));
  return {};
}

bool Server::Impl::is_trusted(const std::string& address) const {
  if (proxies_.empty()) return false;
  g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(address.c_str());
  return inet != nullptr && std::any_of(proxies_.begin(), proxies_.end(), [&](GInetAddressMask* mask) {
           return g_inet_address_mask_matches(mask, inet) != FALSE;
         });
}

// Each proxy writes down who came to it, behind what it was told, in the same line or in one of its own. So the last
// entry is our proxy's word, and who it names is believed as far as it is a proxy of ours too.
std::string Server::Impl::forwarded_client(const Request& request, const std::string& peer) const {
  std::string client = peer;
  std::string list = joined(request, "x-forwarded-for");
  while (!list.empty() && is_trusted(client)) {
    const std::string last = last_entry(list);
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(last.c_str());
    if (address == nullptr) break;
    client = last;
    const std::size_t comma = list.rfind(',');
    list.resize(comma == std::string::npos ? 0 : comma);
  }
  return client;
}

void Server::Impl::fill_address(const Peer& peer, std::string_view authority, Request& request) const {
  std::string scheme = listener_->tls() ? "https" : "http";
  // RFC 9112 section 3.2.2: what the target says goes before the header.
  const std::string* header = request.header("host");
  const std::string host = authority.empty() && header != nullptr ? *header : std::string(authority);
  request.client_address = peer.address;
  if (is_trusted(peer.address)) {
    request.client_address = forwarded_client(request, peer.address);
    if (const std::string proto = last_entry(joined(request, "x-forwarded-proto")); !proto.empty()) {
      scheme = proto == "https" ? "https" : "http";
    }
  }
  if (!options_.public_url.empty()) {
    request.base_url = options_.public_url;
  } else if (!host.empty() && is_plain(host)) {
    request.base_url = scheme + "://" + host;
  } else {
    request.base_url = scheme + "://" + listener_->host() + ":" + std::to_string(listener_->port());
  }
}

Request Server::Impl::make_request(ArrivedRequest arrived) const {
  Request request;
  request.method = arrived.head.method == "HEAD" ? "GET" : std::move(arrived.head.method);
  const Target target = parse_target(arrived.head.target).value_or(Target{});
  request.path = target.path;
  request.query = parse_query(target.query);
  request.headers = std::move(arrived.head.headers);
  request.body = std::move(arrived.body);
  fill_address(*arrived.peer, target.authority, request);
  return request;
}

void Server::Impl::handle(ArrivedRequest arrived, const std::shared_ptr<ReturnPath>& path) {
  listener_->request_begins(arrived.peer->socket);
  const auto exchange = std::make_shared<ServerExchange>(arrived.head, arrived.peer, path, options_.meter, large_);
  const base::RequestScope scope(std::make_shared<const std::string>(exchange->request_id()));
  ServerExchange::Summary& summary = exchange->summary;
  summary.method = arrived.head.method;
  const bool too_large = arrived.too_large;
  Request request = make_request(std::move(arrived));
  request.id = exchange->request_id();
  summary.path = request.path;
  summary.client_address = request.client_address;
  if (const std::string* kind = request.query_value("kind")) summary.kind = *kind;
  dispatch(std::move(request), too_large, summary, Responder(exchange));
}

bool Server::Impl::cors(const Request& request, Responder& responder) const {
  const bool streams = request.path.starts_with("/hls/");
  const bool api = request.path.starts_with("/api/");
  const std::string* origin = request.header("origin");
  const bool preflight =
      request.method == "OPTIONS" && origin != nullptr && request.header("access-control-request-method") != nullptr;
  if (streams) {
    responder.header("Access-Control-Allow-Origin", "*");
  } else if (api && !options_.cors_origins.empty()) {
    responder.header("Vary", "Origin");
    const auto& allowed = options_.cors_origins;
    const bool listed = origin != nullptr && std::find(allowed.begin(), allowed.end(), *origin) != allowed.end();
    if (listed) responder.header("Access-Control-Allow-Origin", *origin);
  }
  if (streams || api) responder.header("Access-Control-Expose-Headers", kExposed);
  if (!preflight || !(streams || api)) return false;
  responder.header("Access-Control-Allow-Methods", kAllowedMethods);
  responder.header("Access-Control-Allow-Headers", kAllowedHeaders);
  responder.header("Access-Control-Max-Age", "600");
  responder.empty(204);
  return true;
}

void Server::Impl::dispatch(Request request, bool too_large, ServerExchange::Summary& summary, Responder responder) {
  if (cors(request, responder)) return;
  if (too_large) {
    responder.header("Connection", "close");
    return responder.problem(
        {413, "too_large", "the body is longer than " + std::to_string(options_.body_limit) + " bytes", {}, {}});
  }
  Router::Match match = router_.match(summary.method, request.path);
  if (match.route != nullptr) {
    summary.route = match.route->path;
    request.params = std::move(match.params);
    return match.route->handler(request, std::move(responder));
  }
  if (!match.allow.empty()) {
    return responder.problem(
        {405, "method_not_allowed", request.method + " is not possible here", {}, {{"Allow", match.allow}}});
  }
  const bool ours = request.path.starts_with("/api/") || request.path.starts_with("/hls/");
  if (!ours && request.method == "GET" && router_.fallback()) {
    summary.route = "page";
    return router_.fallback()(request, responder);
  }
  responder.problem(base::not_found("nothing is at " + request.path));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

core::Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, const Router& router) {
  auto impl = std::make_unique<Impl>(options, router);
  AIRCHECK_TRY_VOID(impl->start());
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

core::Result<void> Server::reload(const ServerOptions& options) {
  return impl_->reload(options);
}

void Server::drain(std::int64_t limit_ms, std::function<void()> done) {
  impl_->drain(limit_ms, std::move(done));
}

int Server::port() const {
  return impl_->listener().port();
}

std::string Server::url() const {
  const Listener& listener = impl_->listener();
  return std::string(listener.tls() ? "https" : "http") + "://" + listener.host() + ":" +
         std::to_string(listener.port());
}

int Server::connections() const {
  return impl_->listener().connections();
}

}  // namespace aircheck::http
