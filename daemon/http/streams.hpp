// What the routes that give out playlists share: the query of a stream's URL, its checks, its playlists.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "access/gate.hpp"
#include "base/problem.hpp"
#include "channels/channel_store.hpp"
#include "channels/key_store.hpp"
#include "core/result.hpp"
#include "http/authenticate.hpp"
#include "http/request.hpp"
#include "http/responder.hpp"
#include "schedule/guide.hpp"
#include "timeshift/archive.hpp"
#include "timeshift/blob_cache.hpp"
#include "timeshift/playlist_text.hpp"
#include "timeshift/playlists.hpp"

namespace aircheck::http {

// All have to outlive the router.
struct StreamServices {
  const channels::ChannelStore& channels;
  const channels::KeyStore& keys;
  const schedule::Guide& guide;
  const timeshift::Archive& archive;
  timeshift::BlobCache& blobs;
  timeshift::PlaylistCache& playlists;
  const access::Gate& gate;
  const Authenticator& authenticator;
  std::function<std::string()> cdn_base_url;  // in place of {base_url}/hls for segments; empty text: ourselves
  std::function<core::Utc()> now;
  std::string link_key = {};  // signs the addresses of segments (segment_links.hpp); empty: they are plain
};

// One stream: `?kind=&start=&end=&duration=&programme=&protection=&epoch=&token=&_HLS_skip=`.
struct StreamQuery {
  access::Kind kind = access::Kind::kLive;
  access::Protection protection = access::Protection::kCenc;
  std::optional<core::Utc> start;
  std::optional<core::Utc> end;
  std::optional<std::uint32_t> epoch;
  bool skip = false;  // `_HLS_skip`: a delta update where there can be one
};

// `protection` of the query; cenc where it is missing.
[[nodiscard]] core::Result<access::Protection> read_protection(const Request& request);

// Unknown parameters are ignored. `programme` gives start and end; kNotFound: it is not of this channel.
[[nodiscard]] core::Result<StreamQuery> read_stream_query(const Request& request, const channels::Channel& channel,
                                                          const schedule::Guide& guide);

// "kind=...&start=...": the query of the same stream, with this token.
[[nodiscard]] std::string write_stream_query(const StreamQuery& stream, const std::string& token);

// {base_url}/hls/{key}/index.m3u8?...: the address of a stream for any player, with a token for this caller.
[[nodiscard]] std::string stream_url(const StreamServices& services, const std::string& base_url,
                                     const access::Caller& caller, const channels::Channel& channel,
                                     const StreamQuery& stream);

// Asks the gate. A window that has not been on air is 409, as it is for rows that are not there yet.
[[nodiscard]] std::optional<base::Problem> refuse_stream(const StreamServices& services, const access::Caller& caller,
                                                         const channels::Channel& channel, const StreamQuery& stream,
                                                         std::optional<core::Utc>& expires_at);

// 400, 404, 409 or 503 for a window that cannot be answered.
[[nodiscard]] base::Problem window_problem(const timeshift::WindowRefusal& refusal);

// Instants in queries: RFC 3339, or seconds since 1970.
[[nodiscard]] core::Result<core::Utc> read_instant(const std::string& name, const std::string& text);

}  // namespace aircheck::http
