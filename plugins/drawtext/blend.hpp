// The inner loops: rows of bytes, colours already multiplied by alpha.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aircheck::drawtext {

// `keep` is 255 less alpha: result = colour + row * keep / 255.
struct BlendSource {
  const std::uint8_t* colour = nullptr;
  const std::uint8_t* keep = nullptr;
};

inline constexpr unsigned kWhole = 256;  // of a pixel, or of opacity

// Blends `count` bytes over `row`. Between `first` and `second` by `fraction` (0 to 255, in 256ths); `second` is read
// only where that is not 0. `opacity` of the whole from 0 to kWhole.
void blend_row(std::uint8_t* row, const BlendSource& first, const BlendSource& second, unsigned fraction,
               unsigned opacity, std::size_t count);

// The same over pixels of four bytes with straight alpha at byte `alpha`, which need not be opaque.
void blend_row_straight(std::uint8_t* row, const BlendSource& first, const BlendSource& second, unsigned fraction,
                        unsigned opacity, std::size_t count, std::size_t alpha);

}  // namespace aircheck::drawtext
