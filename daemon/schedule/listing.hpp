// What a listing of another system (an XMLTV file) changes in a channel's guide.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.hpp"
#include "schedule/entry.hpp"

namespace aircheck::schedule {

using EntriesByStart = std::map<std::int64_t, Entry>;  // of one channel; they do not overlap

// Entries of one channel in order of start that do not overlap. Their ids, eligibility, source and version are the
// guide's to give.
struct Listing {
  std::string channel_id;
  std::vector<Entry> entries;
};

struct ListingCounts {
  int added = 0;
  int changed = 0;
  int removed = 0;
  int unchanged = 0;

  friend bool operator==(const ListingCounts&, const ListingCounts&) = default;
};

struct ListingPlan {
  std::vector<Entry> put;
  std::vector<std::string> gone;
  ListingCounts counts;
};

// A programme that moves by more is another showing.
inline constexpr std::int64_t kMovedNs = 3 * 3600 * core::kNsPerSecond;

// A listed entry is a known one of `source` that has its start and title, else one of its title and sub-title that
// moved by at most kMovedNs, else one of its start: it keeps the id, so that bookmarks survive, and the eligibility,
// which no listing knows. Within the span of the listing, entries of `source` that have not ended and are not listed
// any more go; what was on air stays, unless something else is listed in its place. Outside of the span nothing
// changes. Entries of other sources give way. Pure; the same listing again changes nothing.
[[nodiscard]] ListingPlan plan_listing(const Listing& listing, std::string_view source, const EntriesByStart& known,
                                       core::Utc now);

// The changes of a plan in order of time, in parts of `most` and of those that belong to them because they leave or
// take the same time: each part leaves a guide without overlaps.
struct ListingPart {
  std::vector<Entry> put;
  std::vector<std::string> gone;
};
[[nodiscard]] std::vector<ListingPart> in_parts(ListingPlan plan, const EntriesByStart& known, std::size_t most);

}  // namespace aircheck::schedule
