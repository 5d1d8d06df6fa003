// Every route against nobody, against values that nobody sane sends, and against bytes that are no HTTP.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.hpp"
#include "daemon/http/whole_station.hpp"
#include "support/raw_client.hpp"

namespace aircheck::http {
namespace {

using std::string_literals::operator""s;

class HostileRequestsTest : public test::WholeStation {
 protected:
  // A path of the route that means something.
  [[nodiscard]] std::string sane(const std::string& path_template) const {
    if (path_template.find("{kid}") != std::string::npos) return fill(path_template, std::string(32, '0'));
    return fill(path_template, path_template.find("{path...}") != std::string::npos ? "ch1" : one_.key);
  }

  test::HttpResponse ask(const std::string& method, const std::string& path, const std::string& body = {}) {
    test::HttpRequest request{.method = method, .url = url(path), .body = body};
    if (!bearer_.empty()) request.headers.emplace_back("Authorization", "Bearer " + bearer_);
    return fetch(request);
  }

  // A refusal is the client's fault, is a problem with a code, and names no path of this machine.
  void expect_refusal_or_success(const test::HttpResponse& response, const std::string& what) {
    const bool waits = response.status == 503 && !response.header("retry-after").empty();
    EXPECT_TRUE((response.status >= 200 && response.status < 500) || waits)
        << what << ": " << response.status << " " << response.error;
    EXPECT_EQ(response.code().empty(), response.status < 400) << what << ": " << response.body;
    EXPECT_EQ(response.body.find(directory_.path()), std::string::npos) << what;
    EXPECT_EQ(response.body.find("root:"), std::string::npos) << what;
  }

  std::string bearer_;
};

TEST_F(HostileRequestsTest, EveryRouteAsksWhoYouAre) {
  const std::set<std::string> open = {"/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/logout",
                                      // Encrypted segments are for everybody; what does not exist is 404.
                                      "/hls/{cdn_channel_key}/{path...}"};
  int asked = 0;
  for (const Router::Route& route : router_.routes()) {
    if (open.contains(route.path)) continue;
    const auto response = ask(route.method, sane(route.path));
    EXPECT_EQ(response.status, 401) << route.method << " " << route.path << ": " << response.body;
    EXPECT_EQ(response.header("www-authenticate"), "Bearer") << route.path;
    ++asked;
  }
  EXPECT_GE(asked, 20) << "the list of routes is the real one";
}

TEST_F(HostileRequestsTest, AdministrationNeedsItsRole) {
  const std::string viewer = bearer(viewer_);
  const std::string by_url = playback_token(access::Kind::kLive);
  const std::string foreign =
      access::sign_hs256(R"({"alg":"HS256"})", R"({"sub":"42","role":"admin","exp":1772003600})", secret_);
  int asked = 0;
  for (const Router::Route& route : router_.routes()) {
    if (!route.path.starts_with("/api/v1/admin/")) continue;
    for (const std::string& token : {viewer, foreign}) {
      bearer_ = token;
      EXPECT_EQ(ask(route.method, sane(route.path), "{}").code(), "role_not_allowed") << route.method << route.path;
    }
    bearer_.clear();
    EXPECT_EQ(ask(route.method, sane(route.path) + "?token=" + by_url, "{}").status, 401) << route.path;
    ++asked;
  }
  EXPECT_GE(asked, 9);
  EXPECT_EQ(channels_->all().size(), 2U);
}

TEST_F(HostileRequestsTest, StrangePathsAreRefused) {
  bearer_ = bearer(admin_);
  std::vector<std::string> values = {"..",
                                     "%2e%2e",
                                     "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
                                     "..%5c..%5c",
                                     "%00",
                                     "ch1%00",
                                     "%ff%fe",
                                     "%c0%ae%c0%ae",
                                     "%e2%80%ae",
                                     "'%20OR%20'1'='1",
                                     "%22",
                                     "%0d%0aSet-Cookie:%20a=b",
                                     "%7b%7d",
                                     "-1",
                                     "0",
                                     "null",
                                     "ch1;x=1",
                                     "%25%32%65",
                                     "*",
                                     "~",
                                     "CH1",
                                     "ch1.",
                                     "%F0%9F%92%A9"};
  values.push_back(std::string(4000, 'a'));
  for (const Router::Route& route : router_.routes()) {
    if (route.path.find('{') == std::string::npos) continue;
    for (const std::string& value : values) {
      const std::string path = fill(route.path, value);
      const auto response = ask(route.method, path);
      expect_refusal_or_success(response, route.method + " " + path.substr(0, 200));
      EXPECT_NE(response.status, 200) << path;
      EXPECT_EQ(response.header("set-cookie"), "");
    }
  }
}

TEST_F(HostileRequestsTest, StrangeQueriesAreRefused) {
  const std::vector<std::string> names = {
      "kind",  "start",  "end",  "programme", "protection",        "epoch",     "token", "from", "to", "channel_id",
      "limit", "cursor", "date", "tz",        "schedule_entry_id", "_HLS_skip", "%00",   ""};
  std::vector<std::string> values = {"",
                                     "-1",
                                     "0",
                                     "99999999999999999999",
                                     "1e400",
                                     "NaN",
                                     "0x10",
                                     "%00",
                                     "%ff",

                                     "2026-13-45T99:99:99Z",
                                     "2026-02-30",
                                     "1970-01-01T00:00:00Z",
                                     "2261-12-31T23:59:59Z",
                                     "9000000000",
                                     "../../etc/passwd",
                                     "/etc/passwd",
                                     "/dev/zero",
                                     ":/etc/passwd",
                                     "Europe/../../../etc/passwd",
                                     "Europe/London",
                                     "live",
                                     "catchup",
                                     "clear",
                                     "aes-128",
                                     "ch1",
                                     "%27%3B--",
                                     "%3Cscript%3E"};
  values.push_back(std::string(3000, '9'));
  values.push_back(programme(-2).id);
  for (const Router::Route& route : router_.routes()) {
    if (route.method != "GET") continue;
    bearer_ = bearer(admin_);
    limits_ = access::RequestLimits();
    for (const std::string& name : names) {
      for (const std::string& value : values) {
        const std::string query = "?" + name + "=" + value;
        expect_refusal_or_success(ask("GET", sane(route.path) + query), route.path + query.substr(0, 100));
      }
    }
    expect_refusal_or_success(ask("GET", sane(route.path) + "?" + std::string(2000, '&') + "=&&="), route.path);
  }
}

TEST_F(HostileRequestsTest, TimeZonesAreNoFiles) {
  bearer_ = bearer(admin_);
  const auto status = [&](const std::string& zone) {
    return ask("GET", "/api/v1/tstv/catchup?date=2026-02-25&tz=" + zone).status;
  };
  EXPECT_EQ(status("Europe/London"), 200);
  EXPECT_EQ(status("America/Argentina/Buenos_Aires"), 200);
  EXPECT_EQ(status("Etc/GMT%2B5"), 200);
  for (const std::string_view zone :
       {"/usr/share/zoneinfo/Europe/London", ":/usr/share/zoneinfo/Europe/London", "Europe/../Europe/London",
        "./Europe/London", "Europe//London", "../zoneinfo/Europe/London", "Europe/"}) {
    EXPECT_EQ(status(std::string(zone)), 400) << zone;
  }
}

TEST_F(HostileRequestsTest, StrangeBodiesAreRefused) {
  std::vector<std::string> bodies = {"",
                                     "null",
                                     "0",
                                     "\"\"",
                                     "[]",
                                     "{}",
                                     "{",
                                     "[[",
                                     "\xff\xfe",
                                     std::string(1, '\0'),
                                     R"({"a":1e999})",
                                     R"({"":null})",
                                     "{\"a\":\"\\ud800\"}",
                                     "{\"a\":\"\\u0000\"}"};
  bodies.push_back(std::string(100'000, '['));
  bodies.push_back("{\"a\":" + std::string(50'000, '{') + "}");
  bodies.push_back(std::string((1 << 20) + 1, ' '));
  for (const Router::Route& route : router_.routes()) {
    // Simlive's wishes have no body.
    if (route.method == "GET" || route.path.find("/simlive/") != std::string::npos) continue;
    bearer_ = bearer(admin_);
    for (const std::string& body : bodies) {
      const auto response = ask(route.method, sane(route.path), body);
      expect_refusal_or_success(response, route.path + " " + body.substr(0, 40));
      EXPECT_GE(response.status, 400) << route.path << " " << body.substr(0, 40);
    }
  }
}

TEST_F(HostileRequestsTest, StrangeCredentialsAreRefused) {
  for (const std::string& value :
       {std::string("Bearer"), std::string("Bearer "), std::string("Bearer  "), std::string("Bearer a b"),
        std::string("bearer ") + bearer(viewer_) + ".", std::string("Basic YTpi"), bearer(viewer_),
        "Bearer " + std::string(20'000, 'a'), "Bearer " + bearer(viewer_) + "," + bearer(viewer_)}) {
    const auto response = fetch({.url = url("/api/v1/me"), .headers = {{"Authorization", value}}});
    EXPECT_EQ(response.status, 401) << value.substr(0, 60);
  }
  const auto twice =
      fetch({.url = url("/api/v1/me"),
             .headers = {{"Authorization", "Bearer x"}, {"Authorization", "Bearer " + bearer(viewer_)}}});
  EXPECT_EQ(twice.status, 401) << "the first header counts, or none";
}

TEST_F(HostileRequestsTest, BytesThatAreNoHttpDoNoHarm) {
  const base::Timer tick = base::Timer::every(1, [] {});
  const std::string long_header(200'000, 'a');
  for (const std::string& text : {
           std::string("\r\n\r\n\r\n"),
           std::string("GET\r\n\r\n"),
           std::string("GET /api/v1/me\r\n\r\n"),
           std::string("GET /api/v1/me HTTP/9.9\r\n\r\n"),
           std::string("GET /api/v1/epg?from=%zz&to=% HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
           std::string("GET /api/v1/tstv/startover/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
           std::string("GET /api/v1/tstv/startover/\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
           std::string("GET  /api/v1/me  HTTP/1.1\r\n\r\n"),
           std::string("GET http:// HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
           "GET /api/v1/me\0x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"s,
           std::string("GET /api/v1/me HTTP/1.1\r\nConnection: close\r\n\r\n"),
           std::string("GET /api/v1/me HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"),
           std::string("GET /api/v1/me HTTP/1.1\r\nHost: a b\"><script>\r\nConnection: close\r\n\r\n"),
           std::string("GET /api/v1/me HTTP/1.1\r\nno colon\r\nConnection: close\r\n\r\n"),
           std::string("GET /api/v1/me HTTP/1.1\r\nHost: a\r\nRange: bytes=0-,5-,-,x\r\nConnection: close\r\n\r\n"),
           "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
           "GET /api/v1/me HTTP/1.1\r\nHost: a\r\nX: " + long_header + "\r\nConnection: close\r\n\r\n",
           std::string(
               "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\nConnection: close\r\n\r\n"),
           std::string("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n"
                       "Connection: close\r\n\r\n{}"),
           std::string("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n"
                       "Connection: close\r\n\r\n{}"),
           std::string(
               "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n"
               "Connection: close\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
           std::string("POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                       "Connection: close\r\n\r\nffffffffffffffff\r\n{}"),
           "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s,
           std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
       }) {
    test::RawClient client(server_->port());
    client.send(text);
    client.finish();
    ASSERT_TRUE(run_until([&] { return client.closed(); })) << text.substr(0, 80);
    EXPECT_EQ(client.received.find("HTTP/1.1 200"), std::string::npos) << text.substr(0, 80);
    EXPECT_EQ(client.received.find("HTTP/1.1 500"), std::string::npos) << text.substr(0, 80);
    EXPECT_EQ(client.received.find("<script>"), std::string::npos) << text.substr(0, 80);
    EXPECT_TRUE(base::is_utf8(client.received)) << text.substr(0, 80);
  }
  bearer_ = bearer(admin_);
  EXPECT_EQ(ask("GET", "/api/v1/me").status, 200) << "the server still serves";
}

}  // namespace
}  // namespace aircheck::http
