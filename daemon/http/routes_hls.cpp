#include "http/routes_hls.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/playlists.hpp"
#include "http/segments.hpp"

namespace aircheck::http {

namespace {

const channels::Channel* find_channel(const StreamServices& services, const Request& request, Responder& responder) {
  const std::string& key = request.param("cdn_channel_key");
  const channels::Channel* channel = services.channels.find(key);
  if (channel != nullptr && channel->key == key) return channel;
  responder.problem(base::not_found("there is no such channel"));
  return nullptr;
}

void playlist(const StreamServices& services, const Request& request, PlaylistForm form, Responder responder) {
  const auto caller = services.authenticator.bearer_or_token(request, responder);
  if (!caller) return;
  const channels::Channel* channel = find_channel(services, request, responder);
  if (channel == nullptr) return;
  const auto stream = read_stream_query(request, *channel, services.guide);
  if (!stream) return responder.error(stream.error());
  // A player follows URLs without our header: whoever signed in with one gets a token for them.
  const std::string* given = request.query_value("token");
  const std::string token = given != nullptr ? *given
                                             : services.gate.playback_token(*caller, channel->id, stream->kind,
                                                                            stream->protection, services.now());
  answer_playlist(services, request,
                  {.caller = *caller, .channel = *channel, .stream = *stream, .token = token, .form = form},
                  std::move(responder));
}

void segment(const StreamServices& services, const Request& request, Responder responder) {
  const channels::Channel* channel = find_channel(services, request, responder);
  if (channel == nullptr) return;
  answer_segment(services, *channel, request, std::move(responder));
}

}  // namespace

void register_hls_routes(Router& router, StreamServices services) {
  const auto shared = std::make_shared<const StreamServices>(std::move(services));
  router.get("/hls/{cdn_channel_key}/index.m3u8", [shared](const Request& request, Responder responder) {
    playlist(*shared, request, PlaylistForm::kMultivariant, std::move(responder));
  });
  router.get("/hls/{cdn_channel_key}/main.m3u8", [shared](const Request& request, Responder responder) {
    playlist(*shared, request, PlaylistForm::kMedia, std::move(responder));
  });
  router.get("/hls/{cdn_channel_key}/{path...}", [shared](const Request& request, Responder responder) {
    segment(*shared, request, std::move(responder));
  });
}

}  // namespace aircheck::http
