// Keeps the tracks of a muxer together: the thread of a track that runs far ahead waits for the others.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "core/time.hpp"
#include "fmp4/mux_track.hpp"

namespace aircheck::fmp4 {

// Sources with threads of their own, two files for instance, come at different speeds; without this the slower one
// would be taken for stalled, and what it brings late would be lost. One demuxer's thread must never wait for itself,
// so a thread waits only for as long as what it waits for moves on.
class MuxBalance {
 public:
  // More than a demuxer's interleaving and an encoder's look-ahead, well below Segmenter::kStalledNs.
  static constexpr std::int64_t kAheadNs = 10 * core::kNsPerSecond;
  static constexpr std::chrono::milliseconds kPatience{2000};

  // Waits, without `lock`, while `track` is too far ahead of another that still moves. `over` is asked whether there is
  // no more use in waiting, after each moved(). Tracks may come and go meanwhile, under the lock: whoever takes one
  // away calls moved().
  void wait(std::unique_lock<std::mutex>& lock, MuxTrack& track, const std::vector<MuxTrack*>& tracks,
            const std::function<bool()>& over);
  // Some track has moved, or is over, or `over` would say so now. Any thread, with `lock` or without: one that ends a
  // wait cannot take a lock that is held while downstream blocks.
  void moved();

 private:
  [[nodiscard]] std::uint64_t moves();
  void wait_for_move(std::unique_lock<std::mutex>& lock, std::uint64_t seen,
                     std::chrono::steady_clock::time_point until);

  std::mutex mutex_;  // taken last; nothing is called with it
  std::condition_variable moved_;
  std::uint64_t moves_ = 0;
};

}  // namespace aircheck::fmp4
