// The init segment of tracks.
#pragma once

#include <span>

#include "fmp4/track_config.hpp"

namespace aircheck::fmp4 {

struct InitTrack {
  std::uint32_t track_id = 0;
  const TrackConfig* config = nullptr;
};
// ftyp and moov. With write_pssh, a version 1 'common' pssh lists every key id of the tracks.
[[nodiscard]] core::Bytes write_init(std::span<const InitTrack> tracks, bool write_pssh);

}  // namespace aircheck::fmp4
