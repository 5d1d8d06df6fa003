// What stands for %{...} in a picture.
#include "drawtext/expansion.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gobj/time_zone.hpp"

namespace aircheck::drawtext {
namespace {

using ::testing::HasSubstr;

constexpr core::Utc kUtc{1'772'029'805'123'456'789};  // 2026-02-25T14:30:05.123456789Z

Moment moment() {
  Moment moment;
  moment.utc = kUtc;
  moment.pts = 3'723'456'999'999;
  moment.frame = 4711;
  moment.channel = "Tom & Jerry";
  moment.metadata = [](const std::string& key) { return key == "title" ? "<News>" : ""; };
  return moment;
}

std::string expand(std::string_view text) {
  return Expansion::parse(text).expand(moment(), false);
}

TEST(Expansion, EachHasItsValue) {
  EXPECT_EQ(expand("%{utc:%F %T} UTC"), "2026-02-25 14:30:05 UTC");
  EXPECT_EQ(expand("%{utc}"), "2026-02-25 14:30:05");
  EXPECT_EQ(expand("%{pts}"), "1:02:03.456");
  EXPECT_EQ(expand("no %{frame} on %{channel}"), "no 4711 on Tom & Jerry");
  EXPECT_EQ(expand("%{metadata:title}, %{metadata:none}!"), "<News>, !");
}

// What strftime() alone would get wrong on a machine in St John's, where the tests run.
TEST(Expansion, FieldsDoNotDependOnTheMachine) {
  EXPECT_EQ(expand("%{utc:%T.%3N %6N %9N %1N}"), "14:30:05.123 123456 123456789 1");
  EXPECT_EQ(expand("%{utc:%s}"), "1772029805");
  EXPECT_EQ(expand("%{utc:%z %Z}"), "+0000 UTC");
  EXPECT_EQ(expand("%{utc:%%3N}"), "%3N");
}

TEST(Expansion, LocalTimeIsThatOfTheZone) {
  const auto text = Expansion::parse("%{localtime:%F %H:%M %Z %z}");
  const auto in = [&](const char* name, std::int64_t second) {
    const auto zone = gobj::find_time_zone(name);
    Moment then = moment();
    then.zone = zone.get();
    then.utc = core::Utc::from_seconds(second);
    return text.expand(then, false);
  };
  // Berlin goes from 01:59:59 UTC to summer time at 2026-03-29T01:00:00Z, and back at 2026-10-25T01:00:00Z.
  EXPECT_EQ(in("Europe/Berlin", 1'774'745'999), "2026-03-29 01:59 CET +0100");
  EXPECT_EQ(in("Europe/Berlin", 1'774'746'000), "2026-03-29 03:00 CEST +0200");
  EXPECT_EQ(in("Europe/Berlin", 1'792'889'999), "2026-10-25 02:59 CEST +0200");
  EXPECT_EQ(in("Europe/Berlin", 1'792'890'000), "2026-10-25 02:00 CET +0100");
  EXPECT_EQ(in("Asia/Kathmandu", 1'772'029'805), "2026-02-25 20:15 +0545 +0545");
}

TEST(Expansion, WhatIsNoneStandsAsItIsAndIsNamed) {
  EXPECT_EQ(expand("100 % {sure} %d"), "100 % {sure} %d");
  EXPECT_TRUE(Expansion::parse("100 % {sure}").complaint().empty());
  EXPECT_EQ(expand("%%{utc} %%{frame}"), "%{utc} %{frame}");
  EXPECT_TRUE(Expansion::parse("%%{utc}").is_constant());
  for (const char* wrong : {"%{nothing}", "%{", "%{utc:%T", "%{frame:3}", "%{metadata}", "%{metadata:}", "%{}"}) {
    EXPECT_EQ(expand(wrong), wrong);
    EXPECT_THAT(Expansion::parse(wrong).complaint(), HasSubstr("%{utc:FMT}")) << wrong;
  }
  EXPECT_EQ(expand("%{nothing} at %{frame}"), "%{nothing} at 4711");
}

TEST(Expansion, ValuesAreEscapedForMarkupAndTheTextIsNot) {
  EXPECT_EQ(Expansion::parse("<b>%{channel}</b> %{metadata:title}").expand(moment(), true),
            "<b>Tom &amp; Jerry</b> &lt;News&gt;");
}

TEST(Expansion, WhatIsNotKnownIsEmpty) {
  EXPECT_EQ(Expansion::parse("[%{utc}%{localtime}%{pts}%{metadata:a}]").expand(Moment{}, false), "[]");
}

}  // namespace
}  // namespace aircheck::drawtext
