#include "fmp4/mux_balance.hpp"

#include <algorithm>

namespace aircheck::fmp4 {
namespace {

// How far the slowest of the other tracks is known. One that has brought nothing stands where the first began.
std::int64_t slowest_other(const MuxTrack& track, const std::vector<MuxTrack*>& tracks) {
  std::int64_t first = INT64_MAX;
  for (const MuxTrack* one : tracks) {
    if (one->origin_ns() != INT64_MIN) first = std::min(first, one->origin_ns());
  }
  std::int64_t slowest = INT64_MAX;
  for (const MuxTrack* other : tracks) {
    if (other != &track && !other->ended()) slowest = std::min(slowest, std::max(other->known_ns(), first));
  }
  return slowest;
}

}  // namespace

void MuxBalance::wait(std::unique_lock<std::mutex>& lock, MuxTrack& track, const std::vector<MuxTrack*>& tracks,
                      const std::function<bool()>& over) {
  for (;;) {
    const std::int64_t slowest = slowest_other(track, tracks);
    if (over() || track.known_ns() == INT64_MIN || slowest == INT64_MAX || track.known_ns() <= slowest + kAheadNs)
      return;
    // Once waited for in vain, it is not waited for again before it moves.
    if (track.waited_in_vain_for() == slowest) return;
    const bool moves =
        moved_.wait_for(lock, kPatience, [&] { return over() || slowest_other(track, tracks) != slowest; });
    if (!moves) track.set_waited_in_vain_for(slowest);
  }
}

}  // namespace aircheck::fmp4
