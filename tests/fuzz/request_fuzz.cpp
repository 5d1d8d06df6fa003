// What of a request is ours to read: path, query, Range, and the tokens that nobody has signed.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "access/playback_token.hpp"
#include "http/byte_range.hpp"
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
  for (const auto& [name, value] : http::parse_query(query)) {
    must(name.find('\0') == std::string::npos && value.find('\0') == std::string::npos);
    must(name.size() <= query.size() && value.size() <= query.size());
  }
}

void read_range(std::string_view header, std::size_t size) {
  const auto range = http::read_byte_range(header, size);
  if (range.kind == http::ByteRange::Kind::kPart) {
    must(range.size > 0 && range.first < size && range.size <= size - range.first);
  }
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
  switch (data[0] % 4) {
    case 0: read_path(text); break;
    case 1: read_query(text); break;
    case 2: read_range(text, data[0] < 128 ? 1000 : ~std::size_t{0}); break;
    default: read_tokens(text);
  }
  return 0;
}
