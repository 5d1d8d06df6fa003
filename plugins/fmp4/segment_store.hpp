// The folder that a channel is written to: names, numbers, files and playlists. No GStreamer.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "fmp4/folder_lock.hpp"
#include "fmp4/multivariant.hpp"
#include "fmp4/retention.hpp"
#include "fmp4/segment_numbers.hpp"
#include "fmp4/segment_scan.hpp"
#include "fmp4/store_settings.hpp"
#include "fmp4/track_store.hpp"

namespace aircheck::fmp4 {

// One file of a segment: of all tracks, or of one where `location` has %{track}.
struct SegmentFile {
  std::string track;                      // empty: all tracks
  std::span<const core::ByteView> parts;  // styp first
  std::optional<core::KeyId> key_id;
  bool independent = true;  // it and those to come begin with a sync sample
  Rendition rendition;      // what the multivariant playlist says; paths and bandwidths are the store's
};

struct StoredSegments {
  std::vector<StoredSegment> files;
  std::optional<core::Error> unlisted;  // why a playlist could not be written; the next segment lists these files, too
  std::optional<core::Error> kept;      // why a segment whose time is over could not be deleted
};

class SegmentStore {
 public:
  // Errors name the property that is wrong. Reads the numbers, and the rows of the playlists, back from the folder, and
  // removes temporary files that a crash left. kConflict while another sink writes the same names.
  static core::Result<SegmentStore> open(StoreSettings settings);

  SegmentStore(SegmentStore&&) = default;
  ~SegmentStore();

  // Sentences about files that were found and could not be used.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  // Writes the init segment of a track's segments that follow, named by its content; does nothing where it is there.
  // After an error write_segment() tries again.
  core::Result<void> write_init(const std::string& track, core::ByteView init);

  // Writes the files of a segment, each with the `uuid` box of ours behind its styp, under one number, then lists them.
  // Known tracks without a file get a GAP row. All files or none: after an error the store is as it was before.
  core::Result<StoredSegments> write_segment(const SegmentFacts& facts, std::span<const SegmentFile> files);

  // A segment will never be written: a discontinuity comes before the next one.
  void lose_segment() { lost_ = true; }

  // Nothing comes for the time up to `lost_until`: a GAP row for each target duration behind the last segment that is
  // over by then, which stays one. Returns whether there was any; does nothing before the first segment.
  core::Result<bool> list_hole(core::Utc lost_until, std::uint32_t target_duration_s);

  // The stream is over: playlists get their EXT-X-ENDLIST.
  core::Result<void> finish();

 private:
  SegmentStore(std::shared_ptr<const StoreNames> names, FolderLock lock, SegmentScan scan);

  void restore_rows(const std::vector<FoundSegment>& segments);
  TrackStore& track_store(const std::string& track);
  core::Result<std::vector<TrackStore::Pending>> prepare(const core::SegmentInfo& info,
                                                         std::span<const SegmentFile> files);
  core::Result<std::vector<StoredSegment>> publish(std::vector<TrackStore::Pending> pending);
  void list(const NumberedSegment& segment, const std::vector<StoredSegment>& stored,
            std::span<const SegmentFile> files);
  core::Result<void> write_playlists(bool ended);
  void update_renditions(const std::vector<StoredSegment>& stored, std::span<const SegmentFile> files);
  core::Result<void> write_multivariant(bool ended);
  core::Result<void> sweep();

  std::shared_ptr<const StoreNames> names_;
  FolderLock lock_;
  SegmentNumbers numbers_;
  std::vector<std::string> warnings_;
  bool first_run_;
  bool written_ = false;  // a segment, in this run
  bool lost_ = false;     // segments, since the last one that was written
  std::vector<TrackStore> tracks_;
  std::vector<Bandwidth> bandwidths_;  // of tracks_
  std::optional<Retention> retention_;
  std::shared_ptr<Multivariant> multivariant_;
  std::vector<Rendition> renditions_;  // of this store, with a segment of this run
  bool finished_ = false;
};

}  // namespace aircheck::fmp4
