// What leaves fmp4mux: the events in front, init segments, and segments as buffer lists.
#pragma once

#include <gst/gst.h>

#include <map>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "fmp4/fragment_writer.hpp"
#include "fmp4/segment_meta.hpp"
#include "fmp4/segmenter.hpp"

namespace aircheck::fmp4 {

enum class Layout { kMuxed, kSeparate };

struct OutputSettings {
  Layout layout = Layout::kMuxed;
  bool write_pssh = true;
  FragmentSettings fragments;
};

// Of the streaming thread that holds the muxer's stream lock.
class MuxOutput {
 public:
  // `source` outlives the object.
  explicit MuxOutput(GstPad* source) : source_(source) {}

  void configure(const OutputSettings& settings) { settings_ = settings; }
  // The next segment is preceded by a segment event again.
  void flush() { pushed_segment_ = false; }

  // The segment, behind the init segments that are new. `meta` says what holds for all files of the segment; times of
  // buffers count from `anchor_ns`, UTC. Errors are those of write_segment().
  core::Result<GstFlowReturn> push(Segment segment, SegmentMeta meta, std::int64_t anchor_ns);
  void push_eos();

 private:
  struct File {
    FileFacts facts;
    std::vector<std::pair<std::uint32_t, TrackConfig>> configs;  // track id and format, as in the last init
    core::Bytes init;
    bool init_is_new = false;
    std::uint32_t fragment_number = 0;
  };
  struct Part {
    File* file = nullptr;
    Segment segment;  // with the tracks of this file
  };

  void push_start_events();
  [[nodiscard]] std::vector<Part> split(Segment segment);
  static bool update_configs(File& file, const Segment& segment);
  [[nodiscard]] std::vector<core::KeyId> key_ids() const;
  static void update_init(File& file, const std::vector<core::KeyId>& key_ids);
  GstFlowReturn push_init(File& file) const;
  core::Result<GstFlowReturn> push_part(Part& part, SegmentMeta meta, std::int64_t anchor_ns) const;

  GstPad* source_;
  OutputSettings settings_;
  std::map<std::uint32_t, File> files_;  // by FileFacts::track_id
  bool pushed_start_ = false;
  bool pushed_segment_ = false;  // since the last flush
};

}  // namespace aircheck::fmp4
