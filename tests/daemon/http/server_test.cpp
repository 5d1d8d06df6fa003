#include "http/server.hpp"

#include "http/byte_range.hpp"
#include "http/static_files.hpp"
#include "support/http_client.hpp"
#include "support/raw_client.hpp"

namespace aircheck::http {
namespace {

class ServerTest : public test::HttpTest {
 protected:
  void SetUp() override {
    router_.get("/api/hello/{name}", [](const Request& request, Responder responder) {
      responder.json(200, base::Json::object({{"name", request.param("name")},
                                              {"client", request.client_address},
                                              {"base", request.base_url},
                                              {"query", request.query_value("q") ? *request.query_value("q") : ""}}));
    });
    router_.post("/api/echo", [](const Request& request, Responder responder) {
      const auto body = request.json();
      if (!body) return responder.error(body.error());
      responder.json(201, *body);
    });
    router_.get("/api/later", [this](const Request&, Responder responder) { kept_.push_back(responder); });
    router_.get("/api/never", [](const Request&, Responder) {});
    router_.get("/hls/big", [](const Request&, Responder responder) {
      responder.header("Cache-Control", "max-age=60")
          .header("ETag", "\"tag\"")
          .bytes(200, "video/mp4", {base::copy_of("0123456789")});
    });
    router_.get("/api/known",
                [](const Request&, Responder responder) { responder.header("ETag", "\"a\"").empty(304); });
    router_.get("/api/empty", [](const Request&, Responder responder) { responder.text(200, "text/plain", ""); });
    router_.get("/api/long", [](const Request&, Responder responder) {
      responder.text(200, "text/plain", std::string(100'000, 'x'));
    });
  }
  void start() {
    auto server = Server::start(options_, router_);
    ASSERT_TRUE(server.has_value()) << server.error().message;
    server_ = std::move(*server);
  }
  std::string url(const std::string& path) { return server_->url() + path; }
  void serve(const std::string& path, const std::string& body) {
    router_.get(path, [body = base::copy_of(body)](const Request&, Responder responder) {
      responder.bytes(200, "video/mp4", {body});
    });
  }
  // Another one each time, and the options to present it.
  void make_certificate(const test::TemporaryDirectory& directory) {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "
        "/CN=localhost -keyout " +
        (directory / "key.pem") + " -out " + (directory / "crt.pem");
    ASSERT_NE(g_spawn_command_line_sync(command.c_str(), nullptr, nullptr, nullptr, nullptr), FALSE);
    options_.listen.tls_certificate = directory / "crt.pem";
    options_.listen.tls_key = directory / "key.pem";
  }

  ServerOptions options_;
  Router router_;
  std::vector<Responder> kept_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersWithWhatEveryAnswerHas) {
  start();
  const auto response = get(url("/api/hello/w%C3%B6rld?q=a%20b"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(response.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(response.header("referrer-policy"), "no-referrer");
  EXPECT_EQ(response.header("x-request-id").size(), 36U);
  EXPECT_EQ(response.json().find("name")->as_string()->c_str(), std::string("w\xc3\xb6rld"));
  EXPECT_EQ(*response.json().find("query")->as_string(), "a b");
  EXPECT_EQ(*response.json().find("client")->as_string(), "127.0.0.1");
  EXPECT_EQ(*response.json().find("base")->as_string(), server_->url());
}

// Whatever carries it: a library that complains about a body without bytes ends the test.
TEST_F(ServerTest, AnEmptyTextIsAnAnswer) {
  start();
  const GLogLevelFlags fatal = g_log_set_always_fatal(static_cast<GLogLevelFlags>(G_LOG_LEVEL_CRITICAL));
  const auto response = get(url("/api/empty"));
  g_log_set_always_fatal(fatal);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-length"), "0");
  EXPECT_EQ(response.header("content-type"), "text/plain");
}

TEST_F(ServerTest, KeepsAUsableRequestId) {
  start();
  EXPECT_EQ(fetch({.url = url("/api/hello/a"), .headers = {{"X-Request-Id", "abc-1.2"}}}).header("x-request-id"),
            "abc-1.2");
  EXPECT_NE(fetch({.url = url("/api/hello/a"), .headers = {{"X-Request-Id", "a b"}}}).header("x-request-id"), "a b");
}

TEST_F(ServerTest, UnknownPathsAndMethodsAreProblems) {
  start();
  EXPECT_EQ(get(url("/api/nothing")).status, 404);
  EXPECT_EQ(get(url("/api/nothing")).code(), "not_found");
  EXPECT_EQ(get(url("/")).status, 404);
  const auto post = fetch({.method = "POST", .url = url("/api/hello/a")});
  EXPECT_EQ(post.status, 405);
  EXPECT_EQ(post.code(), "method_not_allowed");
  EXPECT_EQ(post.header("allow"), "GET, HEAD");
}

TEST_F(ServerTest, PathsAreDecodedOnce) {
  start();
  EXPECT_EQ(*get(url("/api/hello/a%252Fb")).json().find("name")->as_string(), "a%2Fb");
  EXPECT_EQ(get(url("/api/hello/a%2Fb")).status, 404) << "an encoded slash makes no segment";
  EXPECT_EQ(get(url("/api/x/..%2Fhello/a")).status, 404);
}

TEST_F(ServerTest, AConnectionWhoseClientGoesAfterItsAnswerIsClosed) {
  start();
  std::vector<std::unique_ptr<test::RawClient>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(std::make_unique<test::RawClient>(server_->port()));
    clients.back()->send("GET /hls/big HTTP/1.1\r\nHost: station\r\n\r\n");
    const base::Timer tick = base::Timer::every(1, [] {});
    // Every other one resets the connection: it leaves bytes unread.
    ASSERT_TRUE(run_until(
        [&] { return i % 2 == 0 || clients.back()->closed() || clients.back()->received.ends_with("0123456789"); }));
  }
  ASSERT_TRUE(run_until([&] { return server_->connections() == 20; }));
  clients.clear();
  EXPECT_TRUE(run_until([&] { return server_->connections() == 0; })) << server_->connections();
}

// Behind an answer, too: nothing of the daemon's keeps a connection that it has ended itself.
TEST_F(ServerTest, AnIdleConnectionIsClosedAfterItsAnswer) {
  options_.listen.idle_ms = 200;
  start();
  test::RawClient client(server_->port());
  client.send("GET /hls/big HTTP/1.1\r\nHost: station\r\n\r\n");
  EXPECT_TRUE(run_until([&] { return client.closed(); }));
  EXPECT_TRUE(client.received.ends_with("0123456789")) << client.received;
  EXPECT_TRUE(run_until([&] { return server_->connections() == 0; }));
}

TEST_F(ServerTest, HeadHasTheHeadersAndNoBody) {
  start();
  const auto response = fetch({.method = "HEAD", .url = url("/hls/big")});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-length"), "10");
  EXPECT_EQ(response.body, "");
}

TEST_F(ServerTest, AConnectionCarriesManyRequests) {
  start();
  test::RawClient client(server_->port());
  for (int i = 1; i <= 3; ++i) {
    const std::size_t before = client.received.size();
    client.send("GET /hls/big HTTP/1.1\r\nHost: station\r\n\r\n");
    ASSERT_TRUE(
        run_until([&] { return client.closed() || client.received.find("0123456789", before) != std::string::npos; }));
    EXPECT_FALSE(client.closed()) << "after request " << i;
  }
  client.send("GET /hls/big HTTP/1.1\r\nHost: station\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(run_until([&] { return client.closed(); }));
}

TEST_F(ServerTest, RequestsMayFollowEachOtherWithoutWaiting) {
  start();
  test::RawClient client(server_->port());
  std::string many;
  for (int i = 0; i < 100; ++i) many += "GET /api/hello/" + std::to_string(i) + " HTTP/1.1\r\nHost: station\r\n\r\n";
  client.send(many + "GET /api/later HTTP/1.1\r\nHost: station\r\n\r\n" + many);
  client.finish();
  ASSERT_TRUE(run_until([&] { return kept_.size() == 1; })) << "one at a time, in order";
  kept_.front().json(200, "later");
  ASSERT_TRUE(run_until([&] { return client.closed(); }));
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = client.received.find("\"name\":\"" + std::to_string(i) + "\"", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  at = client.received.find("\"later\"", at);
  ASSERT_NE(at, std::string::npos);
  EXPECT_NE(client.received.find("\"name\":\"99\"", at), std::string::npos);
}

// What the library could add to an answer without a body would be read as the beginning of the next one.
TEST_F(ServerTest, NothingFollowsAnAnswerWithoutABody) {
  start();
  const std::string second = "GET /hls/big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  for (const char* first : {"GET /api/known", "HEAD /api/known", "HEAD /api/long", "OPTIONS /hls/big"}) {
    test::RawClient client(server_->port());
    client.send(std::string(first) +
                " HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n" + second);
    ASSERT_TRUE(run_until([&] { return client.closed(); })) << first;
    const std::size_t end = client.received.find("\r\n\r\n");
    ASSERT_NE(end, std::string::npos) << first;
    EXPECT_TRUE(client.received.substr(end + 4).starts_with("HTTP/1.1 200 ")) << first << "\n" << client.received;
  }
}

TEST_F(ServerTest, ALongAnswerReachesASlowReader) {
  const std::string body(20 << 20, 'x');
  serve("/hls/huge", body);
  start();
  test::RawClient client(server_->port());
  client.send("GET /hls/huge HTTP/1.1\r\nHost: station\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return client.closed(); }));
  EXPECT_NE(client.received.find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_EQ(client.received.size() - client.received.find("\r\n\r\n") - 4, body.size());
}

// A body under way needs nothing of the main loop.
TEST_F(ServerTest, BodiesAreSentWhileTheMainLoopIsBusy) {
  const std::string body(50 << 20, 'x');
  serve("/hls/huge", body);
  start();
  test::RawClient client(server_->port());
  client.send("GET /hls/huge HTTP/1.1\r\nHost: station\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return client.closed() || !client.received.empty(); }));
  const std::int64_t deadline_us = g_get_monotonic_time() + kWatchdogMs * 1000;
  while (client.received.size() < body.size() && g_get_monotonic_time() < deadline_us) {
    ASSERT_FALSE(client.closed());
  }
  EXPECT_GE(client.received.size(), body.size());
}

// The end of the stream may be seen before the request is.
TEST_F(ServerTest, AHalfClosedConnectionIsClosedWheneverItsEndIsSeen) {
  start();
  for (int i = 0; i < 50; ++i) {
    test::RawClient client(server_->port());
    client.send(i % 2 == 0 ? "GET /hls/big HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /hls/big HTTP/1.1\r\nHo");
    client.finish();
    ASSERT_TRUE(run_until([&] { return client.closed(); })) << "connection " << i;
  }
}

TEST_F(ServerTest, WhoTakesNothingOfItsAnswerIsDisconnected) {
  const std::string body(20 << 20, 'x');
  serve("/hls/huge", body);
  options_.listen.idle_ms = 200;
  start();
  test::RawClient client(server_->port());
  client.send("GET /hls/huge HTTP/1.1\r\nHost: station\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return server_->connections() == 1; }));
  EXPECT_TRUE(run_until([&] { return server_->connections() == 0; }));
}

TEST_F(ServerTest, DrainingFinishesOpenAnswersAndAcceptsNoMore) {
  start();
  test::RawClient waiting(server_->port());
  test::RawClient idle(server_->port());
  idle.send("GET /hls/big HTTP/1.1\r\nHost: station\r\n\r\n");
  waiting.send("GET /api/later HTTP/1.1\r\nHost: station\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return !idle.closed() && kept_.size() == 1 && idle.received.ends_with("0123456789"); }));
  bool drained = false;
  const std::string before = url("/hls/big");
  server_->drain(60'000, [&] { drained = true; });
  EXPECT_TRUE(run_until([&] { return idle.closed(); })) << "nobody waits for who asks nothing";
  EXPECT_EQ(get(before).status, 0) << "nobody listens";
  EXPECT_FALSE(drained);
  kept_.front().text(200, "text/plain", "worth waiting for");
  EXPECT_TRUE(run_until([&] { return waiting.closed() && drained; }));
  EXPECT_TRUE(waiting.received.ends_with("worth waiting for")) << waiting.received;
}

TEST_F(ServerTest, DrainingIsBounded) {
  start();
  test::RawClient waiting(server_->port());
  waiting.send("GET /api/later HTTP/1.1\r\nHost: station\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return kept_.size() == 1; }));
  bool drained = false;
  server_->drain(100, [&] {
    drained = true;
    server_.reset();
  });
  EXPECT_TRUE(run_until([&] { return drained; }));
  EXPECT_TRUE(run_until([&] { return waiting.closed(); }));
  EXPECT_EQ(waiting.received, "");
}

TEST_F(ServerTest, RangesAreServed) {
  start();
  const auto part = fetch({.url = url("/hls/big"), .headers = {{"Range", "bytes=2-4"}}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.header("content-range"), "bytes 2-4/10");
  EXPECT_EQ(fetch({.url = url("/hls/big"), .headers = {{"Range", "bytes=-3"}}}).body, "789");
  EXPECT_EQ(fetch({.url = url("/hls/big"), .headers = {{"Range", "bytes=7-99"}}}).body, "789");
  const auto beyond = fetch({.url = url("/hls/big"), .headers = {{"Range", "bytes=10-"}}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(beyond.code(), "range_not_satisfiable");
  EXPECT_EQ(beyond.header("content-range"), "bytes */10");
  EXPECT_EQ(beyond.header("cache-control"), "no-store") << "the whole is immutable, this answer is not";
  const auto head = fetch({.method = "HEAD", .url = url("/hls/big"), .headers = {{"Range", "bytes=2-4"}}});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "10");
}

TEST_F(ServerTest, ManyRangesAreOneWholeBody) {
  start();
  std::string list = "bytes=0-";
  for (int i = 0; i < 1000; ++i) list += ",0-";
  for (const std::string& range : {list, std::string("bytes=0-1,5-6")}) {
    const auto response = fetch({.url = url("/hls/big"), .headers = {{"Range", range}}});
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, "0123456789");
  }
}

TEST_F(ServerTest, APartOfSomethingElseIsNotGiven) {
  start();
  const auto part = [&](const std::string& if_range) {
    return fetch({.url = url("/hls/big"), .headers = {{"Range", "bytes=2-4"}, {"If-Range", if_range}}}).body;
  };
  EXPECT_EQ(part("\"tag\""), "234");
  EXPECT_EQ(part("\"other\""), "0123456789");
  EXPECT_EQ(part("W/\"tag\""), "0123456789");
  EXPECT_EQ(part("Sat, 21 Nov 2026 13:16:44 GMT"), "0123456789");
}

TEST(ByteRange, FollowsTheGrammar) {
  using Kind = ByteRange::Kind;
  const auto read = [](std::string_view header) {
    const ByteRange range = read_byte_range(header, 10);
    if (range.kind != Kind::kPart) return std::string(range.kind == Kind::kWhole ? "whole" : "none");
    return std::to_string(range.first) + "+" + std::to_string(range.size);
  };
  EXPECT_EQ(read("bytes=0-0"), "0+1");
  EXPECT_EQ(read("bytes=9-"), "9+1");
  EXPECT_EQ(read("bytes=-99"), "0+10");
  EXPECT_EQ(read("bytes=3-99999999999999999999999"), "3+7");
  EXPECT_EQ(read("bytes=99999999999999999999999-"), "none");
  EXPECT_EQ(read("bytes=-0"), "none");
  for (const char* header : {"bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "bytes=1-2-3", "bytes=+1-2", "bytes= 1-2",
                             "items=1-2", "bytes=0x1-2", "bytes"}) {
    EXPECT_EQ(read(header), "whole") << header;
  }
  EXPECT_EQ(read_byte_range("bytes=-5", 0).kind, Kind::kUnsatisfiable);
}

TEST_F(ServerTest, BodiesAreParsedAndBounded) {
  start();
  EXPECT_EQ(fetch({.method = "POST", .url = url("/api/echo"), .body = R"({"a":1})"}).body, R"({"a":1})");
  EXPECT_EQ(fetch({.method = "POST", .url = url("/api/echo"), .body = "{"}).code(), "malformed");
  EXPECT_EQ(fetch({.method = "POST", .url = url("/api/echo"), .body = "{}", .content_type = "text/plain"}).status, 415);
  const std::string fits = "\"" + std::string((1 << 20) - 2, 'x') + "\"";
  EXPECT_EQ(fetch({.method = "POST", .url = url("/api/echo"), .body = fits}).status, 201);
  const auto large = fetch({.method = "POST", .url = url("/api/echo"), .body = fits + " "});
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(large.code(), "too_large");
}

TEST_F(ServerTest, AnAnswerMayComeLater) {
  start();
  auto* answer = &kept_;
  const base::Timer later = base::Timer::every(1, [answer] {
    for (Responder& responder : *answer) responder.json(200, "later");
    answer->clear();
  });
  EXPECT_EQ(get(url("/api/later")).body, "\"later\"");
}

TEST_F(ServerTest, AForgottenAnswerIs500) {
  start();
  const auto response = get(url("/api/never"));
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.code(), "internal");
}

TEST_F(ServerTest, AnAnswerToAClientThatWentAwayIsHarmless) {
  start();
  GSocketClient* client = g_socket_client_new();
  GSocketConnection* connection =
      g_socket_client_connect_to_host(client, "127.0.0.1", static_cast<guint16>(server_->port()), nullptr, nullptr);
  ASSERT_NE(connection, nullptr);
  const std::string request = "GET /api/later HTTP/1.1\r\nHost: x\r\n\r\n";
  g_output_stream_write_all(g_io_stream_get_output_stream(G_IO_STREAM(connection)), request.data(), request.size(),
                            nullptr, nullptr, nullptr);
  ASSERT_TRUE(run_until([&] { return !kept_.empty(); }));
  g_object_unref(connection);
  g_object_unref(client);
  drain();
  kept_.front().json(200, "nobody");
  kept_.clear();
  ASSERT_TRUE(run_until([&] { return server_->connections() == 0; }));
  EXPECT_EQ(get(url("/api/hello/a")).status, 200);
}

TEST_F(ServerTest, LongTextIsCompressedForThoseWhoTakeIt) {
  start();
  const auto plain = get(url("/api/long"));
  EXPECT_EQ(plain.body.size(), 100'000U);
  EXPECT_EQ(plain.header("vary"), "Accept-Encoding");
  const auto gzip = fetch({.url = url("/api/long"), .headers = {{"Accept-Encoding", "br, gzip"}}});
  EXPECT_EQ(gzip.header("content-encoding"), "gzip");
  EXPECT_LT(gzip.body.size(), 1000U);
  EXPECT_EQ(fetch({.url = url("/api/long"), .headers = {{"Accept-Encoding", "gzip;q=0"}}}).body.size(), 100'000U);
}

TEST_F(ServerTest, CorsIsOpenForStreamsAndListedForTheApi) {
  options_.cors_origins = {"https://tv.example.org"};
  start();
  const auto with_origin = [&](const std::string& path, const std::string& origin) {
    return fetch({.url = url(path), .headers = {{"Origin", origin}}}).header("access-control-allow-origin");
  };
  EXPECT_EQ(with_origin("/hls/big", "https://any.example"), "*");
  EXPECT_EQ(with_origin("/api/hello/a", "https://any.example"), "");
  EXPECT_EQ(with_origin("/api/hello/a", "https://tv.example.org"), "https://tv.example.org");
  const auto preflight =
      fetch({.method = "OPTIONS",
             .url = url("/api/hello/a"),
             .headers = {{"Origin", "https://tv.example.org"}, {"Access-Control-Request-Method", "GET"}}});
  EXPECT_EQ(preflight.status, 204);
  EXPECT_NE(preflight.header("access-control-allow-headers").find("Authorization"), std::string::npos);
  EXPECT_EQ(get(url("/api/hello/a")).header("vary"), "Origin");
  EXPECT_EQ(get(url("/api/long")).header("vary"), "Origin, Accept-Encoding") << "a cache goes by both";
}

TEST_F(ServerTest, ForwardedAddressesCountFromTrustedProxiesOnly) {
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"X-Forwarded-For", "203.0.113.9, 198.51.100.7"}, {"X-Forwarded-Proto", "https"}, {"Host", "tv.example.org"}};
  start();
  auto seen = fetch({.url = url("/api/hello/a"), .headers = headers}).json();
  EXPECT_EQ(*seen.find("client")->as_string(), "127.0.0.1");
  server_.reset();
  options_.trusted_proxies = {"127.0.0.0/8"};
  start();
  seen = fetch({.url = url("/api/hello/a"), .headers = headers}).json();
  EXPECT_EQ(*seen.find("client")->as_string(), "198.51.100.7");
  EXPECT_EQ(seen.find("base")->as_string()->rfind("https://", 0), 0U);
  // A proxy may write a line of its own; what the client wrote stands before it.
  const auto client = [&](const std::vector<std::string>& lines) {
    test::HttpRequest request{.url = url("/api/hello/a")};
    for (const std::string& line : lines) request.headers.emplace_back("X-Forwarded-For", line);
    return *fetch(request).json().find("client")->as_string();
  };
  EXPECT_EQ(client({"203.0.113.9", "198.51.100.7"}), "198.51.100.7");
  EXPECT_EQ(client({"203.0.113.9, 198.51.100.7, 127.0.0.5"}), "198.51.100.7") << "through two of our proxies";
  EXPECT_EQ(client({"127.0.0.4", "127.0.0.5"}), "127.0.0.4");
  EXPECT_EQ(client({"203.0.113.9", "unknown"}), "127.0.0.1");
  EXPECT_EQ(client({"2001:db8::1 "}), "2001:db8::1");
  server_.reset();
  options_.trusted_proxies = {"here"};
  EXPECT_FALSE(Server::start(options_, router_).has_value());
}

TEST_F(ServerTest, ServesHttps) {
  const test::TemporaryDirectory directory;
  make_certificate(directory);
  start();
  EXPECT_EQ(server_->url().rfind("https://127.0.0.1:", 0), 0U);
  const auto response = get(url("/api/hello/a"));
  ASSERT_EQ(response.status, 200) << response.error;
  EXPECT_EQ(*response.json().find("base")->as_string(), server_->url());
  EXPECT_EQ(fetch({.url = url("/hls/big"), .headers = {{"Range", "bytes=0-1"}}}).body, "01");
  test::RawClient plain(server_->port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return plain.closed(); }));
  EXPECT_EQ(plain.received.find("200"), std::string::npos);
  server_.reset();
  options_.listen.tls_key = directory / "absent.pem";
  EXPECT_FALSE(Server::start(options_, router_).has_value());
}

// Who keeps a connection does not keep the old certificate for ever.
TEST_F(ServerTest, AnotherCertificateEndsConnectionsWithTheirNextAnswer) {
  const test::TemporaryDirectory directory;
  make_certificate(directory);
  start();
  ASSERT_EQ(get(url("/api/hello/a")).status, 200);
  ASSERT_TRUE(server_->reload(options_).has_value());
  const auto same = get(url("/api/hello/a"));
  EXPECT_EQ(same.status, 200) << same.error;
  EXPECT_EQ(same.header("connection"), "");
  EXPECT_EQ(server_->connections(), 1);

  make_certificate(directory);
  ASSERT_TRUE(server_->reload(options_).has_value());
  const auto last = get(url("/api/hello/a"));
  EXPECT_EQ(last.status, 200) << last.error;
  EXPECT_EQ(last.header("connection"), "close");
  ASSERT_TRUE(run_until([&] { return server_->connections() == 0; }));
  const auto fresh = get(url("/api/hello/a"));
  EXPECT_EQ(fresh.status, 200) << fresh.error;
  EXPECT_EQ(fresh.header("connection"), "");
}

TEST_F(ServerTest, APortInUseIsNamed) {
  start();
  options_.listen.port = server_->port();
  const auto second = Server::start(options_, router_);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find("--port"), std::string::npos) << second.error().message;
  EXPECT_NE(second.error().message.find(std::to_string(server_->port())), std::string::npos);
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitGet503) {
  options_.listen.max_connections = 2;
  start();
  const test::RawClient first(server_->port());
  auto second = std::make_unique<test::RawClient>(server_->port());
  ASSERT_TRUE(run_until([&] { return server_->connections() == 2; }));
  test::RawClient third(server_->port());
  ASSERT_TRUE(run_until([&] { return third.closed(); }));
  EXPECT_EQ(third.received.rfind("HTTP/1.1 503 ", 0), 0U) << third.received;
  EXPECT_NE(third.received.find("Retry-After: 2\r\n"), std::string::npos);
  EXPECT_NE(third.received.find("\"code\":\"too_many_connections\""), std::string::npos);
  second.reset();
  ASSERT_TRUE(run_until([&] { return server_->connections() == 1; }));
  EXPECT_EQ(get(url("/api/hello/a")).status, 200);
}

TEST_F(ServerTest, ClientsThatNeverFinishARequestAreDisconnected) {
  options_.listen.idle_ms = 200;
  start();
  test::RawClient slow(server_->port());
  // A byte now and then must not keep the connection: only a complete request does.
  const base::Timer trickle = base::Timer::every(20, [&] { slow.send("G"); });
  ASSERT_TRUE(run_until([&] { return slow.closed(); }));
  ASSERT_TRUE(run_until([&] { return server_->connections() == 0; }));
}

// libmicrohttpd answers by itself, or not at all, what it cannot read; what it can read, and we do not take, gets a
// problem.
TEST_F(ServerTest, MalformedRequestsDoNoHarm) {
  start();
  const auto answer_to = [&](const std::string& text) {
    test::RawClient client(server_->port());
    client.send(text);
    EXPECT_TRUE(run_until([&] { return client.closed() || client.received.find("\r\n\r\n") != std::string::npos; }))
        << text;
    EXPECT_EQ(client.received.find(" 200 "), std::string::npos) << text;
    return client.received;
  };
  for (const char* text : {"GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\r\n\r\n",
                           "GET /api/hello/a HTTP/1.1\r\nno colon\r\n\r\n", "GET /api/hello/a HTTP/1.1\r\n\r\n"}) {
    answer_to(text);
  }
  for (const char* text :
       {"GET /api/hello/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/hello/a#b HTTP/1.1\r\nHost: x\r\n\r\n", "G@T /api/hello/a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /api/hello/a HTTP/1.1\r\nHost: \xe9\r\n\r\n", "GET /api/hello/a HTTP/1.1\r\nHost: a?b\r\n\r\n",
        "GET /api/hello/a HTTP/1.1\r\nHost: a b\r\n\r\n", "GET /api/hello/a HTTP/1.1\r\nHost: u@a\r\n\r\n",
        "GET /api/hello/a HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET /api/hello/a HTTP/1.1\r\nHost: a:x\r\n\r\n",
        "GET http://a\\b/api/hello/a HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    const std::string received = answer_to(text);
    EXPECT_TRUE(received.starts_with("HTTP/1.1 4")) << text << received;
    EXPECT_NE(received.find("\r\nContent-Type: application/problem+json\r\n"), std::string::npos) << text;
    EXPECT_NE(received.find("\r\nX-Request-Id: "), std::string::npos) << text;
  }
  EXPECT_EQ(get(url("/api/hello/a")).status, 200);
}

// Each could be read in two ways, by us and by whoever stands before us. The second request has to stay unread.
TEST_F(ServerTest, NobodySmugglesARequest) {
  using std::string_literals::operator""s;
  start();
  const std::string second = "GET /hls/big HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto received_for = [&](const std::string& first) {
    test::RawClient client(server_->port());
    client.send(first + second);
    client.finish();
    EXPECT_TRUE(run_until([&] { return client.closed(); })) << first;
    return client.received;
  };
  EXPECT_TRUE(received_for("GET /api/hello/a HTTP/1.1\r\nHost: x\r\n\r\n").ends_with("0123456789")) << "it can be seen";
  const std::string post = "POST /api/echo HTTP/1.1\r\nHost: x\r\n";
  const std::string get = "GET /api/hello/a HTTP/1.1\r\nHost: x\r\n";
  for (const std::string& text :
       {post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        post + "Transfer-Encoding: x\r\n\r\n0\r\n\r\n",
        post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        post + "Content-Length : 2\r\n\r\n{}",
        post + "Content-Length\t: 2\r\n\r\n{}",
        post + "Content-: 2\r\n Length\r\n\r\n{}",
        post + "Content-Length: 2,2\r\n\r\n{}",
        post + "Content-Length: +2\r\n\r\n{}",
        post + "Content-Length: 0x2\r\n\r\n{}",
        post + "Content-Length: 2\0\r\n\r\n{}"s,
        get + "X: a\r\n folded\r\n\r\n",
        get + " X: a\r\n\r\n",
        get + "X: a\0b\r\n\r\n"s,
        get + "X: a\rb\r\n\r\n",
        get + "X: a\nY: b\r\n\r\n",
        get + "X: a\r\n\n",
        get + ": a\r\n\r\n",
        get + "X y: a\r\n\r\n",
        get + "Host: y\r\n\r\n",
        "GET /api/hello/a\0b HTTP/1.1\r\nHost: x\r\n\r\n"s,
        std::string("GET  /api/hello/a HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("GET /api/hello/a HTTP/1.1\nHost: x\n\n"),
        "POST /api/echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"s}) {
    const std::string received = received_for(text);
    EXPECT_TRUE(received.starts_with("HTTP/1.1 400 ")) << text << "\n" << received;
    EXPECT_EQ(received.find("0123456789"), std::string::npos) << text;
  }
  // Chunks are taken, and end the connection whatever stands in them.
  for (const char* chunks : {"2\r\n{}\r\n0\r\n\r\n", "2;a=b\r\n{}\r\n0\r\nX: y\r\n\r\n", "2;a\nb\r\n{}\r\n0\r\n\r\n"}) {
    const std::string received = received_for(post + "Transfer-Encoding: chunked\r\n\r\n" + chunks);
    EXPECT_EQ(received.find("0123456789"), std::string::npos) << chunks;
    EXPECT_NE(received.find("\r\nConnection: close\r\n"), std::string::npos) << chunks;
  }
}

TEST_F(ServerTest, TheTargetMayNameTheHost) {
  start();
  test::RawClient client(server_->port());
  client.send("GET http://tv.example.org/api/hello/a?q=b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return client.closed(); }));
  EXPECT_NE(client.received.find("\"base\":\"http://tv.example.org\""), std::string::npos) << client.received;
  EXPECT_NE(client.received.find("\"query\":\"b\""), std::string::npos) << client.received;
}

// The Host header comes back in addresses: what none has unencoded is not taken over.
TEST_F(ServerTest, AddressesAreMadeOfPlainHosts) {
  start();
  const auto base = [&](const char* host) {
    return *fetch({.url = url("/api/hello/a"), .headers = {{"Host", host}}}).json().find("base")->as_string();
  };
  EXPECT_EQ(base("tv-1.example.org:8000"), "http://tv-1.example.org:8000");
  EXPECT_EQ(base("[2001:db8::1]:8000"), "http://[2001:db8::1]:8000");
  EXPECT_EQ(base("a,b"), server_->url());
  EXPECT_EQ(base("it's"), server_->url());
}

TEST_F(ServerTest, LargeHeadsAreReadAndEndlessOnesAreNot) {
  start();
  EXPECT_EQ(fetch({.url = url("/api/hello/a"), .headers = {{"X", std::string(20'000, 'a')}}}).status, 200);
  EXPECT_EQ(fetch({.url = url("/api/hello/a"), .headers = {{"X", std::string(40'000, 'a')}}}).status, 431);
  EXPECT_EQ(get(url("/api/hello/" + std::string(40'000, 'a'))).status, 414);
}

TEST_F(ServerTest, WhoAsksBeforeSendingABodyGetsAWord) {
  start();
  const std::string head = "POST /api/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ";
  test::RawClient client(server_->port());
  client.send(head + "2\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return client.closed() || client.received.ends_with("\r\n\r\n"); }));
  EXPECT_EQ(client.received, "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("{}");
  ASSERT_TRUE(run_until([&] { return client.closed() || client.received.ends_with("{}"); }));
  EXPECT_NE(client.received.find("HTTP/1.1 201 "), std::string::npos) << client.received;
  test::RawClient large(server_->port());
  large.send(head + "9999999\r\n\r\n");
  ASSERT_TRUE(run_until([&] { return large.closed(); }));
  EXPECT_TRUE(large.received.starts_with("HTTP/1.1 413 ")) << large.received;
  EXPECT_NE(large.received.find("\"code\":\"too_large\""), std::string::npos) << large.received;
}

TEST_F(ServerTest, ServesTheWebPage) {
  const test::TemporaryDirectory directory;
  EXPECT_FALSE(StaticFiles::load(directory.path()).has_value());
  std::filesystem::create_directory(directory / "assets");
  directory.write("index.html", "<!doctype html>");
  directory.write("assets/app-1a2b.js", "export {};");
  auto files = StaticFiles::load(directory.path());
  ASSERT_TRUE(files.has_value()) << files.error().message;
  router_.set_fallback([&](const Request& request, Responder responder) { files->answer(request, responder); });
  start();
  const auto page = get(url("/"));
  EXPECT_EQ(page.body, "<!doctype html>");
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("content-security-policy").find("unsafe-inline"), std::string::npos);
  EXPECT_NE(page.header("content-security-policy").find("script-src 'self'"), std::string::npos);
  EXPECT_EQ(get(url("/watch/ch1")).body, "<!doctype html>");
  EXPECT_EQ(fetch({.url = url("/"), .headers = {{"If-None-Match", page.header("etag")}}}).status, 304);
  const auto script = get(url("/assets/app-1a2b.js"));
  EXPECT_EQ(script.header("content-type"), "text/javascript; charset=utf-8");
  EXPECT_NE(script.header("cache-control").find("immutable"), std::string::npos);
  EXPECT_EQ(get(url("/assets/none.js")).code(), "not_found");
  EXPECT_GE(get(url("/assets/..%2findex.html")).status, 400);
  EXPECT_EQ(get(url("/api/nothing")).code(), "not_found");
}

}  // namespace
}  // namespace aircheck::http
