// The files and the playlist of one track, or of all tracks where they share their files. No GStreamer.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/naming.hpp"
#include "core/playlist.hpp"
#include "fmp4/pending_file.hpp"
#include "fmp4/segment_numbers.hpp"
#include "fmp4/store_settings.hpp"

namespace aircheck::fmp4 {

struct StoredSegment {
  std::string track;  // empty: all tracks
  std::string path;
  std::string init_path;
  std::uint64_t size = 0;  // bytes
  core::SegmentInfo info;
};

class TrackStore {
 public:
  // `track` is empty where the pattern has no %{track}.
  TrackStore(std::shared_ptr<const StoreNames> names, std::string track, bool first_run);

  [[nodiscard]] const std::string& track() const { return track_; }
  [[nodiscard]] const std::string& playlist_path() const { return playlist_path_; }  // empty: none
  [[nodiscard]] const std::vector<core::MediaRow>& rows() const { return rows_; }
  [[nodiscard]] const std::string& init_path() const { return init_path_; }
  [[nodiscard]] bool independent() const { return independent_; }

  // Writes the init segment of the segments that follow, named by its content; does nothing where it is there. After
  // an error write_wanted_init() tries again, and restore_init() where somebody has deleted it since.
  core::Result<void> write_init(core::ByteView init);
  core::Result<void> write_wanted_init();
  core::Result<void> restore_init();

  // A segment that is complete on the disk, under a temporary name. It goes if it is not published.
  struct Pending {
    PendingFile file;
    StoredSegment segment;
  };
  core::Result<Pending> prepare(const core::SegmentInfo& info, std::span<const core::ByteView> parts);
  core::Result<StoredSegment> publish(Pending pending) const;

  // The rows of a segment, or of one in which this track has nothing, and of the hole before it.
  void list(const std::string& path, const core::SegmentInfo& info, const core::Gap& gap, bool independent);
  void list_missing(const core::SegmentInfo& info, const core::Gap& gap);

  // The rows of a hole that may go on.
  void list_hole(const core::Gap& hole, std::uint32_t epoch);

  // Does nothing without a playlist, nor before the end for one that is written then.
  core::Result<void> write_playlist(bool ended);

 private:
  [[nodiscard]] std::string init_path_for(core::ByteView init) const;
  core::Result<void> write_new_init(const std::string& path, core::ByteView init) const;
  void list_gap(const core::Gap& gap, std::uint32_t epoch);
  void slide();
  [[nodiscard]] std::shared_ptr<const core::SegmentContext> context_for(const std::string& segment_path,
                                                                        const core::SegmentInfo& info);
  [[nodiscard]] std::string playlist_uri(const std::string& path) const;
  [[nodiscard]] std::string gap_uri(core::Utc start, std::uint32_t epoch) const;

  std::shared_ptr<const StoreNames> names_;
  std::string track_;
  std::string playlist_path_;
  std::string init_path_;    // of the segments to come
  core::Bytes wanted_init_;  // what it holds
  bool init_written_ = false;
  bool independent_;  // every segment listed begins with a sync sample, and so will all to come
  std::uint32_t max_duration_s_ = 0;
  std::vector<core::MediaRow> rows_;
  std::shared_ptr<const core::SegmentContext> context_;  // of the last row
  core::CencScheme scheme_ = core::CencScheme::kCenc;    // of the last init segment
};

}  // namespace aircheck::fmp4
