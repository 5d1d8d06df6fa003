// Init and media segments: as they are in the archive, below aes/ and below clear/.
#pragma once

#include "http/streams.hpp"

namespace aircheck::http {

// Answers GET /hls/{key}/{path}. Only what a playlist can list is there: rows of the index and their init segments.
void answer_segment(const StreamServices& services, const channels::Channel& channel, const Request& request,
                    Responder responder);

}  // namespace aircheck::http
