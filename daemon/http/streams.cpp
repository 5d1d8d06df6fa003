#include "http/streams.hpp"

#include <algorithm>
#include <charconv>
#include <variant>

namespace aircheck::http {

namespace {

using access::Kind;
using core::Code;
using core::fail;
using core::Result;
using timeshift::Refusal;

base::Problem try_later(int status, std::string code, std::string detail, std::int64_t retry_after_s) {
  base::Problem problem{status, std::move(code), std::move(detail), {}, {}};
  if (retry_after_s > 0) problem.headers.emplace_back("Retry-After", std::to_string(retry_after_s));
  return problem;
}

}  // namespace

base::Problem window_problem(const timeshift::WindowRefusal& refusal) {
  switch (refusal.reason) {
    case Refusal::kInverted: return base::bad_request("the window's end has to be after its start");
    case Refusal::kTooLong: return base::bad_request("a window lasts at most 24 hours: ask for a part of it");
    case Refusal::kNotOnAir: return try_later(503, "not_on_air", "This channel is not on air.", refusal.retry_after_s);
    case Refusal::kNotStarted:
      return try_later(409, "not_started", "Nothing of this has been on air yet.", refusal.retry_after_s);
    case Refusal::kNotComplete:
      return try_later(409, "not_complete", "This is not over yet; catch-up has it when it is.", refusal.retry_after_s);
    case Refusal::kNotArchived: break;
  }
  return {404, "not_archived", "The archive has nothing of this time.", {}, {}};
}

namespace {

// Seconds that keep nanoseconds where there are any.
std::string instant_text(core::Utc instant) {
  if (instant.ns % core::kNsPerSecond == 0) return std::to_string(instant.ns / core::kNsPerSecond);
  return core::to_rfc3339(instant, 9);
}

Result<std::int64_t> read_duration(const std::string& text) {
  constexpr std::int64_t kLongest = 31 * 24 * 3600;  // longer than any window
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size() && seconds > 0 && seconds <= kLongest) return seconds;
  return fail(Code::kInvalidArgument, "duration has to be seconds, a number from 1 to " + std::to_string(kLongest));
}

}  // namespace

Result<core::Utc> read_instant(const std::string& name, const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t kLatest = 9'000'000'000;  // year 2255
  if (error == std::errc() && end == text.data() + text.size() && seconds >= 0 && seconds <= kLatest) {
    return core::Utc::from_seconds(seconds);
  }
  const auto instant = core::from_rfc3339(text);
  if (!instant) {
    // What arrives as a blank is most often the + of a zone.
    const bool blank = text.find(' ') != std::string::npos;
    return fail(Code::kInvalidArgument, name + " has to be seconds since 1970 or RFC 3339, as 2026-02-25T14:30:00Z" +
                                            (blank ? "; a + in an address is written %2B" : ""));
  }
  return *instant;
}

Result<access::Protection> read_protection(const Request& request) {
  const std::string* text = request.query_value("protection");
  const auto protection = text != nullptr ? access::protection_from_string(*text) : access::Protection::kCenc;
  if (!protection) return fail(Code::kInvalidArgument, "protection has to be cenc, aes-128 or clear");
  return *protection;
}

Result<StreamQuery> read_stream_query(const Request& request, const channels::Channel& channel,
                                      const schedule::Guide& guide) {
  StreamQuery stream;
  if (const std::string* text = request.query_value("kind")) {
    const auto kind = access::kind_from_string(*text);
    if (!kind) return fail(Code::kInvalidArgument, "kind has to be live, startover or catchup");
    stream.kind = *kind;
  }
  AIRCHECK_TRY(stream.protection, read_protection(request));
  if (const std::string* text = request.query_value("start")) {
    AIRCHECK_TRY(stream.start, read_instant("start", *text));
  }
  if (const std::string* text = request.query_value("end")) {
    AIRCHECK_TRY(stream.end, read_instant("end", *text));
  }
  if (const std::string* text = request.query_value("duration")) {
    if (stream.end || !stream.start) return fail(Code::kInvalidArgument, "duration belongs to start, in place of end");
    AIRCHECK_TRY(const std::int64_t seconds, read_duration(*text));
    stream.end = *stream.start + seconds * core::kNsPerSecond;
  }
  if (const std::string* text = request.query_value("epoch")) {
    std::uint32_t epoch = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), epoch);
    if (error != std::errc() || end != text->data() + text->size()) {
      return fail(Code::kInvalidArgument, "epoch has to be a number");
    }
    stream.epoch = epoch;
  }
  if (const std::string* text = request.query_value("_HLS_skip")) stream.skip = *text == "YES" || *text == "v2";
  if (const std::string* id = request.query_value("programme")) {
    if (stream.start || stream.end) {
      return fail(Code::kInvalidArgument, "programme gives start and end: leave them out");
    }
    const auto entry = guide.entry(*id);
    if (!entry || entry->channel_id != channel.id) {
      return fail(Code::kNotFound, "this channel has no programme of that id");
    }
    stream.start = entry->start;
    stream.end = entry->end;
  }
  const bool live = stream.kind == Kind::kLive;
  if (live && (stream.start || stream.end)) {
    return fail(Code::kInvalidArgument, "a live stream has no start and end: ask for kind=startover or kind=catchup");
  }
  if (!live && !stream.start) return fail(Code::kInvalidArgument, "start (or programme) is missing");
  if (stream.kind == Kind::kCatchup && !stream.end) return fail(Code::kInvalidArgument, "end is missing");
  return stream;
}

std::string write_stream_query(const StreamQuery& stream, const std::string& token) {
  std::string query = "kind=" + std::string(access::to_string(stream.kind));
  if (stream.start) query += "&start=" + instant_text(*stream.start);
  if (stream.end) query += "&end=" + instant_text(*stream.end);
  if (stream.epoch) query += "&epoch=" + std::to_string(*stream.epoch);
  if (stream.protection != access::Protection::kCenc) {
    query += "&protection=" + std::string(access::to_string(stream.protection));
  }
  if (!token.empty()) query += "&token=" + percent_encode(token);
  return query;
}

std::string stream_url(const StreamServices& services, const std::string& base_url, const access::Caller& caller,
                       const channels::Channel& channel, const StreamQuery& stream) {
  const std::string token =
      services.gate.playback_token(caller, channel.id, stream.kind, stream.protection, services.now());
  return base_url + "/hls/" + channel.key + "/index.m3u8?" + write_stream_query(stream, token);
}

std::optional<base::Problem> refuse_stream(const StreamServices& services, const access::Caller& caller,
                                           const channels::Channel& channel, const StreamQuery& stream,
                                           std::optional<core::Utc>& expires_at) {
  const core::Utc now = services.now();
  const access::Decision decision = services.gate.decide(
      caller, channel.id,
      {.kind = stream.kind, .protection = stream.protection, .start = stream.start, .end = stream.end, .now = now});
  expires_at = decision.expires_at;
  if (decision.allowed) return std::nullopt;
  if (decision.code != "window_future") return access::to_problem(decision);
  const core::Utc due = stream.kind == Kind::kCatchup ? stream.end.value_or(*stream.start) : *stream.start;
  const std::int64_t wait_s =
      core::scale_ceil(due - now, 1, core::kNsPerSecond) + std::int64_t{channel.target_duration_s};
  return window_problem({stream.kind == Kind::kCatchup ? Refusal::kNotComplete : Refusal::kNotStarted, wait_s});
}

}  // namespace aircheck::http
