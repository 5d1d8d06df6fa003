#include "control/server.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "channel1-dbus.h"
#include "control/variant.hpp"
#include "gobj/error.hpp"
#include "gobj/text.hpp"

namespace aircheck::control {

using gobj::Ref;

namespace {

constexpr std::size_t kMaxClients = 16;

// Answers one method call once; the invocation is released by the answer.
class Answer {
 public:
  explicit Answer(GDBusMethodInvocation* invocation) : invocation_(invocation) {}

  [[nodiscard]] GDBusMethodInvocation* invocation() const { return invocation_; }
  void refuse(const core::Error& error) const {
    g_dbus_method_invocation_return_dbus_error(invocation_, error_name(error.code).c_str(), error.message.c_str());
  }

 private:
  GDBusMethodInvocation* invocation_;
};

core::Result<void> check_run_dir(const std::string& run_dir) {
  struct stat info {};
  if (::lstat(run_dir.c_str(), &info) != 0) return core::fail_errno(errno, run_dir);
  if (!S_ISDIR(info.st_mode)) return core::fail(core::Code::kInvalidArgument, run_dir + ": is not a directory");
  if (info.st_uid != ::geteuid() || (info.st_mode & 077) != 0) {
    return core::fail(core::Code::kPermission,
                      run_dir + ": must belong to the user of the station with mode 0700 (chmod 700 " + run_dir + ")");
  }
  return {};
}

gboolean on_authorize(GDBusAuthObserver*, GIOStream*, GCredentials* credentials, gpointer) noexcept {
  if (credentials == nullptr) return FALSE;
  return g_credentials_get_unix_user(credentials, nullptr) == ::geteuid();
}

gboolean on_allow_mechanism(GDBusAuthObserver*, const char* mechanism, gpointer) noexcept {
  return g_strcmp0(mechanism, "EXTERNAL") == 0;
}

}  // namespace

struct Server::Private {
  Handler* handler = nullptr;
  std::string path;
  Ref<GDBusServer> server;
  Ref<AircheckDbusChannel1> skeleton;
  std::vector<Ref<GDBusConnection>> clients;

  static gboolean on_new_connection(GDBusServer*, GDBusConnection* connection, gpointer self) noexcept;
  static void on_closed(GDBusConnection* connection, gboolean, GError*, gpointer self) noexcept;
  void forget(GDBusConnection* connection);
};

namespace {

using Self = AircheckDbusChannel1;

Handler::Done answer_with(void (*complete)(Self*, GDBusMethodInvocation*), Self* skeleton, Answer answer) {
  return [complete, skeleton, answer](const core::Result<void>& result) {
    if (result) {
      complete(skeleton, answer.invocation());
    } else {
      answer.refuse(result.error());
    }
  };
}

gboolean on_configure(Self* skeleton, GDBusMethodInvocation* invocation, const char* pipeline, GVariant* variables,
                      const char* key_id, GVariant* key, gpointer handler) noexcept {
  const Answer answer(invocation);
  Configuration configuration;
  configuration.pipeline = pipeline;
  auto values = variables_from_variant(variables);
  if (!values) {
    answer.refuse(values.error());
    return TRUE;
  }
  configuration.variables = std::move(*values);
  auto encryption = encryption_from_arguments(key_id, key);
  if (!encryption) {
    answer.refuse(encryption.error());
    return TRUE;
  }
  configuration.encryption = std::move(*encryption);
  static_cast<Handler*>(handler)->configure(std::move(configuration),
                                            answer_with(aircheck_dbus_channel1_complete_configure, skeleton, answer));
  return TRUE;
}

gboolean on_rotate(Self* skeleton, GDBusMethodInvocation* invocation, const char* key_id, GVariant* key, gint64 from,
                   gpointer handler) noexcept {
  const Answer answer(invocation);
  auto encryption = encryption_from_arguments(key_id, key);
  if (!encryption || !*encryption) {
    answer.refuse(encryption ? core::Error{core::Code::kInvalidArgument, "Rotate needs a key"} : encryption.error());
    return TRUE;
  }
  static_cast<Handler*>(handler)->rotate(std::move(**encryption), core::Utc{from},
                                         answer_with(aircheck_dbus_channel1_complete_rotate, skeleton, answer));
  return TRUE;
}

gboolean on_start(Self* skeleton, GDBusMethodInvocation* invocation, gpointer handler) noexcept {
  static_cast<Handler*>(handler)->start(
      answer_with(aircheck_dbus_channel1_complete_start, skeleton, Answer(invocation)));
  return TRUE;
}

gboolean on_stop(Self* skeleton, GDBusMethodInvocation* invocation, gpointer handler) noexcept {
  static_cast<Handler*>(handler)->stop(answer_with(aircheck_dbus_channel1_complete_stop, skeleton, Answer(invocation)));
  return TRUE;
}

gboolean on_status(Self* skeleton, GDBusMethodInvocation* invocation, gpointer handler) noexcept {
  const auto status = to_variant(static_cast<Handler*>(handler)->status());
  aircheck_dbus_channel1_complete_status(skeleton, invocation, status.get());
  return TRUE;
}

gboolean on_segments_since(Self* skeleton, GDBusMethodInvocation* invocation, guint64 sequence, guint limit,
                           gpointer handler) noexcept {
  const Answer answer(invocation);
  static_cast<Handler*>(handler)->segments_since(sequence, std::min<std::uint32_t>(limit, kMaxRowsPerAnswer),
                                                 [skeleton, answer](const core::Result<std::vector<SegmentRow>>& rows) {
                                                   if (!rows) {
                                                     answer.refuse(rows.error());
                                                     return;
                                                   }
                                                   const auto variant = to_variant(*rows);
                                                   aircheck_dbus_channel1_complete_segments_since(
                                                       skeleton, answer.invocation(), variant.get());
                                                 });
  return TRUE;
}

core::Result<Ref<GDBusServer>> new_server(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return core::fail(core::Code::kInvalidArgument,
                      path + ": a socket's path has at most 107 bytes: use a shorter run directory");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return core::fail_errno(errno, path);
  const gobj::Text escaped(g_dbus_address_escape_value(path.c_str()));
  const gobj::Text guid(g_dbus_generate_guid());
  const auto observer = Ref<GDBusAuthObserver>::adopt(g_dbus_auth_observer_new());
  g_signal_connect(observer.get(), "authorize-authenticated-peer", G_CALLBACK(on_authorize), nullptr);
  g_signal_connect(observer.get(), "allow-mechanism", G_CALLBACK(on_allow_mechanism), nullptr);
  gobj::ErrorSlot error;
  // Only this thread creates files while a worker sets up its socket, so the process-wide mask is safe to change.
  const mode_t old_mask = ::umask(0177);
  auto server = Ref<GDBusServer>::adopt(g_dbus_server_new_sync((std::string("unix:path=") + escaped.get()).c_str(),
                                                               G_DBUS_SERVER_FLAGS_AUTHENTICATION_REQUIRE_SAME_USER,
                                                               guid.get(), observer.get(), nullptr, error.out()));
  ::umask(old_mask);
  if (!server) return core::Unexpected(error.error().with_context(path));
  return server;
}

}  // namespace

gboolean Server::Private::on_new_connection(GDBusServer*, GDBusConnection* connection, gpointer self) noexcept {
  auto& d = *static_cast<Private*>(self);
  if (d.clients.size() >= kMaxClients) return FALSE;
  gobj::ErrorSlot error;
  if (!g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(d.skeleton.get()), connection, kObjectPath,
                                        error.out())) {
    g_warning("cannot serve a client of the worker protocol: %s", error.error().message.c_str());
    return FALSE;
  }
  g_dbus_connection_set_exit_on_close(connection, FALSE);
  g_signal_connect(connection, "closed", G_CALLBACK(on_closed), self);
  d.clients.push_back(Ref<GDBusConnection>::retain(connection));
  return TRUE;
}

void Server::Private::on_closed(GDBusConnection* connection, gboolean, GError*, gpointer self) noexcept {
  static_cast<Private*>(self)->forget(connection);
}

void Server::Private::forget(GDBusConnection* connection) {
  const auto found = std::find_if(clients.begin(), clients.end(),
                                  [connection](const auto& client) { return client.get() == connection; });
  if (found == clients.end()) return;
  g_signal_handlers_disconnect_by_data(connection, this);
  g_dbus_interface_skeleton_unexport_from_connection(G_DBUS_INTERFACE_SKELETON(skeleton.get()), connection);
  clients.erase(found);
}

Server::Server(std::unique_ptr<Private> d) : d_(std::move(d)) {}

Server::~Server() {
  g_signal_handlers_disconnect_by_data(d_->server.get(), d_.get());
  g_signal_handlers_disconnect_by_data(d_->skeleton.get(), d_->handler);
  g_dbus_server_stop(d_->server.get());
  while (!d_->clients.empty()) {
    const Ref<GDBusConnection> client = d_->clients.back();
    d_->forget(client.get());
    // What was answered or signalled last must still reach the client.
    g_dbus_connection_flush_sync(client.get(), nullptr, nullptr);
    g_dbus_connection_close_sync(client.get(), nullptr, nullptr);
  }
  ::unlink(d_->path.c_str());
}

core::Result<std::unique_ptr<Server>> Server::listen(const std::string& run_dir, const std::string& channel_key,
                                                     Handler& handler) {
  AIRCHECK_TRY_VOID(check_channel_key(channel_key));
  AIRCHECK_TRY_VOID(check_run_dir(run_dir));
  auto d = std::make_unique<Private>();
  d->handler = &handler;
  d->path = socket_path(run_dir, channel_key);
  AIRCHECK_TRY(d->server, new_server(d->path));
  d->skeleton = Ref<AircheckDbusChannel1>::adopt(aircheck_dbus_channel1_skeleton_new());
  Self* skeleton = d->skeleton.get();
  aircheck_dbus_channel1_set_protocol_version(skeleton, kProtocolVersion);
  g_signal_connect(skeleton, "handle-configure", G_CALLBACK(on_configure), &handler);
  g_signal_connect(skeleton, "handle-rotate", G_CALLBACK(on_rotate), &handler);
  g_signal_connect(skeleton, "handle-start", G_CALLBACK(on_start), &handler);
  g_signal_connect(skeleton, "handle-stop", G_CALLBACK(on_stop), &handler);
  g_signal_connect(skeleton, "handle-status", G_CALLBACK(on_status), &handler);
  g_signal_connect(skeleton, "handle-segments-since", G_CALLBACK(on_segments_since), &handler);
  g_signal_connect(d->server.get(), "new-connection", G_CALLBACK(Private::on_new_connection), d.get());
  g_dbus_server_start(d->server.get());
  return std::unique_ptr<Server>(new Server(std::move(d)));
}

void Server::segment_closed(const SegmentRow& row) {
  const auto variant = to_variant(row);
  aircheck_dbus_channel1_emit_segment_closed(d_->skeleton.get(), variant.get());
}

void Server::segment_lost(core::Utc until) {
  aircheck_dbus_channel1_emit_segment_lost(d_->skeleton.get(), until.ns);
}

void Server::state_changed(WorkerState state, const std::string& reason) {
  aircheck_dbus_channel1_emit_state_changed(d_->skeleton.get(), std::string(to_string(state)).c_str(), reason.c_str());
}

void Server::warning(const std::string& code, const std::string& message) {
  aircheck_dbus_channel1_emit_warning(d_->skeleton.get(), code.c_str(), message.c_str());
}

}  // namespace aircheck::control
