// The HLS media playlist of a window.
#pragma once

#include <string>

#include "catchup/window.hpp"

namespace aircheck::catchup {

struct PlaylistOptions {
  Kind kind = Kind::kVod;
  std::string base_url;  // before every name; "": relative to the folder before the first field of the pattern
  std::string key_uri;   // with %{kid}; "": no line of the identity format
};

// Reads the init segments, which tell the scheme of the encryption.
core::Result<std::string> write_playlist(const Archive& archive, const Window& window, const PlaylistOptions& options);

}  // namespace aircheck::catchup
