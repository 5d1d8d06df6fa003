// Every kind of film that has to work, through the gst-launch line of the README, told by ffmpeg and Shaka Packager.
#include <gtest/gtest.h>

#include <algorithm>

#include "fmp4/packaging/packaging.hpp"

namespace aircheck {
namespace {

using test::Finished;
using test::Hashes;
using test::Line;
using test::read_text;
using test::run;
using test::TemporaryDirectory;

struct Film {
  const char* name;
  const char* file;
  std::string arguments;
  bool video = true;
  bool audio = true;
  const char* demuxer = "qtdemux";
  const char* warning = "";  // that the line has to print

  friend std::ostream& operator<<(std::ostream& out, const Film& film) { return out << film.arguments; }
};

std::string both(const std::string& more) {
  return test::test_media(15) + test::kX264 + " " + test::kAac + " " + more;
}

std::string video_only(const std::string& source, const std::string& encoder) {
  return "-f lavfi -i " + source + " -t 15 " + encoder;
}

std::vector<Film> films() {
  // Without an edit list, for the same reason as in test_media().
  const std::string sine = "-f lavfi -i sine=frequency=440:sample_rate=48000:duration=15 -use_editlist 0 ";
  return {
      {"b_frames", "film.mp4", both("")},
      {"open_gop", "film.mp4", both("-x264-params open-gop=1:keyint=40:scenecut=0"), true, true, "qtdemux",
       "begins without an IDR"},
      {"no_b_frames", "film.mp4", both("-bf 0")},
      {"many_slices", "film.mp4", both("-x264-params slices=8")},
      {"moov_at_the_front", "film.mp4", both("-movflags +faststart")},
      {"no_audio", "film.mp4", video_only("testsrc2=size=320x180:rate=25", test::kX264), true, false},
      {"no_video", "film.m4a", sine + test::kAac, false, true},
      {"odd_size_420", "film.mp4", video_only("testsrc2=size=322x182:rate=25", test::kX264), true, false},
      {"odd_size_444", "film.mp4",
       video_only("testsrc2=size=427x241:rate=25", "-c:v libx264 -preset veryfast -pix_fmt yuv444p -g 50"), true,
       false},
      {"fps_12_5", "film.mp4", video_only("testsrc2=size=320x180:rate=25/2", test::kX264), true, false},
      {"fps_29_97", "film.mp4", video_only("testsrc2=size=320x180:rate=30000/1001", test::kX264), true, false},
      {"fps_varies", "film.mp4",
       video_only("\"testsrc2=size=320x180:rate=25,select='not(mod(n\\,3))+lt(mod(n\\,50)\\,20)'\"",
                  std::string("-fps_mode vfr ") + test::kX264),
       true, false},
      {"mono", "film.mp4", both("-ac 1")},
      {"surround_5_1", "film.mp4", both("-af 'pan=5.1|FL=c0|FR=c0|FC=c0|LFE=c0|BL=c0|BR=c0'")},
      {"audio_44100", "film.mp4", both("-ar 44100")},
      {"matroska", "film.mkv", both(""), true, true, "matroskademux"},
  };
}

class MustPlay : public testing::TestWithParam<Film> {};

// Sums the durations of a playlist.
double playlist_seconds(const std::string& playlist) {
  double seconds = 0;
  for (std::size_t at = playlist.find("#EXTINF:"); at != std::string::npos; at = playlist.find("#EXTINF:", at + 1)) {
    seconds += std::strtod(playlist.c_str() + at + 8, nullptr);
  }
  return seconds;
}

double stream_seconds(const std::string& film, const std::string& stream) {
  const Finished probed = run("ffprobe -v error -select_streams " + stream +
                              " -show_entries packet=pts_time,duration_time -of csv=p=0 " + film);
  double last = 0;
  std::istringstream lines(probed.output);
  for (std::string line; std::getline(lines, line);) {
    char* rest = nullptr;
    const double pts = std::strtod(line.c_str(), &rest);
    const double duration = *rest == ',' ? std::strtod(rest + 1, nullptr) : 0;
    last = std::max(last, pts + duration);
  }
  return last;
}

TEST_P(MustPlay, PacketsAndFramesAreTheSources) {
  const Film& film = GetParam();
  const TemporaryDirectory folder;
  const std::string source = folder / film.file;
  test::make_film(source, film.arguments);
  const Finished packaged = test::package(
      {.film = source, .folder = folder.path(), .video = film.video, .audio = film.audio, .demuxer = film.demuxer});
  ASSERT_EQ(packaged.exit, 0) << packaged.output;
  EXPECT_EQ(packaged.output.find("WARNING") != std::string::npos, film.warning[0] != 0) << packaged.output;
  EXPECT_NE(packaged.output.find(film.warning), std::string::npos) << packaged.output;

  const std::string ours = test::decrypted(folder.path());
  for (const char* stream : {"v:0", "a:0"}) {
    if (!(stream[0] == 'v' ? film.video : film.audio)) continue;
    const Hashes expected = test::packets("-i " + source, stream);
    test::expect_same(test::packets(ours, stream), expected, std::string("packets ") + stream);
    test::expect_same(test::frames(ours, stream), test::frames("-i " + source, stream),
                      std::string("frames ") + stream);
  }
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_TRUE(playlist.ends_with("#EXT-X-ENDLIST\n"));
  EXPECT_NE(playlist.find("#EXT-X-PROGRAM-DATE-TIME:2026-02-25T14:30:0"), std::string::npos) << playlist;
  EXPECT_NEAR(playlist_seconds(playlist), stream_seconds(source, film.video ? "v:0" : "a:0"), 0.1);
}

INSTANTIATE_TEST_SUITE_P(Films, MustPlay, testing::ValuesIn(films()),
                         [](const auto& film) { return std::string(film.param.name); });

}  // namespace
}  // namespace aircheck
