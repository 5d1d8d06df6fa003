// Fetching over HTTP: what the domains ask for. The one client that does it is http/outgoing.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "core/bytes.hpp"
#include "core/result.hpp"

namespace aircheck::base {

struct FetchRequest {
  std::string url;
  // What the last answer had: an unchanged document is not sent again.
  std::string etag = {};
  std::string last_modified = {};
  std::size_t limit_bytes = std::size_t{128} << 20;
  std::int64_t timeout_ms = 120'000;  // for all of it
};

struct FetchAnswer {
  bool unchanged = false;  // 304: there is no body
  std::string etag = {};
  std::string last_modified = {};
  core::Bytes body = {};  // as sent; nothing is inflated
};

class Fetcher {
 public:
  using Done = std::function<void(core::Result<FetchAnswer>)>;

  virtual ~Fetcher() = default;
  // Calls `done` later, on the main context, unless the fetcher goes first. Messages name the host, never the rest of
  // the URL. Main context only.
  virtual void fetch(FetchRequest request, Done done) = 0;
};

}  // namespace aircheck::base
