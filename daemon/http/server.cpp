#include "http/server.hpp"

#include <libsoup/soup.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <utility>

#include "base/files.hpp"
#include "base/log.hpp"
#include "http/byte_range.hpp"
#include "http/large_answers.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

namespace {

constexpr const char* kBodyKey = "aircheck-body";
constexpr std::int64_t kDrainLookMs = 10;
constexpr const char* kExposed = "X-Expires-At, X-Request-Id, Retry-After, ETag";
constexpr const char* kAllowedHeaders = "Authorization, Content-Type, If-Match, If-None-Match, Idempotency-Key, Range";
constexpr const char* kAllowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";

// The body of a request while it arrives.
struct Body {
  std::string bytes;
  bool too_large = false;
};

// An id from outside is kept when it cannot break a log line or a header.
bool usable_request_id(const char* id) {
  if (id == nullptr) return false;
  const std::string_view text(id);
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

bool accepts_gzip(const char* accept_encoding) {
  if (accept_encoding == nullptr) return false;
  GSList* unacceptable = nullptr;
  GSList* acceptable = soup_header_parse_quality_list(accept_encoding, &unacceptable);
  const bool found = g_slist_find_custom(acceptable, "gzip", [](gconstpointer a, gconstpointer b) {
                       return g_ascii_strcasecmp(static_cast<const char*>(a), static_cast<const char*>(b));
                     }) != nullptr;
  soup_header_free_list(acceptable);
  soup_header_free_list(unacceptable);
  return found;
}

// libsoup refuses what is no request (bad syntax, another version, no Host, a path "*") by itself, without asking us.
// What stands in the answer before it reads the request is what it then sends; the status is libsoup's.
void report_malformed(SoupServerMessage* message) {
  // Before every request, so it is written once.
  static const std::string body = base::Json::object({{"type", "about:blank"},
                                                      {"title", "No request that this station understands"},
                                                      {"detail", "what came is no HTTP/1.1 request, or not for here"},
                                                      {"code", "malformed_request"}})
                                      .dump();
  SoupMessageHeaders* headers = soup_server_message_get_response_headers(message);
  soup_message_headers_replace(headers, "X-Request-Id", base::random_uuid().c_str());
  soup_message_headers_replace(headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace(headers, "Cache-Control", "no-store");
  soup_server_message_set_response(message, "application/problem+json", SOUP_MEMORY_STATIC, body.data(), body.size());
}

// What is counted and logged of a request once it is answered.
struct Summary {
  std::string_view route = "none";
  std::string method;
  std::string path;
  std::string kind;
  std::string client_address;
  std::int64_t began_us = 0;  // monotonic
};

void report(const Summary& summary, TrafficMeter* meter, const std::string& id, int status, std::size_t bytes) {
  const auto took_us = static_cast<double>(g_get_monotonic_time() - summary.began_us);
  if (meter != nullptr) {
    meter->record({.method = summary.method,
                   .route = summary.route,
                   .kind = summary.kind,
                   .status = status,
                   .bytes = bytes,
                   .seconds = took_us / 1e6});
  }
  if (!base::log_wants(base::LogLevel::kDebug)) return;
  // The path alone: tokens stand in queries.
  const base::RequestScope scope(std::make_shared<const std::string>(id));
  base::log_debug("http", summary.method + " " + summary.path + " from " + summary.client_address + ": " +
                              std::to_string(status) + ", " + std::to_string(bytes) + " bytes, " +
                              std::to_string(static_cast<std::int64_t>(took_us)) + " us");
}

// One message of libsoup. Outlives the connection if a Responder is kept that long.
class SoupExchange : public Exchange {
 public:
  SoupExchange(SoupServerMessage* message, std::string id, std::shared_ptr<TrafficMeter> meter,
               std::shared_ptr<LargeAnswers> large)
      : message_(static_cast<SoupServerMessage*>(g_object_ref(message))),
        id_(std::move(id)),
        meter_(std::move(meter)),
        large_(std::move(large)) {
    summary.began_us = g_get_monotonic_time();
    SoupMessageHeaders* asked = soup_server_message_get_request_headers(message);
    gzip_ = http::accepts_gzip(soup_message_headers_get_list(asked, "Accept-Encoding"));
    // RFC 9110 section 14.2: Range means something with GET alone.
    if (std::string_view(soup_server_message_get_method(message)) == "GET") {
      range_ = text_of(soup_message_headers_get_one(asked, "Range"));
      if_range_ = text_of(soup_message_headers_get_one(asked, "If-Range"));
    }
    // libsoup would answer it by itself: without If-Range, and with as many copies of the body as the list has entries.
    soup_message_headers_remove(asked, "Range");
    // What report_malformed() put there is for requests that never come here.
    soup_message_headers_clear(soup_server_message_get_response_headers(message));
    soup_message_body_truncate(soup_server_message_get_response_body(message));
    finished_ = g_signal_connect(message, "finished", G_CALLBACK(on_finished), this);
    // disconnected comes without finished when the client goes away while we think.
    disconnected_ = g_signal_connect(message, "disconnected", G_CALLBACK(on_finished), this);
  }
  ~SoupExchange() override {
    g_signal_handler_disconnect(message_, finished_);
    g_signal_handler_disconnect(message_, disconnected_);
    g_object_unref(message_);
  }
  SoupExchange(const SoupExchange&) = delete;
  SoupExchange& operator=(const SoupExchange&) = delete;

  void set_header(const std::string& name, const std::string& value) override {
    if (gone_) return;
    soup_message_headers_replace(soup_server_message_get_response_headers(message_), name.c_str(), value.c_str());
  }

  void send(int status, const std::string& content_type, GBytes* bytes) override {
    if (gone_) return;
    const bool head = std::string_view(soup_server_message_get_method(message_)) == "HEAD";
    if (bytes != nullptr && !head && g_bytes_get_size(bytes) >= LargeAnswers::kFrom &&
        !large_->begin(Listener::name_of(soup_server_message_get_remote_address(message_)), bytes)) {
      return refuse_for_now();
    }
    if (status != 200 || bytes == nullptr || range_.empty()) return write(status, content_type, bytes);
    const std::size_t size = g_bytes_get_size(bytes);
    const ByteRange part = is_current() ? read_byte_range(range_, size) : ByteRange{};
    if (part.kind == ByteRange::Kind::kWhole) return write(status, content_type, bytes);
    if (part.kind == ByteRange::Kind::kUnsatisfiable) return refuse_range(size);
    set_header("Content-Range", "bytes " + std::to_string(part.first) + "-" +
                                    std::to_string(part.first + part.size - 1) + "/" + std::to_string(size));
    g_autoptr(GBytes) slice = g_bytes_new_from_bytes(bytes, part.first, part.size);
    write(206, content_type, slice);
  }

  // At the end of the handler. libsoup writes an answer that is there by then at once; pausing each message would cost
  // a wake-up and a turn of the main loop.
  void pause_unless_answered() {
    if (answered_ || gone_) return;
    soup_server_message_pause(message_);
    paused_ = true;
  }

  [[nodiscard]] bool accepts_gzip() const override { return gzip_; }
  [[nodiscard]] std::string request_id() const override { return id_; }

  Summary summary;  // filled in until the handler gets the request

 private:
  static std::string text_of(const char* header) { return header != nullptr ? header : ""; }

  // If-Range: what the client has a part of is still what we send. A date never is: we give none.
  [[nodiscard]] bool is_current() const {
    if (if_range_.empty()) return true;
    const char* etag = soup_message_headers_get_one(soup_server_message_get_response_headers(message_), "ETag");
    return etag != nullptr && if_range_ == etag;
  }

  // Headers of the answer that this one takes the place of would speak of another body.
  void refuse_for_now() {
    SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
    for (const char* name : {"ETag", "Accept-Ranges", "Content-Encoding"}) soup_message_headers_remove(headers, name);
    set_header("Cache-Control", "no-store");
    set_header("Retry-After", "2");
    problem({503, "too_many_answers", "too much is being sent to slow clients: try again shortly", {}, {}});
  }

  void problem(const base::Problem& problem) {
    const std::string body = problem.to_json().dump();
    g_autoptr(GBytes) bytes = g_bytes_new(body.data(), body.size());
    write(problem.status, "application/problem+json", bytes);
  }

  void refuse_range(std::size_t size) {
    set_header("Content-Range", "bytes */" + std::to_string(size));
    set_header("Cache-Control", "no-store");
    problem({416, "range_not_satisfiable", "the body has " + std::to_string(size) + " bytes", {}, {}});
  }

  void write(int status, const std::string& content_type, GBytes* bytes) {
    const std::string phrase(status >= 400 ? std::string(base::reason_phrase(status)) : "");
    soup_server_message_set_status(message_, static_cast<guint>(status), phrase.empty() ? nullptr : phrase.c_str());
    SoupMessageHeaders* headers = soup_server_message_get_response_headers(message_);
    if (bytes != nullptr) {
      soup_message_headers_set_content_type(headers, content_type.c_str(), nullptr);
      soup_message_body_append_bytes(soup_server_message_get_response_body(message_), bytes);
    }
    answered_ = true;
    report(summary, meter_.get(), id_, status, bytes != nullptr ? g_bytes_get_size(bytes) : 0);
    if (paused_) soup_server_message_unpause(message_);
    paused_ = false;
  }

  static void on_finished(SoupServerMessage*, gpointer data) noexcept {
    static_cast<SoupExchange*>(data)->gone_ = true;
  }

  SoupServerMessage* message_;
  std::string id_;
  std::shared_ptr<TrafficMeter> meter_;
  std::shared_ptr<LargeAnswers> large_;
  std::string range_;  // Range and If-Range of a GET request
  std::string if_range_;
  gulong finished_ = 0;
  gulong disconnected_ = 0;
  bool gzip_ = false;
  bool gone_ = false;
  bool answered_ = false;
  bool paused_ = false;
};

}  // namespace

class Server::Impl {
 public:
  Impl(ServerOptions options, const Router& router) : options_(std::move(options)), router_(router) {}
  ~Impl() {
    large_->close();
    listener_.reset();
    if (soup_ != nullptr) {
      g_signal_handlers_disconnect_by_data(soup_, this);
      soup_server_disconnect(soup_);
    }
    g_clear_object(&soup_);
    if (silent_ >= 0) close(silent_);
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
  core::Result<void> allow_keep_alive();
  void handle(SoupServerMessage* message);
  void dispatch(const Request& request, bool too_large, Summary& summary, Responder responder);
  Request make_request(SoupServerMessage* message, const std::string& id) const;
  void fill_address(SoupServerMessage* message, Request& request) const;
  bool is_trusted(GInetAddress* address) const;
  // True: it was a preflight, and it is answered.
  bool cors(const Request& request, Responder& responder) const;

  static void on_started(SoupServer* soup, SoupServerMessage* message, gpointer self) noexcept;
  static void on_early(SoupServer* soup, SoupServerMessage* message, const char* path, GHashTable* query,
                       gpointer self) noexcept;
  static void on_chunk(SoupServerMessage* message, GBytes* chunk, gpointer self) noexcept;
  static void on_request(SoupServer* soup, SoupServerMessage* message, const char* path, GHashTable* query,
                         gpointer self) noexcept;
  static void on_ended(SoupServer* soup, SoupServerMessage* message, gpointer self) noexcept;

  ServerOptions options_;
  const Router& router_;
  SoupServer* soup_ = nullptr;
  int silent_ = -1;  // the far end of libsoup's own listener
  std::unique_ptr<Listener> listener_;
  // Exchanges may outlive us.
  std::shared_ptr<LargeAnswers> large_ =
      std::make_shared<LargeAnswers>([this](const std::string& name) { listener_->disconnect(name); });
  Masks proxies_;
  base::Timer drain_timer_;
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
  if (auto reloaded = listener_->reload(options.listen); !reloaded) {
    free_masks(masks);
    return reloaded;
  }
  free_masks(std::exchange(proxies_, std::move(masks)));
  options_.public_url = options.public_url;
  options_.cors_origins = options.cors_origins;
  return {};
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

// libsoup closes every connection after its first answer unless it has a listener of its own (request_finished() in
// soup-server.c, 3.2). Ours accepts the connections, so it gets one end of a pair on which nothing ever comes.
core::Result<void> Server::Impl::allow_keep_alive() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return core::fail_errno(errno, "cannot make a pair of sockets");
  }
  silent_ = ends[1];
  g_autoptr(GError) error = nullptr;
  g_autoptr(GSocket) socket = g_socket_new_from_fd(ends[0], &error);
  if (socket == nullptr) {
    close(ends[0]);
    return fail(Code::kInternal, std::string("keep-alive: ") + error->message);
  }
  if (soup_server_listen_socket(soup_, socket, SoupServerListenOptions(0), &error) == FALSE) {
    return fail(Code::kInternal, std::string("keep-alive: ") + error->message);
  }
  return {};
}

core::Result<void> Server::Impl::start() {
  AIRCHECK_TRY(proxies_, parse_proxies(options_.trusted_proxies));
  // libsoup would decode the path once more: %2F would make a segment, and %252E a dot.
  soup_ = soup_server_new("server-header", "aircheck", "raw-paths", TRUE, nullptr);
  soup_server_add_early_handler(soup_, nullptr, on_early, this, nullptr);
  soup_server_add_handler(soup_, nullptr, on_request, this, nullptr);
  g_signal_connect(soup_, "request-started", G_CALLBACK(on_started), this);
  g_signal_connect(soup_, "request-finished", G_CALLBACK(on_ended), this);
  g_signal_connect(soup_, "request-aborted", G_CALLBACK(on_ended), this);
  AIRCHECK_TRY_VOID(allow_keep_alive());
  ListenOptions listen = options_.listen;
  listen.make_room = [this] { return large_->cut_slowest(); };
  AIRCHECK_TRY(listener_,
               Listener::open(listen, [this](GIOStream* stream, GSocketAddress* local, GSocketAddress* remote) {
                 g_autoptr(GError) error = nullptr;
                 if (soup_server_accept_iostream(soup_, stream, local, remote, &error) == FALSE) {
                   base::log_warning("http", std::string("cannot serve a connection: ") + error->message);
                 }
               }));
  return {};
}

void Server::Impl::on_started(SoupServer*, SoupServerMessage* message, gpointer) noexcept {
  report_malformed(message);
}

void Server::Impl::on_early(SoupServer*, SoupServerMessage* message, const char*, GHashTable*, gpointer data) noexcept {
  auto* self = static_cast<Impl*>(data);
  // The body is collected here, so that one without Content-Length is bounded too.
  auto* body = new Body;
  SoupMessageHeaders* headers = soup_server_message_get_request_headers(message);
  body->too_large = soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CONTENT_LENGTH &&
                    static_cast<guint64>(soup_message_headers_get_content_length(headers)) > self->options_.body_limit;
  g_object_set_data_full(G_OBJECT(message), kBodyKey, body, [](gpointer old) { delete static_cast<Body*>(old); });
  soup_message_body_set_accumulate(soup_server_message_get_request_body(message), FALSE);
  g_signal_connect(message, "got-chunk", G_CALLBACK(on_chunk), self);
}

void Server::Impl::on_chunk(SoupServerMessage* message, GBytes* chunk, gpointer data) noexcept {
  const auto* self = static_cast<Impl*>(data);
  auto* body = static_cast<Body*>(g_object_get_data(G_OBJECT(message), kBodyKey));
  if (body == nullptr) return;
  gsize size = 0;
  const void* bytes = g_bytes_get_data(chunk, &size);
  if (body->bytes.size() + size > self->options_.body_limit) body->too_large = true;
  if (body->too_large) {
    body->bytes.clear();
  } else {
    body->bytes.append(static_cast<const char*>(bytes), size);
  }
}

void Server::Impl::on_request(SoupServer*, SoupServerMessage* message, const char*, GHashTable*,
                              gpointer data) noexcept {
  static_cast<Impl*>(data)->handle(message);
}

void Server::Impl::on_ended(SoupServer*, SoupServerMessage* message, gpointer data) noexcept {
  auto* self = static_cast<Impl*>(data);
  GSocketAddress* const remote = soup_server_message_get_remote_address(message);
  if (!self->large_->empty()) self->large_->end(Listener::name_of(remote));
  if (self->listener_) self->listener_->request_ends(remote);
}

bool Server::Impl::is_trusted(GInetAddress* address) const {
  return std::any_of(proxies_.begin(), proxies_.end(),
                     [&](GInetAddressMask* mask) { return g_inet_address_mask_matches(mask, address) != FALSE; });
}

void Server::Impl::fill_address(SoupServerMessage* message, Request& request) const {
  std::string scheme = listener_->tls() ? "https" : "http";
  const std::string* host = request.header("host");
  GSocketAddress* remote = soup_server_message_get_remote_address(message);
  if (remote != nullptr && G_IS_INET_SOCKET_ADDRESS(remote)) {
    GInetAddress* address = g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote));
    g_autofree char* text = g_inet_address_to_string(address);
    request.client_address = text;
    if (is_trusted(address)) {
      // The last entry is the one that our proxy wrote; what stands before it is the client's own word.
      if (const std::string* forwarded = request.header("x-forwarded-for")) {
        const std::size_t comma = forwarded->rfind(',');
        std::string last = forwarded->substr(comma == std::string::npos ? 0 : comma + 1);
        last.erase(0, last.find_first_not_of(' '));
        if (g_hostname_is_ip_address(last.c_str()) != FALSE) request.client_address = last;
      }
      if (const std::string* proto = request.header("x-forwarded-proto")) scheme = *proto == "https" ? "https" : "http";
    }
  }
  if (!options_.public_url.empty()) {
    request.base_url = options_.public_url;
  } else if (host != nullptr && host->find_first_of("/\\@\"'<> ") == std::string::npos && !host->empty()) {
    request.base_url = scheme + "://" + *host;
  } else {
    request.base_url = scheme + "://" + listener_->host() + ":" + std::to_string(listener_->port());
  }
}

Request Server::Impl::make_request(SoupServerMessage* message, const std::string& id) const {
  Request request;
  request.id = id;
  request.method = soup_server_message_get_method(message);
  if (request.method == "HEAD") request.method = "GET";
  GUri* uri = soup_server_message_get_uri(message);
  request.path = g_uri_get_path(uri);
  if (const char* query = g_uri_get_query(uri)) request.query = parse_query(query);
  SoupMessageHeadersIter iter;
  soup_message_headers_iter_init(&iter, soup_server_message_get_request_headers(message));
  const char* name = nullptr;
  const char* value = nullptr;
  while (soup_message_headers_iter_next(&iter, &name, &value) != FALSE) {
    g_autofree char* lower = g_ascii_strdown(name, -1);
    request.headers.emplace_back(lower, value);
  }
  fill_address(message, request);
  return request;
}

void Server::Impl::handle(SoupServerMessage* message) {
  listener_->request_begins(soup_server_message_get_remote_address(message));
  const char* given = soup_message_headers_get_one(soup_server_message_get_request_headers(message), "X-Request-Id");
  const std::string id = usable_request_id(given) ? given : base::random_uuid();
  const base::RequestScope scope(std::make_shared<const std::string>(id));
  const auto exchange = std::make_shared<SoupExchange>(message, id, options_.meter, large_);
  exchange->set_header("X-Request-Id", id);
  exchange->set_header("X-Content-Type-Options", "nosniff");
  exchange->set_header("Referrer-Policy", "no-referrer");
  Request request = make_request(message, id);
  bool too_large = false;
  if (auto* body = static_cast<Body*>(g_object_get_data(G_OBJECT(message), kBodyKey))) {
    request.body = std::move(body->bytes);
    too_large = body->too_large;
  }
  Summary& summary = exchange->summary;
  summary.method = soup_server_message_get_method(message);
  summary.path = request.path;
  summary.client_address = request.client_address;
  if (const std::string* kind = request.query_value("kind")) summary.kind = *kind;
  dispatch(request, too_large, summary, Responder(exchange));
  exchange->pause_unless_answered();
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

void Server::Impl::dispatch(const Request& request, bool too_large, Summary& summary, Responder responder) {
  if (cors(request, responder)) return;
  if (too_large) {
    responder.header("Connection", "close");
    return responder.problem(
        {413, "too_large", "the body is longer than " + std::to_string(options_.body_limit) + " bytes", {}, {}});
  }
  const Router::Match match = router_.match(summary.method, request.path);
  if (match.route != nullptr) {
    summary.route = match.route->path;
    Request routed = request;
    routed.params = match.params;
    return match.route->handler(routed, responder);
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
