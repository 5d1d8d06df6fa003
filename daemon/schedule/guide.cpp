#include "schedule/guide.hpp"

#include <algorithm>

#include "schedule/generated_programme.hpp"

namespace aircheck::schedule {

namespace {

using core::Code;

constexpr std::string_view kColumns =
    "SELECT id, channel_id, title, description, start_time, end_time, catchup_eligible FROM schedule_entries";

}  // namespace

core::Result<Guide> Guide::open(store::Database& database) {
  Guide guide(database);
  AIRCHECK_TRY(auto rows, database.prepare(kColumns));
  while (true) {
    AIRCHECK_TRY(const bool more, rows.step());
    if (!more) return guide;
    guide.remember(Entry{
        .id = rows.text(0),
        .channel_id = rows.text(1),
        .title = rows.text(2),
        .description = rows.text(3),
        .start = core::Utc{rows.integer(4)},
        .end = core::Utc{rows.integer(5)},
        .catchup_eligible = rows.boolean(6),
    });
  }
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

bool Guide::overlaps(const Entry& entry) const {
  return !entries(entry.channel_id, entry.start, entry.end).empty();
}

core::Result<void> Guide::insert(const Entry& entry, std::string_view source, core::Utc now) {
  if (entry.title.empty() || entry.end <= entry.start) {
    return core::fail(Code::kInvalidArgument, "a schedule entry has a title and ends after its start");
  }
  if (overlaps(entry)) return core::fail(Code::kConflict, "the entry overlaps another one of its channel");
  AIRCHECK_TRY(auto row, database_->prepare("INSERT INTO schedule_entries (id, channel_id, title, description, "
                                            "start_time, end_time, catchup_eligible, source, created_at) "
                                            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"));
  row.bind(1, entry.id).bind(2, entry.channel_id).bind(3, entry.title).bind(4, entry.description);
  row.bind(5, entry.start.ns).bind(6, entry.end.ns).bind(7, entry.catchup_eligible).bind(8, source).bind(9, now.ns);
  AIRCHECK_TRY_VOID(row.run());
  remember(entry);
  return {};
}

core::Result<void> Guide::extend(core::Utc now, const std::vector<GeneratedChannel>& channels) {
  for (const GeneratedChannel& channel : channels) {
    AIRCHECK_TRY_VOID(database_->transaction([&] { return extend_channel(now, channel); }));
  }
  return {};
}

core::Result<void> Guide::extend_channel(core::Utc now, const GeneratedChannel& channel) {
  AIRCHECK_TRY_VOID(prune(now - channel.keep_ns - kAfterWindowNs, channel.channel_id));
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
    AIRCHECK_TRY_VOID(insert(generated_programme(channel.channel_id, start, end, length_ns), "generated", now));
    start = end;
  }
  return {};
}

core::Result<void> Guide::prune(core::Utc before, const std::string& channel_id) {
  const auto channel = channels_.find(channel_id);
  if (channel == channels_.end() || channel->second.empty() || channel->second.begin()->second.end >= before) return {};
  AIRCHECK_TRY(auto rows, database_->prepare("DELETE FROM schedule_entries WHERE channel_id = ? AND end_time < ?"));
  AIRCHECK_TRY_VOID(rows.bind(1, channel_id).bind(2, before.ns).run());
  std::erase_if(channel->second, [&](const auto& row) {
    if (row.second.end >= before) return false;
    ids_.erase(row.second.id);
    return true;
  });
  return {};
}

void Guide::remember(Entry entry) {
  ids_[entry.id] = {entry.channel_id, entry.start.ns};
  Channel& channel = channels_[entry.channel_id];
  channel[entry.start.ns] = std::move(entry);
}

}  // namespace aircheck::schedule
