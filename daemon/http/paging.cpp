#include "http/paging.hpp"

#include <charconv>

namespace aircheck::http {

namespace {

constexpr std::size_t kMostItems = 500;

// Twenty digits in an order that also holds for negative numbers.
std::string padded(std::int64_t value) {
  const std::uint64_t shifted = static_cast<std::uint64_t>(value) + (std::uint64_t{1} << 63);
  std::string digits = std::to_string(shifted);
  return std::string(20 - digits.size(), '0') + digits;
}

}  // namespace

core::Result<PageRequest> read_page(const Request& request) {
  PageRequest page;
  if (const std::string* limit = request.query_value("limit")) {
    const auto [end, error] = std::from_chars(limit->data(), limit->data() + limit->size(), page.limit);
    if (error != std::errc() || end != limit->data() + limit->size() || page.limit < 1 || page.limit > kMostItems) {
      return core::fail(core::Code::kInvalidArgument, "limit has to be a number from 1 to 500");
    }
  }
  if (const std::string* cursor = request.query_value("cursor")) page.after = *cursor;
  return page;
}

std::string sort_key(std::int64_t major, std::int64_t minor) {
  return padded(major) + "-" + padded(minor);
}

std::vector<std::pair<std::string, const channels::Channel*>> keyed(const std::vector<channels::Channel>& channels) {
  std::vector<std::pair<std::string, const channels::Channel*>> found;
  found.reserve(channels.size());
  for (const channels::Channel& channel : channels) found.emplace_back(sort_key(channel.number, 0), &channel);
  return found;
}

}  // namespace aircheck::http
