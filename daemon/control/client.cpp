#include "control/client.hpp"

#include <gio/gunixsocketaddress.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "channel1-dbus.h"
#include "control/variant.hpp"
#include "gobj/error.hpp"
#include "gobj/ref.hpp"

namespace aircheck::control {

using gobj::Ref;

namespace {

constexpr guint kConnectTimeoutMs = 5000;
constexpr int kCallTimeoutMs = 5000;
constexpr int kLifeCycleTimeoutMs = 30000;
constexpr int kRowsTimeoutMs = 15000;

// Carries a C++ continuation through a GAsyncReadyCallback.
using Continuation = std::function<void(GObject* source, GAsyncResult* result)>;

void on_ready(GObject* source, GAsyncResult* result, gpointer data) noexcept {
  const std::unique_ptr<Continuation> continuation(static_cast<Continuation*>(data));
  (*continuation)(source, result);
}

gpointer user_data(Continuation continuation) {
  return std::make_unique<Continuation>(std::move(continuation)).release();
}

core::Error take(GError* error) {
  core::Error result = from_gerror(*error);
  g_error_free(error);
  return result;
}

}  // namespace

struct Client::Private : std::enable_shared_from_this<Client::Private> {
  Events events;
  Ref<GDBusConnection> connection;
  Ref<AircheckDbusChannel1> proxy;
  Ref<GCancellable> cancellable = Ref<GCancellable>::adopt(g_cancellable_new());
  pid_t peer_pid = 0;

  void listen();
  void detach();
  void broken(const core::Error& why);
  gpointer reply(Continuation continuation);

  static void on_segment_closed(AircheckDbusChannel1*, GVariant* segment, gpointer self) noexcept;
  static void on_segment_lost(AircheckDbusChannel1*, gint64 until, gpointer self) noexcept;
  static void on_state_changed(AircheckDbusChannel1*, const char* state, const char* reason, gpointer self) noexcept;
  static void on_warning(AircheckDbusChannel1*, const char* code, const char* message, gpointer self) noexcept;
  static void on_closed(GDBusConnection*, gboolean, GError* error, gpointer self) noexcept;
};

// One attempt to connect: socket, credentials, authentication, version; then it hands over a Client.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::string path, Client::Events events, Client::Connected connected)
      : path_(std::move(path)), connected_(std::move(connected)), d_(std::make_shared<Client::Private>()) {
    d_->events = std::move(events);
  }

  void begin() {
    const bool too_long = path_.size() >= sizeof(sockaddr_un::sun_path);
    if (too_long) late_ = core::Error{core::Code::kInvalidArgument, "a socket's path has at most 107 bytes"};
    timeout_ = Ref<GSource>::adopt(g_timeout_source_new(too_long ? 0 : kConnectTimeoutMs));
    g_source_set_callback(timeout_.get(), on_timeout, std::make_unique<Holder>(shared_from_this()).release(),
                          [](gpointer holder) { std::unique_ptr<Holder>(static_cast<Holder*>(holder)).reset(); });
    g_source_attach(timeout_.get(), g_main_context_get_thread_default());
    if (too_long) return;
    const auto client = Ref<GSocketClient>::adopt(g_socket_client_new());
    const auto address = Ref<GSocketAddress>::adopt(g_unix_socket_address_new(path_.c_str()));
    g_socket_client_connect_async(client.get(), G_SOCKET_CONNECTABLE(address.get()), d_->cancellable.get(), on_ready,
                                  next(&Connection::on_socket));
  }

  void abandon() {
    connected_ = nullptr;
    finish(nullptr);
  }

 private:
  using Holder = std::shared_ptr<Connection>;
  using Step = void (Connection::*)(GObject*, GAsyncResult*);

  gpointer next(Step step) {
    return user_data([self = shared_from_this(), step](GObject* source, GAsyncResult* result) {
      if (self->connected_) (self.get()->*step)(source, result);
    });
  }

  static gboolean on_timeout(gpointer holder) noexcept {
    const Holder keep = *static_cast<Holder*>(holder);
    const pid_t peer = keep->d_->peer_pid;
    keep->fail(keep->late_, peer != 0 ? std::optional(peer) : std::nullopt);
    return G_SOURCE_REMOVE;
  }

  void on_socket(GObject* source, GAsyncResult* result) {
    GError* error = nullptr;
    const auto stream =
        Ref<GSocketConnection>::adopt(g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error));
    if (!stream) return fail(take(error));
    ucred peer{};
    socklen_t length = sizeof peer;
    const int fd = g_socket_get_fd(g_socket_connection_get_socket(stream.get()));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || peer.uid != ::geteuid()) {
      return fail(core::Error{core::Code::kPermission, "a process of another user listens on this socket"});
    }
    d_->peer_pid = peer.pid;
    g_dbus_connection_new(G_IO_STREAM(stream.get()), nullptr, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, nullptr,
                          d_->cancellable.get(), on_ready, next(&Connection::on_authenticated));
  }

  void on_authenticated(GObject*, GAsyncResult* result) {
    GError* error = nullptr;
    d_->connection = Ref<GDBusConnection>::adopt(g_dbus_connection_new_finish(result, &error));
    if (!d_->connection) return fail(take(error));
    g_dbus_connection_set_exit_on_close(d_->connection.get(), FALSE);
    aircheck_dbus_channel1_proxy_new(d_->connection.get(), G_DBUS_PROXY_FLAGS_NONE, nullptr, kObjectPath,
                                     d_->cancellable.get(), on_ready, next(&Connection::on_proxy));
  }

  void on_proxy(GObject*, GAsyncResult* result) {
    GError* error = nullptr;
    d_->proxy = Ref<AircheckDbusChannel1>::adopt(aircheck_dbus_channel1_proxy_new_finish(result, &error));
    if (!d_->proxy) return fail(take(error));
    const auto version =
        Ref<GVariant>::adopt(g_dbus_proxy_get_cached_property(G_DBUS_PROXY(d_->proxy.get()), "ProtocolVersion"));
    if (!version) {
      return fail(core::Error{core::Code::kUnsupported, "what listens here does not speak org.aircheck.Channel1"});
    }
    const guint theirs = aircheck_dbus_channel1_get_protocol_version(d_->proxy.get());
    if (theirs != kProtocolVersion) {
      return fail(core::Error{core::Code::kUnsupported, "the worker speaks version " + std::to_string(theirs) +
                                                            " of org.aircheck.Channel1 and " + "this daemon version " +
                                                            std::to_string(kProtocolVersion) +
                                                            ": stop the worker so that it is started anew"});
    }
    d_->listen();
    auto connected = std::move(connected_);
    connected_ = nullptr;
    std::unique_ptr<Client> client(new Client(d_));
    finish(d_);
    connected(std::move(client), std::nullopt);
  }

  void fail(const core::Error& why, std::optional<pid_t> silent = std::nullopt) {
    auto connected = std::move(connected_);
    connected_ = nullptr;
    finish(nullptr);
    if (connected) connected(core::Unexpected<core::Error>(why.with_context(path_)), silent);
  }

  // Ends the attempt; what it did is undone unless a client took it over.
  void finish(const std::shared_ptr<Client::Private>& taken) {
    if (timeout_) g_source_destroy(timeout_.get());
    timeout_.reset();
    if (!taken) g_cancellable_cancel(d_->cancellable.get());
  }

  std::string path_;
  Client::Connected connected_;  // empty when the attempt is over
  std::shared_ptr<Client::Private> d_;
  Ref<GSource> timeout_;
  core::Error late_{core::Code::kTimeout, "the worker did not answer within 5 s"};
};

void Client::Private::listen() {
  g_signal_connect(proxy.get(), "segment-closed", G_CALLBACK(on_segment_closed), this);
  g_signal_connect(proxy.get(), "segment-lost", G_CALLBACK(on_segment_lost), this);
  g_signal_connect(proxy.get(), "state-changed", G_CALLBACK(on_state_changed), this);
  g_signal_connect(proxy.get(), "warning", G_CALLBACK(on_warning), this);
  g_signal_connect(connection.get(), "closed", G_CALLBACK(on_closed), this);
}

void Client::Private::detach() {
  g_signal_handlers_disconnect_by_data(proxy.get(), this);
  g_signal_handlers_disconnect_by_data(connection.get(), this);
  g_cancellable_cancel(cancellable.get());
  g_dbus_connection_close(connection.get(), nullptr, nullptr, nullptr);
}

void Client::Private::broken(const core::Error& why) {
  detach();
  if (events.closed) events.closed(why);
}

gpointer Client::Private::reply(Continuation continuation) {
  return user_data(
      [weak = weak_from_this(), continuation = std::move(continuation)](GObject* source, GAsyncResult* result) {
        if (const auto self = weak.lock()) continuation(source, result);
      });
}

void Client::Private::on_segment_closed(AircheckDbusChannel1*, GVariant* segment, gpointer data) noexcept {
  const auto self = static_cast<Private*>(data)->shared_from_this();
  const auto row = segment_row_from_variant(segment);
  if (!row) return self->broken(row.error());
  if (self->events.segment_closed) self->events.segment_closed(*row);
}

void Client::Private::on_segment_lost(AircheckDbusChannel1*, gint64 until, gpointer data) noexcept {
  const auto self = static_cast<Private*>(data)->shared_from_this();
  if (self->events.segment_lost) self->events.segment_lost(core::Utc{until});
}

void Client::Private::on_state_changed(AircheckDbusChannel1*, const char* text, const char* reason,
                                       gpointer data) noexcept {
  const auto self = static_cast<Private*>(data)->shared_from_this();
  const auto state = worker_state_from_string(text);
  if (!state) return self->broken(state.error());
  if (self->events.state_changed) self->events.state_changed(*state, reason);
}

void Client::Private::on_warning(AircheckDbusChannel1*, const char* code, const char* message, gpointer data) noexcept {
  const auto self = static_cast<Private*>(data)->shared_from_this();
  if (self->events.warning) self->events.warning(code, message);
}

void Client::Private::on_closed(GDBusConnection*, gboolean, GError*, gpointer data) noexcept {
  const auto self = static_cast<Private*>(data)->shared_from_this();
  self->broken(core::Error{core::Code::kUnavailable, "the worker closed the connection"});
}

Client::Client(std::shared_ptr<Private> d) : d_(std::move(d)) {}

Client::~Client() {
  d_->detach();
  d_->events = {};
}

std::function<void()> Client::connect(const std::string& path, Events events, Connected connected) {
  const auto attempt = std::make_shared<Connection>(path, std::move(events), std::move(connected));
  attempt->begin();
  return [weak = std::weak_ptr(attempt)] {
    if (const auto alive = weak.lock()) alive->abandon();
  };
}

namespace {

using Finish = gboolean (*)(AircheckDbusChannel1*, GAsyncResult*, GError**);

Continuation done_after(Finish finish, Client::Done done) {
  return [finish, done = std::move(done)](GObject* source, GAsyncResult* result) {
    GError* error = nullptr;
    if (finish(AIRCHECK_DBUS_CHANNEL1(source), result, &error)) {
      done({});
    } else {
      done(core::Unexpected<core::Error>(take(error)));
    }
  };
}

}  // namespace

void Client::configure(const Configuration& configuration, Done done) {
  const auto variables = to_variant(configuration.variables);
  const auto& encryption = configuration.encryption;
  const auto key = encryption ? core::ByteView(encryption->key.reveal()) : core::ByteView();
  aircheck_dbus_channel1_call_configure(
      d_->proxy.get(), configuration.pipeline.c_str(), variables.get(),
      encryption ? core::to_hex(encryption->key_id).c_str() : "",
      g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, key.data(), key.size(), 1), G_DBUS_CALL_FLAGS_NONE, kCallTimeoutMs,
      d_->cancellable.get(), on_ready,
      d_->reply(done_after(aircheck_dbus_channel1_call_configure_finish, std::move(done))));
}

void Client::rotate(const Encryption& next, core::Utc from, Done done) {
  const core::ByteView key(next.key.reveal());
  aircheck_dbus_channel1_call_rotate(d_->proxy.get(), core::to_hex(next.key_id).c_str(),
                                     g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, key.data(), key.size(), 1), from.ns,
                                     G_DBUS_CALL_FLAGS_NONE, kCallTimeoutMs, d_->cancellable.get(), on_ready,
                                     d_->reply(done_after(aircheck_dbus_channel1_call_rotate_finish, std::move(done))));
}

void Client::start(Done done) {
  aircheck_dbus_channel1_call_start(d_->proxy.get(), G_DBUS_CALL_FLAGS_NONE, kLifeCycleTimeoutMs, d_->cancellable.get(),
                                    on_ready,
                                    d_->reply(done_after(aircheck_dbus_channel1_call_start_finish, std::move(done))));
}

void Client::stop(Done done) {
  aircheck_dbus_channel1_call_stop(d_->proxy.get(), G_DBUS_CALL_FLAGS_NONE, kLifeCycleTimeoutMs, d_->cancellable.get(),
                                   on_ready,
                                   d_->reply(done_after(aircheck_dbus_channel1_call_stop_finish, std::move(done))));
}

void Client::status(std::function<void(core::Result<Status>)> done) {
  aircheck_dbus_channel1_call_status(
      d_->proxy.get(), G_DBUS_CALL_FLAGS_NONE, kCallTimeoutMs, d_->cancellable.get(), on_ready,
      d_->reply([done = std::move(done)](GObject* source, GAsyncResult* result) {
        GVariant* raw = nullptr;
        GError* error = nullptr;
        if (!aircheck_dbus_channel1_call_status_finish(AIRCHECK_DBUS_CHANNEL1(source), &raw, result, &error)) {
          return done(core::Unexpected<core::Error>(take(error)));
        }
        const auto answer = Ref<GVariant>::adopt(raw);
        done(status_from_variant(answer.get()));
      }));
}

void Client::segments_since(std::uint64_t sequence, std::uint32_t limit,
                            std::function<void(core::Result<std::vector<SegmentRow>>)> done) {
  aircheck_dbus_channel1_call_segments_since(
      d_->proxy.get(), sequence, limit, G_DBUS_CALL_FLAGS_NONE, kRowsTimeoutMs, d_->cancellable.get(), on_ready,
      d_->reply([done = std::move(done)](GObject* source, GAsyncResult* result) {
        GVariant* raw = nullptr;
        GError* error = nullptr;
        if (!aircheck_dbus_channel1_call_segments_since_finish(AIRCHECK_DBUS_CHANNEL1(source), &raw, result, &error)) {
          return done(core::Unexpected<core::Error>(take(error)));
        }
        const auto answer = Ref<GVariant>::adopt(raw);
        done(segment_rows_from_variant(answer.get()));
      }));
}

pid_t Client::peer_pid() const {
  return d_->peer_pid;
}

}  // namespace aircheck::control
