// Lists in pages: {"items": [...], "next_cursor": ...}.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/json.hpp"
#include "channels/channel.hpp"
#include "core/result.hpp"
#include "http/request.hpp"

namespace aircheck::http {

struct PageRequest {
  std::size_t limit = 50;  // at most 500
  std::string after;       // the cursor: key of the last item of the page before; empty: the first page
};

// `limit` and `cursor` of the query.
[[nodiscard]] core::Result<PageRequest> read_page(const Request& request);

// A key that sorts as the item does and says where it stands: whole numbers, padded.
[[nodiscard]] std::string sort_key(std::int64_t major, std::int64_t minor);

// Channels as page_of() takes them, in their order, which is by number; they have to outlive the result.
[[nodiscard]] std::vector<std::pair<std::string, const channels::Channel*>> keyed(
    const std::vector<channels::Channel>& channels);

// Takes the page that begins behind the cursor from (key, item) pairs in ascending order of keys.
template <typename Item, typename ToJson>
[[nodiscard]] base::Json page_of(const std::vector<std::pair<std::string, Item>>& sorted, const PageRequest& request,
                                 ToJson to_json) {
  auto item = std::partition_point(sorted.begin(), sorted.end(),
                                   [&](const auto& candidate) { return candidate.first <= request.after; });
  if (request.after.empty()) item = sorted.begin();
  base::Json items = base::Json::array();
  const std::string* last = nullptr;
  for (std::size_t count = 0; count < request.limit && item != sorted.end(); ++count, ++item) {
    items.push(to_json(item->second));
    last = &item->first;
  }
  base::Json page = base::Json::object({{"items", std::move(items)}});
  page.set("next_cursor", item == sorted.end() || last == nullptr ? base::Json() : base::Json(*last));
  return page;
}

}  // namespace aircheck::http
