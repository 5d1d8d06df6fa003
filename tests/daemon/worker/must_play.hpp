// The films that have to play, 3 s each, made by ffmpeg.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "daemon/worker/media.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {

struct MustPlay {
  const char* name;
  std::string arguments;
  std::int64_t loop_frames;  // at 25 frames per second
  bool picture;
  bool sound;

  friend std::ostream& operator<<(std::ostream& out, const MustPlay& film) { return out << film.name; }
};

inline std::vector<MustPlay> must_play() {
  const std::string tone = " -f lavfi -i sine=f=440:r=48000:d=3";
  const auto bars = [](const char* size, const char* rate) {
    return std::string("-f lavfi -i testsrc2=s=") + size + ":r=" + rate + ":d=3";
  };
  const std::string h264 = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p";
  const std::string aac = " -c:a aac";
  return {
      {"no-audio.mp4", bars("320x180", "25") + h264, 75, true, false},
      {"no-video.m4a", tone.substr(1) + aac, 75, false, true},
      {"no-video.mp3", tone.substr(1), 75, false, true},
      {"odd-size.mp4", bars("321x179", "25") + tone + " -c:v libx264 -preset ultrafast -pix_fmt yuv444p" + aac, 75,
       true, true},
      {"12.5fps.mp4", bars("320x180", "25/2") + tone + h264 + aac, 75, true, true},
      {"29.97fps.mp4", bars("320x180", "30000/1001") + tone + h264 + aac, 75, true, true},
      {"59.94fps.mkv", bars("320x180", "60000/1001") + tone + h264 + aac, 75, true, true},
      {"variable-rate.mkv",
       bars("320x180", "50") + tone + " -vf \"select='lt(n,50)+not(mod(n,3))'\" -vsync vfr" + h264 + aac, 75, true,
       true},
      {"mono.mp4", bars("320x180", "25") + tone + h264 + aac + " -ac 1", 75, true, true},
      {"surround.mkv", bars("320x180", "25") + tone + h264 + " -c:a ac3 -ac 6", 75, true, true},
      {"44100.mkv", bars("320x180", "25") + tone + h264 + " -c:a libmp3lame -ar 44100", 75, true, true},
      {"b-frames.mp4", bars("640x360", "25") + tone + " -c:v libx264 -preset medium -bf 4 -g 75 -pix_fmt yuv420p" + aac,
       75, true, true},
      {"b-frames.ts", bars("320x180", "25") + tone + h264 + " -bf 3" + aac, 75, true, true},
      {"late-start.mkv", bars("320x180", "25") + tone + h264 + aac + " -output_ts_offset 1.5", 75, true, true},
      {"anamorphic.mp4", bars("360x180", "25") + tone + " -vf setsar=4/3" + h264 + aac, 75, true, true},
      {"ten-bit.mkv",
       bars("320x180", "25") + tone + " -c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le" + aac, 75, true,
       true},
      {"mpeg2.mpg", bars("320x180", "25") + tone + " -c:v mpeg2video -c:a mp2", 75, true, true},
      {"old.avi", bars("320x180", "25") + tone + " -c:v mjpeg -c:a pcm_s16le", 75, true, true},
      {"vp9.webm", bars("320x180", "25") + tone + " -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus", 75,
       true, true},
      {"colour-and-name's \u00e9.mp4", bars("320x180", "25") + tone + h264 + aac, 75, true, true},
  };
}

// Its path. The name is given last: ffmpeg would read its marks.
inline std::string make_film(const MustPlay& film, const TemporaryDirectory& directory) {
  const std::string plain = directory / ("source.tmp" + std::filesystem::path(film.name).extension().string());
  std::string path = directory / film.name;
  make_film(film.arguments, plain);
  std::filesystem::rename(plain, path);
  return path;
}

}  // namespace aircheck::test
