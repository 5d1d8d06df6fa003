#include <gst/gst.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "core/segment_info.hpp"
#include "gobj/ref.hpp"
#include "gstx/ref.hpp"
#include "sink_pipeline.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck {
namespace {

using gobj::Ref;
using test::number;
using test::Pipeline;
using test::read_text;
using test::sink;
using test::TemporaryDirectory;
using test::video;

TEST(StrftimeFmp4Sink, TellsWhatItWrote) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(100) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  ASSERT_EQ(pipeline.closed().size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    GstMessage* const message = pipeline.closed()[i].get();
    EXPECT_STREQ(GST_MESSAGE_SRC_NAME(message), "sink");
    const GstStructure* const structure = gst_message_get_structure(message);
    std::set<std::string> fields;
    for (int k = 0; k < gst_structure_n_fields(structure); ++k) {
      fields.insert(gst_structure_nth_field_name(structure, static_cast<guint>(k)));
    }
    EXPECT_EQ(fields, (std::set<std::string>{"location", "init-location", "start-utc", "duration", "size", "sequence",
                                             "discontinuity-sequence", "epoch", "key-id", "discontinuity"}));
    EXPECT_EQ(number(structure, "epoch"), 0U);
    const std::string location = gst_structure_get_string(structure, "location");
    EXPECT_EQ(location, folder / ("ch1-2026022514300" + std::to_string(i) + ".m4s"));
    EXPECT_EQ(number(structure, "size"), std::filesystem::file_size(location));
    EXPECT_TRUE(std::filesystem::exists(gst_structure_get_string(structure, "init-location")));
    EXPECT_STREQ(gst_structure_get_string(structure, "key-id"), "");
    const auto info = core::read_segment_info(core::as_bytes(read_text(location)));
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(number(structure, "sequence"), info->sequence);
    EXPECT_EQ(number(structure, "sequence"), 1772029800U + i);
    EXPECT_EQ(number(structure, "start-utc"), static_cast<std::uint64_t>(info->start.ns));
    EXPECT_EQ(number(structure, "duration"), static_cast<std::uint64_t>(info->duration_ns));
    EXPECT_EQ(number(structure, "duration"), GST_SECOND);
    EXPECT_EQ(number(structure, "discontinuity-sequence"), 0U);
  }
}

// Clear media has no keys; an encoder that takes requests for key frames makes every segment independent.
TEST(StrftimeFmp4Sink, ListsClearSegments) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(75) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_EQ(playlist.find("#EXT-X-KEY"), std::string::npos);
  EXPECT_NE(playlist.find("#EXT-X-INDEPENDENT-SEGMENTS\n"), std::string::npos) << playlist;
  EXPECT_NE(playlist.find("#EXT-X-TARGETDURATION:1\n"), std::string::npos) << playlist;
  EXPECT_NE(playlist.find("#EXTINF:1.000,\nch1-20260225143002.m4s\n#EXT-X-ENDLIST\n"), std::string::npos) << playlist;
}

TEST(StrftimeFmp4Sink, StartsAnewAfterNull) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(50) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  pipeline.stop();
  g_object_set(pipeline.element("sink").get(), "start-utc", "2026-02-25T14:30:05Z", nullptr);
  ASSERT_EQ(pipeline.play(), "");
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_NE(playlist.find("#EXT-X-GAP\n#EXTINF:1.000,\nch1-20260225143004.m4s\n#EXT-X-DISCONTINUITY\n"),
            std::string::npos)
      << playlist;
}

TEST(StrftimeFmp4Sink, TellsTheEpochAfterTimeWentBack) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(50) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  pipeline.stop();
  g_object_set(pipeline.element("sink").get(), "start-utc", "2026-02-25T14:29:00Z", nullptr);
  ASSERT_EQ(pipeline.play(), "");
  const GstStructure* const last = gst_message_get_structure(pipeline.closed().back().get());
  EXPECT_EQ(number(last, "epoch"), 1U);
  EXPECT_EQ(gst_structure_get_string(last, "location"), folder / "ch1-20260225142901-e1.m4s");
}

TEST(StrftimeFmp4Sink, GivesAPadAgainAfterItsRelease) {
  const auto sink = Ref<GstElement>::sink(gst_element_factory_make("strftimefmp4sink", nullptr));
  ASSERT_TRUE(sink);
  for (const char* name : {"video", "audio"}) {
    const auto pad = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink.get(), name));
    ASSERT_TRUE(pad) << name;
    EXPECT_STREQ(GST_PAD_NAME(pad.get()), name);
    gst_element_release_request_pad(sink.get(), pad.get());
  }
  const auto again = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink.get(), "video"));
  EXPECT_TRUE(again);
}

TEST(StrftimeFmp4Sink, ErrorsComeFromTheSink) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(5) + "strftimefmp4sink name=sink");
  EXPECT_EQ(pipeline.play(), "location: is not set; set it to a path such as out/ch1-%Y%m%d%H%M%S.m4s");
  EXPECT_EQ(pipeline.failed(), "sink");
}

// A folder that goes away while the pipeline runs.
TEST(StrftimeFmp4Sink, AWriteErrorMayEndThePipeline) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(std::filesystem::create_directory(folder / "out"));
  Pipeline pipeline(video(100) +
                    "strftimefmp4sink name=sink target-duration=1 on-error=stop location=" + (folder / "out/%s.m4s"));
  pipeline.pause();
  std::filesystem::remove_all(folder / "out");
  const std::string error = pipeline.play();
  EXPECT_NE(error.find("No such file or directory"), std::string::npos) << error;
  EXPECT_EQ(pipeline.failed(), "sink");
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
