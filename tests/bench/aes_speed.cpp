// How fast a segment of the archive becomes an AES-128 segment in memory: bench-aes-speed INIT SEGMENT SECONDS
// Prints MB/s (of output). The key is not the segment's: the work is the same.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "core/bmff/init.hpp"
#include "daemon/timeshift/segment_files.hpp"
#include "timeshift/protector.hpp"

int main(int argc, char** argv) {
  using namespace aircheck;
  if (argc != 4) return 2;
  const auto init = core::bmff::parse_init(timeshift::test::read_bytes(argv[1]));
  const core::Bytes segment = timeshift::test::read_bytes(argv[2]);
  const auto key = core::ContentKey::from_bytes(core::Bytes(16, 7));
  if (!init || segment.empty() || !key) return 1;
  const auto begin = std::chrono::steady_clock::now();
  double seconds = 0;
  double bytes = 0;
  for (std::uint64_t sequence = 0; seconds < std::atof(argv[3]); ++sequence) {
    // As it comes from the disk: with room for the padding.
    core::Bytes read;
    read.reserve(segment.size() + 16);
    read.assign(segment.begin(), segment.end());
    const auto made = timeshift::make_aes128(std::move(read), *init, *key, core::KeyId{1}, sequence);
    if (!made) {
      std::fprintf(stderr, "error: %s\n", made.error().message.c_str());
      return 1;
    }
    bytes += static_cast<double>(made->size());
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  std::printf("%.1f\n", bytes / seconds / 1e6);
  return 0;
}
