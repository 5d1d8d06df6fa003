// Blending against the same in floating point, in every format, at every parity and fraction.
#include "drawtext/sprite.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "gstx/ref.hpp"

namespace aircheck::drawtext {
namespace {

constexpr int kWidth = 37, kHeight = 21;  // odd: the last chroma sample stands for one column

struct Video {
  GstVideoInfo info{};
  gstx::Ref<GstBuffer> buffer;
  GstVideoFrame frame{};

  explicit Video(const char* caps) {
    auto parsed = gstx::Ref<GstCaps>::adopt(gst_caps_from_string(caps));
    gst_caps_set_simple(parsed.get(), "width", G_TYPE_INT, kWidth, "height", G_TYPE_INT, kHeight, nullptr);
    EXPECT_TRUE(gst_video_info_from_caps(&info, parsed.get()));
    buffer = gstx::Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, info.size, nullptr));
    gst_buffer_memset(buffer.get(), 0, 90, info.size);
    EXPECT_TRUE(gst_video_frame_map(&frame, &info, buffer.get(), GST_MAP_READWRITE));
  }
  Video(const Video&) = delete;
  Video& operator=(const Video&) = delete;
  ~Video() { gst_video_frame_unmap(&frame); }

  std::uint8_t& at(guint component, int x, int y) {
    auto* const data = static_cast<std::uint8_t*>(GST_VIDEO_FRAME_COMP_DATA(&frame, component));
    return data[y * GST_VIDEO_FRAME_COMP_STRIDE(&frame, component) +
                x * GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, component)];
  }
};

Picture noise(int width, int height, int empty_columns) {
  std::mt19937 random(7);
  Picture picture = Picture::transparent(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = empty_columns; x < width - empty_columns; ++x) {
      auto* const pixel = picture.pixels.data() + static_cast<std::size_t>(y) * picture.stride() + 4 * x;
      const unsigned alpha = x % 3 == 0 ? 255 : random() % 256;
      for (int i = 0; i < 3; ++i) pixel[i] = static_cast<std::uint8_t>(random() % (alpha + 1));
      pixel[3] = static_cast<std::uint8_t>(alpha);
    }
  }
  return picture;
}

// What may be blended of a picture of 28 columns: all, or without what lies beside what moves.
std::pair<int, int> columns(double left, bool moving) {
  const int even_left = static_cast<int>(left) & ~1;
  if (!moving) return {even_left, even_left + 28};
  return {(static_cast<int>(std::ceil(left) + 1) & ~1) + 2, even_left + 26};
}

struct Rgba {
  double r = 0, g = 0, b = 0, a = 0;  // 0 to 1, premultiplied
};

Rgba pixel_of(const Picture& picture, int x, int y) {
  if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return {};
  const auto* const p = picture.row(y) + 4 * x;
  return {p[2] / 255.0, p[1] / 255.0, p[0] / 255.0, p[3] / 255.0};
}

// The layer at a column of the video: between two columns of the picture.
Rgba layer_at(const Picture& picture, double left, int top, int x, int y) {
  const double place = x - left;
  const int first = static_cast<int>(std::floor(place));
  const double part = place - first;
  const Rgba one = pixel_of(picture, first, y - top), two = pixel_of(picture, first + 1, y - top);
  const auto mixed = [part](double a, double b) { return a * (1 - part) + b * part; };
  return {mixed(one.r, two.r), mixed(one.g, two.g), mixed(one.b, two.b), mixed(one.a, two.a)};
}

// Y', Cb, Cr in 8 bits of a premultiplied pixel, from the formulas of the recommendation.
double component_of(const Rgba& c, double kr, double kb, bool full, guint component) {
  const double y = kr * c.r + (1 - kr - kb) * c.g + kb * c.b;
  const double luma_scale = full ? 255 : 219, luma_offset = full ? 0 : 16, chroma_scale = full ? 255 : 224;
  if (component == 0) return luma_offset * c.a + luma_scale * y;
  return 128 * c.a + chroma_scale * (component == 1 ? (c.b - y) / (2 - 2 * kb) : (c.r - y) / (2 - 2 * kr));
}

struct Case {
  const char* caps;
  double kr, kb;
  bool full, cosited;
};

class YuvSprite : public testing::TestWithParam<Case> {};

double expected(const Case& c, const Picture& picture, double left, int top, guint component, int x, int y, double old,
                double opacity) {
  Rgba sum;
  if (component == 0) {
    sum = layer_at(picture, left, top, x, y);
  } else {
    const double weights[] = {c.cosited ? 0.125 : 0, 0.25, c.cosited ? 0.125 : 0.25};
    for (int dy = 0; dy < 2; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) {
        const Rgba one = layer_at(picture, left, top, 2 * x + dx, 2 * y + dy);
        const double w = weights[dx + 1];
        sum = {sum.r + w * one.r, sum.g + w * one.g, sum.b + w * one.b, sum.a + w * one.a};
      }
    }
  }
  return opacity * component_of(sum, c.kr, c.kb, c.full, component) + old * (1 - opacity * sum.a);
}

TEST_P(YuvSprite, IsThatOfTheFormulas) {
  const Case& c = GetParam();
  for (const double left : {4.0, 10.0, 4.25, 5.0, 7.5, 8.99609375}) {
    for (const unsigned opacity : {256U, 100U}) {
      Video video(c.caps);
      const bool moving = left != 4.0 && left != 10.0;
      const Picture picture = noise(28, 12, 6);
      const Sprite sprite(picture, PixelFormat::of(video.info), moving);
      const int top = 6;
      const auto [from, to] = columns(left, moving);
      sprite.blend(&video.frame, std::llround(left * 256), top, from, to, opacity);
      double worst = 0;
      for (guint component = 0; component < 3; ++component) {
        for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&video.frame, component); ++y) {
          for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&video.frame, component); ++x) {
            const double wanted = expected(c, picture, left, top, component, x, y, 90, opacity / 256.0);
            worst = std::max(worst, std::abs(wanted - video.at(component, x, y)));
          }
        }
      }
      EXPECT_LT(worst, 2.1) << "left " << left << " opacity " << opacity;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Formats, YuvSprite,
    testing::Values(Case{"video/x-raw,format=I420,colorimetry=bt601,chroma-site=jpeg", 0.299, 0.114, false, false},
                    Case{"video/x-raw,format=I420,colorimetry=bt709,chroma-site=mpeg2", 0.2126, 0.0722, false, true},
                    Case{"video/x-raw,format=NV12,colorimetry=bt709,chroma-site=mpeg2", 0.2126, 0.0722, false, true},
                    Case{"video/x-raw,format=NV12,colorimetry=1:4:0:0,chroma-site=jpeg", 0.299, 0.114, true, false},
                    Case{"video/x-raw,format=I420,colorimetry=bt2020,chroma-site=mpeg2", 0.2627, 0.0593, false, true}));

class RgbSprite : public testing::TestWithParam<const char*> {};

// Over pixels of every alpha, straight as GStreamer has it.
TEST_P(RgbSprite, IsPorterAndDuffsOver) {
  for (const double left : {4.0, 5.5}) {
    Video video((std::string("video/x-raw,format=") + GetParam()).c_str());
    const Picture picture = noise(28, 12, 6);
    const Sprite sprite(picture, PixelFormat::of(video.info), true);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        video.at(0, x, y) = 200;
        video.at(1, x, y) = 100;
        video.at(2, x, y) = 50;
        video.at(3, x, y) = static_cast<std::uint8_t>(y < 12 ? 255 : x * 6);
      }
    }
    const auto [from, to] = columns(left, true);
    sprite.blend(&video.frame, std::llround(left * 256), 6, from, to, 256);
    for (int y = 0; y < kHeight; ++y) {
      for (int x = 0; x < kWidth; ++x) {
        const Rgba over = layer_at(picture, left, 6, x, y);
        const double below = (y < 12 ? 255 : x * 6) / 255.0;
        const double alpha = over.a + below * (1 - over.a);
        EXPECT_NEAR(video.at(3, x, y), 255 * alpha, 1.5);
        if (alpha < 0.1) continue;
        const double colour[] = {over.r, over.g, over.b}, old[] = {200, 100, 50};
        for (guint i = 0; i < 3; ++i) {
          const double wanted = (255 * colour[i] + old[i] * below * (1 - over.a)) / alpha;
          EXPECT_NEAR(video.at(i, x, y), wanted, 2 / alpha) << x << "," << y;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, RgbSprite, testing::Values("RGBA", "BGRA"));

// Every offset over the edges of the video, so that a sanitizer sees each access.
TEST(SpriteEdges, NothingOutsideIsTouched) {
  for (const char* caps : {"video/x-raw,format=I420", "video/x-raw,format=NV12", "video/x-raw,format=RGBA"}) {
    Video video(caps);
    const Sprite sprite(noise(16, 8, 0), PixelFormat::of(video.info), false);
    for (int x = -20; x < kWidth + 4; x += 2) {
      for (int y = -10; y < kHeight + 4; y += 2) sprite.blend(&video.frame, x * 256, y, x, x + 16, 256);
    }
  }
  SUCCEED();
}

}  // namespace
}  // namespace aircheck::drawtext

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
