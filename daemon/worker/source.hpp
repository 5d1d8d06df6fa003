// A looped file as the channel's source: what one pass of it is, and the passes themselves.
#pragma once

#include <memory>
#include <string>

#include "core/result.hpp"
#include "worker/decoder.hpp"
#include "worker/sequencer.hpp"
#include "worker/timeline.hpp"

namespace aircheck::worker {

// What was found in a file by decoding its beginning and its end; container headers are not believed.
//
// A pass begins with the first picture and lasts as many output frames as the picture does, to the nearest frame; sound
// is aligned to it by the file's own times, cut or filled with silence to the sample. Without a picture, a pass begins
// with the first sound and lasts as many frames as the sound does.
struct SourceInfo {
  std::string path;  // empty: the made-up film
  bool has_video = false;
  bool has_audio = false;
  std::int64_t origin_ns = 0;        // of the pass, on the file's timeline
  std::int64_t last_picture_ns = 0;  // where the last picture begins, on the file's timeline
  std::int64_t audio_end_ns = 0;     // on the file's timeline
  std::int64_t loop_frames = 0;
};

// An empty path: the made-up film. Blocks, up to about 20 s for a file that gives nothing. The error names the file and
// the remedy.
core::Result<SourceInfo> probe_source(const std::string& path, Raster raster, FrameRate rate);

// Begins to decode one pass from this output frame of it on. After `interruption` (null: none) the item waits for
// nothing for longer than half a second.
[[nodiscard]] std::unique_ptr<Item> open_item(const SourceInfo& info, Raster raster, Timeline timeline,
                                              std::int64_t frame_in_pass,
                                              std::shared_ptr<Interruption> interruption = nullptr);

}  // namespace aircheck::worker
