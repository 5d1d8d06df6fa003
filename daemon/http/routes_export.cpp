#include "http/routes_export.hpp"

#include <glib.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/main_context.hpp"
#include "http/gzip.hpp"
#include "schedule/xmltv_writer.hpp"

namespace aircheck::http {

namespace {

using access::Caller;
using access::Kind;
using access::Protection;
using channels::Channel;

constexpr std::int64_t kHourNs = std::int64_t{3600} * core::kNsPerSecond;
constexpr std::int64_t kDayNs = 24 * kHourNs;
constexpr std::int64_t kLongestSpanNs = 14 * kDayNs;
constexpr std::int64_t kAroundNs = 7 * kDayNs;

bool allowed(const StreamServices& services, const Caller& caller, const Channel& channel, Kind kind,
             Protection protection) {
  return services.gate.decide(caller, channel.id, {.kind = kind, .protection = protection, .now = services.now()})
      .allowed;
}

// Apps of set-top boxes know no Common Encryption: AES-128 where the channel has it.
Protection protection_for_apps(const Channel& channel) {
  if (!channel.encrypted) return Protection::kClear;
  return channel.allow_aes128 ? Protection::kAes128 : Protection::kCenc;
}

// A value of an M3U attribute has no escapes: quotes and line ends could begin another attribute or line.
std::string m3u_value(std::string text) {
  std::erase_if(text, [](char c) { return c == '"' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return text;
}

// Days in which an app offers what has been on air: the window, and rounded up, as there are no hours in an M3U. What
// has expired on the last of them is refused when it is asked for.
int catchup_days(const Channel& channel) {
  return (channel.cutv_window_hours + 23) / 24;
}

// The app puts the numbers in: start in seconds since 1970, duration in seconds.
std::string catchup_source(const StreamServices& services, const std::string& base_url, const Caller& caller,
                           const Channel& channel, Protection protection) {
  return stream_url(services, base_url, caller, channel, {.kind = Kind::kCatchup, .protection = protection}) +
         "&start={utc}&duration={duration}";
}

std::string m3u_channel(const StreamServices& services, const std::string& base_url, const Caller& caller,
                        const Channel& channel, Protection protection) {
  const std::string name = m3u_value(channel.name);
  std::string text = "#EXTINF:-1 tvg-id=\"" + channel.key + "\" tvg-name=\"" + name + "\" tvg-chno=\"" +
                     std::to_string(channel.number) + "\" group-title=\"TV\"";
  if (!channel.logo_url.empty()) text += " tvg-logo=\"" + m3u_value(channel.logo_url) + "\"";
  if (allowed(services, caller, channel, Kind::kCatchup, protection)) {
    text += " catchup=\"default\" catchup-days=\"" + std::to_string(catchup_days(channel)) + "\" catchup-source=\"" +
            catchup_source(services, base_url, caller, channel, protection) + "\"";
  }
  return text + "," + name + "\n" +
         stream_url(services, base_url, caller, channel, {.kind = Kind::kLive, .protection = protection}) + "\n";
}

void playlist(const StreamServices& services, const Request& request, Responder responder) {
  const auto caller = services.authenticator.device(request, responder);
  if (!caller) return;
  if (auto query = request.only_query({"token", "protection"}); !query) return responder.error(query.error());
  std::optional<Protection> wanted;
  if (request.query_value("protection") != nullptr) {
    const auto protection = read_protection(request);
    if (!protection) return responder.error(protection.error());
    wanted = *protection;
  }
  const std::string guide_url =
      request.base_url + "/api/v1/epg.xml?token=" + percent_encode(*request.query_value("token"));
  std::string text = "#EXTM3U url-tvg=\"" + guide_url + "\" x-tvg-url=\"" + guide_url + "\"\n";
  for (const Channel& channel : services.channels.all()) {
    const Protection protection = wanted.value_or(protection_for_apps(channel));
    if (!allowed(services, *caller, channel, Kind::kLive, protection)) continue;
    text += m3u_channel(services, request.base_url, *caller, channel, protection);
  }
  responder.header("Cache-Control", "private, no-cache");
  responder.text(200, "audio/x-mpegurl", text);
}

struct GuideSpan {
  core::Utc from;
  core::Utc to;
};

// What the M3U offers has to stand in the guide that it names, or apps cannot show it.
GuideSpan span_for_apps(core::Utc now, const std::vector<const Channel*>& shown) {
  // By the hour, so that what was made is asked for again.
  const core::Utc hour = core::slot_start(core::slot_of(now, kHourNs), kHourNs);
  std::int64_t back_ns = kAroundNs;
  for (const Channel* channel : shown) {
    if (channel->catchup_enabled) back_ns = std::max(back_ns, catchup_days(*channel) * kDayNs);
  }
  return {hour - back_ns, hour + kAroundNs};
}

core::Result<GuideSpan> read_span(const Request& request, GuideSpan span) {
  AIRCHECK_TRY_VOID(request.only_query({"token", "from", "to"}));
  const std::string* const from = request.query_value("from");
  const std::string* const to = request.query_value("to");
  if (from == nullptr && to == nullptr) return span;
  span.from = span.to - 2 * kAroundNs;
  if (from != nullptr) {
    AIRCHECK_TRY(span.from, read_instant("from", *from));
    span.to = span.from + kLongestSpanNs;
  }
  if (to != nullptr) {
    AIRCHECK_TRY(span.to, read_instant("to", *to));
  }
  if (span.to <= span.from) return core::fail(core::Code::kInvalidArgument, "to has to be after from");
  if (span.to - span.from > kLongestSpanNs) {
    return core::fail(core::Code::kInvalidArgument, "from and to span at most 14 days");
  }
  return span;
}

// What a guide is made of; it may be used on any thread.
struct GuideRecipe {
  struct Shown {
    std::string id, key, name, logo_url;
    std::vector<schedule::Entry> entries;
  };
  std::vector<Shown> channels;

  [[nodiscard]] std::string write() const {
    schedule::XmltvWriter writer;
    for (const Shown& channel : channels) writer.channel(channel.key, channel.name, channel.logo_url);
    for (const Shown& channel : channels) {
      for (const schedule::Entry& entry : channel.entries) writer.programme(channel.key, entry);
    }
    return std::move(writer).finish();
  }
};

// Everything that a guide depends on. The first part is another one in each run of the daemon, as revisions begin anew.
std::string guide_key(const StreamServices& services, const std::vector<const Channel*>& shown, const GuideSpan& span) {
  static const std::string run = base::random_uuid();
  std::string key = "epg " + run + " " + std::to_string(services.guide.revision()) + " " +
                    std::to_string(span.from.ns) + " " + std::to_string(span.to.ns);
  for (const Channel* channel : shown) key += " " + channel->id + " " + std::to_string(channel->version);
  return key;
}

std::string quoted_digest(const std::string& text) {
  g_autofree char* digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text.c_str(), -1);
  return "\"" + std::string(digest, 32) + "\"";
}

core::Result<base::SharedBytes> write_guide(const GuideRecipe& recipe, bool compressed) {
  std::string text = recipe.write();
  if (!compressed) return base::keep(std::move(text));
  base::SharedBytes bytes = gzip(text);
  if (bytes == nullptr) return core::fail(core::Code::kInternal, "the guide cannot be compressed");
  return bytes;
}

// A channel for each turn of the main loop: a month of all of them at once would hold every answer up.
class GuideCopy : public std::enable_shared_from_this<GuideCopy> {
 public:
  GuideCopy(const schedule::Guide& guide, const std::vector<const Channel*>& shown, const GuideSpan& span)
      : guide_(guide), span_(span) {
    for (const Channel* channel : shown) {
      recipe_->channels.push_back({channel->id, channel->key, channel->name, channel->logo_url, {}});
    }
  }

  void run(std::function<void(std::shared_ptr<const GuideRecipe>)> done) {
    if (next_ == recipe_->channels.size()) return done(recipe_);
    GuideRecipe::Shown& channel = recipe_->channels[next_++];
    channel.entries = guide_.entries(channel.id, span_.from, span_.to);
    base::post([self = shared_from_this(), done = std::move(done)]() mutable { self->run(std::move(done)); });
  }

 private:
  const schedule::Guide& guide_;
  const GuideSpan span_;
  const std::shared_ptr<GuideRecipe> recipe_ = std::make_shared<GuideRecipe>();
  std::size_t next_ = 0;
};

// Written on a pool thread and kept: two weeks of 20 channels are 8 MB, and would hold every answer up for 80 ms.
void guide(const StreamServices& services, const Request& request, Responder responder) {
  const bool by_device = request.query_value("token") != nullptr;
  const auto caller =
      by_device ? services.authenticator.device(request, responder) : services.authenticator.bearer(request, responder);
  if (!caller) return;
  std::vector<const Channel*> shown;
  for (const Channel& channel : services.channels.all()) {
    const Protection protection = channel.encrypted ? Protection::kCenc : Protection::kClear;
    if (allowed(services, *caller, channel, Kind::kLive, protection)) shown.push_back(&channel);
  }
  const auto span = read_span(request, span_for_apps(services.now(), shown));
  if (!span) return responder.error(span.error());
  const bool compressed = responder.accepts_gzip();
  const std::string key = guide_key(services, shown, *span) + (compressed ? " gzip" : "");
  const std::string etag = quoted_digest(key);
  responder.header("Cache-Control", "private, no-cache").header("ETag", etag).header("Vary", "Accept-Encoding");
  if (request.has_etag(etag)) return responder.empty(304);
  auto send = [responder, compressed](const core::Result<base::SharedBytes>& made) mutable {
    if (!made) return responder.error(made.error());
    if (compressed) responder.header("Content-Encoding", "gzip");
    responder.bytes(200, "application/xml", {*made});
  };
  if (const base::SharedBytes kept = services.blobs.find(key)) return send(core::Result<base::SharedBytes>(kept));
  const auto copy = std::make_shared<GuideCopy>(services.guide, shown, *span);
  copy->run([&blobs = services.blobs, key, compressed, send](const std::shared_ptr<const GuideRecipe>& recipe) {
    blobs.get(
        key, [recipe, compressed] { return write_guide(*recipe, compressed); }, send);
  });
}

}  // namespace

void register_export_routes(Router& router, StreamServices services) {
  const auto shared = std::make_shared<const StreamServices>(std::move(services));
  router.get("/playlist.m3u", [shared](const Request& request, Responder responder) {
    playlist(*shared, request, std::move(responder));
  });
  router.get("/api/v1/epg.xml",
             [shared](const Request& request, Responder responder) { guide(*shared, request, std::move(responder)); });
}

}  // namespace aircheck::http
