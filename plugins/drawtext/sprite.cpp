#include "drawtext/sprite.hpp"

#include <algorithm>
#include <cmath>

namespace aircheck::drawtext {

namespace {

constexpr std::size_t kAlpha = 3;  // in a pixel of a Picture

std::uint8_t to_byte(double value) {
  return static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L));
}

// One sample of component `c`, multiplied by alpha, from sums of weighted pixels whose weights add up to `weight`.
double sample_of(const PixelFormat& format, std::size_t c, const std::array<double, 4>& bgra) {
  return (format.offset[c] * bgra[3] + format.matrix[c][0] * bgra[2] + format.matrix[c][1] * bgra[1] +
          format.matrix[c][2] * bgra[0]) /
         255;
}

std::int64_t ceil_256(std::int64_t x) {
  return (x + 255) >> 8;
}

bool is_opaque(const std::uint8_t* row, std::size_t count, std::size_t alpha) {
  unsigned all = 255;
  for (std::size_t i = alpha; i < count; i += 4) all &= row[i];
  return all == 255;
}

}  // namespace

const char* PixelFormat::blendable() {
  return "{ I420, NV12, RGBA, BGRA }";
}

PixelFormat PixelFormat::rectangle() {
  PixelFormat format;
  format.format = GST_VIDEO_FORMAT_BGRA;
  format.premultiplied = true;
  return format;
}

PixelFormat PixelFormat::of(const GstVideoInfo& info) {
  PixelFormat format;
  format.format = GST_VIDEO_INFO_FORMAT(&info);
  if (!GST_VIDEO_FORMAT_INFO_IS_YUV(info.finfo)) return format;
  double kr = 0.2126, kb = 0.0722;  // BT.709, where the caps do not say
  gst_video_color_matrix_get_Kr_Kb(info.colorimetry.matrix, &kr, &kb);
  gint offset[GST_VIDEO_MAX_COMPONENTS], scale[GST_VIDEO_MAX_COMPONENTS];
  gst_video_color_range_offsets(info.colorimetry.range, info.finfo, offset, scale);
  const std::array<double, 3> luma = {kr, 1 - kr - kb, kb};
  for (std::size_t c = 0; c < 3; ++c) {
    format.offset[c] = offset[c];
    for (std::size_t i = 0; i < 3; ++i) {
      // (B' - Y') / (2 - 2 Kb), (R' - Y') / (2 - 2 Kr)
      const double difference = (i == (c == 1 ? 2U : 0U) ? 1.0 : 0.0) - luma[i];
      format.matrix[c][i] = scale[c] * (c == 0 ? luma[i] : difference / (2 - 2 * (c == 1 ? kb : kr)));
    }
  }
  format.cosited = (info.chroma_site & GST_VIDEO_CHROMA_SITE_H_COSITED) != 0;
  return format;
}

Sprite::Sprite(const Picture& picture, const PixelFormat& format, bool moving)
    : width_(picture.width), height_(picture.height), premultiplied_(format.premultiplied) {
  switch (format.format) {
    case GST_VIDEO_FORMAT_I420:
      add_luma(picture, format);
      add_chroma(picture, format, 1, 1, moving);
      add_chroma(picture, format, 2, 1, moving);
      break;
    case GST_VIDEO_FORMAT_NV12:
      add_luma(picture, format);
      add_chroma(picture, format, 1, 2, moving);
      break;
    default: add_rgb(picture, format);
  }
}

void Sprite::add_rgb(const Picture& picture, const PixelFormat& format) {
  Plane plane;
  plane.bytes = 4;
  plane.stride = picture.stride();
  plane.colour[0] = picture.pixels;
  plane.keep[0].resize(picture.pixels.size());
  const bool swap = format.format == GST_VIDEO_FORMAT_RGBA;
  for (std::size_t i = 0; i < picture.pixels.size(); i += Picture::kBytesPerPixel) {
    std::fill_n(plane.keep[0].begin() + static_cast<std::ptrdiff_t>(i), 4,
                static_cast<std::uint8_t>(255 - picture.pixels[i + kAlpha]));
    if (swap) std::swap(plane.colour[0][i], plane.colour[0][i + 2]);
  }
  planes_.push_back(std::move(plane));
}

void Sprite::add_luma(const Picture& picture, const PixelFormat& format) {
  Plane plane;
  plane.stride = static_cast<std::size_t>(width_);
  const std::size_t count = plane.stride * static_cast<std::size_t>(height_);
  plane.colour[0].resize(count);
  plane.keep[0].resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint8_t* const pixel = picture.pixels.data() + i * Picture::kBytesPerPixel;
    plane.keep[0][i] = static_cast<std::uint8_t>(255 - pixel[kAlpha]);
    if (pixel[kAlpha] == 0) continue;
    const std::array<double, 4> bgra = {double(pixel[0]), double(pixel[1]), double(pixel[2]), double(pixel[3])};
    plane.colour[0][i] = to_byte(sample_of(format, 0, bgra));
  }
  planes_.push_back(std::move(plane));
}

void Sprite::add_chroma(const Picture& picture, const PixelFormat& format, std::size_t component, int bytes,
                        bool moving) {
  Plane plane;
  plane.component = component;
  plane.bytes = bytes;
  plane.subsampled = true;
  const int columns = (width_ + 1) / 2;
  plane.stride = static_cast<std::size_t>(columns) * static_cast<std::size_t>(bytes);
  const std::size_t count = plane.stride * static_cast<std::size_t>(height_ / 2);
  const std::array<double, 3> weights =
      format.cosited ? std::array{0.125, 0.25, 0.125} : std::array{0.0, 0.25, 0.25};  // of two rows
  for (std::size_t phase = 0; phase < (moving ? 2 : 1); ++phase) {
    plane.colour[phase].resize(count);
    plane.keep[phase].resize(count);
    std::size_t at = 0;
    for (int y = 0; y < height_; y += 2) {
      for (int column = 0; column < columns; ++column) {
        std::array<double, 4> sum{};
        for (int tap = 0; tap < 3; ++tap) {
          const int x = std::clamp(2 * column + static_cast<int>(phase) + tap - 1, 0, width_ - 1);
          const std::uint8_t* const upper = picture.row(y) + static_cast<std::size_t>(x) * Picture::kBytesPerPixel;
          const std::uint8_t* const lower = upper + picture.stride();
          for (std::size_t i = 0; i < 4; ++i) sum[i] += weights[static_cast<std::size_t>(tap)] * (upper[i] + lower[i]);
        }
        for (int i = 0; i < bytes; ++i, ++at) {
          plane.keep[phase][at] = to_byte(255 - sum[kAlpha]);
          plane.colour[phase][at] = to_byte(sample_of(format, component + static_cast<std::size_t>(i), sum));
        }
      }
    }
  }
  planes_.push_back(std::move(plane));
}

void Sprite::blend(GstVideoFrame* frame, std::int64_t x, int y, int from, int to, unsigned opacity) const {
  for (const Plane& plane : planes_) blend_plane(plane, frame, x, y, from, to, opacity);
}

void Sprite::blend_plane(const Plane& plane, GstVideoFrame* frame, std::int64_t x, int y, int from, int to,
                         unsigned opacity) const {
  const int shift = plane.subsampled ? 1 : 0;
  const int left = std::max(from, 0) >> shift;
  const int right = std::min((to + shift) >> shift, GST_VIDEO_FRAME_COMP_WIDTH(frame, plane.component));
  const int top = std::max(y >> shift, 0);
  const int bottom = std::min((y + height_) >> shift, GST_VIDEO_FRAME_COMP_HEIGHT(frame, plane.component));
  if (left >= right || top >= bottom) return;
  const std::int64_t base = ceil_256(x);
  const auto fraction = static_cast<unsigned>(base * 256 - x);
  // Where the first column of the frame stands in the picture, which phase that is, and the one half a sample on.
  const std::int64_t column = (static_cast<std::int64_t>(left) << shift) - base;
  const std::size_t phase = plane.subsampled ? static_cast<std::size_t>(column & 1) : 0;
  const std::size_t next = plane.subsampled && fraction != 0 ? 1 - phase : phase;
  const std::int64_t first = column >> shift;
  const std::int64_t second = plane.subsampled ? (column + 1) >> shift : column + (fraction != 0 ? 1 : 0);
  const auto count = static_cast<std::size_t>(right - left) * static_cast<std::size_t>(plane.bytes);
  auto* const data =
      static_cast<std::uint8_t*>(GST_VIDEO_FRAME_PLANE_DATA(frame, GST_VIDEO_FRAME_COMP_PLANE(frame, plane.component)));
  const std::ptrdiff_t stride = GST_VIDEO_FRAME_PLANE_STRIDE(frame, GST_VIDEO_FRAME_COMP_PLANE(frame, plane.component));
  const bool straight = plane.bytes == 4 && !premultiplied_;
  for (int row = top; row < bottom; ++row) {
    const auto line = static_cast<std::size_t>(row - (y >> shift)) * plane.stride;
    const auto source = [&](std::size_t which, std::int64_t at) {
      const std::size_t offset = line + static_cast<std::size_t>(at * plane.bytes);
      return BlendSource{plane.colour[which].data() + offset, plane.keep[which].data() + offset};
    };
    std::uint8_t* const pixels = data + row * stride + static_cast<std::ptrdiff_t>(left) * plane.bytes;
    if (straight && !is_opaque(pixels, count, kAlpha)) {
      blend_row_straight(pixels, source(phase, first), source(next, second), fraction, opacity, count, kAlpha);
    } else {
      blend_row(pixels, source(phase, first), source(next, second), fraction, opacity, count);
    }
  }
}

}  // namespace aircheck::drawtext
