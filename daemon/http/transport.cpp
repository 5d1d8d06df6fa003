#include "http/transport.hpp"

#include <gio/gio.h>
#include <glib-unix.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/log.hpp"

namespace aircheck::http {

using base::SharedBytes;
using core::Code;
using core::fail;

namespace {

// The head of a request, and the part of its body that is being read. Whatever is larger gets 414 or 431.
constexpr std::size_t kMemoryOfAConnection = 32U << 10;
// The limit of connections is the listener's.
constexpr intptr_t kMostConnections = 1 << 20;
constexpr unsigned kMostThreads = 16;
constexpr std::int64_t kTellAgainMs = 200;
constexpr const char* kTlsPriorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

Peer peer_of(int socket, const sockaddr* address) {
  const socklen_t size = address->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  // It is only read.
  g_autoptr(GSocketAddress) made = g_socket_address_new_from_native(const_cast<sockaddr*>(address), size);
  if (made == nullptr || !G_IS_INET_SOCKET_ADDRESS(made)) return {.socket = socket};
  auto* inet = G_INET_SOCKET_ADDRESS(made);
  g_autofree char* text = g_inet_address_to_string(g_inet_socket_address_get_address(inet));
  return {socket, std::string(text) + ":" + std::to_string(g_inet_socket_address_get_port(inet)), text};
}

// What a response keeps alive until it is sent.
using Pieces = std::vector<SharedBytes>;

void free_pieces(void* pieces) noexcept {
  delete static_cast<Pieces*>(pieces);
}

MHD_Response* make_response(Pieces body) {
  if (body.empty()) return MHD_create_response_from_buffer(0, nullptr, MHD_RESPMEM_PERSISTENT);
  std::vector<MHD_IoVec> vector;
  for (const SharedBytes& piece : body) {
    gsize size = 0;
    const void* bytes = g_bytes_get_data(piece.get(), &size);
    vector.push_back({bytes, size});
  }
  auto* const kept = new Pieces(std::move(body));
  // One piece goes out in one call with the head.
  if (vector.size() == 1) {
    return MHD_create_response_from_buffer_with_free_callback_cls(
        vector[0].iov_len, const_cast<void*>(vector[0].iov_base), free_pieces, kept);
  }
  return MHD_create_response_from_iovec(vector.data(), static_cast<unsigned>(vector.size()), free_pieces, kept);
}

// The headers, and what the lines that they came in take together. The library joins folded lines in a way of its own,
// ends values at a NUL and takes a bare LF for the end of a line, all without a word; what it changed does not add up
// to the size of the head that it read.
struct HeadReader {
  RequestHead* head;
  std::size_t size = 0;
  bool whole = true;
};

MHD_Result read_header(void* data, MHD_ValueKind, const char* name, std::size_t name_size, const char* value,
                       std::size_t value_size) noexcept {
  constexpr std::ptrdiff_t kMostBlanks = 256;
  auto& reader = *static_cast<HeadReader*>(data);
  // The colon, blanks, and the value: all in one line.
  const std::ptrdiff_t gap = reinterpret_cast<std::intptr_t>(value) - reinterpret_cast<std::intptr_t>(name + name_size);
  if (value == nullptr || gap < 1 || gap > kMostBlanks) {
    reader.whole = false;
    return MHD_NO;
  }
  std::string lower(name, name_size);
  std::ranges::transform(lower, lower.begin(), [](char c) { return g_ascii_tolower(c); });
  // Blanks behind a value are no part of it (RFC 9110 section 5.5).
  std::size_t trimmed = value_size;
  while (trimmed > 0 && (value[trimmed - 1] == ' ' || value[trimmed - 1] == '\t')) --trimmed;
  reader.head->headers.emplace_back(std::move(lower), std::string(value, trimmed));
  reader.size += name_size + static_cast<std::size_t>(gap) + value_size + 2;
  return MHD_YES;
}

}  // namespace

// One request from its first line until its answer is sent.
struct Transport::Incoming {
  ArrivedRequest request;
  std::shared_ptr<ReturnPath> path;
  bool begun = false;
  bool complete = false;  // or refused
};

// The thread of the connection takes it from here.
void ReturnPath::send(int status, Headers headers, std::vector<SharedBytes> body) {
  if (gone() || answer_ || transport_->stopping_) return;
  answer_ = Answer{status, std::move(headers), std::move(body)};
  if (!std::exchange(suspended_, false)) return;
  transport_->suspended_.erase(this);
  MHD_resume_connection(connection_);
}

// What the library calls.
struct Transport::Callbacks {
  using SharedPeer = std::shared_ptr<const Peer>;

  static const SharedPeer& peer(MHD_Connection* connection) {
    const MHD_ConnectionInfo* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return *static_cast<SharedPeer*>(info->socket_context);
  }

  static void on_connection(void* data, MHD_Connection* connection, void** context,
                            MHD_ConnectionNotificationCode code) noexcept {
    auto* self = static_cast<Transport*>(data);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      const sockaddr* address = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
      const int socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
      *context = new SharedPeer(std::make_shared<const Peer>(peer_of(socket, address)));
      epoll_event ending{};
      ending.events = EPOLLRDHUP | EPOLLONESHOT;
      ending.data.fd = socket;
      epoll_ctl(self->endings_, EPOLL_CTL_ADD, socket, &ending);
      return;
    }
    const std::unique_ptr<SharedPeer> peer(static_cast<SharedPeer*>(*context));
    *context = nullptr;
    const int socket = (*peer)->socket;
    const base::MainTurn turn;
    // Its number may be another's soon.
    epoll_ctl(self->endings_, EPOLL_CTL_DEL, socket, nullptr);
    self->ended_.erase(socket);
    self->sockets_.erase(socket);
    self->events_.closed(socket);
  }

  // The target before the library decodes it: %2F would make a segment, and %252E a dot.
  static void* on_target(void*, const char* target, MHD_Connection*) noexcept {
    auto incoming = std::make_unique<Incoming>();
    if (target == nullptr) return incoming.release();
    incoming->request.head.target = target;
    // The library reads the query too, into the memory of the connection, and hangs where that is too small for all its
    // parameters (0.9.75). It finds none: the bytes are the connection's, const only for this call.
    if (const char* query = std::strchr(target, '?')) const_cast<char*>(query)[1] = '\0';
    return incoming.release();
  }

  // Called first when the head is there, then for each part of the body, when all is there, and when it goes on after
  // it was suspended.
  static MHD_Result on_request(void* data, MHD_Connection* connection, const char*, const char* method,
                               const char* version, const char* bytes, std::size_t* size, void** context) noexcept {
    auto* self = static_cast<Transport*>(data);
    auto& incoming = *static_cast<Incoming*>(*context);
    if (!std::exchange(incoming.begun, true)) {
      incoming.request.head.method = method;
      incoming.request.head.version = version;
      self->begin(connection, incoming);
    } else if (*size > 0) {
      self->collect(incoming, bytes, *size);
      *size = 0;
    } else {
      incoming.complete = true;
    }
    if (!incoming.complete) return MHD_YES;
    bool answered = incoming.path->answer_.has_value();
    if (!answered) {
      const base::MainTurn turn;
      if (self->stopping_) return MHD_NO;
      self->serve(connection, incoming);
      answered = incoming.path->answer_.has_value();
    }
    if (answered) send(connection, *incoming.path, self->retired_);
    return MHD_YES;
  }

  // Only the thread of a connection gives the library an answer for it: they never meet over one.
  static void send(MHD_Connection* connection, ReturnPath& path, bool last) {
    ReturnPath::Answer& answer = *path.answer_;
    MHD_Response* response = make_response(std::move(answer.body));
    for (const auto& [name, value] : answer.headers) MHD_add_response_header(response, name.c_str(), value.c_str());
    if (path.ends_connection_ || last) MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    if (MHD_queue_response(connection, static_cast<unsigned>(answer.status), response) != MHD_YES) {
      base::log_error("http", "an answer of status " + std::to_string(answer.status) + " could not be sent");
    }
    MHD_destroy_response(response);
  }

  static void on_completed(void* data, MHD_Connection* connection, void** context,
                           MHD_RequestTerminationCode) noexcept {
    auto* self = static_cast<Transport*>(data);
    const std::unique_ptr<Incoming> incoming(static_cast<Incoming*>(*context));
    *context = nullptr;
    const base::MainTurn turn;
    if (incoming != nullptr && incoming->path != nullptr) {
      self->suspended_.erase(incoming->path.get());
      incoming->path->connection_ = nullptr;
    }
    self->events_.request_ended(peer(connection)->socket);
  }

  static gboolean on_ending(gint, GIOCondition, gpointer data) noexcept {
    static_cast<Transport*>(data)->find_ended();
    return G_SOURCE_CONTINUE;
  }
};

Transport::Transport(const TransportOptions& options, TransportEvents events)
    : body_limit_(options.body_limit), events_(std::move(events)) {}

Transport::~Transport() {
  if (ending_source_ != nullptr) {
    g_source_destroy(ending_source_);
    g_source_unref(ending_source_);
  }
  stopping_ = true;
  // The library may not be stopped while it waits for answers.
  for (ReturnPath* path : suspended_) {
    path->suspended_ = false;
    MHD_resume_connection(path->connection_);
  }
  suspended_.clear();
  if (daemon_ != nullptr) {
    const base::MainPause pause;
    MHD_stop_daemon(daemon_);
  }
  // The library closes without a word what it has not looked at yet.
  for (const int socket : sockets_) events_.closed(socket);
  if (endings_ >= 0) close(endings_);
}

core::Result<std::unique_ptr<Transport>> Transport::start(const TransportOptions& options, TransportEvents events) {
  std::unique_ptr<Transport> transport(new Transport(options, std::move(events)));
  AIRCHECK_TRY_VOID(transport->open(options));
  return transport;
}

core::Result<void> Transport::open(const TransportOptions& options) {
  base::share_main_context();
  AIRCHECK_TRY_VOID(watch_endings());
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME;
  const unsigned threads = std::min(g_get_num_processors(), kMostThreads);
  const auto function = [](auto* callback) { return reinterpret_cast<intptr_t>(callback); };
  const std::int64_t idle_s = std::clamp<std::int64_t>(options.idle_ms / 1000, 1, std::numeric_limits<int>::max());
  std::vector<MHD_OptionItem> items = {
      {MHD_OPTION_URI_LOG_CALLBACK, function(Callbacks::on_target), this},
      {MHD_OPTION_NOTIFY_COMPLETED, function(Callbacks::on_completed), this},
      {MHD_OPTION_NOTIFY_CONNECTION, function(Callbacks::on_connection), this},
      {MHD_OPTION_CONNECTION_MEMORY_LIMIT, kMemoryOfAConnection, nullptr},
      {MHD_OPTION_CONNECTION_LIMIT, kMostConnections, nullptr},
      {MHD_OPTION_CONNECTION_TIMEOUT, static_cast<intptr_t>(idle_s), nullptr},
      {MHD_OPTION_STRICT_FOR_CLIENT, 1, nullptr},
  };
  if (threads > 1) items.push_back({MHD_OPTION_THREAD_POOL_SIZE, static_cast<intptr_t>(threads), nullptr});
  // The library copies none of these.
  std::string certificate = options.certificate_pem;
  std::string key = options.key_pem;
  std::string priorities = kTlsPriorities;
  if (!certificate.empty()) {
    flags |= MHD_USE_TLS;
    items.push_back({MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.data()});
    items.push_back({MHD_OPTION_HTTPS_MEM_KEY, 0, key.data()});
    items.push_back({MHD_OPTION_HTTPS_PRIORITIES, 0, priorities.data()});
  }
  items.push_back({MHD_OPTION_END, 0, nullptr});
  daemon_ = MHD_start_daemon(flags, 0, nullptr, nullptr, Callbacks::on_request, this, MHD_OPTION_ARRAY, items.data(),
                             MHD_OPTION_END);
  if (daemon_ == nullptr) {
    return certificate.empty() ? fail(Code::kInternal, "libmicrohttpd does not start")
                               : fail(Code::kInvalidArgument,
                                      "TLS: the server does not start with this certificate and key (GnuTLS may not "
                                      "take them), or for want of threads or files");
  }
  return {};
}

core::Result<void> Transport::watch_endings() {
  endings_ = epoll_create1(EPOLL_CLOEXEC);
  if (endings_ < 0) return core::fail_errno(errno, "cannot watch connections");
  ending_source_ = g_unix_fd_source_new(endings_, G_IO_IN);
  // GSource callbacks take their real type through GSourceFunc.
  g_source_set_callback(
      ending_source_, reinterpret_cast<GSourceFunc>(reinterpret_cast<void (*)()>(Callbacks::on_ending)), this, nullptr);
  g_source_attach(ending_source_, nullptr);
  return {};
}

void Transport::find_ended() {
  std::array<epoll_event, 64> events{};
  const int count = epoll_wait(endings_, events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) ended_.insert(events.at(static_cast<std::size_t>(i)).data.fd);
  tell_of_ends();
  if (!ended_.empty() && !tell_again_.active()) {
    tell_again_ = base::Timer::every(kTellAgainMs, [this] { tell_of_ends(); });
  }
}

// The library takes a short read for the last one, and its epoll is not told twice of the end of a stream: a client
// that says what it wants and closes at once would be waited for. This tells it again, until it has been heard: where
// it comes before the short read, it is lost too.
void Transport::tell_of_ends() {
  for (const int socket : ended_) shutdown(socket, SHUT_RD);
  if (ended_.empty()) tell_again_.cancel();
}

bool Transport::add(int socket, const sockaddr* address, socklen_t size) {
  sockets_.insert(socket);
  if (MHD_add_connection(daemon_, socket, address, size) == MHD_YES) return true;
  sockets_.erase(socket);
  return false;
}

void Transport::begin(MHD_Connection* connection, Incoming& incoming) {
  RequestHead& head = incoming.request.head;
  incoming.path = std::shared_ptr<ReturnPath>(new ReturnPath(*this, connection));
  HeadReader reader{&head};
  MHD_get_connection_values_n(connection, MHD_HEADER_KIND, read_header, &reader);
  const std::size_t came = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE)->header_size;
  const std::size_t first_line = head.method.size() + 1 + head.target.size() + 1 + head.version.size() + 2;
  std::optional<std::string_view> fault = fault_of(head);
  if (!fault && (!reader.whole || first_line + reader.size + 2 != came)) {
    fault = "the head has folded lines, lines without CR, or characters that no head has";
  }
  // Where chunks end, readers disagree about LF alone and about extensions: nothing follows them here.
  incoming.path->ends_connection_ = fault.has_value() || head.header("transfer-encoding") != nullptr;
  if (fault) {
    incoming.complete = true;
    events_.refuse(*fault, *incoming.path);
    return;
  }
  const std::string* length = head.header("content-length");
  incoming.request.too_large = length != nullptr && std::strtoull(length->c_str(), nullptr, 10) > body_limit_;
  // Who asks first whether we take the body is spared to send it.
  if (!incoming.request.too_large || !expects_continue(head)) return;
  incoming.path->ends_connection_ = true;
  incoming.complete = true;
}

void Transport::collect(Incoming& incoming, const char* bytes, std::size_t size) const {
  ArrivedRequest& request = incoming.request;
  if (request.body.size() + size > body_limit_) request.too_large = true;
  if (request.too_large) return request.body.clear();
  request.body.append(bytes, size);
}

void Transport::serve(MHD_Connection* connection, Incoming& incoming) {
  const std::shared_ptr<ReturnPath> path = incoming.path;
  incoming.request.peer = Callbacks::peer(connection);
  events_.request(std::move(incoming.request), path);
  if (path->answer_) return;
  path->suspended_ = true;
  suspended_.insert(path.get());
  MHD_suspend_connection(connection);
}

}  // namespace aircheck::http
