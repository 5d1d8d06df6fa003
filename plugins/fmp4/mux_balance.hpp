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
  // no more use in waiting. Tracks may come and go meanwhile, under the lock: whoever takes one away calls moved().
  void wait(std::unique_lock<std::mutex>& lock, MuxTrack& track, const std::vector<MuxTrack*>& tracks,
            const std::function<bool()>& over);
  // Some track has moved, or is over.
  void moved() { moved_.notify_all(); }

 private:
  std::condition_variable moved_;
};

}  // namespace aircheck::fmp4
