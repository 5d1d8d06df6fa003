// The outgoing client against a real server of ours: what it fetches, and what it does not.
#include "http/outgoing.hpp"

#include <gtest/gtest.h>

#include "http/server.hpp"
#include "support/http_client.hpp"

namespace aircheck::http {
namespace {

TEST(AddressRules, OnlyPublicAddressesAndWhatIsListed) {
  const auto rules = AddressRules::make({"192.168.7.0/24", "::1"}).value();
  for (const char* address :
       {"93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "192.168.7.9", "::1", "::ffff:8.8.8.8", "64:ff9b::808:808"}) {
    EXPECT_TRUE(rules.allows(std::string(address))) << address;
  }
  for (const char* address : {"127.0.0.1",
                              "127.9.9.9",
                              "10.1.2.3",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "255.255.255.255",
                              "224.0.0.1",
                              "198.18.0.1",
                              "::",
                              "fe80::1",
                              "fc00::1",
                              "fd12::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.0.0.1",
                              "64:ff9b::7f00:1",
                              "2002:7f00:1::",
                              "2002:a00:1::",
                              "::127.0.0.1",
                              "2001:db8::1",
                              "nonsense",
                              ""}) {
    EXPECT_FALSE(rules.allows(std::string(address))) << address;
  }
  EXPECT_TRUE(rules.allows(std::string("172.32.0.1")));
  EXPECT_EQ(AddressRules::make({"here"}).error().code, core::Code::kInvalidArgument);
}

class OutgoingTest : public test::HttpTest {
 protected:
  OutgoingTest() {
    router_.get("/guide", [this](const Request& request, Responder responder) {
      requests_.push_back(request);
      responder.header("ETag", "\"1\"").header("Last-Modified", "Wed, 25 Feb 2026 06:10:00 GMT");
      if (request.has_etag("\"1\"")) return responder.empty(304);
      responder.text(200, "application/xml", body_);
    });
    router_.get("/to", [this](const Request& request, Responder responder) {
      requests_.push_back(request);
      responder.header("Location", *request.query_value("url"));
      responder.empty(302);
    });
    router_.get("/never", [this](const Request&, Responder responder) { held_.push_back(std::move(responder)); });
    server_ = std::move(Server::start({}, router_).value());
  }
  std::string url(const std::string& path) const { return server_->url() + path; }

  core::Result<base::FetchAnswer> fetch_with(base::FetchRequest request, std::vector<std::string> allowed) {
    Outgoing client(AddressRules::make(allowed).value());
    std::optional<core::Result<base::FetchAnswer>> answer;
    client.fetch(std::move(request), [&](core::Result<base::FetchAnswer> got) { answer = std::move(got); });
    EXPECT_TRUE(run_until([&] { return answer.has_value(); }));
    return answer ? *answer : core::fail(core::Code::kInternal, "no answer");
  }
  core::Result<base::FetchAnswer> fetch_allowed(base::FetchRequest request) {
    return fetch_with(std::move(request), {"127.0.0.1"});
  }

  Router router_;
  std::unique_ptr<Server> server_;
  std::string body_ = "<tv/>";
  std::vector<Request> requests_;
  std::vector<Responder> held_;
};

TEST_F(OutgoingTest, AnUnchangedDocumentIsNotSentAgain) {
  const auto first = fetch_allowed({.url = url("/guide")});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(std::string(first->body.begin(), first->body.end()), body_);
  EXPECT_EQ(first->etag, "\"1\"");
  const auto second = fetch_allowed({.url = url("/guide"), .etag = first->etag, .last_modified = first->last_modified});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second->unchanged);
  EXPECT_TRUE(second->body.empty());
  EXPECT_EQ(*requests_.back().header("if-modified-since"), first->last_modified);
}

TEST_F(OutgoingTest, AddressesThatAreNotAllowedAreNotConnectedTo) {
  for (const char* host : {"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"}) {
    const auto answer =
        fetch_with({.url = "http://" + std::string(host) + ":" + std::to_string(server_->port()) + "/guide"}, {});
    ASSERT_FALSE(answer) << host;
    EXPECT_EQ(answer.error().code, core::Code::kPermission) << host << ": " << answer.error().message;
  }
  for (const char* other : {"file:///etc/passwd", "ftp://example.org/", "gopher://127.0.0.1/", "http://", "nonsense"}) {
    EXPECT_FALSE(fetch_allowed({.url = other})) << other;
  }
  EXPECT_TRUE(requests_.empty());
}

TEST_F(OutgoingTest, EveryRedirectIsLookedAt) {
  EXPECT_TRUE(fetch_allowed({.url = url("/to?url=/guide")}));
  const auto away = fetch_allowed({.url = url("/to?url=http%3A%2F%2F10.0.0.1%2F")});
  ASSERT_FALSE(away);
  EXPECT_EQ(away.error().code, core::Code::kPermission) << away.error().message;
  EXPECT_EQ(fetch_allowed({.url = url("/to?url=file%3A%2F%2F%2Fetc%2Fpasswd")}).error().code, core::Code::kPermission);
  std::string loop = "/guide";
  for (int i = 0; i < 6; ++i) loop = "/to?url=" + percent_encode(loop);
  EXPECT_EQ(fetch_allowed({.url = url(loop)}).error().code, core::Code::kUnavailable);
}

TEST_F(OutgoingTest, UserInfoStaysWithItsOrigin) {
  std::string own = url("/guide");
  own.insert(7, "user:secret@");
  ASSERT_TRUE(fetch_allowed({.url = own}));
  EXPECT_EQ(*requests_.back().header("authorization"), "Basic dXNlcjpzZWNyZXQ=");
  std::string other = url("/to?url=" + percent_encode(url("/guide")));
  other.insert(7, "user:secret@");
  ASSERT_TRUE(fetch_allowed({.url = other}));
  EXPECT_EQ(requests_.back().header("authorization"), nullptr);
  const auto refused = fetch_with({.url = own}, {});
  EXPECT_EQ(refused.error().message.find("secret"), std::string::npos) << refused.error().message;
}

TEST_F(OutgoingTest, TimeAndBytesAreLimited) {
  EXPECT_EQ(fetch_allowed({.url = url("/never"), .timeout_ms = 50}).error().code, core::Code::kTimeout);
  body_ = std::string(100'000, 'x');
  EXPECT_EQ(fetch_allowed({.url = url("/guide"), .limit_bytes = 99'999}).error().code, core::Code::kUnsupported);
  EXPECT_TRUE(fetch_allowed({.url = url("/guide"), .limit_bytes = 100'000}));
  EXPECT_EQ(fetch_allowed({.url = url("/nothing")}).error().code, core::Code::kUnavailable);
  held_.clear();
}

TEST_F(OutgoingTest, AClientThatGoesAnswersNobody) {
  bool answered = false;
  {
    Outgoing client(AddressRules::make({"127.0.0.1"}).value());
    client.fetch({.url = url("/never")}, [&](const auto&) { answered = true; });
    ASSERT_TRUE(run_until([&] { return !held_.empty(); }));
  }
  held_.clear();
  ASSERT_TRUE(fetch_allowed({.url = url("/guide")}));
  EXPECT_FALSE(answered);
}

}  // namespace
}  // namespace aircheck::http
