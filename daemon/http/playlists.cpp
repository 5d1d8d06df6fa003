#include "http/playlists.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "access/playback_token.hpp"
#include "base/files.hpp"
#include "http/segment_links.hpp"

namespace aircheck::http {

namespace {

using access::Kind;
using core::Result;
using timeshift::PlaylistText;
using timeshift::SharedPlaylist;
using timeshift::ViewKind;
using timeshift::WindowRange;

constexpr const char* kPlaylistType = "application/vnd.apple.mpegurl";
constexpr std::size_t kCompressFrom = 1024;  // bytes; below, gzip's header eats the gain
// A live playlist is made here: to hand it to a thread and back would take longer.
constexpr std::uint64_t kRowsMadeHere = 32;
constexpr int kLongAgeS = 3600;

ViewKind view_kind(Kind kind) {
  switch (kind) {
    case Kind::kLive: return ViewKind::kLive;
    case Kind::kStartover: return ViewKind::kStartover;
    case Kind::kCatchup: return ViewKind::kCatchup;
  }
  return ViewKind::kLive;
}

timeshift::Protection protection_of(access::Protection protection) {
  switch (protection) {
    case access::Protection::kCenc: return timeshift::Protection::kCenc;
    case access::Protection::kAes128: return timeshift::Protection::kAes128;
    case access::Protection::kClear: return timeshift::Protection::kClear;
  }
  return timeshift::Protection::kCenc;
}

// A number that an operator set for the encoder, 0 where there is none.
std::uint64_t variable(const channels::Channel& channel, const char* name) {
  const auto found = channel.variables.find(name);
  if (found == channel.variables.end()) return 0;
  return std::visit(
      [](const auto& value) -> std::uint64_t {
        if constexpr (std::is_integral_v<std::decay_t<decltype(value)>>) {
          return static_cast<std::uint64_t>(std::max<std::int64_t>(0, static_cast<std::int64_t>(value)));
        } else {
          return 0;
        }
      },
      found->second);
}

std::uint64_t configured_bandwidth(const channels::Channel& channel) {
  const std::uint64_t video = variable(channel, "video-bitrate");
  return video == 0 ? 0 : timeshift::configured_bandwidth(video, variable(channel, "audio-bitrate"));
}

// A playlist that may still change is fetched again before half a target duration has gone by.
std::string cache_control(ViewKind kind, bool complete, int target_duration_s) {
  const bool final = complete || kind == ViewKind::kCatchup;
  const int age = final ? kLongAgeS : (target_duration_s - 1) / 2;
  return "private, max-age=" + std::to_string(age);
}

// Stands for every token in what is kept. Nobody can guess it, so nobody's title or URL has it.
const std::string& token_placeholder() {
  static const std::string placeholder = base::random_uuid();
  return placeholder;
}

std::vector<core::DateRangeTag> programme_tags(const std::vector<schedule::Entry>& entries) {
  std::vector<core::DateRangeTag> tags;
  tags.reserve(entries.size());
  for (const schedule::Entry& entry : entries) {
    tags.push_back({.id = entry.id,
                    .start = entry.start,
                    .duration_ns = entry.end - entry.start,
                    .client_attributes = {{"X-TITLE", entry.title}}});
  }
  return tags;
}

// What the text of a playlist is made from; it may be used on any thread.
struct Recipe {
  timeshift::SegmentIndex rows{core::kNsPerSecond};
  WindowRange range;
  timeshift::MediaFactsMap facts;
  timeshift::MediaPlaylistOptions media;
  timeshift::MultivariantOptions multivariant;
  PlaylistForm form = PlaylistForm::kMedia;

  [[nodiscard]] Result<SharedPlaylist> make() const {
    const timeshift::Window window = timeshift::window_of(rows, range);
    auto text = form == PlaylistForm::kMedia ? timeshift::media_playlist(window, media, facts)
                                             : timeshift::multivariant_playlist(window, multivariant, facts);
    if (!text) return text.unexpected();
    return std::make_shared<const PlaylistText>(*text, token_placeholder());
  }
};

// An answer that waits for its text.
class PlaylistAnswer : public std::enable_shared_from_this<PlaylistAnswer> {
 public:
  PlaylistAnswer(timeshift::PlaylistCache& cache, const Request& request, std::string token, Responder responder)
      : cache_(cache), token_(std::move(token)), responder_(std::move(responder)) {
    if (const std::string* etags = request.header("if-none-match")) {
      conditions_.headers.emplace_back("if-none-match", *etags);
    }
  }

  // `prepare` gives what makes the text; it is called where nobody has made it yet.
  template <typename Prepare>
  void answer(const std::string& key, bool here, const Prepare& prepare) {
    if (const SharedPlaylist text = cache_.find(key)) return have(key, text);
    const timeshift::PlaylistCache::Load make = prepare();
    const auto done = [self = shared_from_this(), key](const Result<SharedPlaylist>& text) {
      if (!text) return self->responder_.error(text.error());
      self->have(key, *text);
    };
    if (here) {
      cache_.get_here(key, make, done);
    } else {
      cache_.get(key, make, done);
    }
  }

 private:
  void have(const std::string& key, const SharedPlaylist& text) {
    const bool compress = responder_.accepts_gzip() && text->size_bytes() >= kCompressFrom;
    const std::string etag = etag_of(*text, compress);
    responder_.header("ETag", etag);
    responder_.header("Vary", "Accept-Encoding");
    if (conditions_.has_etag(etag)) return responder_.empty(304);
    if (!compress) return send(text->pieces_with_token(token_));
    // Where tokens stand everywhere, they are part of what is compressed.
    const bool shared = text->compresses_in_pieces();
    const auto deflate = [text, shared, token = token_]() -> Result<SharedPlaylist> {
      auto compressed = shared ? std::make_shared<PlaylistText>(*text)
                               : std::make_shared<PlaylistText>(text->with_token(token), std::string_view());
      compressed->compress();
      return SharedPlaylist(std::move(compressed));
    };
    cache_.get("gzip " + key + (shared ? "" : " " + token_), deflate,
               [self = shared_from_this(), text](const Result<SharedPlaylist>& compressed) {
                 if (!compressed || !(*compressed)->compressed()) {
                   return self->send(text->pieces_with_token(self->token_));
                 }
                 self->responder_.header("Content-Encoding", "gzip");
                 self->send({base::keep((*compressed)->gzip_with_token(self->token_))});
               });
  }

  // A token's hash, not the token: an ETag is kept where a URL is not.
  [[nodiscard]] std::string etag_of(const PlaylistText& text, bool compressed) const {
    const std::size_t token = text.places() > 0 ? std::hash<std::string>()(token_) : 0;
    return "\"" + std::to_string(text.hash()) + "-" + std::to_string(token) + (compressed ? "-gzip\"" : "\"");
  }

  void send(const std::vector<base::SharedBytes>& pieces) { responder_.bytes(200, kPlaylistType, pieces); }

  timeshift::PlaylistCache& cache_;
  std::string token_;
  Request conditions_;
  Responder responder_;
};

timeshift::WindowRequest window_request(const StreamQuery& stream) {
  return {.kind = view_kind(stream.kind),
          .start = stream.start.value_or(core::Utc{}),
          .end = stream.end,
          .epoch = stream.epoch};
}

// Where a playlist's segments are; empty: beside it.
void set_segment_base(timeshift::MediaPlaylistOptions& options, const StreamServices& services,
                      const access::Caller& caller, const channels::Channel& channel, const StreamQuery& stream,
                      core::Utc first_row) {
  const std::string cdn = services.cdn_base_url();
  if (services.link_key.empty()) {
    options.segment_base = cdn.empty() ? "" : cdn + "/" + channel.key + "/";
    return;
  }
  const core::Utc now = services.now();
  const core::Utc token_end = caller.grant ? caller.grant->expires_at : access::PlaybackTokens::expiry(now);
  const auto base = [&](core::Utc expires) {
    return (cdn.empty() ? "/hls" : cdn) + "/" + signed_folder(services.link_key, channel.key, expires);
  };
  switch (stream.kind) {
    case Kind::kLive:
      options.segment_base = base(live_link_expiry(token_end, first_row));
      options.later_from = core::slot_start(core::slot_of(first_row, kLinkStepNs) + 1, kLinkStepNs);
      options.later_segment_base = base(live_link_expiry(token_end, *options.later_from));
      return;
    case Kind::kStartover: options.segment_base = base(startover_link_expiry(token_end, *stream.start, now)); return;
    case Kind::kCatchup: options.segment_base = base(link_expiry(token_end, now)); return;
  }
}

timeshift::MediaPlaylistOptions media_options(const StreamServices& services, const access::Caller& caller,
                                              const channels::Channel& channel, const StreamQuery& stream,
                                              const timeshift::SegmentIndex& index, const WindowRange& range) {
  const core::Utc start = index.row(range.first)->start;
  const core::Utc end = index.row(range.last)->end();
  timeshift::MediaPlaylistOptions options{.kind = view_kind(stream.kind),
                                          .protection = protection_of(stream.protection),
                                          .target_duration_s = static_cast<std::uint32_t>(channel.max_duration_s),
                                          .segment_base = "",
                                          .api_base = "",
                                          .token = token_placeholder(),
                                          .skip = stream.skip,
                                          .decrypts = channel.allow_clear,
                                          .programmes = programme_tags(services.guide.entries(channel.id, start, end))};
  set_segment_base(options, services, caller, channel, stream, start);
  return options;
}

timeshift::MultivariantOptions multivariant_options(const channels::Channel& channel, StreamQuery stream,
                                                    const timeshift::SegmentIndex& index, const std::string& uri_base) {
  const ViewKind kind = view_kind(stream.kind);
  // The player's later requests are for the rows of this epoch, whatever the clock does.
  if (kind != ViewKind::kLive && !stream.epoch) stream.epoch = index.row(index.last_sequence())->epoch;
  return {.kind = kind,
          .media_uri = uri_base + "main.m3u8?" + write_stream_query(stream, token_placeholder()),
          .configured_bandwidth = configured_bandwidth(channel),
          .target_ns = channel.target_duration_s * core::kNsPerSecond};
}

// Everything that the text depends on, so that what has changed is not found any more.
std::string cache_key(const Recipe& recipe, const channels::Channel& channel, std::uint64_t index_revision,
                      std::uint64_t facts_revision) {
  std::string key = channel.id;
  const auto add = [&key](const auto& value) { key += " " + std::to_string(value); };
  add(channel.version);
  add(index_revision);
  add(facts_revision);
  add(static_cast<int>(recipe.form));
  add(static_cast<int>(recipe.media.kind));
  add(recipe.range.first);
  add(recipe.range.last);
  add(static_cast<int>(recipe.range.complete));
  add(recipe.range.start_offset_ns.value_or(-1));
  if (recipe.form == PlaylistForm::kMultivariant) return key + " " + recipe.multivariant.media_uri;
  add(static_cast<int>(recipe.media.protection));
  add(static_cast<int>(recipe.media.skip));
  key += " " + recipe.media.segment_base + " " + recipe.media.later_segment_base;
  for (const core::DateRangeTag& programme : recipe.media.programmes) {
    key += " " + programme.id;
    add(programme.start.ns);
    add(programme.duration_ns);
    for (const auto& [name, value] : programme.client_attributes)
      key += " " + std::to_string(value.size()) + " " + value;
  }
  return key;
}

}  // namespace

void answer_playlist(const StreamServices& services, const Request& request, const PlaylistRequest& wanted,
                     Responder responder) {
  const channels::Channel& channel = wanted.channel;
  std::optional<core::Utc> expires_at;
  if (const auto problem = refuse_stream(services, wanted.caller, channel, wanted.stream, expires_at)) {
    return responder.problem(*problem);
  }
  const timeshift::SegmentIndex* index = services.archive.index(channel.id);
  if (index == nullptr || !services.archive.complete(channel.id)) {
    return responder.problem({503, "not_ready", "The archive is still being read.", {}, {{"Retry-After", "1"}}});
  }
  const ViewKind kind = view_kind(wanted.stream.kind);
  const auto answer = timeshift::locate_window(*index, window_request(wanted.stream), {}, services.now());
  if (const auto* refusal = std::get_if<timeshift::WindowRefusal>(&answer)) {
    return responder.problem(window_problem(*refusal));
  }
  const auto& range = std::get<WindowRange>(answer);
  // Whoever plays already is led through the hole by its media playlist; who begins now has nothing to begin with.
  if (kind == ViewKind::kLive && wanted.form == PlaylistForm::kMultivariant && range.silent) {
    return responder.problem(window_problem({timeshift::Refusal::kNotOnAir, channel.target_duration_s}));
  }
  if (expires_at) responder.header("X-Expires-At", core::to_rfc3339(*expires_at));
  responder.header("Cache-Control", cache_control(kind, range.complete, channel.target_duration_s));

  auto recipe = std::make_shared<Recipe>(Recipe{.range = range, .form = wanted.form});
  if (wanted.form == PlaylistForm::kMedia) {
    recipe->media = media_options(services, wanted.caller, channel, wanted.stream, *index, range);
  } else {
    recipe->multivariant = multivariant_options(channel, wanted.stream, *index, wanted.uri_base);
  }
  const std::string key = cache_key(*recipe, channel, index->revision(), services.archive.facts_revision(channel.id));
  std::make_shared<PlaylistAnswer>(services.playlists, request, percent_encode(wanted.token), std::move(responder))
      ->answer(key, range.last - range.first < kRowsMadeHere, [&] {
        recipe->rows = index->slice(range.first, range.last);
        recipe->facts = services.archive.facts(channel.id);
        return [recipe] { return recipe->make(); };
      });
}

}  // namespace aircheck::http
