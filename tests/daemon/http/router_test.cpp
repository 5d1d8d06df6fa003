#include "http/router.hpp"

#include <gtest/gtest.h>

namespace aircheck::http {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() {
    for (const char* path : {"/api/v1/channels", "/api/v1/channels/{channel_id}", "/api/v1/channels/mine",
                             "/hls/{key}/index.m3u8", "/hls/{key}/{rendition}.m3u8", "/hls/{key}/{path...}"}) {
      router_.get(path, nullptr);
    }
    router_.remove("/api/v1/channels/{channel_id}", nullptr);
  }
  std::string where(std::string_view method, std::string_view path) {
    match_ = router_.match(method, path);
    return match_.route != nullptr ? match_.route->method + " " + match_.route->path : "405 " + match_.allow;
  }

  Router router_;
  Router::Match match_;
};

TEST_F(RouterTest, TheMostLiteralTemplateWins) {
  EXPECT_EQ(where("GET", "/api/v1/channels"), "GET /api/v1/channels");
  EXPECT_EQ(where("GET", "/api/v1/channels/mine"), "GET /api/v1/channels/mine");
  EXPECT_EQ(where("HEAD", "/api/v1/channels/ch1"), "GET /api/v1/channels/{channel_id}");
  EXPECT_EQ(match_.params["channel_id"], "ch1");
  EXPECT_EQ(where("GET", "/hls/ch1/index.m3u8"), "GET /hls/{key}/index.m3u8");
  EXPECT_EQ(where("GET", "/hls/ch1/main.m3u8"), "GET /hls/{key}/{rendition}.m3u8");
  EXPECT_EQ(match_.params["rendition"], "main");
  EXPECT_EQ(where("GET", "/hls/ch1/2026/02/a.m4s"), "GET /hls/{key}/{path...}");
  EXPECT_EQ(match_.params["path"], "2026/02/a.m4s");
  EXPECT_EQ(where("GET", "/hls/ch1/a.m4s"), "GET /hls/{key}/{path...}");
  EXPECT_EQ(where("GET", "/hls/ch1/.m3u8"), "GET /hls/{key}/{path...}");
}

TEST_F(RouterTest, AnotherMethodIsNamed) {
  EXPECT_EQ(where("POST", "/api/v1/channels/ch1"), "405 GET, HEAD, DELETE");
  EXPECT_EQ(where("DELETE", "/api/v1/channels/ch1"), "DELETE /api/v1/channels/{channel_id}");
}

TEST_F(RouterTest, OtherPathsMatchNothing) {
  for (const char* path :
       {"", "/", "/api", "/api/v1/channels/", "/api/v1/channels/a/b", "//api/v1/channels", "/api/v1/channels/%zz",
        "/api/v1/channels/a%2fb", "/api/v1/channels/%00", "/hls/ch1", "/api/v1/channels/%ff", "api/v1/channels"}) {
    EXPECT_EQ(where("GET", path), "405 ") << path;
  }
  EXPECT_EQ(where("GET", "/api/v1/channels/%63h1"), "GET /api/v1/channels/{channel_id}");
  EXPECT_EQ(match_.params["channel_id"], "ch1");
}

TEST(Request, QueryIsParsedAndChecked) {
  Request request;
  request.query = parse_query("a=1&b=x%20y+z&&c&d=%zz&=e");
  EXPECT_EQ(*request.query_value("a"), "1");
  EXPECT_EQ(*request.query_value("b"), "x y z");
  EXPECT_EQ(*request.query_value("c"), "");
  EXPECT_EQ(request.only_query({"a", "b", "c", "d"}).error().message, "unknown query parameter ''");
  request.query = parse_query("a=1&a=2");
  EXPECT_EQ(request.only_query({"a"}).error().message, "query parameter 'a' stands twice");
  EXPECT_EQ(percent_encode("a b/\xc3\xa9~"), "a%20b%2F%C3%A9~");
}

// What was left out would be taken for not given: another day, another kind, all channels in place of one.
TEST(Request, QueriesThatCannotBeDecodedAreNotOverlooked) {
  Request request;
  request.query = parse_query("a=%zz&b=%00&c=%ff&d=%&e=x%c0%ae&%zz=1");
  EXPECT_EQ(*request.query_value("a"), "%zz");
  EXPECT_EQ(*request.query_value("b"), "%00");
  EXPECT_EQ(*request.query_value("c"), "%ff");
  EXPECT_EQ(*request.query_value("d"), "%");
  EXPECT_EQ(*request.query_value("e"), "x%c0%ae");
  EXPECT_EQ(request.only_query({"a", "b", "c", "d", "e"}).error().message, "unknown query parameter '%zz'");
}

TEST(Request, ChangesGoByAListOfStrongTags) {
  EXPECT_TRUE(lists_etag("\"6\", \"7\"", "\"7\"", EtagComparison::kStrong));
  EXPECT_TRUE(lists_etag("*", "\"7\"", EtagComparison::kStrong));
  EXPECT_FALSE(lists_etag("W/\"7\"", "\"7\"", EtagComparison::kStrong));
  EXPECT_FALSE(lists_etag("\"6\"", "\"7\"", EtagComparison::kStrong));
}

TEST(Request, ETagsStandInLists) {
  const auto known = [](const char* value) {
    Request request;
    request.headers = {{"if-none-match", value}};
    return request.has_etag("\"7-1\"");
  };
  for (const char* value : {"\"7-1\"", "W/\"7-1\"", "\"a\", \"7-1\"", "\"a\" ,W/\"7-1\" ", "*"}) {
    EXPECT_TRUE(known(value)) << value;
  }
  for (const char* value : {"", "7-1", "\"7-12\"", "\"a\",", ",", "w/\"7-1\""}) EXPECT_FALSE(known(value)) << value;
  EXPECT_FALSE(Request().has_etag("\"7-1\""));
}

TEST(Request, BearerTokens) {
  const auto token = [](const char* value) {
    Request request;
    request.headers = {{"authorization", value}};
    return request.bearer_token().value_or("none");
  };
  EXPECT_EQ(token("Bearer abc.def"), "abc.def");
  EXPECT_EQ(token("bearer  abc"), "abc");
  EXPECT_EQ(token("Bearer "), "none");
  EXPECT_EQ(token("Bearer"), "none");
  EXPECT_EQ(token("Basic abc"), "none");
}

}  // namespace
}  // namespace aircheck::http
