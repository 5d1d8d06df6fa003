// Answers with playlists: made once for all viewers of a window, kept, and given out with the token of whoever asks.
#pragma once

#include <string>

#include "http/streams.hpp"

namespace aircheck::http {

enum class PlaylistForm { kMultivariant, kMedia };

struct PlaylistRequest {
  const access::Caller& caller;  // has been identified
  const channels::Channel& channel;
  StreamQuery stream;
  std::string token;  // for the URLs of the playlist
  PlaylistForm form = PlaylistForm::kMultivariant;
  std::string uri_base;  // before the media playlist's name
};

// Answers with the playlist, with 304, or with the problem. Nothing that grows with the window runs on the main
// context.
void answer_playlist(const StreamServices& services, const Request& request, const PlaylistRequest& wanted,
                     Responder responder);

}  // namespace aircheck::http
