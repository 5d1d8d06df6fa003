// A small HTTP client for API tests: libsoup's session on the test's main context, so that no test waits for time.
#pragma once

#include <libsoup/soup.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "support/main_loop.hpp"

namespace aircheck::test {

struct HttpResponse {
  int status = 0;  // 0: no answer, see error
  std::string error;
  std::map<std::string, std::string> headers;  // names in lower case; repeated ones joined by ", "
  std::string body;

  [[nodiscard]] std::string header(const std::string& lower_case_name) const {
    const auto found = headers.find(lower_case_name);
    return found == headers.end() ? std::string() : found->second;
  }
  // The body as JSON; null and a test failure when it is none.
  [[nodiscard]] base::Json json() const {
    const auto parsed = base::Json::parse(body);
    if (!parsed) ADD_FAILURE() << parsed.error().message << " in: " << body;
    return parsed ? *parsed : base::Json();
  }
  // The problem's code; empty when the answer is no problem+json.
  [[nodiscard]] std::string code() const {
    if (header("content-type") != "application/problem+json") return {};
    const base::Json problem = json();
    const base::Json* code = problem.find("code");
    return code != nullptr && code->as_string() != nullptr ? *code->as_string() : std::string();
  }
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::string content_type = "application/json";
};

class HttpTest : public MainLoopTest {
 protected:
  HttpTest() : session_(soup_session_new()) {
    // What the server sends is what the test sees.
    soup_session_remove_feature_by_type(session_, SOUP_TYPE_CONTENT_DECODER);
    // A connection limit of the client would hide what the server does with many.
    g_object_set(session_, "timeout", 20, nullptr);
  }
  ~HttpTest() override { g_object_unref(session_); }

  HttpResponse fetch(const HttpRequest& request) {
    Call call;
    SoupMessage* message = soup_message_new(request.method.c_str(), request.url.c_str());
    if (message == nullptr) return {.error = "no URL: " + request.url};
    // Tests of TLS use certificates of their own.
    g_signal_connect(
        message, "accept-certificate",
        G_CALLBACK(+[](SoupMessage*, GTlsCertificate*, GTlsCertificateFlags, gpointer) -> gboolean { return TRUE; }),
        nullptr);
    soup_message_set_flags(message, SOUP_MESSAGE_NO_REDIRECT);
    for (const auto& [name, value] : request.headers) {
      soup_message_headers_append(soup_message_get_request_headers(message), name.c_str(), value.c_str());
    }
    if (!request.body.empty()) {
      GBytes* bytes = g_bytes_new(request.body.data(), request.body.size());
      soup_message_set_request_body_from_bytes(message, request.content_type.c_str(), bytes);
      g_bytes_unref(bytes);
    }
    soup_session_send_and_read_async(session_, message, G_PRIORITY_DEFAULT, nullptr, on_read, &call);
    const bool done = run_until([&] { return call.done; });
    if (done) finish(message, call);
    g_object_unref(message);
    return call.response;
  }
  HttpResponse get(const std::string& url, const std::string& bearer = {}) {
    return send("GET", url, bearer, std::nullopt);
  }
  HttpResponse send(const std::string& method, const std::string& url, const std::string& bearer,
                    const std::optional<base::Json>& body) {
    HttpRequest request{.method = method, .url = url};
    if (!bearer.empty()) request.headers.emplace_back("Authorization", "Bearer " + bearer);
    if (body) request.body = body->dump();
    return fetch(request);
  }

 private:
  struct Call {
    bool done = false;
    HttpResponse response;
  };

  static void on_read(GObject* source, GAsyncResult* result, gpointer data) {
    auto* call = static_cast<Call*>(data);
    g_autoptr(GError) error = nullptr;
    g_autoptr(GBytes) bytes = soup_session_send_and_read_finish(SOUP_SESSION(source), result, &error);
    call->done = true;
    if (bytes == nullptr) {
      call->response.error = error->message;
      return;
    }
    gsize size = 0;
    const auto* text = static_cast<const char*>(g_bytes_get_data(bytes, &size));
    call->response.body.assign(text == nullptr ? "" : text, size);
  }

  static void finish(SoupMessage* message, Call& call) {
    if (!call.response.error.empty()) return;
    call.response.status = static_cast<int>(soup_message_get_status(message));
    SoupMessageHeadersIter iter;
    soup_message_headers_iter_init(&iter, soup_message_get_response_headers(message));
    const char* name = nullptr;
    const char* value = nullptr;
    while (soup_message_headers_iter_next(&iter, &name, &value) != FALSE) {
      g_autofree char* lower = g_ascii_strdown(name, -1);
      std::string& joined = call.response.headers[lower];
      joined += (joined.empty() ? "" : ", ") + std::string(value);
    }
  }

  SoupSession* session_;
};

}  // namespace aircheck::test
