// A picture in the format of the video, ready to be blended at any place.
#pragma once

#include <gst/video/video.h>

#include <array>
#include <cstdint>
#include <vector>

#include "drawtext/blend.hpp"
#include "drawtext/picture.hpp"

namespace aircheck::drawtext {

// What a picture has to become: from the caps of the video.
struct PixelFormat {
  GstVideoFormat format = GST_VIDEO_FORMAT_UNKNOWN;
  bool premultiplied = false;  // an overlay rectangle, not a video frame

  // To Y', Cb and Cr in 8 bits from R'G'B' in 0 to 1; Recommendations ITU-R BT.601, BT.709, BT.2020.
  std::array<double, 3> offset{};
  std::array<std::array<double, 3>, 3> matrix{};
  bool cosited = false;  // chroma samples stand on even columns, not between two

  static PixelFormat of(const GstVideoInfo& info);
  // BGRA, for rectangles of a GstVideoOverlayComposition.
  static PixelFormat rectangle();

  // Formats into which sprites can be blended, as caps: "{ I420, NV12, RGBA, BGRA }".
  static const char* blendable();
};

class Sprite {
 public:
  // `moving`: it will be blended at fractions of a pixel and at odd columns. The outermost column on each side is then
  // transparent or lies outside what is blended. Height and, unless moving, width are even.
  Sprite(const Picture& picture, const PixelFormat& format, bool moving);

  // Blends columns [from, to) of the frame, in which the sprite's column 0 stands at `x` 256ths of a pixel and its row
  // 0 at `y`. `y` and, unless moving, the column are even. The frame must be mapped for writing.
  void blend(GstVideoFrame* frame, std::int64_t x, int y, int from, int to, unsigned opacity) const;

  [[nodiscard]] int width() const { return width_; }
  [[nodiscard]] int height() const { return height_; }

 private:
  // The two phases of a subsampled plane: filtered around even and around odd columns of the picture.
  struct Plane {
    std::size_t component = 0;  // the first one in it
    int bytes = 1;              // of a sample: 1, 2 (Cb and Cr) or 4
    bool subsampled = false;
    std::size_t stride = 0;
    std::array<std::vector<std::uint8_t>, 2> colour;
    std::array<std::vector<std::uint8_t>, 2> keep;
  };

  void add_rgb(const Picture& picture, const PixelFormat& format);
  void add_luma(const Picture& picture, const PixelFormat& format);
  void add_chroma(const Picture& picture, const PixelFormat& format, std::size_t component, int bytes, bool moving);
  void blend_plane(const Plane& plane, GstVideoFrame* frame, std::int64_t x, int y, int from, int to,
                   unsigned opacity) const;

  int width_;
  int height_;
  bool premultiplied_;
  std::vector<Plane> planes_;
};

}  // namespace aircheck::drawtext
