#include "fmp4/mux_balance.hpp"

#include <algorithm>
#include <utility>

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

void MuxBalance::moved() {
  {
    const std::lock_guard lock(mutex_);
    ++moves_;
  }
  moved_.notify_all();
}

std::uint64_t MuxBalance::moves() {
  const std::lock_guard lock(mutex_);
  return moves_;
}

void MuxBalance::wait_for_move(std::unique_lock<std::mutex>& lock, std::uint64_t seen,
                               std::chrono::steady_clock::time_point until) {
  lock.unlock();
  {
    std::unique_lock own(mutex_);
    moved_.wait_until(own, until, [&] { return moves_ != seen; });
  }
  lock.lock();
}

void MuxBalance::wait(std::unique_lock<std::mutex>& lock, MuxTrack& track, const std::vector<MuxTrack*>& tracks,
                      const std::function<bool()>& over) {
  std::int64_t waited_for = INT64_MIN;
  auto until = std::chrono::steady_clock::now();
  for (;;) {
    const std::uint64_t seen = moves();  // before what is looked at: no move is missed
    const std::int64_t slowest = slowest_other(track, tracks);
    if (over() || track.known_ns() == INT64_MIN || slowest == INT64_MAX || track.known_ns() <= slowest + kAheadNs)
      return;
    // Once waited for in vain, it is not waited for again before it moves.
    if (track.waited_in_vain_for() == slowest) return;
    const auto now = std::chrono::steady_clock::now();
    if (std::exchange(waited_for, slowest) != slowest) until = now + kPatience;
    if (now >= until) {
      track.set_waited_in_vain_for(slowest);
      return;
    }
    wait_for_move(lock, seen, until);
  }
}

}  // namespace aircheck::fmp4
