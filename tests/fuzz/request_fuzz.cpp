// What of a request is ours to read: path, query, Range, and the tokens that nobody has signed.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/playback_token.hpp"
#include "base/utf8.hpp"
#include "http/accepted_coding.hpp"
#include "http/byte_range.hpp"
#include "http/request_head.hpp"
#include "http/router.hpp"

namespace {

using namespace aircheck;

void must(bool holds) {
  if (!holds) std::abort();
}

const http::Router& router() {
  static const http::Router* const kRouter = [] {
    auto* made = new http::Router();
    const http::Handler none = [](const http::Request&, http::Responder) {};
    made->get("/api/v1/channels", none);
    made->get("/api/v1/channels/{channel_id}", none);
    made->post("/api/v1/admin/simlive/{channel_id}/start", none);
    made->get("/hls/{cdn_channel_key}/index.m3u8", none);
    made->get("/hls/{cdn_channel_key}/{path...}", none);
    return made;
  }();
  return *kRouter;
}

// What a handler gets of a path: never a NUL, and never an empty segment. All that follows may be nothing.
void read_path(std::string_view path) {
  const auto match = router().match("GET", path);
  must(match.route == nullptr || match.allow.empty());
  for (const auto& [name, value] : match.params) {
    must(value.find('\0') == std::string::npos);
    must(!value.empty() || name == "path");
  }
}

void read_query(std::string_view query) {
  const std::string text = "/?" + std::string(query);
  const auto target = http::parse_target(text);
  if (!target) return;
  for (const auto& [name, value] : http::parse_query(target->query)) {
    must(name.find('\0') == std::string::npos && value.find('\0') == std::string::npos);
    must(name.size() <= query.size() && value.size() <= query.size());
    must(base::is_utf8(name) && base::is_utf8(value));
  }
}

void read_range(std::string_view header, std::size_t size) {
  const auto range = http::read_byte_range(header, size);
  if (range.kind == http::ByteRange::Kind::kPart) {
    must(range.size > 0 && range.first < size && range.size <= size - range.first);
  }
}

// "METHOD target version" and lines of headers: what is taken has one length, one host, and a path without blanks.
void read_head(std::string_view text) {
  http::RequestHead head;
  const auto next = [&text](char end) {
    const std::string_view part = text.substr(0, text.find(end));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    return std::string(part);
  };
  head.method = next(' ');
  head.target = next(' ');
  head.version = next('\n');
  while (!text.empty()) {
    std::string name = next(':');
    head.headers.emplace_back(std::move(name), next('\n'));
    static_cast<void>(http::accepts_coding(head.headers.back().second, "gzip"));
  }
  const auto target = http::parse_target(head.target);
  if (target) {
    must(target->path == "*" || target->path.starts_with('/'));
    must(target->path.find_first_of("? #") == std::string_view::npos);
    must(target->authority.size() + target->path.size() + target->query.size() <= head.target.size() + 1);
  }
  if (http::fault_of(head)) return;
  must(target.has_value());
  const auto count = [&head](std::string_view name) {
    return std::ranges::count_if(head.headers, [name](const auto& header) { return header.first == name; });
  };
  must(count("host") <= 1 && count("content-length") + count("transfer-encoding") <= 1);
}

// Nothing that a fuzzer makes up is signed.
void read_tokens(std::string_view token) {
  static const core::Bytes key(32, 7);
  static const auto secret = access::HmacSecret::from_bytes(key).value();
  must(!access::PlaybackTokens(secret).verify(token, core::Utc{0}));
  if (const auto jws = access::parse_jws(token)) {
    must(token.size() <= access::kMaxTokenSize);
    must(!access::verify_jws(*jws, secret));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 4: read_path(text); break;
    case 5: read_query(text); break;
    case 6: read_range(text, data[0] < 128 ? 1000 : ~std::size_t{0}); break;
    case 7: read_tokens(text); break;
    default: read_head(text);
  }
  return 0;
}
