#include "http/guide_query.hpp"

#include "http/streams.hpp"

namespace aircheck::http {

using core::Code;
using core::fail;

namespace {

constexpr std::int64_t kDayNs = 24 * 3600 * core::kNsPerSecond;
constexpr std::int64_t kLongestSpanNs = 14 * kDayNs;

}  // namespace

core::Result<GuideQuery> read_guide_query(const channels::ChannelStore& channels, core::Utc now,
                                          const Request& request) {
  AIRCHECK_TRY_VOID(request.only_query({"channel_id", "from", "to", "limit", "cursor"}));
  GuideQuery query;
  AIRCHECK_TRY(query.page, read_page(request));
  if (const std::string* id = request.query_value("channel_id")) {
    query.channel = channels.find(*id);
    if (query.channel == nullptr) return fail(Code::kNotFound, "there is no such channel");
  }
  query.from = now;
  if (const std::string* from = request.query_value("from")) {
    AIRCHECK_TRY(query.from, read_instant("from", *from));
  }
  query.to = query.from + kDayNs;
  if (const std::string* to = request.query_value("to")) {
    AIRCHECK_TRY(query.to, read_instant("to", *to));
  }
  if (query.to <= query.from) return fail(Code::kInvalidArgument, "to has to be after from");
  if (query.to - query.from > kLongestSpanNs) return fail(Code::kInvalidArgument, "from and to span at most 14 days");
  return query;
}

}  // namespace aircheck::http
