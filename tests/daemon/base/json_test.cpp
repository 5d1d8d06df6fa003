#include "base/json.hpp"

#include <gtest/gtest.h>

namespace aircheck::base {
namespace {

std::string round_trip(std::string_view text) {
  const auto json = Json::parse(text);
  return json ? json->dump() : "error: " + json.error().message;
}

TEST(Json, ValuesRoundTrip) {
  for (const char* text : {"null", "true", "false", "0", "-12", "9223372036854775807", "1.5", "[]", "{}", "\"a\"",
                           R"({"b":[1,{"c":null}],"a":"\"\\\n"})", "\"\xc3\xa9\""}) {
    EXPECT_EQ(round_trip(text), text);
  }
  EXPECT_EQ(round_trip(" [ 1 , 2 ] \n"), "[1,2]");
  EXPECT_EQ(round_trip(R"("\u00e9\ud83d\ude00\u0001")"), "\"\xc3\xa9\xf0\x9f\x98\x80\\u0001\"");
  EXPECT_EQ(round_trip("1e3"), "1000");
}

TEST(Json, MalformedTextIsRefused) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "01",
                           "1.",
                           ".5",
                           "+1",
                           "1e",
                           "-",
                           "[1,]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "'a'",
                           "\"a",
                           "\"\\x\"",
                           "\"\\u12g4\"",
                           R"("\ud800")",
                           R"("\udc00")",
                           R"("\ud800\u0041")",
                           "\"\n\"",
                           "\"\xff\"",
                           "// c\n1",
                           "1 2",
                           "NaN",
                           "1e999",
                           R"({"a":1,"a":2})",
                           "\"\xc0\x80\"",
                           "\"\xed\xa0\x80\""}) {
    EXPECT_FALSE(Json::parse(text).has_value()) << text;
  }
  EXPECT_FALSE(Json::parse(std::string_view("\"\0\"", 3)).has_value());
}

TEST(Json, DepthIsBounded) {
  EXPECT_TRUE(Json::parse(std::string(64, '[') + std::string(64, ']')).has_value());
  EXPECT_FALSE(Json::parse(std::string(1 << 20, '[')).has_value());
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(Json::parse(objects).has_value());
}

TEST(JsonReader, GivesWhatIsThere) {
  const auto body = Json::parse(R"({"email":"a@b","days":3,"keep":true,"rate":1.5,"more":[1],"none":null})");
  ASSERT_TRUE(body.has_value());
  JsonReader in(*body);
  EXPECT_EQ(in.required<std::string>("email"), "a@b");
  EXPECT_EQ(in.required<int>("days"), 3);
  EXPECT_EQ(in.optional<bool>("keep"), true);
  EXPECT_EQ(in.optional<double>("rate"), 1.5);
  EXPECT_EQ(in.required<Json>("more").dump(), "[1]");
  EXPECT_TRUE(in.is_null("none"));
  EXPECT_EQ(in.optional<int>("none"), std::nullopt);
  EXPECT_EQ(in.optional<int>("absent"), std::nullopt);
  EXPECT_TRUE(in.finish().has_value());
}

TEST(JsonReader, NamesWhatIsWrong) {
  const auto error_of = [](const char* text) {
    const auto body = Json::parse(text);
    JsonReader in(*body);
    [[maybe_unused]] const auto email = in.required<std::string>("email");
    [[maybe_unused]] const auto days = in.optional<int>("days");
    const auto finished = in.finish();
    return finished ? std::string() : finished.error().message;
  };
  EXPECT_EQ(error_of(R"({"email":"a"})"), "");
  EXPECT_EQ(error_of(R"({})"), "\"email\" is missing");
  EXPECT_EQ(error_of(R"({"email":1})"), "\"email\" has to be a string");
  EXPECT_EQ(error_of(R"({"email":"a","days":1.5})"), "\"days\" has to be an integer of 32 bits");
  EXPECT_EQ(error_of(R"({"email":"a","days":3000000000})"), "\"days\" has to be an integer of 32 bits");
  EXPECT_EQ(error_of(R"({"email":"a","x":1,"y":2})"), "unknown field \"x\", \"y\"");
  EXPECT_EQ(error_of(R"([])"), "a JSON object is expected");
}

}  // namespace
}  // namespace aircheck::base
