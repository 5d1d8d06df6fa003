// Films made by ffmpeg, and the gst-launch line that packages them.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "fmp4/packaging/packets.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {

// Pictures a little longer than the sound: qtdemux 1.22 leaves out a last AAC packet that begins after the end which
// the movie header tells, and an encoder's priming puts it there.
inline std::string test_media(int seconds) {
  const std::string length = std::to_string(seconds);
  return "-f lavfi -i testsrc2=size=320x180:rate=25:duration=" + length +
         ".08 -f lavfi -i sine=frequency=440:sample_rate=48000:duration=" + length + " ";
}

inline constexpr const char* kX264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 3 -g 50";
inline constexpr const char* kAac = "-c:a aac -b:a 96k";

// A film from arguments of ffmpeg.
inline void make_film(const std::string& path, const std::string& arguments) {
  const Finished made = run("ffmpeg -nostdin -v error -y " + arguments + " " + path + " 2>&1");
  ASSERT_EQ(made.exit, 0) << arguments << "\n" << made.output;
}

struct Line {
  std::string film;
  std::string folder;
  bool video = true;
  bool audio = true;
  std::string demuxer = "qtdemux";
  std::string location = "";  // below the folder; "": ch1-%Y%m%d%H%M%S.m4s
  std::string key = kKey;
  std::string sink = "";  // more properties
};

// In the syntax of gst-launch.
inline std::string description(const Line& line) {
  const std::string cenc = std::string(" ! cencenc key-id=") + kKeyId + " key=" + line.key + " ! sink.";
  const std::string location = line.folder + "/" + (line.location.empty() ? "ch1-%Y%m%d%H%M%S.m4s" : line.location);
  std::string command = "filesrc location=" + line.film + " ! " + line.demuxer + " name=d";
  if (line.video) command += " d.video_0 ! queue ! h264parse" + cenc + "video";
  if (line.audio) command += " d.audio_0 ! queue ! aacparse" + cenc + "audio";
  return command + " strftimefmp4sink name=sink location='" + location + "' playlist-location=" + line.folder +
         "/ch1.m3u8 target-duration=6 start-utc=2026-02-25T14:30:00Z " + line.sink;
}

inline std::string gst_launch(const Line& line) {
  return "gst-launch-1.0 " + description(line) + " 2>&1";
}

inline Finished package(const Line& line) {
  return run(gst_launch(line));
}

}  // namespace aircheck::test
