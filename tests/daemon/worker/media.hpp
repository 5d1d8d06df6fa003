// Films made by ffmpeg whose pictures and samples carry their own number.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "support/process.hpp"

namespace aircheck::test {

inline constexpr int kBarcodeBits = 16;

// ffmpeg -f lavfi input: picture N shows the bits of N as 16 bars from left to right, white for 1.
inline std::string barcode(const std::string& size, const std::string& rate, const std::string& seconds) {
  return "color=black:s=" + size + ":r=" + rate + ":d=" + seconds +
         ",format=yuv420p,geq=lum='if(mod(floor(N/pow(2\\,floor(X*16/W)))\\,2)\\,235\\,16)':cb=128:cr=128";
}

// Sample n is (n mod 1000) / 2000, on both channels.
inline std::string numbered_samples(const std::string& seconds) {
  return "aevalsrc='mod(n\\,1000)/2000|mod(n\\,1000)/2000':s=48000:d=" + seconds;
}

// The number in a row of 8-bit luma.
inline std::int64_t read_barcode(const std::uint8_t* row, int width) {
  std::int64_t number = 0;
  for (int bit = 0; bit < kBarcodeBits; ++bit) {
    const int x = (2 * bit + 1) * width / (2 * kBarcodeBits);
    if (row[x] > 128) number |= std::int64_t{1} << bit;
  }
  return number;
}

inline void make_film(const std::string& arguments, const std::string& path) {
  const Finished made = run("ffmpeg -nostdin -v error -y " + arguments + " '" + path + "' 2>&1");
  ASSERT_EQ(made.exit, 0) << arguments << "\n" << made.output;
}

}  // namespace aircheck::test
