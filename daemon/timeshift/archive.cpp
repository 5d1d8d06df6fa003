#include "timeshift/archive.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.hpp"

namespace aircheck::timeshift {

namespace {

constexpr std::int64_t kTickMs = 500;
// How long after a slot's end its GAP row is listed.
constexpr std::int64_t kGapDelayNs = 2 * core::kNsPerSecond;

// What another program holds, or this user may not read, is not damaged.
bool is_whole_for_all_we_know(const core::Error& error) {
  return error.code == core::Code::kUnavailable || error.code == core::Code::kPermission ||
         error.code == core::Code::kNoSpace;
}

core::Result<MediaFacts> load_facts(const SegmentFolder& folder, const SegmentRow& row) {
  AIRCHECK_TRY(const core::Bytes init, folder.read(row.init_location));
  AIRCHECK_TRY(const core::Bytes segment, folder.read(row.location));
  return read_media_facts(init, segment).with_context(row.init_location);
}

}  // namespace

core::Result<std::unique_ptr<Archive>> Archive::open(Options options, base::WorkerPool& pool) {
  AIRCHECK_TRY(auto store, IndexStore::open(options.index_path));
  return std::unique_ptr<Archive>(new Archive(std::move(options), pool, std::move(store)));
}

Archive::Archive(Options options, base::WorkerPool& pool, std::shared_ptr<IndexStore> store)
    : options_(std::move(options)), pool_(pool), store_(std::move(store)) {
  timer_ = base::Timer::every(kTickMs, [this] { tick(); });
}

Archive::~Archive() {
  list_due_gaps();
  const auto written = store_->close();
  if (!written) base::log_warning("timeshift", "index.db is left behind the files: " + written.error().message);
}

void Archive::add_channel(const ArchivedChannel& settings, std::function<void()> scanned) {
  if (find(settings.id) != nullptr) return;
  auto channel = std::make_unique<Channel>(Channel{
      .settings = settings,
      .index = SegmentIndex(settings.target_duration_s * core::kNsPerSecond),
      .folder = std::make_shared<const SegmentFolder>(options_.segment_directory + "/" + settings.key),
  });
  Channel& kept = *(channels_[settings.id] = std::move(channel));
  start_scan(kept, std::move(scanned));
}

void Archive::remove_channel(std::string_view channel_id) {
  if (const auto found = channels_.find(channel_id); found != channels_.end()) channels_.erase(found);
}

bool Archive::complete() const {
  return std::all_of(channels_.begin(), channels_.end(), [](const auto& channel) { return channel.second->scanned; });
}

bool Archive::complete(std::string_view channel_id) const {
  const Channel* channel = find(channel_id);
  return channel != nullptr && channel->scanned;
}

// On a pool thread.
Archive::Scan Archive::scan(const std::string& index_path, const ArchivedChannel& settings,
                            const SegmentFolder& folder) {
  Scan scan{.index = SegmentIndex(settings.target_duration_s * core::kNsPerSecond)};
  const auto gaps =
      IndexStore::read(index_path, settings.id, [&](const SegmentRow& row) { static_cast<void>(scan.index.add(row)); });
  if (gaps) {
    scan.index.restore_trailing_gaps(*gaps);
  } else {
    scan.damage = gaps.error();
    scan.index = SegmentIndex(settings.target_duration_s * core::kNsPerSecond);
  }
  scan.index.shrink_to_fit();
  scan.rescan = rescan(folder, settings.key, scan.index);
  return scan;
}

void Archive::start_scan(Channel& channel, std::function<void()> scanned) {
  pool_.run([path = options_.index_path, settings = channel.settings,
             folder = channel.folder] { return scan(path, settings, *folder); },
            [this, id = channel.settings.id, generation = index_generation_, alive = std::weak_ptr<bool>(alive_),
             scanned = std::move(scanned)](Scan result) {
              if (alive.expired()) return;
              if (Channel* found = find(id)) finish_scan(*found, std::move(result), generation);
              if (scanned) scanned();
            });
}

// Everything that is in memory has to be written again.
void Archive::begin_index_anew(const core::Error& why) {
  ++index_generation_;
  if (const auto begun = store_->begin_anew(why); !begun) {
    base::log_error("timeshift", "index.db cannot be made anew: " + begun.error().message);
  }
  for (const auto& [id, channel] : channels_) {
    for (const SegmentRow& row : channel->index.files()) store_->add(id, row);
    if (channel->index.trailing_gaps() == 0) continue;
    store_->set_trailing_gaps(id, *channel->index.last_segment_sequence(), channel->index.trailing_gaps());
  }
}

void Archive::finish_scan(Channel& channel, Scan scan, int index_generation) {
  const std::string& key = channel.settings.key;
  channel.index = std::move(scan.index);
  channel.scanned = true;
  if (scan.damage && is_whole_for_all_we_know(*scan.damage)) {
    base::log_warning("timeshift", "index.db cannot be read now: " + scan.damage->message, key);
  } else if (scan.damage && index_generation == index_generation_) {
    begin_index_anew(*scan.damage);
  } else if (index_generation != index_generation_) {
    for (const SegmentRow& row : channel.index.files()) store_->add(channel.settings.id, row);
  }
  if (!scan.rescan) {
    base::log_error("timeshift", "the segment folder cannot be read: " + scan.rescan.error().message, key);
  } else {
    for (const std::uint64_t sequence : scan.rescan->missing) store_->remove(channel.settings.id, sequence);
    channel.index.remove(scan.rescan->missing);
    for (const SegmentRow& row : scan.rescan->rows) add_row(channel, row);
    for (const std::string& why : scan.rescan->unreadable) {
      base::log_warning("timeshift", "not listed, because it is not a segment of ours: " + why, key);
    }
    base::log_info("timeshift",
                   "archive of " + std::to_string(channel.index.segment_count()) + " segments, " +
                       std::to_string(scan.rescan->rows.size()) + " of them new, " +
                       std::to_string(scan.rescan->missing.size()) + " gone",
                   key);
  }
  for (const SegmentRow& row : std::exchange(channel.early, {})) add_row(channel, row);
  for (const SegmentRow& row : channel.index.first_of_each_media()) read_facts(channel, row);
}

void Archive::rebuild(std::string_view channel_id, std::function<void(const core::Result<Rebuilt>&)> done) {
  Channel* const channel = find(channel_id);
  if (channel == nullptr) return done(core::fail(core::Code::kNotFound, "the archive has no such channel"));
  if (!channel->scanned || channel->rebuilding) {
    return done(core::fail(core::Code::kUnavailable, "the channel's folder is being read already"));
  }
  channel->rebuilding = true;
  pool_.run([folder = channel->folder,
             key = channel->settings.key] { return rescan(*folder, key, SegmentIndex(core::kNsPerSecond)); },
            [this, id = channel->settings.id, last = channel->index.last_segment_sequence(),
             alive = std::weak_ptr<bool>(alive_), done = std::move(done)](const core::Result<Rescan>& result) {
              Channel* const found = alive.expired() ? nullptr : find(id);
              if (found == nullptr) return done(core::fail(core::Code::kNotFound, "the channel was removed meanwhile"));
              found->rebuilding = false;
              if (!result) return done(result.unexpected());
              done(finish_rebuild(*found, *result, last));
            });
}

Archive::Rebuilt Archive::finish_rebuild(Channel& channel, const Rescan& rescan,
                                         std::optional<std::uint64_t> last_before) {
  const std::string& id = channel.settings.id;
  std::map<std::uint64_t, SegmentRow> before;
  for (SegmentRow& row : channel.index.files()) before.emplace(row.sequence, std::move(row));
  std::set<std::string_view> unlisted;
  for (const SegmentRow& row : channel.unlisted) unlisted.insert(row.location);

  SegmentIndex fresh(channel.index.target_ns());
  for (const SegmentRow& row : rescan.rows) {
    if (!unlisted.contains(row.location)) fresh.add(row);
  }
  // What the worker delivered while the files were read stands behind them.
  for (const auto& [sequence, row] : before) {
    if (!last_before || sequence > *last_before) fresh.add(row);
  }
  if (fresh.last_segment_sequence() == channel.index.last_segment_sequence()) {
    fresh.restore_trailing_gaps(channel.index.trailing_gaps());
  }

  Rebuilt rebuilt{.segments = fresh.segment_count(), .unreadable = rescan.unreadable};
  for (const SegmentRow& row : fresh.files()) {
    const auto known = before.find(row.sequence);
    const bool same = known != before.end() && known->second == row;
    if (!same && known != before.end()) {
      store_->remove(id, row.sequence);
      ++rebuilt.corrected;
    }
    if (known == before.end()) ++rebuilt.added;
    if (!same) store_->add(id, row);
    if (known != before.end()) before.erase(known);
  }
  rebuilt.removed = before.size();
  for (const auto& [sequence, row] : before) store_->remove(id, sequence);
  fresh.supersede(channel.index);
  channel.index = std::move(fresh);
  for (const SegmentRow& row : channel.index.first_of_each_media()) read_facts(channel, row);
  base::log_info("timeshift",
                 "index rebuilt from the files: " + std::to_string(rebuilt.segments) + " segments, " +
                     std::to_string(rebuilt.added) + " of them new, " + std::to_string(rebuilt.corrected) +
                     " corrected, " + std::to_string(rebuilt.removed) + " gone",
                 channel.settings.key);
  return rebuilt;
}

void Archive::add_segment(std::string_view channel_id, const SegmentRow& row) {
  Channel* channel = find(channel_id);
  if (channel == nullptr) return;
  if (!channel->scanned) return channel->early.push_back(row);
  add_row(*channel, row);
  read_facts(*channel, row);
}

void Archive::add_row(Channel& channel, const SegmentRow& row) {
  switch (channel.index.add(row)) {
    case SegmentIndex::Added::kYes: store_->add(channel.settings.id, row); return;
    case SegmentIndex::Added::kConflict: return;
    case SegmentIndex::Added::kListedAsGap:
      base::log_warning("timeshift", row.location + " came after its slot was listed as GAP: it stays GAP",
                        channel.settings.key);
      channel.unlisted.push_back(row);
      return;
    case SegmentIndex::Added::kRefused:
      base::log_warning("timeshift", row.location + " is not listed: what it says contradicts its neighbours",
                        channel.settings.key);
      channel.unlisted.push_back(row);
      return;
  }
}

Archive::Retired Archive::retire(std::string_view channel_id, core::Utc ended_before, std::size_t limit) {
  Channel* const channel = find(channel_id);
  Retired retired;
  if (channel == nullptr || !channel->scanned || channel->rebuilding) return retired;
  retired.folder = channel->folder;
  std::vector<SegmentRow> rows = channel->index.take_oldest(channel->index.ended_before(ended_before, limit));
  for (const SegmentRow& row : rows) store_->remove(channel->settings.id, row.sequence);
  const auto kept = std::partition(channel->unlisted.begin(), channel->unlisted.end(),
                                   [&](const SegmentRow& row) { return row.end() >= ended_before; });
  std::move(kept, channel->unlisted.end(), std::back_inserter(rows));
  channel->unlisted.erase(kept, channel->unlisted.end());

  std::set<std::string> inits;
  for (const SegmentRow& row : rows) {
    retired.bytes += row.size;
    retired.locations.push_back(row.location);
    if (!channel->index.has_init(row.init_location)) inits.insert(row.init_location);
  }
  retired.segments = rows.size();
  for (const std::string& init : inits) {
    channel->facts.erase(init);
    ++channel->facts_revision;
    retired.locations.push_back(init);
  }
  return retired;
}

void Archive::read_facts(Channel& channel, const SegmentRow& row) {
  if (channel.facts.contains(row.init_location) || channel.facts_wanted.contains(row.init_location)) return;
  if (!channel.index.has_init(row.init_location)) return;
  channel.facts_wanted.insert(row.init_location);
  pool_.run([folder = channel.folder, row] { return load_facts(*folder, row); },
            [this, id = channel.settings.id, init = row.init_location,
             alive = std::weak_ptr<bool>(alive_)](core::Result<MediaFacts> facts) {
              Channel* found = alive.expired() ? nullptr : find(id);
              if (found == nullptr) return;
              found->facts_wanted.erase(init);  // the next segment tries again
              if (facts) {
                found->facts[init] = std::make_shared<const MediaFacts>(std::move(*facts));
                ++found->facts_revision;
              } else {
                base::log_warning("timeshift", "an init segment cannot be read: " + facts.error().message,
                                  found->settings.key);
              }
            });
}

void Archive::set_worker_down(std::string_view channel_id, bool down) {
  Channel* const channel = find(channel_id);
  if (channel == nullptr) return;
  const std::int64_t slot_ns = channel->index.target_ns();
  if (channel->worker_down && !down) {
    channel->worker_begins = core::slot_start(core::slot_of(options_.now(), slot_ns), slot_ns);
  }
  channel->worker_down = down;
}

const SegmentIndex* Archive::index(std::string_view channel_id) const {
  const Channel* channel = find(channel_id);
  return channel == nullptr ? nullptr : &channel->index;
}

const MediaFactsMap& Archive::facts(std::string_view channel_id) const {
  static const MediaFactsMap kNone;
  const Channel* channel = find(channel_id);
  return channel == nullptr ? kNone : channel->facts;
}

std::uint64_t Archive::facts_revision(std::string_view channel_id) const {
  const Channel* channel = find(channel_id);
  return channel == nullptr ? 0 : channel->facts_revision;
}

std::shared_ptr<const SegmentFolder> Archive::folder(std::string_view channel_id) const {
  const Channel* channel = find(channel_id);
  return channel == nullptr ? nullptr : channel->folder;
}

core::Utc Archive::not_before(std::string_view channel_id) const {
  const Channel* channel = find(channel_id);
  return channel == nullptr ? core::Utc{0} : channel->index.not_before();
}

void Archive::tick() {
  list_due_gaps();
  // What is behind when we are killed is found in the files again.
  if (flushing_ || !store_->dirty()) return;
  flushing_ = true;
  pool_.run([store = store_] { return store->flush(); },
            [this, alive = std::weak_ptr<bool>(alive_)](const core::Result<void>& result) {
              if (alive.expired()) return;
              flushing_ = false;
              flushed(result);
            });
}

void Archive::list_due_gaps() {
  // A file has its name by then, and its row.
  const core::Utc past = options_.now() - kGapDelayNs;
  for (auto& [id, channel] : channels_) {
    // Before the rescan a slot without a row may have its file.
    if (!channel->scanned) continue;
    list_gaps(*channel, channel->worker_down ? past : std::min(past, channel->worker_begins));
  }
}

void Archive::list_gaps(Channel& channel, core::Utc until) {
  if (channel.index.append_gaps(until) == 0) return;
  store_->set_trailing_gaps(channel.settings.id, *channel.index.last_segment_sequence(), channel.index.trailing_gaps());
}

void Archive::add_loss(std::string_view channel_id, core::Utc until) {
  Channel* const channel = find(channel_id);
  if (channel != nullptr && channel->scanned) list_gaps(*channel, until);
}

void Archive::flushed(const core::Result<void>& flushed) {
  if (!flushed && !is_whole_for_all_we_know(flushed.error()) && !begun_anew_) {
    // Once: a disk that breaks what is written is not mended by writing more.
    begun_anew_ = true;
    return begin_index_anew(flushed.error());
  }
  if (!flushed && !store_failed_) {
    base::log_error("timeshift", "index.db is behind, the archive goes on: " + flushed.error().message);
  }
  if (flushed && store_failed_) base::log_info("timeshift", "index.db is written again");
  if (flushed && !store_->dirty()) begun_anew_ = false;
  store_failed_ = !flushed;
}

Archive::Channel* Archive::find(std::string_view channel_id) {
  const auto found = channels_.find(channel_id);
  return found == channels_.end() ? nullptr : found->second.get();
}

const Archive::Channel* Archive::find(std::string_view channel_id) const {
  return const_cast<Archive*>(this)->find(channel_id);
}

}  // namespace aircheck::timeshift
