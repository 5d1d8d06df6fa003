// A connection as libsoup gets it. libsoup 3.2 forgets a connection whose client goes while it waits for the next
// request: it stays open for good. Here such an end begins with one byte that is no request, which libsoup does end.
#pragma once

#include <gio/gio.h>

namespace aircheck::http {

struct WatchedStream;  // a GIOStream

// Reads and writes `base`, which is closed with it. The caller owns the result.
[[nodiscard]] WatchedStream* watched_stream_new(GIOStream* base);
// An answer is written: until the next byte arrives, nobody is in the middle of anything.
void watched_stream_wait(WatchedStream* stream);

}  // namespace aircheck::http
