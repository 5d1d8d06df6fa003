#include "http/exchange.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

#include "base/files.hpp"
#include "base/log.hpp"
#include "http/accepted_coding.hpp"
#include "http/byte_range.hpp"

namespace aircheck::http {

using base::SharedBytes;

namespace {

// An id from outside is kept when it cannot break a log line or a header.
bool is_usable_id(const std::string* id) {
  return id != nullptr && !id->empty() && id->size() <= 64 && std::ranges::all_of(*id, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
         });
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

ReturnPath::Headers common_headers(const std::string& id) {
  return {{"Server", "aircheck"},
          {"X-Request-Id", id},
          {"X-Content-Type-Options", "nosniff"},
          {"Referrer-Policy", "no-referrer"}};
}

std::size_t size_of(const std::vector<SharedBytes>& body) {
  std::size_t size = 0;
  for (const SharedBytes& piece : body) size += g_bytes_get_size(piece.get());
  return size;
}

std::vector<SharedBytes> slice(const std::vector<SharedBytes>& body, std::size_t first, std::size_t size) {
  std::vector<SharedBytes> part;
  for (const SharedBytes& piece : body) {
    const std::size_t length = g_bytes_get_size(piece.get());
    const std::size_t skip = std::min(first, length);
    const std::size_t take = std::min(size, length - skip);
    first -= skip;
    size -= take;
    if (take > 0) part.push_back(base::part_of(piece, skip, take));
  }
  return part;
}

}  // namespace

ServerExchange::ServerExchange(const RequestHead& head, std::shared_ptr<const Peer> peer,
                               std::shared_ptr<ReturnPath> path, std::shared_ptr<TrafficMeter> meter,
                               std::shared_ptr<LargeAnswers> large)
    : peer_(std::move(peer)),
      path_(std::move(path)),
      meter_(std::move(meter)),
      large_(std::move(large)),
      began_us_(g_get_monotonic_time()),
      head_(head.method == "HEAD") {
  const std::string* given = head.header("x-request-id");
  id_ = is_usable_id(given) ? *given : base::quick_uuid();
  headers_ = common_headers(id_);
  for (const auto& [name, value] : head.headers) {
    if (name == "accept-encoding" && accepts_coding(value, "gzip")) gzip_ = true;
  }
  // RFC 9110 section 14.2: Range means something with GET alone.
  if (head.method != "GET") return;
  if (const std::string* range = head.header("range")) range_ = *range;
  if (const std::string* condition = head.header("if-range")) if_range_ = *condition;
}

const std::string* ServerExchange::header(std::string_view name) const {
  const auto found = std::ranges::find_if(headers_, [&](const auto& header) { return same_name(header.first, name); });
  return found == headers_.end() ? nullptr : &found->second;
}

void ServerExchange::set_header(const std::string& name, const std::string& value) {
  std::string whole = value;
  // Each layer names what it looks at: the origin, then the coding.
  const std::string* stands = same_name(name, "Vary") ? header(name) : nullptr;
  if (stands != nullptr) whole = stands->find(value) != std::string::npos ? *stands : *stands + ", " + value;
  std::erase_if(headers_, [&](const auto& header) { return same_name(header.first, name); });
  headers_.emplace_back(name, std::move(whole));
}

void ServerExchange::send(int status, const std::string& content_type, const std::vector<SharedBytes>& body) {
  if (path_->gone()) return;
  const std::size_t size = size_of(body);
  if (!has_room_for(body, size)) return refuse_for_now();
  if (status != 200 || body.empty() || range_.empty()) return write(status, content_type, body);
  const ByteRange part = is_current() ? read_byte_range(range_, size) : ByteRange{};
  if (part.kind == ByteRange::Kind::kWhole) return write(status, content_type, body);
  if (part.kind == ByteRange::Kind::kUnsatisfiable) return refuse_range(size);
  set_header("Content-Range", "bytes " + std::to_string(part.first) + "-" + std::to_string(part.first + part.size - 1) +
                                  "/" + std::to_string(size));
  write(206, content_type, slice(body, part.first, part.size));
}

bool ServerExchange::has_room_for(const std::vector<SharedBytes>& body, std::size_t size) {
  if (head_ || size < LargeAnswers::kFrom) return true;
  const SharedBytes& largest =
      *std::ranges::max_element(body, {}, [](const SharedBytes& piece) { return g_bytes_get_size(piece.get()); });
  return large_->begin(peer_, g_bytes_get_data(largest.get(), nullptr), size);
}

// If-Range: what the client has a part of is still what we send. A date never is: we give none.
bool ServerExchange::is_current() const {
  if (if_range_.empty()) return true;
  const std::string* etag = header("ETag");
  return etag != nullptr && if_range_ == *etag;
}

// Headers of the answer that this one takes the place of would speak of another body.
void ServerExchange::refuse_for_now() {
  std::erase_if(headers_, [](const auto& header) {
    return same_name(header.first, "ETag") || same_name(header.first, "Accept-Ranges") ||
           same_name(header.first, "Content-Encoding");
  });
  set_header("Cache-Control", "no-store");
  set_header("Retry-After", "2");
  problem({503, "too_many_answers", "too much is being sent to slow clients: try again shortly", {}, {}});
}

void ServerExchange::refuse_range(std::size_t size) {
  set_header("Content-Range", "bytes */" + std::to_string(size));
  set_header("Cache-Control", "no-store");
  problem({416, "range_not_satisfiable", "the body has " + std::to_string(size) + " bytes", {}, {}});
}

void ServerExchange::problem(const base::Problem& problem) {
  write(problem.status, "application/problem+json", {base::copy_of(problem.to_json().dump())});
}

void ServerExchange::write(int status, const std::string& content_type, const std::vector<SharedBytes>& body) {
  if (!body.empty()) set_header("Content-Type", content_type);
  const std::size_t size = size_of(body);
  path_->send(status, std::move(headers_), body);
  report(status, size);
}

void ServerExchange::report(int status, std::size_t bytes) const {
  const auto took_us = static_cast<double>(g_get_monotonic_time() - began_us_);
  if (meter_ != nullptr) {
    meter_->record({.method = summary.method,
                    .route = summary.route,
                    .kind = summary.kind,
                    .status = status,
                    .bytes = bytes,
                    .seconds = took_us / 1e6});
  }
  if (!base::log_wants(base::LogLevel::kDebug)) return;
  // The path alone: tokens stand in queries.
  const base::RequestScope scope(std::make_shared<const std::string>(id_));
  base::log_debug("http", summary.method + " " + summary.path + " from " + summary.client_address + ": " +
                              std::to_string(status) + ", " + std::to_string(bytes) + " bytes, " +
                              std::to_string(static_cast<std::int64_t>(took_us)) + " us");
}

void refuse_malformed(std::string_view why, ReturnPath& path) {
  const base::Problem problem{400, "malformed_request", std::string(why), {}, {}};
  ReturnPath::Headers headers = common_headers(base::quick_uuid());
  headers.emplace_back("Cache-Control", "no-store");
  headers.emplace_back("Content-Type", "application/problem+json");
  path.send(problem.status, std::move(headers), {base::copy_of(problem.to_json().dump())});
}

}  // namespace aircheck::http
