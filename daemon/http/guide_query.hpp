// `?channel_id=&from=&to=`: which part of the guide is asked for.
#pragma once

#include "channels/channel_store.hpp"
#include "core/result.hpp"
#include "core/time.hpp"
#include "http/paging.hpp"
#include "http/request.hpp"

namespace aircheck::http {

struct GuideQuery {
  const channels::Channel* channel = nullptr;  // null: all
  core::Utc from;
  core::Utc to;
  PageRequest page;

  [[nodiscard]] bool wants(const channels::Channel& other) const { return channel == nullptr || channel == &other; }
};

// From now on for a day where nothing else is asked for; at most 14 days. kNotFound: no such channel.
[[nodiscard]] core::Result<GuideQuery> read_guide_query(const channels::ChannelStore& channels, core::Utc now,
                                                        const Request& request);

}  // namespace aircheck::http
