// What drawtextoverlay draws, where, and when it does so anew.
#include "drawtext/overlay.hpp"

#include <cairo.h>
#include <gmock/gmock.h>
#include <gst/video/video-overlay-composition.h>

#include <thread>

#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

using drawtext::Rect;
using ::testing::HasSubstr;

// A box of a known size without letters in it would be no layer: a dot as small as nothing.
Properties box(const Properties& more) {
  Properties all = {{"text", "."},   {"font-desc", "Sans 1px"}, {"color", "0xFFFFFFFF"}, {"box-color", "0xFFFFFFFF"},
                    {"width", "60"}, {"box-padding", "20"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Overlay, NineAnchorsAndPixels) {
  const std::pair<const char*, std::pair<int, int>> kAnchors[] = {
      {"top-left", {10, 6}},     {"top", {130, 6}},     {"top-right", {250, 6}},
      {"left", {10, -1}},        {"center", {130, -1}}, {"right", {250, -1}},
      {"bottom-left", {10, -2}}, {"bottom", {130, -2}}, {"bottom-right", {250, -2}}};
  for (const auto& [anchor, place] : kAnchors) {
    Overlay overlay(box({{"anchor", anchor}, {"margin-x", "10"}, {"margin-y", "6"}}));
    const Rect drawn = overlay.frame().differs_from(overlay.plain());
    EXPECT_EQ(drawn.width, 60) << anchor;
    EXPECT_EQ(drawn.x, place.first) << anchor;
    const int y = place.second == -1 ? (180 - drawn.height) / 2 : place.second == -2 ? 174 - drawn.height : 6;
    EXPECT_EQ(drawn.y, y) << anchor;
    EXPECT_EQ(overlay.warnings(), "");
  }
  Overlay overlay(box({{"anchor", "absolute"}, {"x", "33"}, {"y", "17"}}));
  const Rect drawn = overlay.frame().differs_from(overlay.plain());
  EXPECT_EQ(drawn.x, 33);
  EXPECT_EQ(drawn.y, 17);
  overlay.set("x", "-7");
  overlay.set("y", "175");
  EXPECT_EQ(overlay.frame(40).differs_from(overlay.plain()), (Rect{0, 175, 53, 5}));
}

TEST(Overlay, NothingToShowIsNothingTouched) {
  Overlay overlay;
  auto buffer = overlay.picture(0);
  GstBuffer* const same = buffer.get();
  const auto shared = buffer;
  EXPECT_EQ(overlay.push(std::move(buffer)).get(), same);
  overlay.set("text", "now");
  const auto drawn = overlay.push(shared);
  EXPECT_EQ(overlay.look(shared.get()), overlay.plain()) << "somebody else's picture was drawn into";
  EXPECT_FALSE(overlay.look(drawn.get()) == overlay.plain());
}

TEST(Overlay, ColoursFollowMatrixAndRange) {
  struct Case {
    const char* caps;
    int y, u, v;
  };
  // Pure red by Recommendations BT.601 and BT.709.
  for (const Case& c :
       {Case{"format=I420,colorimetry=bt601", 81, 90, 240}, Case{"format=NV12,colorimetry=bt709", 63, 102, 240},
        Case{"format=I420,colorimetry=1:4:0:0", 76, 85, 255}}) {
    Overlay overlay(box({{"box-color", "0xFFFF0000"}, {"color", "0xFFFF0000"}}),
                    std::string("width=320,height=180,") + c.caps);
    const Frame frame = overlay.frame();
    EXPECT_NEAR(frame.at(0, 40, 30), c.y, 1) << c.caps;
    EXPECT_NEAR(frame.at(1, 20, 15), c.u, 1) << c.caps;
    EXPECT_NEAR(frame.at(2, 20, 15), c.v, 1) << c.caps;
  }
}

TEST(Overlay, LayersLieByPriority) {
  Overlay overlay(box({{"layers", "2"}, {"priority", "5"}}));
  for (const char* layer : {"layer_0::", "layer_1::"}) {
    for (const auto& [name, value] : box({})) overlay.set(layer + name, value);
  }
  overlay.set("layer_0::box-color", "0xFF000000");
  overlay.set("layer_1::box-color", "0xFF808080");
  EXPECT_EQ(overlay.frame(0).at(0, 40, 30), 235);
  overlay.set("layer_0::priority", "6");
  EXPECT_EQ(overlay.frame(40).at(0, 40, 30), 16);
  overlay.set("layer_1::priority", "6");
  EXPECT_NEAR(overlay.frame(80).at(0, 40, 30), 126, 1) << "of equal ones the later lies above";
  overlay.set("layers", "1");
  EXPECT_EQ(overlay.frame(120).at(0, 40, 30), 16);
  overlay.set("layers", "0");
  EXPECT_EQ(overlay.frame(160).at(0, 40, 30), 235);
  EXPECT_EQ(gst_child_proxy_get_children_count(GST_CHILD_PROXY(overlay.element())), 0U);
}

TEST(Overlay, FadesInAndOutByTheTimeOfPictures) {
  Overlay overlay(box({{"fade-in", "400000000"}, {"fade-out", "200000000"}}));
  const auto at = [&](std::int64_t ms) { return overlay.frame(ms).at(0, 40, 30); };
  EXPECT_EQ(at(1000), 64);
  EXPECT_NEAR(at(1100), 64 + 171 / 4, 1);
  EXPECT_NEAR(at(1200), 64 + 171 / 2, 1);
  EXPECT_EQ(at(1400), 235);
  overlay.set("visible", "false");
  EXPECT_NEAR(at(1500), 64 + 171 / 2, 1);
  EXPECT_EQ(at(1600), 64);
  overlay.set("fade-in", "0");
  overlay.set("visible", "true");
  overlay.set("opacity", "0.5");
  EXPECT_NEAR(at(1640), 64 + 171 / 2, 1);
}

TEST(Overlay, ATextThatIsPutInIsDrawnAsIfWrittenSo) {
  GstStructure* const fields =
      gst_structure_new("metadata", "title", G_TYPE_STRING, "Tom & Jerry", "number", G_TYPE_INT, 7, nullptr);
  Overlay overlay(
      {{"text", "<b>%{metadata:title}</b> %{metadata:number} %{channel} %{frame} %{pts} %{metadata:artist}"},
       {"use-markup", "true"},
       {"channel", "ch<1>"}});
  g_object_set(overlay.element(), "metadata", fields, nullptr);
  gst_structure_free(fields);
  (void)overlay.frame(0);
  gst_harness_push_event(overlay.harness(), gst_event_new_tag(gst_tag_list_new(GST_TAG_ARTIST, "A. N. Other",
                                                                               GST_TAG_TITLE, "no", nullptr)));
  Overlay written(
      Properties{{"text", "<b>Tom &amp; Jerry</b> 7 ch&lt;1&gt; 1 0:00:00.040 A. N. Other"}, {"use-markup", "true"}});
  EXPECT_EQ(overlay.frame(40), written.frame(40));
  EXPECT_EQ(overlay.warnings(), "");
}

TEST(Overlay, TheClockIsThePicturesOwn) {
  const Properties clock = {{"text", "%{utc:%F %T.%3N} %{localtime:%H:%M %Z}"},
                            {"start-utc", "2026-02-25T14:30:00Z"},
                            {"timezone", "America/St_Johns"}};
  const auto written = [](const char* text) { return Overlay(Properties{{"text", text}}).frame(); };
  Overlay overlay(clock);
  EXPECT_EQ(overlay.frame(1234), written("2026-02-25 14:30:01.234 11:00 NST"));
  EXPECT_EQ(overlay.frame(3'600'000), written("2026-02-25 15:30:00.000 12:00 NST"));
  overlay.set("start-utc", "2026-02-25T00:00:00.5Z");
  EXPECT_EQ(overlay.frame(3'600'040), written("2026-02-25 01:00:00.540 21:30 NST"));
  // What a capture device or a file says of the picture is better than any anchor.
  auto buffer = overlay.picture(3'600'080);
  const auto caps = Ref<GstCaps>::adopt(gst_caps_from_string("timestamp/x-unix"));
  gst_buffer_add_reference_timestamp_meta(buffer.get(), caps.get(), 1'772'029'805'123'456'789U, GST_CLOCK_TIME_NONE);
  const auto drawn = overlay.push(std::move(buffer));
  EXPECT_EQ(overlay.look(drawn.get()), written("2026-02-25 14:30:05.123 11:00 NST"));
  // 250 years on there is no UTC any more.
  EXPECT_EQ(overlay.frame(7'884'000'000'000), Overlay(Properties{{"text", " "}}).frame());
  overlay.set("start-utc", "yesterday");
  EXPECT_EQ(overlay.frame(3'600'120), written("2026-02-25 01:00:00.620 21:30 NST"));
  EXPECT_THAT(overlay.warnings(), HasSubstr("property start-utc"));
}

void write_png(const std::string& path, int width, int height, double red, double green, double blue, double alpha) {
  cairo_surface_t* const surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height);
  cairo_t* const cairo = cairo_create(surface);
  cairo_set_source_rgba(cairo, red, green, blue, alpha);
  cairo_paint(cairo);
  EXPECT_EQ(cairo_surface_write_to_png(surface, path.c_str()), CAIRO_STATUS_SUCCESS);
  cairo_destroy(cairo);
  cairo_surface_destroy(surface);
}

TEST(Overlay, AnImageStandsAloneAndBesideText) {
  const TemporaryDirectory folder;
  write_png(folder / "logo.png", 40, 20, 1, 1, 1, 0.5);
  Overlay overlay(
      Properties{{"allow-files", "true"}, {"image", folder / "logo.png"}, {"margin-x", "9"}, {"margin-y", "5"}});
  Frame frame = overlay.frame();
  EXPECT_EQ(frame.differs_from(overlay.plain()), (Rect{9, 5, 40, 20}));
  EXPECT_NEAR(frame.at(0, 20, 10), 150, 1) << "half of 64, half of 235";
  overlay.set("image-height", "60");
  EXPECT_EQ(overlay.frame(40).differs_from(overlay.plain()), (Rect{9, 5, 120, 60}));
  overlay.set("image-height", "0");
  overlay.set("text", "Bug");
  const Rect both = overlay.frame(80).differs_from(overlay.plain());
  for (const char* place : {"right", "above", "below", "behind"}) {
    overlay.set("image-position", place);
    const Rect now = overlay.frame(120).differs_from(overlay.plain());
    const bool across = std::string(place) == "right";
    EXPECT_EQ(now.width > 60, across) << place;
    EXPECT_EQ(now.height > both.height + 10, std::string(place) == "above" || std::string(place) == "below") << place;
  }
  EXPECT_EQ(overlay.warnings(), "");
}

// Each line begins at its own side, and the layer is no wider than the longer one.
TEST(Overlay, TwoDirectionsTakeNoMoreRoomThanTheirLines) {
  const Properties common = {{"box-color", "0xFF000000"}, {"font-desc", "Sans 16px"}};
  const auto width = [&](const std::string& text) {
    Overlay overlay(common);
    overlay.set("text", text);
    return overlay.frame().differs_from(overlay.plain()).width;
  };
  const int longer = width("Good evening");
  EXPECT_LT(longer, 160);
  EXPECT_EQ(width("Good evening\n\u0645\u0633\u0627\u0621"), longer);
  EXPECT_EQ(width("Good evening\nGood"), longer);
}

// Pushes pictures until one is as wanted; a file is looked at five times a second.
template <typename Wanted>
bool becomes(Overlay& overlay, std::int64_t& ms, Wanted wanted) {
  for (int i = 0; i < 600; ++i, ms += 40) {
    if (wanted(overlay.frame(ms))) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

TEST(Overlay, FilesAreReadAgainWhenTheyChange) {
  const TemporaryDirectory folder;
  const auto replace = [&](const std::string& text) {
    folder.write("new", text);
    std::filesystem::rename(folder / "new", folder / "words.txt");
  };
  const auto written = [](const char* text) { return Overlay(Properties{{"text", text}}).frame(); };
  replace("one\n");
  Overlay overlay(Properties{{"allow-files", "true"}, {"text-file", folder / "words.txt"}, {"text", "unused"}});
  std::int64_t ms = 0;
  EXPECT_EQ(overlay.frame(ms), written("one")) << "the first picture has it";
  replace("two %{channel}");
  EXPECT_TRUE(becomes(overlay, ms, [&](const Frame& frame) { return frame == written("two "); }));
  std::filesystem::remove(folder / "words.txt");
  EXPECT_TRUE(becomes(
      overlay, ms, [&](const Frame&) { return overlay.warnings().find("property text-file: ") != std::string::npos; }));
  EXPECT_EQ(overlay.frame(ms), written("two ")) << "what was good stays";
  replace("three");
  EXPECT_TRUE(becomes(overlay, ms, [&](const Frame& frame) { return frame == written("three"); }));
}

TEST(Overlay, FilesAreReadOnlyWhenAllowed) {
  const TemporaryDirectory folder;
  folder.write("words.txt", "secret");
  Overlay overlay(Properties{{"text-file", folder / "words.txt"}, {"image", "/etc/passwd"}});
  EXPECT_EQ(overlay.frame(), overlay.plain());
  const std::string warnings = overlay.warnings();
  EXPECT_THAT(warnings, HasSubstr("property text-file: no file is read: set allow-files"));
  EXPECT_THAT(warnings, HasSubstr("property image: no file is read: set allow-files"));
}

GstVideoOverlayComposition* composition_of(GstBuffer* picture) {
  auto* const meta = gst_buffer_get_video_overlay_composition_meta(picture);
  return meta != nullptr ? meta->overlay : nullptr;
}

// Downstream is one that blends by itself.
void take_compositions(Overlay& overlay) {
  gst_harness_add_propose_allocation_meta(overlay.harness(), GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, nullptr);
  gst_harness_set_sink_caps(
      overlay.harness(),
      gst_caps_from_string("video/x-raw(memory:SystemMemory,meta:GstVideoOverlayComposition),format=RGBA"));
}

class Attached : public testing::TestWithParam<Properties> {};

// GStreamer's own blending of what was attached, against ours.
TEST_P(Attached, IsWhatWeWouldBlend) {
  const std::string caps = "format=RGBA,width=320,height=180";
  Overlay overlay(GetParam(), caps), blended(GetParam(), caps);
  take_compositions(overlay);
  GstVideoInfo info = overlay.info();
  bool seen = false;
  for (int i = 0; i < 30; ++i) {
    auto picture = overlay.push(overlay.picture(i * 40, 255));
    EXPECT_EQ(overlay.look(picture.get()), overlay.plain(255)) << "the picture itself is left alone";
    const Frame ours = blended.frame(i * 40, 255);
    auto* const composition = composition_of(picture.get());
    if (composition == nullptr) {
      EXPECT_EQ(ours, blended.plain(255)) << "picture " << i;
      continue;
    }
    gst_video_overlay_composition_ref(composition);
    picture = Ref<GstBuffer>::adopt(gst_buffer_make_writable(picture.release()));
    GstVideoFrame frame;
    ASSERT_TRUE(gst_video_frame_map(&frame, &info, picture.get(), GST_MAP_READWRITE));
    gst_video_overlay_composition_blend(composition, &frame);
    gst_video_frame_unmap(&frame);
    gst_video_overlay_composition_unref(composition);
    const Frame theirs = overlay.look(picture.get());
    int worst = 0;
    for (std::size_t k = 0; k < ours.bytes().size(); ++k) {
      worst = std::max(worst, std::abs(ours.bytes()[k] - theirs.bytes()[k]));
    }
    EXPECT_LE(worst, 3) << "picture " << i;
    seen = seen || ours.differs_from(blended.plain(255)).width > 50;
  }
  EXPECT_TRUE(seen);
}

INSTANTIATE_TEST_SUITE_P(
    Layers, Attached,
    testing::Values(Properties{{"text", "Attached"}, {"box-color", "0x80203060"}, {"outline-width", "1.5"}},
                    Properties{{"text", "Fading"}, {"box-color", "0x80203060"}, {"fade-in", "800000000"}},
                    Properties{{"text", "Crawling"}, {"crawl-speed", "211.3"}, {"color", "0xFF802000"}},
                    Properties{{"text", "Crawling"}, {"crawl-speed", "211.3"}, {"box-color", "0xC0203060"}}));

TEST(Overlay, WhatDoesNotChangeIsAttachedAsTheSameRectangle) {
  Overlay overlay(Properties{{"text", "Attached"}, {"layers", "1"}}, "format=RGBA,width=320,height=180");
  overlay.set("layer_0::text", "%{frame}");
  overlay.set("layer_0::anchor", "bottom");
  take_compositions(overlay);
  const auto first = overlay.push(overlay.picture(0)), second = overlay.push(overlay.picture(40));
  ASSERT_NE(composition_of(first.get()), nullptr);
  ASSERT_NE(composition_of(second.get()), nullptr);
  const auto rectangle = [](const Ref<GstBuffer>& picture, guint n) {
    return gst_video_overlay_composition_get_rectangle(composition_of(picture.get()), n);
  };
  EXPECT_EQ(rectangle(first, 0), rectangle(second, 0));
  EXPECT_NE(rectangle(first, 1), rectangle(second, 1));
}

TEST(Overlay, BlendsWhereDownstreamOnlySaysItTakesTheCaps) {
  // As fakesink: every caps is welcome, and nobody wants the meta.
  Overlay overlay(Properties{{"text", "Blended"}});
  EXPECT_FALSE(overlay.frame() == overlay.plain());
  const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(overlay.harness()->sinkpad));
  EXPECT_TRUE(gst_caps_features_is_equal(gst_caps_get_features(caps.get(), 0), GST_CAPS_FEATURES_MEMORY_SYSTEM_MEMORY));
}

}  // namespace
}  // namespace aircheck::test

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
