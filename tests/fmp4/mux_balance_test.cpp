#include "fmp4/mux_balance.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace aircheck::fmp4 {
namespace {

using core::kNsPerSecond;

TrackConfig audio_config() {
  TrackConfig config;
  config.kind = TrackKind::kAudio;
  config.timescale = 48'000;
  config.nominal_duration = 1024;
  return config;
}

void push(MuxTrack& track, std::int64_t at_s) {
  IncomingSample sample;
  sample.presentation_ns = at_s * kNsPerSecond;
  track.push(std::move(sample));
}

// Pads are requested and released while a pipeline plays.
TEST(MuxBalance, TracksComeAndGoWhileOneWaits) {
  std::mutex mutex;
  MuxBalance balance;
  MuxTrack ahead(1, TrackKind::kAudio);
  auto slow = std::make_unique<MuxTrack>(2, TrackKind::kAudio);
  std::vector<std::unique_ptr<MuxTrack>> more;
  for (MuxTrack* track : {&ahead, slow.get()}) {
    track->set_config(audio_config());
    push(*track, 0);
  }
  push(ahead, 60);
  std::vector<MuxTrack*> tracks{&ahead, slow.get()};
  std::atomic<bool> waiting = false;
  std::thread thread([&] {
    std::unique_lock lock(mutex);
    balance.wait(lock, ahead, tracks, [&] {
      waiting = true;
      return false;
    });
  });
  while (!waiting) std::this_thread::yield();
  {
    // Taken once the other waits. New tracks move the list to another place.
    const std::lock_guard lock(mutex);
    for (std::uint32_t id = 3; id < 20; ++id) {
      tracks.push_back(more.emplace_back(std::make_unique<MuxTrack>(id, TrackKind::kAudio)).get());
      more.back()->end();
    }
    std::erase(tracks, slow.get());
    slow.reset();
  }
  balance.moved();
  thread.join();
  EXPECT_EQ(ahead.waited_in_vain_for(), INT64_MIN) << "it waited for a track that is gone";
}

}  // namespace
}  // namespace aircheck::fmp4
