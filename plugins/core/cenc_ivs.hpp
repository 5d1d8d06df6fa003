// Where the IVs of one track stand under each key that it has used.
#pragma once

#include <array>
#include <deque>
#include <optional>

#include "core/cenc.hpp"

namespace aircheck::core {

struct TrackIvs {
  CencIvSequence sample;  // scheme `cenc`: one per sample
  AesBlock constant{};    // scheme `cbcs`
};

// A key that comes back after others goes on where it was left, so that no IV of `cenc` repeats within one track
// however often keys change. Keys are remembered by their SHA-256, the 4096 that were used last; one that is older
// starts at random again, as a new one does.
class IvHistory {
 public:
  static constexpr std::size_t kCapacity = 4096;

  // Fixed first IVs of every key, for tests, which also forgets all keys; unset: random.
  void set_first(const std::optional<TrackIvs>& first);

  // The IVs of `key`; the pointer is good until the next call. kInternal when the system has no randomness.
  Result<TrackIvs*> use(const ContentKey& key);

 private:
  using Digest = std::array<std::uint8_t, 32>;
  struct Entry {
    Digest key;
    TrackIvs ivs;
  };

  std::deque<Entry> entries_;  // the key used last stands in front
  std::optional<TrackIvs> first_;
};

}  // namespace aircheck::core
