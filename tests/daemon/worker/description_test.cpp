#include "worker/description.hpp"

#include <gmock/gmock.h>
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <fstream>

#include "support/temporary_directory.hpp"

namespace aircheck::worker {
namespace {

using ::testing::HasSubstr;

constexpr const char* kHeader = R"([pipeline]
format=1
summary=For the test
encrypts=stage

[variable title]
type=string
default=none
max-length=20
markup=pango
sets=words.text

[variable wait]
type=integer
minimum=0
maximum=5000
sets=stage.sleep-time*1000

[variable start-utc]
type=utc
sets=clock.datetime-epoch
)";
// identity stands in for an element that encrypts.
constexpr const char* kPipeline = R"(
# a comment
appsrc name=video ! textoverlay name=words ! timeoverlay name=clock ! identity name=stage ! fakesink name=out
appsrc name=audio ! fakesink
)";

core::Result<Description> parse(const std::string& header, const std::string& pipeline = kPipeline) {
  return Description::parse("test", header + "\n---\n" + pipeline);
}

DescriptionValues values() {
  return {{"title", std::string("A & B ! fakesink")},
          {"wait", std::int64_t{3}},
          {"start-utc", core::Utc::from_seconds(1'772'029'800)}};
}

gstx::Ref<GstElement> element(const gstx::Ref<GstElement>& pipeline, const char* name) {
  return gstx::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
}

TEST(DescriptionTest, ValuesArePropertiesNeverText) {
  const auto description = parse(kHeader);
  ASSERT_TRUE(description) << description.error().message;
  const auto pipeline = description->build(values(), std::nullopt);
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  gchar* text = nullptr;
  GDateTime* epoch = nullptr;
  g_object_get(element(*pipeline, "words").get(), "text", &text, nullptr);
  g_object_get(element(*pipeline, "clock").get(), "datetime-epoch", &epoch, nullptr);
  EXPECT_STREQ(text, "A &amp; B ! fakesink");
  EXPECT_EQ(g_date_time_to_unix(epoch), 1'772'029'800);
  g_free(text);
  g_date_time_unref(epoch);
}

TEST(DescriptionTest, NumbersAreMultiplied) {
  auto header = std::string(kHeader);
  header.replace(header.find("encrypts=stage"), 14, "");
  const auto pipeline = parse(header)->build(values(), std::nullopt);
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  guint sleep_time = 0;
  g_object_get(element(*pipeline, "stage").get(), "sleep-time", &sleep_time, nullptr);
  EXPECT_EQ(sleep_time, 3'000U);
}

TEST(DescriptionTest, WithoutAKeyTheCipherIsTakenOut) {
  const auto pipeline = parse(kHeader)->build(values(), std::nullopt);
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_FALSE(element(*pipeline, "stage"));
  const auto sink_pad = gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(element(*pipeline, "out").get(), "sink"));
  const auto peer = gstx::Ref<GstPad>::adopt(gst_pad_get_peer(sink_pad.get()));
  ASSERT_TRUE(peer);
  EXPECT_STREQ(GST_OBJECT_NAME(GST_OBJECT_PARENT(peer.get())), "clock");
}

TEST(DescriptionTest, AKeyNeedsACipherThatTakesIt) {
  control::Encryption encryption;
  encryption.key = *core::ContentKey::from_hex("0123456789abcdeffedcba9876543210");
  const auto refused = parse(kHeader)->build(values(), encryption);
  ASSERT_FALSE(refused) << "identity has no key-id";
  EXPECT_THAT(refused.error().message, HasSubstr("stage.key-id"));
  auto header = std::string(kHeader);
  header.replace(header.find("encrypts=stage"), 14, "");
  const auto clear_only = parse(header)->build(values(), encryption);
  ASSERT_FALSE(clear_only);
  EXPECT_THAT(clear_only.error().message, HasSubstr("cannot encrypt"));
}

TEST(DescriptionTest, ConfiguredValuesAreChecked) {
  const auto description = parse(kHeader);
  const auto says = [&](control::Variables variables) {
    const auto checked = description->check_values(variables);
    return checked ? std::string() : checked.error().message;
  };
  const control::Value three = std::int32_t{3};
  EXPECT_EQ(says({{"wait", three}}), "");
  EXPECT_EQ(says({{"wait", three}, {"source", std::string("/film.mp4")}}), "");
  EXPECT_THAT(says({}), HasSubstr("needs the variable 'wait'"));
  EXPECT_THAT(says({{"wait", three}, {"bitrate", three}}), HasSubstr("has no variable 'bitrate'; it has title wait"));
  EXPECT_THAT(says({{"wait", std::string("3")}}), HasSubstr("whole number"));
  EXPECT_THAT(says({{"wait", std::int32_t{5'001}}}), HasSubstr("0 to 5000"));
  EXPECT_THAT(says({{"wait", three}, {"title", std::string(21, 'x')}}), HasSubstr("20 bytes"));
  EXPECT_THAT(says({{"wait", three}, {"title", std::string("a\nb")}}), HasSubstr("control"));
  EXPECT_THAT(says({{"wait", three}, {"title", std::string("\xff\xfe")}}), HasSubstr("UTF-8"));
}

TEST(DescriptionTest, MistakesInADescriptionAreNamed) {
  const std::string header = kHeader;
  const auto without = [&](const std::string& part, const std::string& instead = "") {
    auto changed = header;
    changed.replace(changed.find(part), part.size(), instead);
    return changed;
  };
  struct Row {
    std::string header, pipeline, says;
  };
  const Row rows[] = {
      {without("format=1", "format=2"), kPipeline, "format must be 1"},
      {without("summary=For the test"), kPipeline, "summary is missing"},
      {without("encrypts=stage", "colour=red"), kPipeline, "no key 'colour'"},
      {header + "[other]\nx=1\n", kPipeline, "unknown group [other]"},
      {without("type=utc", "type=date"), kPipeline, "type must be"},
      {without("sets=clock.datetime-epoch"), kPipeline, "sets nothing"},
      {without("words.text", "words"), kPipeline, "ELEMENT.PROPERTY"},
      {without("words.text", "nobody.text"), kPipeline, "no element named 'nobody'"},
      {without("words.text", "words.colour"), kPipeline, "words.colour"},
      {without("words.text", "stage.sleep-time"), kPipeline, "cannot take this value"},
      {without("maximum=5000", "maximum=many"), kPipeline, "not a whole number"},
      {without("encrypts=stage", "encrypts=gone"), kPipeline, "no element named 'gone'"},
      {header, "appsrc name=video ! nosuchelement", "'nosuchelement' is not installed"},
      {header, "appsrc name=video ! ! fakesink", "cannot be parsed"},
      {header, "fakesink", "single element"},
      {header, "", "no pipeline after"},
      {header,
       "videotestsrc name=video ! textoverlay name=words ! timeoverlay name=clock ! identity name=stage ! fakesink",
       "no 'appsrc name=video'"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.says);
    const auto description = parse(row.header, row.pipeline);
    const auto verified = description ? description->verify() : core::Result<void>(description.unexpected());
    ASSERT_FALSE(verified);
    EXPECT_THAT(verified.error().message, HasSubstr(row.says));
  }
  EXPECT_FALSE(Description::parse("x", kHeader)) << "no separator";
  EXPECT_FALSE(Description::parse("x", "\xff\xfe"));
}

TEST(DescriptionTest, NamesAreNoPaths) {
  for (const char* name : {"", "..", "../simlive", "/etc/passwd", "a.pipeline", "Simlive", "-x"}) {
    const auto found = Description::find(name);
    ASSERT_FALSE(found) << name;
    EXPECT_EQ(found.error().code, core::Code::kInvalidArgument) << name;
  }
}

TEST(DescriptionTest, OursAreGood) {
  const auto description = Description::find("simlive");
  ASSERT_TRUE(description) << description.error().message;
  const auto verified = description->verify();
  EXPECT_TRUE(verified) << verified.error().message;
  EXPECT_TRUE(description->can_encrypt());
}

}  // namespace
}  // namespace aircheck::worker

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
