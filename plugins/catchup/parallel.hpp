// Work that waits for the disk or the kernel, spread over threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace aircheck::catchup {

// Calls work(part) for each part below `parts`, on as many threads as there are processors, up to four; returns when
// all are done. A thread takes the next part when it is done with one, because other programs want the processors too.
template <typename Work>
void in_parallel(std::size_t parts, const Work& work) {
  constexpr std::size_t kMostThreads = 4;
  const std::size_t threads =
      std::min(parts, std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, kMostThreads));
  std::atomic<std::size_t> next = 0;
  const auto take_parts = [&] {
    for (std::size_t part = next++; part < parts; part = next++) work(part);
  };
  std::vector<std::jthread> others;
  while (others.size() + 1 < threads) others.emplace_back(take_parts);
  take_parts();
}

}  // namespace aircheck::catchup
