// GStreamer's own tracer finds no object of ours alive when a program that used the elements ends.
#include <gtest/gtest.h>

#include <algorithm>

#include "fmp4/packaging/packaging.hpp"

namespace aircheck {
namespace {

using test::Finished;
using test::run;
using test::TemporaryDirectory;

// The tracer writes to a file, because the log of gst-launch itself would mix with it.
std::string alive_after(const TemporaryDirectory& folder, const std::string& line) {
  const std::string log = folder / "tracer.log";
  const Finished done =
      run("export GST_TRACERS=leaks GST_DEBUG=GST_TRACER:7 GST_DEBUG_NO_COLOR=1 GST_DEBUG_FILE=" + log + "; " + line);
  EXPECT_EQ(done.exit, 0) << done.output;
  std::istringstream lines(test::read_text(log));
  std::string alive;
  for (std::string text; std::getline(lines, text);) {
    const bool declared = text.find("new format string") != std::string::npos;
    if (!declared && text.find("object-alive, type-name") != std::string::npos) alive += text + "\n";
  }
  return alive;
}

TEST(Leaks, NothingIsAliveAfterPackagingAndPlaying) {
  const TemporaryDirectory folder;
  const std::string film = folder / "film.mp4";
  test::make_film(film, test::test_media(12) + test::kX264 + " " + test::kAac);
  EXPECT_EQ(alive_after(folder, test::gst_launch({.film = film, .folder = folder.path()})), "");
  ASSERT_EQ(run("cd " + folder.path() + " && cat ch1-init-*.mp4 ch1-2*.m4s > all.mp4").exit, 0);
  // qtdemux 1.22 itself leaves a buffer behind of every encrypted file: with cencdec there is nothing more.
  const auto play = [&](const std::string& decryptor) {
    const std::string alive = alive_after(folder, "gst-launch-1.0 filesrc location=" + (folder / "all.mp4") +
                                                      " ! qtdemux name=d d.video_0 ! queue" + decryptor +
                                                      " ! fakesink d.audio_0 ! queue" + decryptor + " ! fakesink 2>&1");
    return std::ranges::count(alive, '\n');
  };
  EXPECT_EQ(play(std::string(" ! cencdec keys=") + test::kKeyId + ":" + test::kKey), play(""));
}

// The same after a refusal, where what was begun has to be undone.
TEST(Leaks, NothingIsAliveAfterAnError) {
  const TemporaryDirectory folder;
  const std::string film = folder / "film.mp4";
  test::make_film(film, test::test_media(12) + test::kX264 + " " + test::kAac);
  const std::string line = test::gst_launch({.film = film, .folder = folder / "is-not-there"});
  EXPECT_EQ(alive_after(folder, "true; ! " + line), "");
}

}  // namespace
}  // namespace aircheck
