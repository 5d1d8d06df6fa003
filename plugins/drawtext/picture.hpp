// Pictures that layers are made of, before they take the format of the video.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace aircheck::drawtext {

// In pixels; x and y may be negative.
struct Rect {
  int x = 0;
  int y = 0;
  int width = 0;
  int height = 0;

  [[nodiscard]] int right() const { return x + width; }
  [[nodiscard]] int bottom() const { return y + height; }
  [[nodiscard]] bool empty() const { return width <= 0 || height <= 0; }
  friend bool operator==(const Rect&, const Rect&) = default;
};

[[nodiscard]] inline Rect intersection(const Rect& a, const Rect& b) {
  const int x = std::max(a.x, b.x);
  const int y = std::max(a.y, b.y);
  return {x, y, std::max(std::min(a.right(), b.right()) - x, 0), std::max(std::min(a.bottom(), b.bottom()) - y, 0)};
}

[[nodiscard]] inline Rect bounding_box(const Rect& a, const Rect& b) {
  if (a.empty()) return b;
  if (b.empty()) return a;
  const int x = std::min(a.x, b.x);
  const int y = std::min(a.y, b.y);
  return {x, y, std::max(a.right(), b.right()) - x, std::max(a.bottom(), b.bottom()) - y};
}

// The smallest rectangle around `rect` whose edges are even, so that it covers whole chroma samples of 4:2:0.
[[nodiscard]] inline Rect even(const Rect& rect) {
  const int x = rect.x & ~1;
  const int y = rect.y & ~1;
  return {x, y, ((rect.right() + 1) & ~1) - x, ((rect.bottom() + 1) & ~1) - y};
}

// Rows of B, G, R, A, eight bits each, colours multiplied by alpha: cairo's ARGB32 on a little-endian machine.
struct Picture {
  static_assert(std::endian::native == std::endian::little);
  static constexpr std::size_t kBytesPerPixel = 4;

  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> pixels;

  [[nodiscard]] std::size_t stride() const { return static_cast<std::size_t>(width) * kBytesPerPixel; }
  [[nodiscard]] const std::uint8_t* row(int y) const { return pixels.data() + static_cast<std::size_t>(y) * stride(); }

  static Picture transparent(int width, int height) {
    Picture picture{width, height, {}};
    picture.pixels.resize(picture.stride() * static_cast<std::size_t>(height));
    return picture;
  }
};

}  // namespace aircheck::drawtext
