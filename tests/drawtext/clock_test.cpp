// The clock in the picture is the UTC of the picture, read back by a program that we did not write, at any speed.
#include <gst/app/gstappsink.h>
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <regex>

#include "core/time.hpp"
#include "gobj/text.hpp"
#include "gstx/ref.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

using gstx::Ref;

constexpr core::Utc kStart{1'772'029'797'400'000'000};  // 2026-02-25T14:29:57.4Z
constexpr int kPictures = 1500;
constexpr double kRate = 7;  // pictures/s: few, so that 20 times real time is reached on any machine

std::string read_clock(const std::string& png) {
  const gchar* const argv[] = {
      "tesseract", png.c_str(), "-", "--psm", "7", "-c", "tessedit_char_whitelist=0123456789:-. UTC", nullptr};
  gchar* text = nullptr;
  gint status = 0;
  EXPECT_TRUE(g_spawn_sync(nullptr, const_cast<gchar**>(argv), nullptr,
                           static_cast<GSpawnFlags>(G_SPAWN_SEARCH_PATH | G_SPAWN_STDERR_TO_DEV_NULL), nullptr, nullptr,
                           &text, nullptr, &status, nullptr))
      << "tesseract-ocr is not installed";
  return gobj::take_text(text);
}

TEST(Clock, IsThatOfThePictureAtTwentyTimesRealTime) {
  const TemporaryDirectory folder;
  // All of them pass as fast as they can; some are looked at.
  const std::string launch =
      "videotestsrc pattern=black num-buffers=" + std::to_string(kPictures) +
      " ! video/x-raw,format=I420,width=640,height=64,framerate=7/1 ! drawtextoverlay start-utc=" +
      core::to_rfc3339(kStart, 9) +
      " text=\"%{utc:%F %T.%3N} UTC\" font-desc=\"DejaVu Sans 24\" anchor=center ! appsink name=out sync=false "
      "max-buffers=4";
  const auto pipeline = Ref<GstElement>::sink(gst_parse_launch(launch.c_str(), nullptr));
  ASSERT_TRUE(pipeline);
  const auto sink = Ref<GstAppSink>::adopt(GST_APP_SINK(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out")));
  const gint64 began = g_get_monotonic_time();
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<std::pair<core::Utc, Ref<GstSample>>> kept;
  int count = 0;
  while (auto sample = Ref<GstSample>::adopt(gst_app_sink_pull_sample(sink.get()))) {
    GstBuffer* const buffer = gst_sample_get_buffer(sample.get());
    if (count % 211 == 0) kept.emplace_back(kStart + static_cast<std::int64_t>(GST_BUFFER_PTS(buffer)), sample);
    ++count;
  }
  const double seconds = static_cast<double>(g_get_monotonic_time() - began) / 1e6;
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  EXPECT_EQ(count, kPictures);
  RecordProperty("speed", std::to_string(kPictures / kRate / seconds));
  EXPECT_GT(kPictures / kRate / seconds, 20) << "the proof wants 20 times real time";
  const auto png = Ref<GstCaps>::adopt(gst_caps_new_empty_simple("image/png"));
  for (const auto& [utc, sample] : kept) {
    GError* error = nullptr;
    const auto coded =
        Ref<GstSample>::adopt(gst_video_convert_sample(sample.get(), png.get(), 20 * GST_SECOND, &error));
    ASSERT_TRUE(coded) << error->message;
    GstMapInfo map;
    gst_buffer_map(gst_sample_get_buffer(coded.get()), &map, GST_MAP_READ);
    folder.write("clock.png", std::string(reinterpret_cast<const char*>(map.data), map.size));
    gst_buffer_unmap(gst_sample_get_buffer(coded.get()), &map);
    std::string wanted = core::to_rfc3339(utc, 3);
    wanted[wanted.find('T')] = ' ';
    wanted.replace(wanted.find('Z'), 1, " UTC");
    std::string read = read_clock(folder / "clock.png");
    read.erase(std::remove(read.begin(), read.end(), '\n'), read.end());
    EXPECT_EQ(std::regex_replace(read, std::regex(" "), ""), std::regex_replace(wanted, std::regex(" "), ""));
  }
}

}  // namespace
}  // namespace aircheck::test

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
