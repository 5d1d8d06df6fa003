// The folder that a channel is written to: names, numbers, files and the playlist. No GStreamer.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/naming.hpp"
#include "core/playlist.hpp"
#include "fmp4/folder_lock.hpp"
#include "fmp4/pending_file.hpp"
#include "fmp4/segment_numbers.hpp"
#include "fmp4/segment_scan.hpp"

namespace aircheck::fmp4 {

struct StoreSettings {
  std::string location;               // a core::NamePattern
  std::string init_location;          // with %{hash}; "": init-%{hash}.mp4 behind the prefix of `location`
  std::string playlist_location;      // "": no playlist
  std::uint32_t playlist_length = 0;  // rows; 0: all
  std::string key_uri;                // with %{kid}; "": no line of the identity format
  SyncPolicy sync = SyncPolicy::kFile;
};

struct StoredSegment {
  std::string path;
  std::string init_path;
  std::uint64_t size = 0;  // bytes
  core::SegmentInfo info;
  std::optional<core::Error> unlisted;  // why the playlist could not be written; the next segment lists it, too
};

class SegmentStore {
 public:
  // Errors name the property that is wrong. Reads the numbers, and the rows of the playlist, back from the folder, and
  // removes temporary files that a crash left.
  static core::Result<SegmentStore> open(StoreSettings settings);

  // Sentences about files that were found and could not be used.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

  // Writes the init segment of the segments that follow, named by its content; does nothing where it is there. After
  // an error write_segment() tries again.
  core::Result<void> write_init(core::ByteView init);

  // Writes a segment of `parts`, styp first, behind which the `uuid` box of ours goes, then lists it. After an error
  // the store is as it was before.
  core::Result<StoredSegment> write_segment(const SegmentFacts& facts, std::span<const core::ByteView> parts,
                                            bool independent);

  // A segment will never be written: a discontinuity comes before the next one.
  void lose_segment() { lost_ = true; }

  // The stream is over: the playlist gets its EXT-X-ENDLIST.
  core::Result<void> finish();

 private:
  SegmentStore(StoreSettings settings, core::NamePattern pattern, FolderLock lock, SegmentScan scan);

  [[nodiscard]] std::string init_path_for(core::ByteView init) const;
  core::Result<void> write_wanted_init();
  core::Result<void> write_new_init(const std::string& path, core::ByteView init) const;
  core::Result<std::string> publish(PendingFile& file, core::NameParts name) const;
  void list(const std::string& path, const core::SegmentInfo& info, const core::Gap& gap);
  [[nodiscard]] std::shared_ptr<const core::SegmentContext> context_for(const std::string& segment_path,
                                                                        const core::SegmentInfo& info);
  [[nodiscard]] std::string playlist_uri(const std::string& path) const;
  core::Result<void> write_playlist(bool ended);

  StoreSettings settings_;
  core::NamePattern pattern_;
  FolderLock lock_;
  SegmentNumbers numbers_;
  std::vector<std::string> warnings_;
  std::string init_path_;    // of the segments to come
  core::Bytes wanted_init_;  // which could not be written yet; empty where it is there
  bool lost_ = false;        // segments, since the last one that was written
  bool independent_;         // every segment listed begins with a sync sample, and so will all to come
  std::uint32_t max_duration_s_ = 0;
  std::vector<core::MediaRow> rows_;
  std::shared_ptr<const core::SegmentContext> context_;  // of the last row
};

}  // namespace aircheck::fmp4
