#include "schedule/listing.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include "schedule/stable_id.hpp"

namespace aircheck::schedule {

namespace {

class Planner {
 public:
  Planner(const Listing& listing, std::string_view source, const EntriesByStart& known)
      : listing_(listing), source_(source), known_(known) {
    for (const auto& [start, entry] : known) ids_.insert(entry.id);
  }

  ListingPlan plan(core::Utc now) {
    if (listing_.entries.empty()) return {};
    // From the surest to the least sure, for all of them: a title that runs all day must not take another one's id.
    std::vector<const Entry*> same(listing_.entries.size());
    for (const Match match : {&Planner::unmoved, &Planner::moved, &Planner::retitled}) {
      for (std::size_t i = 0; i < same.size(); ++i) {
        if (same[i] == nullptr) same[i] = keep((this->*match)(listing_.entries[i]));
      }
    }
    for (std::size_t i = 0; i < same.size(); ++i) put(listing_.entries[i], same[i]);
    clear(now);
    return std::move(plan_);
  }

 private:
  using Match = const Entry* (Planner::*)(const Entry&) const;

  [[nodiscard]] static bool same_title(const Entry& a, const Entry& b) {
    return a.title == b.title && a.sub_title == b.sub_title;
  }
  [[nodiscard]] bool is_free(const Entry& entry) const {
    return entry.source == source_ && !kept_.contains(entry.start.ns);
  }

  [[nodiscard]] const Entry* unmoved(const Entry& listed) const {
    const Entry* entry = retitled(listed);
    return entry != nullptr && same_title(*entry, listed) ? entry : nullptr;
  }

  [[nodiscard]] const Entry* moved(const Entry& listed) const {
    const Entry* nearest = nullptr;
    for (auto row = known_.lower_bound(listed.start.ns - kMovedNs);
         row != known_.end() && row->first <= listed.start.ns + kMovedNs; ++row) {
      const Entry& entry = row->second;
      if (!is_free(entry) || !same_title(entry, listed)) continue;
      const bool nearer =
          nearest == nullptr || std::abs(entry.start - listed.start) < std::abs(nearest->start - listed.start);
      if (nearer) nearest = &entry;
    }
    return nearest;
  }

  [[nodiscard]] const Entry* retitled(const Entry& listed) const {
    const auto found = known_.find(listed.start.ns);
    return found != known_.end() && is_free(found->second) ? &found->second : nullptr;
  }

  const Entry* keep(const Entry* entry) {
    if (entry != nullptr) kept_.insert(entry->start.ns);
    return entry;
  }

  void put(Entry entry, const Entry* same) {
    entry.channel_id = listing_.channel_id;
    entry.source = source_;
    if (same == nullptr) {
      entry.id = new_id(entry);
      entry.version = 1;
      ++plan_.counts.added;
      plan_.put.push_back(std::move(entry));
      return;
    }
    entry.id = same->id;
    entry.catchup_eligible = same->catchup_eligible;
    entry.version = same->version;
    if (entry == *same) {
      ++plan_.counts.unchanged;
      return;
    }
    ++entry.version;
    ++plan_.counts.changed;
    plan_.put.push_back(std::move(entry));
  }

  // An id stays with a programme that moved away, so that the next one at its start may need another.
  std::string new_id(const Entry& entry) {
    const std::string name = "aircheck schedule entry v1|" + entry.channel_id + "|" + std::to_string(entry.start.ns);
    std::string id = stable_uuid(name);
    for (int again = 2; !ids_.insert(id).second; ++again) id = stable_uuid(name + "|" + std::to_string(again));
    return id;
  }

  void clear(core::Utc now) {
    const core::Utc from = listing_.entries.front().start;
    const core::Utc to = listing_.entries.back().end;
    for (const auto& [start, entry] : known_) {
      if (kept_.contains(start) || entry.end <= from || entry.start >= to) continue;
      const bool planned = entry.source == source_ && entry.end > now && entry.start >= from;
      const Entry* in_place = listed_over(entry);
      if (in_place == nullptr && !planned) continue;
      if (in_place != nullptr && entry.start < in_place->start && !planned) {
        Entry cut = entry;
        cut.end = in_place->start;
        ++cut.version;
        if (entry.source == source_) ++plan_.counts.changed;
        plan_.put.push_back(std::move(cut));
        continue;
      }
      if (entry.source == source_) ++plan_.counts.removed;
      plan_.gone.push_back(entry.id);
    }
  }

  // The first listed entry that overlaps it.
  [[nodiscard]] const Entry* listed_over(const Entry& entry) const {
    for (const Entry& listed : listing_.entries) {
      if (listed.end > entry.start && listed.start < entry.end) return &listed;
    }
    return nullptr;
  }

  const Listing& listing_;
  std::string_view source_;
  const EntriesByStart& known_;
  std::set<std::int64_t> kept_;  // starts of known entries that are listed
  std::set<std::string> ids_;
  ListingPlan plan_;
};

}  // namespace

ListingPlan plan_listing(const Listing& listing, std::string_view source, const EntriesByStart& known, core::Utc now) {
  return Planner(listing, source, known).plan(now);
}

std::vector<ListingPart> in_parts(ListingPlan plan, const EntriesByStart& known, std::size_t most) {
  // The time that a change leaves or takes, and all between.
  struct Piece {
    core::Utc start;
    core::Utc end;
    Entry* put;         // null: it goes
    std::string* gone;  // null: it is put
  };
  std::map<std::string_view, const Entry*> by_id;
  for (const auto& [start, entry] : known) by_id.emplace(entry.id, &entry);
  std::vector<Piece> pieces;
  for (Entry& entry : plan.put) {
    const auto before = by_id.find(entry.id);
    const Entry& old = before == by_id.end() ? entry : *before->second;
    pieces.push_back({std::min(entry.start, old.start), std::max(entry.end, old.end), &entry, nullptr});
  }
  for (std::string& id : plan.gone) {
    const Entry& old = *by_id.at(id);
    pieces.push_back({old.start, old.end, nullptr, &id});
  }
  std::ranges::sort(pieces, {}, &Piece::start);
  std::vector<ListingPart> parts;
  core::Utc reached = pieces.empty() ? core::Utc{0} : pieces.front().start;
  for (const Piece& piece : pieces) {
    const bool full = parts.empty() || parts.back().put.size() + parts.back().gone.size() >= most;
    if (full && piece.start >= reached) parts.emplace_back();
    reached = std::max(reached, piece.end);
    if (piece.put != nullptr) {
      parts.back().put.push_back(std::move(*piece.put));
    } else {
      parts.back().gone.push_back(std::move(*piece.gone));
    }
  }
  return parts;
}

}  // namespace aircheck::schedule
