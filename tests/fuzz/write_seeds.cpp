// Writes one seed per kind of input into the directory given.
#include <fstream>
#include <iostream>

#include "core/bmff_samples.hpp"

int main(int argc, char** argv) {
  namespace samples = aircheck::core::bmff::samples;
  if (argc != 2) return 2;
  const auto write = [&](const std::string& name, const aircheck::core::Bytes& bytes) {
    std::ofstream file(std::string(argv[1]) + "/" + name, std::ios::binary);
    for (const std::uint8_t byte : bytes) file.put(static_cast<char>(byte));
    return file.good();
  };
  const bool good = write("init.mp4", samples::init_segment()) && write("segment.m4s", samples::media_segment());
  return good ? 0 : 1;
}
