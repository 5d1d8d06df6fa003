// A scene of everything at once against pictures on record (tests/golden/overlay), by PSNR. AIRCHECK_UPDATE_GOLDEN=1
// writes them anew: look at them.
#include <cairo.h>
#include <gst/video/video.h>

#include <cmath>
#include <cstdlib>
#include <memory>

#include "drawtext/overlay.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

constexpr int kWidth = 320, kHeight = 180;

using Converter = std::unique_ptr<GstVideoConverter,
                                  decltype([](GstVideoConverter* converter) { gst_video_converter_free(converter); })>;

// GStreamer's own conversion of one picture to other caps.
Ref<GstBuffer> convert(GstBuffer* picture, GstVideoInfo from, GstVideoInfo to) {
  const Converter converter(gst_video_converter_new(&from, &to, nullptr));
  auto result = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, to.size, nullptr));
  GstVideoFrame source, target;
  EXPECT_TRUE(gst_video_frame_map(&source, &from, picture, GST_MAP_READ));
  EXPECT_TRUE(gst_video_frame_map(&target, &to, result.get(), GST_MAP_READWRITE));
  gst_video_converter_frame(converter.get(), &source, &target);
  gst_video_frame_unmap(&source);
  gst_video_frame_unmap(&target);
  return result;
}

GstVideoInfo info_of(const std::string& caps) {
  GstVideoInfo info;
  const auto parsed =
      Ref<GstCaps>::adopt(gst_caps_from_string(("video/x-raw,framerate=25/1,width=320,height=180," + caps).c_str()));
  EXPECT_TRUE(gst_video_info_from_caps(&info, parsed.get()));
  return info;
}

// Colours that run slowly, so that subsampling of chroma costs the ground nothing.
Ref<GstBuffer> ground() {
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, gsize{4} * kWidth * kHeight, nullptr));
  GstMapInfo map;
  gst_buffer_map(buffer.get(), &map, GST_MAP_WRITE);
  for (int i = 0; i < kWidth * kHeight; ++i) {
    const int x = i % kWidth, y = i / kWidth;
    map.data[4 * i] = static_cast<std::uint8_t>(40 + x / 4);
    map.data[4 * i + 1] = static_cast<std::uint8_t>(60 + y / 2);
    map.data[4 * i + 2] = static_cast<std::uint8_t>(150 - x / 5);
    map.data[4 * i + 3] = 255;
  }
  gst_buffer_unmap(buffer.get(), &map);
  GST_BUFFER_PTS(buffer.get()) = 0;
  return buffer;
}

void write_logo(const std::string& path) {
  cairo_surface_t* const surface = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, 48, 48);
  cairo_t* const cairo = cairo_create(surface);
  cairo_arc(cairo, 24, 24, 22, 0, 6.3);
  cairo_set_source_rgba(cairo, 1, 0.6, 0, 0.9);
  cairo_fill(cairo);
  cairo_rectangle(cairo, 18, 10, 12, 28);
  cairo_set_source_rgba(cairo, 0.1, 0.1, 0.4, 1);
  cairo_fill(cairo);
  EXPECT_EQ(cairo_surface_write_to_png(surface, path.c_str()), CAIRO_STATUS_SUCCESS);
  cairo_destroy(cairo);
  cairo_surface_destroy(surface);
}

// Odd places on purpose.
Properties scene(const std::string& logo) {
  return {{"start-utc", "2026-02-25T14:30:00Z"},
          {"allow-files", "true"},
          {"layers", "3"},
          {"text", "%{utc:%F %T} UTC"},
          {"anchor", "top-right"},
          {"margin-x", "7"},
          {"margin-y", "5"},
          {"font-desc", "Sans 9"},
          {"box-color", "0x99000000"},
          {"box-padding", "5"},
          {"layer_0::image", logo},
          {"layer_0::image-height", "31"},
          {"layer_0::text", "<b>Lower third</b>\n<span foreground='#FFD040'>now and next</span>"},
          {"layer_0::use-markup", "true"},
          {"layer_0::font-desc", "Sans 10"},
          {"layer_0::anchor", "absolute"},
          {"layer_0::x", "11"},
          {"layer_0::y", "101"},
          {"layer_0::box-color", "0xC8203070"},
          {"layer_1::text", "A crawl that is on its way \u00b7 \u0633\u0644\u0627\u0645"},
          {"layer_1::crawl-speed", "333.3"},
          {"layer_1::anchor", "bottom"},
          {"layer_1::margin-x", "0"},
          {"layer_1::margin-y", "3"},
          {"layer_1::box-color", "0xE0801010"},
          {"layer_1::font-desc", "Sans Bold 8"},
          {"layer_1::box-padding", "2"},
          {"layer_2::text", "Outline"},
          {"layer_2::font-desc", "Serif Bold 30px"},
          {"layer_2::anchor", "left"},
          {"layer_2::margin-x", "21"},
          {"layer_2::outline-width", "2"},
          {"layer_2::shadow-x", "4"},
          {"layer_2::shadow-y", "3"},
          {"layer_2::color", "0xFF30E060"},
          {"layer_2::opacity", "0.9"}};
}

double psnr(const std::uint8_t* one, const std::uint8_t* other, std::size_t size) {
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) sum += (one[i] - other[i]) * (one[i] - other[i]);
  return sum == 0 ? 100 : 10 * std::log10(255.0 * 255 * static_cast<double>(size) / sum);
}

struct Case {
  const char* name;
  const char* caps;
  double wanted;  // dB against RGBA drawn by the same element and converted by GStreamer
};

class Golden : public testing::TestWithParam<Case> {};

Ref<GstBuffer> scene_in(const std::string& caps) {
  const TemporaryDirectory folder;
  write_logo(folder / "logo.png");
  Overlay overlay(scene(folder / "logo.png"), "width=320,height=180," + caps);
  const auto start = convert(ground().get(), info_of("format=BGRA"), overlay.info());
  Ref<GstBuffer> last;
  for (int i = 0; i < 26; ++i) {
    auto picture = Ref<GstBuffer>::adopt(gst_buffer_copy_deep(start.get()));
    GST_BUFFER_PTS(picture.get()) = static_cast<GstClockTime>(i) * 40 * GST_MSECOND;
    last = overlay.push(std::move(picture));
  }
  EXPECT_EQ(overlay.warnings(), "");
  return last;
}

void compare_with_file(const std::string& name, GstBuffer* bgra) {
  const std::string path =
      std::string(std::getenv("AIRCHECK_TEST_SOURCE_ROOT")) + "/tests/golden/overlay/" + name + ".png";
  GstMapInfo map;
  gst_buffer_map(bgra, &map, GST_MAP_READ);
  const char* const update = std::getenv("AIRCHECK_UPDATE_GOLDEN");
  if (update != nullptr && std::string(update) == "1") {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    cairo_surface_t* const surface =
        cairo_image_surface_create_for_data(map.data, CAIRO_FORMAT_RGB24, kWidth, kHeight, kWidth * 4);
    EXPECT_EQ(cairo_surface_write_to_png(surface, path.c_str()), CAIRO_STATUS_SUCCESS);
    cairo_surface_destroy(surface);
  } else {
    cairo_surface_t* const surface = cairo_image_surface_create_from_png(path.c_str());
    ASSERT_EQ(cairo_surface_status(surface), CAIRO_STATUS_SUCCESS) << path << ": run with AIRCHECK_UPDATE_GOLDEN=1";
    ASSERT_EQ(cairo_image_surface_get_stride(surface), kWidth * 4);
    auto* const pixels = cairo_image_surface_get_data(surface);
    for (std::size_t i = 3; i < map.size; i += 4) pixels[i] = 255;
    EXPECT_GT(psnr(map.data, pixels, map.size), 45) << "differs from " << path;
    cairo_surface_destroy(surface);
  }
  gst_buffer_unmap(bgra, &map);
}

TEST_P(Golden, IsTheOneOnRecordAndThatOfRgba) {
  const Case& c = GetParam();
  const auto drawn = scene_in(c.caps);
  const auto as_rgb = convert(drawn.get(), info_of(c.caps), info_of("format=BGRA"));
  compare_with_file(c.name, as_rgb.get());
  const auto rgba = scene_in("format=RGBA");
  const auto converted = convert(rgba.get(), info_of("format=RGBA"), info_of(c.caps));
  const Frame ours(info_of(c.caps), drawn.get()), theirs(info_of(c.caps), converted.get());
  const double match = psnr(ours.bytes().data(), theirs.bytes().data(), ours.bytes().size());
  EXPECT_GT(match, c.wanted) << "dB against RGBA, converted";
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden,
                         testing::Values(Case{"i420_bt601", "format=I420,colorimetry=bt601,chroma-site=jpeg", 45},
                                         Case{"i420_bt709", "format=I420,colorimetry=bt709,chroma-site=mpeg2", 45},
                                         Case{"nv12_bt709", "format=NV12,colorimetry=bt709,chroma-site=mpeg2", 45},
                                         Case{"nv12_full", "format=NV12,colorimetry=1:4:0:0,chroma-site=jpeg", 45},
                                         Case{"rgba", "format=RGBA", 60}, Case{"bgra", "format=BGRA", 60}),
                         case_name);

}  // namespace
}  // namespace aircheck::test

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
