#include "fmp4/segment_store.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

namespace aircheck::fmp4 {

namespace {

using core::Code;
using core::fail;
using core::Result;

// The newest run of segments without a missing number: older ones than a file that was deleted cannot be listed.
std::size_t first_listable(const std::vector<FoundSegment>& segments) {
  std::size_t first = segments.empty() ? 0 : segments.size() - 1;
  for (; first > 0; --first) {
    const core::SegmentInfo& before = segments[first - 1].info;
    const core::SegmentInfo& after = segments[first].info;
    if (before.sequence == after.sequence) continue;
    const core::Gap gap(before.sequence, before.start + before.duration_ns, after.start,
                        after.target_duration_s * core::kNsPerSecond);
    if (gap.next_sequence() != after.sequence || before.max_duration_s != after.max_duration_s) break;
  }
  return first;
}

Result<void> check_folder_of(const std::string& path, const char* property) {
  return path.empty() ? Result<void>() : check_folder(std::string(folder_of(path))).with_context(property);
}

Result<void> check_playlists(const StoreSettings& settings, const core::NamePattern& pattern) {
  const bool lists = !settings.playlist_location.empty();
  const bool track_in_playlist = settings.playlist_location.find(core::kTrackMark) != std::string::npos;
  if (lists && pattern.has_track() != track_in_playlist) {
    return fail(Code::kInvalidArgument,
                std::string("playlist-location: ") + (pattern.has_track() ? "put %{track} into the name, as in location"
                                                                          : "%{track} does not stand in location"));
  }
  const bool all_rows = settings.playlist_kind == PlaylistKind::kEvent || settings.playlist_kind == PlaylistKind::kVod;
  if (all_rows && settings.playlist_length != 0) {
    return fail(Code::kInvalidArgument, "playlist-length: a playlist of type EVENT or VOD lists all: set it to 0");
  }
  if (lists && settings.retention.active() && settings.playlist_length == 0) {
    return fail(Code::kInvalidArgument,
                "playlist-length: a playlist that lists all keeps all, so max-age, max-size and min-free-space need a "
                "length");
  }
  if (!settings.multivariant_location.empty() && !lists) {
    return fail(Code::kInvalidArgument, "multivariant-location: needs playlist-location, which it names");
  }
  return {};
}

Result<void> check_settings(const StoreSettings& settings, const core::NamePattern& pattern) {
  AIRCHECK_TRY_VOID(check_playlists(settings, pattern));
  AIRCHECK_TRY_VOID(check_folder(pattern.directory()).with_context("location"));
  AIRCHECK_TRY_VOID(check_folder_of(settings.init_location, "init-location"));
  AIRCHECK_TRY_VOID(check_folder_of(settings.playlist_location, "playlist-location"));
  return check_folder_of(settings.multivariant_location, "multivariant-location");
}

}  // namespace

Result<SegmentStore> SegmentStore::open(StoreSettings settings) {
  if (settings.location.empty()) {
    return fail(Code::kInvalidArgument, "location: is not set; set it to a path such as out/ch1-%Y%m%d%H%M%S.m4s");
  }
  AIRCHECK_TRY(core::NamePattern pattern, core::NamePattern::parse(settings.location).with_context("location"));
  AIRCHECK_TRY_VOID(check_settings(settings, pattern));
  AIRCHECK_TRY(FolderLock lock, FolderLock::take(pattern.directory(), settings.location).with_context("location"));
  if (settings.init_location.empty()) {
    settings.init_location = pattern.directory() + pattern.file_prefix() + "init-" + std::string(kHashMark) + ".mp4";
  }
  AIRCHECK_TRY_VOID(
      remove_leftovers(pattern, {settings.init_location, settings.playlist_location, settings.multivariant_location})
          .with_context("location"));
  const bool lists = !settings.playlist_location.empty();
  const std::size_t limit = settings.retention.active() ? 0 : lists ? settings.playlist_length : 1;
  AIRCHECK_TRY(SegmentScan scan, scan_segments(pattern, limit).with_context("location"));
  auto names = std::make_shared<const StoreNames>(StoreNames{std::move(settings), std::move(pattern)});
  return SegmentStore(std::move(names), std::move(lock), std::move(scan));
}

SegmentStore::SegmentStore(std::shared_ptr<const StoreNames> names, FolderLock lock, SegmentScan scan)
    : names_(std::move(names)),
      lock_(std::move(lock)),
      numbers_(scan.segments.empty() ? std::nullopt : std::optional(scan.segments.back().info)),
      warnings_(std::move(scan.warnings)),
      first_run_(scan.segments.empty()) {
  const StoreSettings& settings = names_->settings;
  if (settings.retention.active()) {
    retention_.emplace(settings.retention, names_->pattern.directory());
    for (const FoundSegment& segment : scan.segments) {
      std::error_code error;
      const auto size = std::filesystem::file_size(segment.path, error);
      retention_->add(segment.path, init_path_of(segment.path, segment.info), error ? 0 : size, segment.info);
    }
  }
  if (!settings.playlist_location.empty()) restore_rows(scan.segments);
  if (!settings.multivariant_location.empty()) multivariant_ = Multivariant::share(settings.multivariant_location);
}

void SegmentStore::restore_rows(const std::vector<FoundSegment>& segments) {
  const std::size_t first = first_listable(segments);
  core::Gap gap;
  for (std::size_t i = first; i < segments.size();) {
    const core::SegmentInfo& info = segments[i].info;
    if (i > first) {
      const core::SegmentInfo& before = segments[i - 1].info;
      gap = core::Gap(before.sequence, before.start + before.duration_ns, info.start,
                      info.target_duration_s * core::kNsPerSecond);
    }
    const std::size_t begin = i;
    // Whether earlier segments begin with sync samples is not known.
    for (; i < segments.size() && segments[i].info.sequence == info.sequence; ++i) {
      track_store(segments[i].name.track).list(segments[i].path, segments[i].info, gap, false);
    }
    for (TrackStore& store : tracks_) {
      const bool there = std::any_of(segments.begin() + static_cast<std::ptrdiff_t>(begin),
                                     segments.begin() + static_cast<std::ptrdiff_t>(i),
                                     [&](const FoundSegment& s) { return s.name.track == store.track(); });
      if (!there) store.list_missing(info, gap);
    }
  }
}

TrackStore& SegmentStore::track_store(const std::string& track) {
  const auto known = std::ranges::find(tracks_, track, &TrackStore::track);
  if (known != tracks_.end()) return *known;
  bandwidths_.emplace_back();
  return tracks_.emplace_back(names_, track, first_run_);
}

Result<void> SegmentStore::write_init(const std::string& track, core::ByteView init) {
  if (names_->pattern.has_track() != !track.empty()) {
    return fail(Code::kInvalidArgument, track.empty() ? "location: %{track} needs layout=separate"
                                                      : "location: layout=separate needs %{track} in the name");
  }
  return track_store(track).write_init(init);
}

Result<std::vector<TrackStore::Pending>> SegmentStore::prepare(const core::SegmentInfo& info,
                                                               std::span<const SegmentFile> files) {
  std::vector<TrackStore::Pending> pending;
  for (const SegmentFile& file : files) {
    TrackStore& store = track_store(file.track);
    AIRCHECK_TRY_VOID(store.write_wanted_init());
    core::SegmentInfo own = info;
    own.key_id = file.key_id;
    AIRCHECK_TRY(TrackStore::Pending next, store.prepare(own, file.parts));
    pending.push_back(std::move(next));
    AIRCHECK_TRY_VOID(store.restore_init());
  }
  return pending;
}

Result<std::vector<StoredSegment>> SegmentStore::publish(std::vector<TrackStore::Pending> pending) {
  std::vector<StoredSegment> stored;
  for (TrackStore::Pending& next : pending) {
    const std::string track = next.segment.track;
    auto published = track_store(track).publish(std::move(next));
    if (!published) {
      // Nobody has been told of them.
      for (const StoredSegment& file : stored) unlink(file.path.c_str());
      return published.unexpected();
    }
    stored.push_back(std::move(*published));
  }
  return stored;
}

Result<StoredSegments> SegmentStore::write_segment(const SegmentFacts& facts, std::span<const SegmentFile> files) {
  SegmentFacts with_loss = facts;
  with_loss.discontinuity = facts.discontinuity || lost_;
  AIRCHECK_TRY(const NumberedSegment segment, numbers_.next(with_loss).with_context("max-duration"));
  StoredSegments result;
  if (retention_) {
    if (const auto swept = sweep(); !swept) result.kept = swept.error();
  }
  AIRCHECK_TRY(auto pending, prepare(segment.info, files));
  AIRCHECK_TRY(result.files, publish(std::move(pending)));
  numbers_.accept(segment.info);
  lost_ = false;
  written_ = true;
  if (retention_) {
    for (const StoredSegment& file : result.files)
      retention_->add(file.path, normal_path(file.init_path), file.size, file.info);
  }
  list(segment, result.files, files);
  if (multivariant_) update_renditions(result.files, files);
  auto listed = write_playlists(false);
  if (listed) listed = write_multivariant(false);
  if (!listed) result.unlisted = listed.error();
  return result;
}

void SegmentStore::list(const NumberedSegment& segment, const std::vector<StoredSegment>& stored,
                        std::span<const SegmentFile> files) {
  for (TrackStore& store : tracks_) {
    const auto file = std::ranges::find(stored, store.track(), &StoredSegment::track);
    if (file == stored.end()) {
      store.list_missing(segment.info, segment.gap);
    } else {
      const auto at = static_cast<std::size_t>(file - stored.begin());
      store.list(file->path, file->info, segment.gap, files[at].independent);
    }
  }
}

Result<void> SegmentStore::write_playlists(bool ended) {
  Result<void> result;
  for (TrackStore& store : tracks_) {
    if (const auto written = store.write_playlist(ended); !written) result = written;
  }
  return result;
}

void SegmentStore::update_renditions(const std::vector<StoredSegment>& stored, std::span<const SegmentFile> files) {
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto store = std::ranges::find(tracks_, stored[i].track, &TrackStore::track);
    Bandwidth& bandwidth = bandwidths_[static_cast<std::size_t>(store - tracks_.begin())];
    bandwidth.add(stored[i].size, stored[i].info.duration_ns, stored[i].info.target_duration_s * core::kNsPerSecond);
    Rendition rendition = files[i].rendition;
    rendition.playlist_path = store->playlist_path();
    rendition.track = stored[i].track;
    rendition.peak_bandwidth = std::max(bandwidth.peak(), bandwidth.average());
    rendition.average_bandwidth = bandwidth.average();
    rendition.independent = store->independent();
    const auto known = std::ranges::find(renditions_, rendition.playlist_path, &Rendition::playlist_path);
    if (known == renditions_.end()) {
      renditions_.push_back(std::move(rendition));
    } else {
      *known = std::move(rendition);
    }
  }
}

// It names media playlists that are there: those of type VOD are not before the end.
Result<void> SegmentStore::write_multivariant(bool ended) {
  const bool vod = names_->settings.playlist_kind == PlaylistKind::kVod;
  if (!multivariant_ || renditions_.empty() || (vod && !ended)) return {};
  return multivariant_->update(renditions_);
}

Result<void> SegmentStore::sweep() {
  std::uint64_t keep_from = numbers_.last_sequence();
  for (const TrackStore& store : tracks_) {
    if (store.rows().empty()) continue;
    // Rows that left the playlist are fetched for as long as the playlist is, and one row more.
    const std::uint64_t first = store.rows().front().sequence;
    const std::uint64_t grace = store.rows().size() + 1;
    keep_from = std::min(keep_from, first > grace ? first - grace : 0);
  }
  const auto needed = [&](const std::string& init) {
    return std::ranges::any_of(tracks_,
                               [&](const TrackStore& store) { return normal_path(store.init_path()) == init; }) ||
           !is_below(init, names_->pattern.directory()) || others_need(names_->pattern, init);
  };
  const auto swept = retention_->sweep(keep_from, needed);
  return swept ? Result<void>() : swept.unexpected();
}

Result<void> SegmentStore::finish() {
  // Without a segment of this run a playlist that is there stays what it is.
  if (!written_) return {};
  AIRCHECK_TRY_VOID(write_playlists(true));
  finished_ = true;
  return write_multivariant(true);
}

Result<bool> SegmentStore::list_hole(core::Utc lost_until, std::uint32_t target_duration_s) {
  const auto hole = numbers_.lose_until(lost_until, target_duration_s * core::kNsPerSecond);
  if (hole.empty()) return false;
  for (TrackStore& store : tracks_) store.list_hole(hole, numbers_.epoch());
  AIRCHECK_TRY_VOID(write_playlists(false));
  return true;
}

// What is complete may be played for ever; a live window is nothing once nobody moves it.
SegmentStore::~SegmentStore() {
  if (!multivariant_) return;
  const StoreSettings& settings = names_->settings;
  const bool live = settings.playlist_kind == PlaylistKind::kLive ||
                    (settings.playlist_kind == PlaylistKind::kAuto && settings.playlist_length != 0);
  if (live || !finished_) multivariant_->leave(renditions_);
}

}  // namespace aircheck::fmp4
