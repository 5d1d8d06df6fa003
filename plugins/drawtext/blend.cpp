#include "drawtext/blend.hpp"

#include <algorithm>

namespace aircheck::drawtext {

namespace {

// All of it fits 16 bits, so that a compiler makes it eight or more bytes at a time.
using Word = std::uint16_t;

inline Word divide_by_255(Word value) {
  const Word rounded = static_cast<Word>(value + 128);
  return static_cast<Word>(static_cast<Word>(rounded + (rounded >> 8)) >> 8);
}

inline Word mix(Word first, Word second, Word fraction) {
  return static_cast<Word>(
      static_cast<Word>(first * static_cast<Word>(256 - fraction) + static_cast<Word>(second * fraction) + 128) >> 8);
}

inline Word fade(Word value, Word opacity) {
  return static_cast<Word>(static_cast<Word>(value * opacity + 128) >> 8);
}

template <bool kBetween, bool kFaded>
void blend(std::uint8_t* __restrict row, const BlendSource& first, const BlendSource& second, Word fraction,
           Word opacity, std::size_t count) {
  const std::uint8_t* const colours = first.colour;
  const std::uint8_t* const keeps = first.keep;
  const std::uint8_t* const next_colours = second.colour;
  const std::uint8_t* const next_keeps = second.keep;
  for (std::size_t i = 0; i < count; ++i) {
    Word colour = colours[i];
    Word keep = keeps[i];
    if constexpr (kBetween) {
      colour = mix(colour, next_colours[i], fraction);
      keep = mix(keep, next_keeps[i], fraction);
    }
    if constexpr (kFaded) {
      colour = fade(colour, opacity);
      keep = static_cast<Word>(255 - fade(static_cast<Word>(255 - keep), opacity));
    }
    const Word value = static_cast<Word>(colour + divide_by_255(static_cast<Word>(row[i] * keep)));
    // Roundings of the two may make it one too many.
    row[i] = static_cast<std::uint8_t>(value > 255 ? Word{255} : value);
  }
}

// One byte of a source, as blend() takes it.
Word byte_of(const std::uint8_t* first, const std::uint8_t* second, unsigned fraction, std::size_t i) {
  return fraction == 0 ? first[i] : mix(first[i], second[i], static_cast<Word>(fraction));
}

}  // namespace

void blend_row(std::uint8_t* row, const BlendSource& first, const BlendSource& second, unsigned fraction,
               unsigned opacity, std::size_t count) {
  const auto part = static_cast<Word>(fraction);
  const auto whole = static_cast<Word>(opacity);
  if (fraction == 0 && opacity == kWhole) return blend<false, false>(row, first, second, part, whole, count);
  if (fraction == 0) return blend<false, true>(row, first, second, part, whole, count);
  if (opacity == kWhole) return blend<true, false>(row, first, second, part, whole, count);
  blend<true, true>(row, first, second, part, whole, count);
}

void blend_row_straight(std::uint8_t* row, const BlendSource& first, const BlendSource& second, unsigned fraction,
                        unsigned opacity, std::size_t count, std::size_t alpha) {
  for (std::size_t pixel = 0; pixel + 3 < count; pixel += 4) {
    const unsigned old_alpha = row[pixel + alpha];
    const unsigned over =
        fade(byte_of(first.colour, second.colour, fraction, pixel + alpha), static_cast<Word>(opacity));
    const unsigned kept = old_alpha * (255 - over);  // alpha of what shows through, times 255
    const unsigned result = over * 255 + kept;       // alpha of both, times 255
    for (std::size_t i = pixel; i < pixel + 4; ++i) {
      if (i == pixel + alpha) continue;
      const unsigned colour = fade(byte_of(first.colour, second.colour, fraction, i), static_cast<Word>(opacity));
      const unsigned sum = colour * 255 * 255 + row[i] * kept;
      row[i] = result == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(std::min((sum + result / 2) / result, 255U));
    }
    row[pixel + alpha] = static_cast<std::uint8_t>((result + 127) / 255);
  }
}

}  // namespace aircheck::drawtext
