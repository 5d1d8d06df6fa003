// [utc-text] of a description: which picture shows which second.
#include "worker/utc_text.hpp"

#include <gmock/gmock.h>
#include <gst/app/gstappsrc.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "gobj/text.hpp"
#include "worker/description.hpp"

namespace aircheck::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr core::Utc kStart{1'772'029'800'000'000'000};  // 2026-02-25T14:30:00Z

core::Result<Description> parse(const std::string& group, const std::string& words = "textoverlay name=words") {
  return Description::parse("test", "[pipeline]\nformat=1\nsummary=For the test\n[utc-text]\n" + group +
                                        "\n---\nappsrc name=video format=time ! " + words +
                                        " ! identity name=shown ! fakesink sync=false\nappsrc name=audio ! fakesink\n");
}

std::string message_of(const core::Result<Description>& description) {
  if (!description) return description.error().message;
  const auto pipeline = description->build({{"start-utc", kStart}}, std::nullopt);
  return pipeline ? "" : pipeline.error().message;
}

using Shown = std::vector<std::pair<std::int64_t, std::string>>;  // running time in ms, text behind the overlay

GstPadProbeReturn record(GstPad* pad, GstPadProbeInfo* info, gpointer data) {
  const auto identity = gstx::Ref<GstElement>::adopt(gst_pad_get_parent_element(pad));
  const auto pipeline = gstx::Ref<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(identity.get())));
  const auto words = gstx::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "words"));
  char* text = nullptr;
  g_object_get(words.get(), "text", &text, nullptr);
  static_cast<Shown*>(data)->emplace_back(GST_PAD_PROBE_INFO_BUFFER(info)->pts / GST_MSECOND, gobj::take_text(text));
  return GST_PAD_PROBE_OK;
}

// As fast as it goes: nothing waits for a clock.
Shown play(GstElement* pipeline, std::initializer_list<std::int64_t> times_ms) {
  Shown shown;
  const auto identity = gstx::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), "shown"));
  const auto pad = gstx::Ref<GstPad>::adopt(gst_element_get_static_pad(identity.get(), "sink"));
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, record, &shown, nullptr);
  const auto video = gstx::Ref<GstAppSrc>::adopt(GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline), "video")));
  const auto audio = gstx::Ref<GstAppSrc>::adopt(GST_APP_SRC(gst_bin_get_by_name(GST_BIN(pipeline), "audio")));
  const auto caps = gstx::Ref<GstCaps>::adopt(
      gst_caps_from_string("video/x-raw,format=I420,width=320,height=180,framerate=25/1,pixel-aspect-ratio=1/1"));
  gst_app_src_set_caps(video.get(), caps.get());
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  for (const std::int64_t time : times_ms) {
    GstBuffer* picture = gst_buffer_new_allocate(nullptr, 320 * 180 * 3 / 2, nullptr);
    gst_buffer_memset(picture, 0, 128, 320 * 180 * 3 / 2);
    GST_BUFFER_PTS(picture) = static_cast<GstClockTime>(time) * GST_MSECOND;
    GST_BUFFER_DURATION(picture) = 40 * GST_MSECOND;
    gst_app_src_push_buffer(video.get(), picture);
  }
  gst_app_src_end_of_stream(video.get());
  gst_app_src_end_of_stream(audio.get());
  const auto bus = gstx::Ref<GstBus>::adopt(gst_element_get_bus(pipeline));
  constexpr auto kEnds = static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  const auto end = gstx::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus.get(), 60 * GST_SECOND, kEnds));
  EXPECT_TRUE(end && GST_MESSAGE_TYPE(end.get()) == GST_MESSAGE_EOS);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return shown;
}

TEST(UtcTextTest, TheFirstPictureOfASecondIsTheFirstThatShowsIt) {
  const auto description = parse("words.text=%F %T UTC");
  ASSERT_TRUE(description) << description.error().message;
  const auto pipeline = description->build({{"start-utc", kStart + 500 * core::kNsPerMs}}, std::nullopt);
  ASSERT_TRUE(pipeline) << pipeline.error().message;
  EXPECT_THAT(play(pipeline->get(), {0, 40, 480, 499, 500, 540, 1'499, 1'500, 3'600'000}),
              ElementsAre(Pair(0, "2026-02-25 14:30:00 UTC"), Pair(40, "2026-02-25 14:30:00 UTC"),
                          Pair(480, "2026-02-25 14:30:00 UTC"), Pair(499, "2026-02-25 14:30:00 UTC"),
                          Pair(500, "2026-02-25 14:30:01 UTC"), Pair(540, "2026-02-25 14:30:01 UTC"),
                          Pair(1'499, "2026-02-25 14:30:01 UTC"), Pair(1'500, "2026-02-25 14:30:02 UTC"),
                          Pair(3'600'000, "2026-02-25 15:30:00 UTC")));
}

TEST(UtcTextTest, WhatCannotShowATimeIsRefused) {
  EXPECT_EQ(message_of(parse("words.text=%T")), "");
  EXPECT_THAT(message_of(parse("words.text=")), HasSubstr("strftime"));
  EXPECT_THAT(message_of(parse("words.text=" + std::string(65, 'x'))), HasSubstr("64 bytes"));
  EXPECT_THAT(message_of(parse("words:video_sink.text=%T")), HasSubstr("ELEMENT.PROPERTY"));
  EXPECT_THAT(message_of(parse("words.text*2=%T")), HasSubstr("ELEMENT.PROPERTY"));
  EXPECT_THAT(message_of(parse("nobody.text=%T")), HasSubstr("'nobody'"));
  EXPECT_THAT(message_of(parse("words.nothing=%T")), HasSubstr("words.nothing"));
  EXPECT_THAT(message_of(parse("words.xpad=%T")), HasSubstr("cannot take this value"));
  EXPECT_THAT(message_of(parse("video.name=%T", "identity name=words")), HasSubstr("'video' cannot show the time"));
  const auto description = parse("words.text=%T");
  ASSERT_TRUE(description);
  const auto without_start = description->build({}, std::nullopt);
  ASSERT_FALSE(without_start);
  EXPECT_THAT(without_start.error().message, HasSubstr("start-utc"));
}

}  // namespace
}  // namespace aircheck::worker

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
