#include "http/segments.hpp"

#include <array>
#include <memory>
#include <string_view>

#include "base/log.hpp"
#include "timeshift/location_form.hpp"
#include "timeshift/protector.hpp"

namespace aircheck::http {

namespace {

using access::Kind;
using access::Protection;
using base::SharedBytes;
using core::Result;
using timeshift::SegmentRow;

constexpr const char* kMediaType = "video/mp4";
// A live playlist, and what a player holds of it, is not older than this.
constexpr std::int64_t kLiveTailNs = 15 * 60 * core::kNsPerSecond;

// What a path asks for.
struct Wanted {
  Protection form = Protection::kCenc;  // aes/ and clear/ are made on the fly
  std::string location;
};

Wanted read_path(const std::string& path) {
  constexpr std::array kForms{std::pair<std::string_view, Protection>{"aes/", Protection::kAes128},
                              std::pair<std::string_view, Protection>{"clear/", Protection::kClear}};
  for (const auto& [prefix, form] : kForms) {
    if (path.starts_with(prefix)) return {form, path.substr(prefix.size())};
  }
  return {Protection::kCenc, path};
}

// What caches need to know of an answer.
struct Validators {
  std::string etag;
  bool shared;  // it may be kept for everybody
};

// One answer: its tag, whether caches may share it, and where its bytes come from.
class SegmentAnswer {
 public:
  SegmentAnswer(const StreamServices& services, const channels::Channel& channel, const Request& request,
                Responder responder)
      : services_(services),
        channel_(channel),
        request_(request),
        responder_(std::move(responder)),
        wanted_(read_path(request.param("path"))) {}

  void answer() {
    const timeshift::SegmentIndex* index = services_.archive.index(channel_.id);
    if (index == nullptr) return not_found();
    if (wanted_.form == Protection::kAes128 && !channel_.allow_aes128) {
      return responder_.problem(base::forbidden("protection_not_allowed", "This channel has no aes-128 streams."));
    }
    if (wanted_.form == Protection::kClear && !channel_.allow_clear) {
      return responder_.problem(base::forbidden("protection_not_allowed", "This channel has no clear streams."));
    }
    if (answer_init(*index)) return;
    const auto instant = timeshift::digits_of(wanted_.location);
    const auto row = instant ? index->find_location(wanted_.location, *instant) : std::nullopt;
    if (!row) return not_found();
    if (wanted_.form == Protection::kCenc) return answer_stored(*row);
    if (!row->key_id) return not_found();  // there is nothing to decrypt
    answer_converted(*row);
  }

 private:
  void not_found() { responder_.problem(base::not_found("there is no such segment")); }

  // True: it was an init segment, and it is answered. Init segments hold no media and need no token.
  bool answer_init(const timeshift::SegmentIndex& index) {
    const Validators validators{"\"" + wanted_.location + "\"", true};
    if (wanted_.form == Protection::kCenc) {
      if (!index.has_init(wanted_.location)) return false;
      answer_file(validators);
      return true;
    }
    for (const auto& [location, facts] : services_.archive.facts(channel_.id)) {
      if (facts->clear_location != wanted_.location) continue;
      if (!is_known(validators)) send(responder_, validators, base::copy_of(facts->clear_init));
      return true;
    }
    return false;
  }

  void answer_stored(const SegmentRow& row) {
    const bool encrypted = row.key_id.has_value();
    if (encrypted || allowed(row, Protection::kCenc)) answer_file({etag_of(row, "s"), encrypted});
  }

  void answer_converted(const SegmentRow& row) {
    const bool clear = wanted_.form == Protection::kClear;
    if (clear && !allowed(row, Protection::kClear)) return;
    const Validators validators{etag_of(row, clear ? "c" : "a"), !clear};
    if (is_known(validators)) return;
    if (const SharedBytes hot = services_.blobs.find(cache_key())) return send(responder_, validators, hot);
    const auto& facts = services_.archive.facts(channel_.id);
    const auto found = facts.find(row.init_location);
    if (found == facts.end()) {
      return responder_.error({core::Code::kUnavailable, "the init segment is still being read"});
    }
    const auto key = services_.keys.find(*row.key_id);
    if (!key) {
      base::log_warning("http", row.location + " cannot be decrypted: " + key.error().message, channel_.key);
      return not_found();
    }
    load(validators,
         [folder = services_.archive.folder(channel_.id), row, facts = found->second, key = key->key,
          clear]() -> Result<SharedBytes> {
           AIRCHECK_TRY(core::Bytes bytes, folder->read(row.location));
           if (clear) {
             AIRCHECK_TRY_VOID(timeshift::make_clear(bytes, facts->init, key).with_context(row.location));
           } else {
             AIRCHECK_TRY(bytes, timeshift::make_aes128(std::move(bytes), facts->init, key, *row.key_id, row.sequence)
                                     .with_context(row.location));
           }
           return base::keep(std::move(bytes));
         });
  }

  void answer_file(const Validators& validators) {
    if (is_known(validators)) return;
    load(validators,
         [folder = services_.archive.folder(channel_.id), location = wanted_.location]() -> Result<SharedBytes> {
           AIRCHECK_TRY(core::Bytes bytes, folder->read(location));
           return base::keep(std::move(bytes));
         });
  }

  // Unencrypted bytes: the caller needs a right to this time. A live token opens no archive.
  bool allowed(const SegmentRow& row, Protection protection) {
    const auto caller = services_.authenticator.bearer_or_token(request_, responder_);
    if (!caller) return false;
    const core::Utc now = services_.now();
    access::Decision refusal;
    for (const Kind kind : {Kind::kLive, Kind::kStartover, Kind::kCatchup}) {
      if (kind == Kind::kLive && row.end() < now - kLiveTailNs) continue;
      const access::Decision decision = services_.gate.decide(
          *caller, channel_.id,
          {.kind = kind, .protection = protection, .start = row.start, .end = row.end(), .now = now});
      if (decision.allowed) return true;
      if (refusal.code.empty() || refusal.code == "token_not_for_this") refusal = decision;
    }
    responder_.problem(access::to_problem(refusal));
    return false;
  }

  // True: the client has it already, and is told so.
  bool is_known(const Validators& validators) {
    if (!request_.has_etag(validators.etag)) return false;
    set_headers(responder_, validators);
    responder_.empty(304);
    return true;
  }

  static void set_headers(Responder& responder, const Validators& validators) {
    responder.header("ETag", validators.etag);
    responder.header("Accept-Ranges", "bytes");
    responder.header("Cache-Control",
                     std::string(validators.shared ? "public" : "private") + ", max-age=31536000, immutable");
  }

  static std::string etag_of(const SegmentRow& row, const char* form) {
    return "\"" + std::to_string(row.sequence) + "-" + std::to_string(row.size) + form + "\"";
  }

  [[nodiscard]] std::string cache_key() const { return channel_.id + "/" + request_.param("path"); }

  void load(const Validators& validators, timeshift::BlobCache::Load load) {
    services_.blobs.get(cache_key(), std::move(load),
                        [validators, responder = responder_](const Result<SharedBytes>& blob) mutable {
                          if (blob) return send(responder, validators, *blob);
                          const bool gone = blob.error().code == core::Code::kNotFound;
                          const bool busy = blob.error().code == core::Code::kUnavailable;
                          if (gone) return responder.problem(base::not_found("there is no such segment"));
                          responder.error({busy ? blob.error().code : core::Code::kIo, blob.error().message});
                        });
  }

  static void send(Responder& responder, const Validators& validators, const SharedBytes& bytes) {
    set_headers(responder, validators);
    responder.bytes(200, kMediaType, {bytes});
  }

  const StreamServices& services_;
  const channels::Channel& channel_;
  const Request& request_;
  Responder responder_;
  Wanted wanted_;
};

}  // namespace

void answer_segment(const StreamServices& services, const channels::Channel& channel, const Request& request,
                    Responder responder) {
  SegmentAnswer(services, channel, request, std::move(responder)).answer();
}

}  // namespace aircheck::http
