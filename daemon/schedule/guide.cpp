#include "schedule/guide.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "schedule/entry_store.hpp"
#include "schedule/generated_programme.hpp"
#include "schedule/listing.hpp"

namespace aircheck::schedule {

using core::Code;
using core::fail;

namespace {

const EntriesByStart kNoEntries;

}  // namespace

core::Result<Guide> Guide::open(store::Database& database) {
  Guide guide(database);
  AIRCHECK_TRY_VOID(read_entries(database, [&](Entry entry) { guide.remember(std::move(entry)); }));
  return guide;
}

std::vector<Entry> Guide::entries(std::string_view channel_id, core::Utc from, core::Utc to) const {
  std::vector<Entry> found;
  const auto channel = channels_.find(channel_id);
  if (channel == channels_.end()) return found;
  // Entries do not overlap: of those that begin before `from`, only the last can reach into the range.
  auto row = channel->second.lower_bound(from.ns);
  if (row != channel->second.begin() && std::prev(row)->second.end > from) --row;
  for (; row != channel->second.end() && row->second.start < to; ++row) found.push_back(row->second);
  return found;
}

std::int64_t Guide::longest_ns(std::string_view channel_id) const {
  std::int64_t longest = 0;
  const auto channel = channels_.find(channel_id);
  if (channel == channels_.end()) return longest;
  for (const auto& [start, entry] : channel->second) longest = std::max(longest, entry.end - entry.start);
  return longest;
}

std::optional<Entry> Guide::entry(std::string_view id) const {
  const auto found = ids_.find(id);
  if (found == ids_.end()) return std::nullopt;
  const auto& [channel_id, start_ns] = found->second;
  return channels_.find(channel_id)->second.at(start_ns);
}

std::optional<Entry> Guide::at(std::string_view channel_id, core::Utc instant) const {
  auto found = entries(channel_id, instant, instant + 1);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<Entry> Guide::next(std::string_view channel_id, core::Utc instant) const {
  const auto channel = channels_.find(channel_id);
  if (channel == channels_.end()) return std::nullopt;
  const auto row = channel->second.lower_bound(instant.ns);
  if (row == channel->second.end()) return std::nullopt;
  return row->second;
}

// What stands where the new entry comes to stand.
core::Result<void> Guide::make_way(const Entry& entry, Change& change) const {
  for (Entry& other : entries(entry.channel_id, entry.start, entry.end)) {
    if (other.id == entry.id) continue;
    if (other.source == entry.source) {
      return fail(Code::kConflict, "the entry overlaps \"" + other.title + "\" (" + other.id + "), which is from " +
                                       core::to_rfc3339(other.start) + " to " + core::to_rfc3339(other.end));
    }
    if (other.start >= entry.start) {
      change.gone.push_back(other.id);
      continue;
    }
    other.end = entry.start;
    ++other.version;
    change.put.push_back(std::move(other));
  }
  return {};
}

core::Result<void> Guide::insert(Entry entry, std::string_view source, core::Utc now) {
  entry.source = source;
  AIRCHECK_TRY_VOID(validate(entry));
  Change change;
  AIRCHECK_TRY_VOID(make_way(entry, change));
  change.put.push_back(std::move(entry));
  return commit(std::move(change), now);
}

core::Result<Entry> Guide::update(Entry entry, core::Utc now) {
  const auto stored = this->entry(entry.id);
  if (!stored) return fail(Code::kNotFound, "no schedule entry " + entry.id);
  if (stored->version != entry.version) return fail(Code::kConflict, "the entry was changed meanwhile");
  entry.channel_id = stored->channel_id;
  entry.source = stored->source;
  ++entry.version;
  AIRCHECK_TRY_VOID(validate(entry));
  Change change;
  AIRCHECK_TRY_VOID(make_way(entry, change));
  change.put.push_back(entry);
  AIRCHECK_TRY_VOID(commit(std::move(change), now));
  return entry;
}

core::Result<void> Guide::remove(std::string_view id, core::Utc now) {
  if (!ids_.contains(id)) return fail(Code::kNotFound, "no schedule entry " + std::string(id));
  return commit({.put = {}, .gone = {std::string(id)}}, now);
}

core::Result<Guide::Planned> Guide::plan(const Listing& listing, std::string_view source, core::Utc now,
                                         std::size_t most) const {
  for (const Entry& entry : listing.entries) AIRCHECK_TRY_VOID(validate(entry));
  const auto known = channels_.find(listing.channel_id);
  const EntriesByStart& entries = known == channels_.end() ? kNoEntries : known->second;
  ListingPlan plan = plan_listing(listing, source, entries, now);
  const ListingCounts counts = plan.counts;
  return Planned{counts, in_parts(std::move(plan), entries, most)};
}

core::Result<void> Guide::put(ListingPart part, core::Utc now) {
  return commit(std::move(part), now);
}

core::Result<void> Guide::extend(core::Utc now, const std::vector<GuideChannel>& channels) {
  for (const GuideChannel& channel : channels) {
    AIRCHECK_TRY_VOID(commit(outdated(now, channel), now));
    if (channel.source == "generated") AIRCHECK_TRY_VOID(commit(generated(now, channel), now));
  }
  return {};
}

Guide::Change Guide::outdated(core::Utc now, const GuideChannel& channel) const {
  Change change;
  const auto known = channels_.find(channel.channel_id);
  if (known == channels_.end()) return change;
  const core::Utc before = now - channel.keep_ns - kAfterWindowNs;
  for (const auto& [start, entry] : known->second) {
    if (entry.end < before || (entry.source != channel.source && entry.start > now)) change.gone.push_back(entry.id);
  }
  return change;
}

Guide::Change Guide::generated(core::Utc now, const GuideChannel& channel) const {
  Change change;
  const std::int64_t length_ns = std::max<std::int64_t>(channel.programme_ns, 10 * core::kNsPerSecond);
  core::Utc start = core::slot_start(core::slot_of(now, length_ns), length_ns);
  const auto known = channels_.find(channel.channel_id);
  if (known != channels_.end() && !known->second.empty()) {
    const core::Utc last_end = known->second.rbegin()->second.end;
    if (last_end >= now - channel.keep_ns) start = last_end;
  }
  while (start < now + kAheadNs) {
    // Back to the grid where the entry before was of another length; what would be a stub joins the next slot.
    core::Utc end = core::slot_start(core::slot_of(start, length_ns) + 1, length_ns);
    if (2 * (end - start) < length_ns) end = end + length_ns;
    change.put.push_back(generated_programme(channel.channel_id, start, end, length_ns));
    change.put.back().source = "generated";
    start = end;
  }
  return change;
}

// The database first: memory follows only what is stored.
core::Result<void> Guide::commit(Change change, core::Utc now) {
  if (change.put.empty() && change.gone.empty()) return {};
  const auto write = [&]() -> core::Result<void> {
    for (const std::string& id : change.gone) AIRCHECK_TRY_VOID(delete_entry(*database_, id));
    for (const Entry& entry : change.put) AIRCHECK_TRY_VOID(write_entry(*database_, entry, now));
    return {};
  };
  AIRCHECK_TRY_VOID(database_->transaction(write));
  ++revision_;
  std::set<std::string> channels;
  for (const std::string& id : change.gone) {
    if (const auto found = ids_.find(id); found != ids_.end()) channels.insert(found->second.first);
    drop(id);
  }
  for (const Entry& entry : change.put) {
    channels.insert(entry.channel_id);
    drop(entry.id);
  }
  for (Entry& entry : change.put) remember(std::move(entry));
  for (const std::string& channel_id : channels) {
    if (observer_) observer_(channel_id);
  }
  return {};
}

void Guide::forget(std::string_view channel_id) {
  const auto channel = channels_.find(channel_id);
  if (channel == channels_.end()) return;
  ++revision_;
  for (const auto& [start, entry] : channel->second) ids_.erase(entry.id);
  channels_.erase(channel);
}

void Guide::drop(const std::string& id) {
  const auto found = ids_.find(id);
  if (found == ids_.end()) return;
  channels_.find(found->second.first)->second.erase(found->second.second);
  ids_.erase(found);
}

void Guide::remember(Entry entry) {
  ids_[entry.id] = {entry.channel_id, entry.start.ns};
  EntriesByStart& channel = channels_[entry.channel_id];
  channel[entry.start.ns] = std::move(entry);
}

}  // namespace aircheck::schedule
