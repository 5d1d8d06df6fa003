#include "http/outgoing.hpp"

#include <libsoup/soup.h>

#include <string>
#include <utility>

#include "base/main_context.hpp"

namespace aircheck::http {

using base::FetchAnswer;
using core::Code;
using core::fail;

namespace {

constexpr int kMostRedirects = 5;
constexpr guint kSilenceS = 30;
constexpr auto kUriFlags = static_cast<GUriFlags>(SOUP_HTTP_URI_FLAGS);
constexpr gsize kReadBytes = gsize{256} << 10;

// A host whose address has been looked at: the name is for TLS, the address for the connection.
struct CheckedAddress {
  GNetworkAddress parent;
  GSocketAddress* address;
};
struct CheckedAddressClass {
  GNetworkAddressClass parent;
};

GSocketAddressEnumerator* enumerate_checked(GSocketConnectable* connectable) noexcept {
  return g_socket_connectable_enumerate(G_SOCKET_CONNECTABLE(reinterpret_cast<CheckedAddress*>(connectable)->address));
}

void checked_address_connectable_init(GSocketConnectableIface* iface) noexcept {
  iface->enumerate = enumerate_checked;
  iface->proxy_enumerate = enumerate_checked;
}

// NOLINTNEXTLINE(performance-no-int-to-ptr): in the macro of GLib
G_DEFINE_TYPE_WITH_CODE(CheckedAddress, checked_address, G_TYPE_NETWORK_ADDRESS,
                        G_IMPLEMENT_INTERFACE(G_TYPE_SOCKET_CONNECTABLE, checked_address_connectable_init))

void checked_address_finalize(GObject* object) noexcept {
  g_clear_object(&reinterpret_cast<CheckedAddress*>(object)->address);
  G_OBJECT_CLASS(checked_address_parent_class)->finalize(object);
}

void checked_address_class_init(CheckedAddressClass* klass) {
  G_OBJECT_CLASS(klass)->finalize = checked_address_finalize;
}

void checked_address_init(CheckedAddress*) {}

GSocketConnectable* checked_address_new(const char* host, guint16 port, GInetAddress* address) {
  auto* checked = static_cast<CheckedAddress*>(
      g_object_new(checked_address_get_type(), "hostname", host, "port", guint{port}, nullptr));
  checked->address = g_inet_socket_address_new(address, port);
  return G_SOCKET_CONNECTABLE(checked);
}

std::string header(SoupMessage* message, const char* name) {
  const char* value = soup_message_headers_get_one(soup_message_get_response_headers(message), name);
  return value != nullptr ? value : "";
}

guint16 port_of(GUri* uri) {
  const int port = g_uri_get_port(uri);
  if (port > 0) return static_cast<guint16>(port);
  return std::string_view(g_uri_get_scheme(uri)) == "https" ? 443 : 80;
}

std::string origin_of(GUri* uri) {
  return std::string(g_uri_get_scheme(uri)) + "://" + g_uri_get_host(uri) + ":" + std::to_string(port_of(uri));
}

template <typename T>
struct ObjectUnref {
  void operator()(T* object) const { g_object_unref(object); }
};
template <typename T>
using Object = std::unique_ptr<T, ObjectUnref<T>>;
struct UriUnref {
  void operator()(GUri* uri) const { g_uri_unref(uri); }
};
using Uri = std::unique_ptr<GUri, UriUnref>;

}  // namespace

class Outgoing::Call : public std::enable_shared_from_this<Outgoing::Call> {
 public:
  Call(Outgoing& owner, base::FetchRequest request, Done done)
      : owner_(&owner), request_(std::move(request)), done_(std::move(done)) {}

  void start() {
    if (!done_) return;
    deadline_ = base::Timer::once(request_.timeout_ms, [this] { finish(fail(Code::kTimeout, "took too long")); });
    go_to(Uri(g_uri_parse(request_.url.c_str(), kUriFlags, nullptr)));
  }

  // Nothing is told to anybody any more.
  void abandon() {
    done_ = nullptr;
    g_cancellable_cancel(cancellable_.get());
    deadline_.cancel();
  }

 private:
  using Step = void (Call::*)(GObject*, GAsyncResult*);
  struct Pending {
    std::shared_ptr<Call> call;
    Step step;
  };

  gpointer pending(Step step) { return new Pending{shared_from_this(), step}; }
  static void on_ready(GObject* source, GAsyncResult* result, gpointer data) noexcept {
    const std::unique_ptr<Pending> waiting(static_cast<Pending*>(data));
    (waiting->call.get()->*waiting->step)(source, result);
  }

  void finish(core::Result<FetchAnswer> result) {
    if (!done_) return;
    const auto self = shared_from_this();
    const Done done = std::move(done_);
    abandon();
    owner_->calls_.erase(self);
    if (!host_.empty()) result = std::move(result).with_context(host_);
    done(std::move(result));
  }

  void go_to(Uri uri) {
    if (uri == nullptr) return finish(fail(Code::kInvalidArgument, "this is no URL"));
    const std::string_view scheme = g_uri_get_scheme(uri.get());
    if (scheme != "http" && scheme != "https") {
      return finish(fail(Code::kPermission, "only http and https are fetched"));
    }
    if (g_uri_get_host(uri.get()) == nullptr || *g_uri_get_host(uri.get()) == '\0') {
      return finish(fail(Code::kInvalidArgument, "this URL names no host"));
    }
    const bool downgrade = uri_ != nullptr && std::string_view(g_uri_get_scheme(uri_.get())) == "https";
    if (downgrade && scheme != "https") return finish(fail(Code::kPermission, "redirects from https to http"));
    uri_ = std::move(uri);
    host_ = g_uri_get_host(uri_.get());
    const Object<GResolver> resolver(g_resolver_get_default());
    g_resolver_lookup_by_name_async(resolver.get(), host_.c_str(), cancellable_.get(), on_ready,
                                    pending(&Call::resolved));
  }

  void resolved(GObject* source, GAsyncResult* result) {
    g_autoptr(GError) error = nullptr;
    GList* addresses = g_resolver_lookup_by_name_finish(G_RESOLVER(source), result, &error);
    if (addresses == nullptr) return finish(fail(Code::kUnavailable, error->message));
    bool allowed = true;
    for (GList* item = addresses; item != nullptr; item = item->next) {
      allowed = allowed && owner_ != nullptr && done_ && owner_->rules_.allows(G_INET_ADDRESS(item->data));
    }
    if (allowed) send(G_INET_ADDRESS(addresses->data));
    g_resolver_free_addresses(addresses);
    if (!allowed)
      finish(fail(Code::kPermission, "its address is not public: list it under fetch-allow to fetch there"));
  }

  void send(GInetAddress* address) {
    const Object<GSocketConnectable> connectable(checked_address_new(host_.c_str(), port_of(uri_.get()), address));
    session_.reset(soup_session_new_with_options("remote-connectable", connectable.get(), "proxy-resolver", nullptr,
                                                 "timeout", kSilenceS, "user-agent", "Aircheck", nullptr));
    soup_session_remove_feature_by_type(session_.get(), SOUP_TYPE_CONTENT_DECODER);
    soup_session_remove_feature_by_type(session_.get(), SOUP_TYPE_AUTH_MANAGER);
    const Uri bare(soup_uri_copy(uri_.get(), SOUP_URI_USER, nullptr, SOUP_URI_PASSWORD, nullptr, SOUP_URI_NONE));
    message_.reset(soup_message_new_from_uri("GET", bare.get()));
    soup_message_add_flags(message_.get(), SOUP_MESSAGE_NO_REDIRECT);
    SoupMessageHeaders* headers = soup_message_get_request_headers(message_.get());
    if (!request_.etag.empty()) soup_message_headers_append(headers, "If-None-Match", request_.etag.c_str());
    if (!request_.last_modified.empty()) {
      soup_message_headers_append(headers, "If-Modified-Since", request_.last_modified.c_str());
    }
    authorize(headers);
    soup_session_send_async(session_.get(), message_.get(), G_PRIORITY_DEFAULT, cancellable_.get(), on_ready,
                            pending(&Call::answered));
  }

  // Each URL's own user info is for its own origin: what a redirect has none of gets none.
  void authorize(SoupMessageHeaders* headers) const {
    const char* user = g_uri_get_user(uri_.get());
    if (user == nullptr) return;
    const char* password = g_uri_get_password(uri_.get());
    const std::string pair = std::string(user) + ":" + (password != nullptr ? password : "");
    g_autofree char* encoded = g_base64_encode(reinterpret_cast<const guchar*>(pair.data()), pair.size());
    soup_message_headers_append(headers, "Authorization", ("Basic " + std::string(encoded)).c_str());
  }

  void answered(GObject* source, GAsyncResult* result) {
    g_autoptr(GError) error = nullptr;
    stream_.reset(soup_session_send_finish(SOUP_SESSION(source), result, &error));
    if (stream_ == nullptr) return finish(fail(Code::kUnavailable, error->message));
    const guint status = soup_message_get_status(message_.get());
    if (status == SOUP_STATUS_NOT_MODIFIED) {
      return finish(FetchAnswer{.unchanged = true, .etag = request_.etag, .last_modified = request_.last_modified});
    }
    if (status >= 300 && status < 400) return redirected();
    if (status != SOUP_STATUS_OK) return finish(fail(Code::kUnavailable, "answers " + std::to_string(status)));
    const goffset length = soup_message_headers_get_content_length(soup_message_get_response_headers(message_.get()));
    if (length > static_cast<goffset>(request_.limit_bytes)) return too_long();
    read();
  }

  void redirected() {
    const std::string location = header(message_.get(), "Location");
    if (location.empty() || ++redirects_ > kMostRedirects) {
      return finish(fail(Code::kUnavailable, "redirects to nowhere, or without end"));
    }
    Uri next(g_uri_parse_relative(uri_.get(), location.c_str(), kUriFlags, nullptr));
    // Validators are of one document; its new place within the origin is still that document.
    if (next != nullptr && g_uri_get_host(next.get()) != nullptr && origin_of(next.get()) != origin_of(uri_.get())) {
      request_.etag.clear();
      request_.last_modified.clear();
    }
    go_to(std::move(next));
  }

  void read() {
    g_input_stream_read_bytes_async(stream_.get(), kReadBytes, G_PRIORITY_DEFAULT, cancellable_.get(), on_ready,
                                    pending(&Call::received));
  }

  void received(GObject* source, GAsyncResult* result) {
    g_autoptr(GError) error = nullptr;
    g_autoptr(GBytes) bytes = g_input_stream_read_bytes_finish(G_INPUT_STREAM(source), result, &error);
    if (bytes == nullptr) return finish(fail(Code::kUnavailable, error->message));
    gsize size = 0;
    const auto* data = static_cast<const std::uint8_t*>(g_bytes_get_data(bytes, &size));
    if (size == 0) {
      return finish(FetchAnswer{.etag = header(message_.get(), "ETag"),
                                .last_modified = header(message_.get(), "Last-Modified"),
                                .body = std::move(body_)});
    }
    if (body_.size() + size > request_.limit_bytes) return too_long();
    body_.insert(body_.end(), data, data + size);
    read();
  }

  void too_long() {
    finish(fail(Code::kUnsupported, "sends more than " + std::to_string(request_.limit_bytes) + " bytes"));
  }

  Outgoing* owner_;
  base::FetchRequest request_;
  Done done_;
  Object<GCancellable> cancellable_{g_cancellable_new()};
  base::Timer deadline_;
  Uri uri_;
  std::string host_;
  int redirects_ = 0;
  Object<SoupSession> session_;
  Object<SoupMessage> message_;
  Object<GInputStream> stream_;
  core::Bytes body_;
};

Outgoing::Outgoing(AddressRules rules) : rules_(std::move(rules)) {}

Outgoing::~Outgoing() {
  for (const auto& call : calls_) call->abandon();
}

void Outgoing::fetch(base::FetchRequest request, Done done) {
  const auto call = std::make_shared<Call>(*this, std::move(request), std::move(done));
  calls_.insert(call);
  base::post([call] { call->start(); });
}

}  // namespace aircheck::http
