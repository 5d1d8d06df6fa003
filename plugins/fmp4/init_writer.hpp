// The init segment of tracks.
#pragma once

#include <span>

#include "fmp4/track_config.hpp"

namespace aircheck::fmp4 {

struct InitTrack {
  std::uint32_t track_id = 0;
  const TrackConfig* config = nullptr;
};
// ftyp and moov. Where there are key ids, a version 1 'common' pssh lists them: those of the whole presentation,
// because a player asks for a licence once, with the first file that it reads.
[[nodiscard]] core::Bytes write_init(std::span<const InitTrack> tracks, std::vector<core::KeyId> key_ids);

}  // namespace aircheck::fmp4
