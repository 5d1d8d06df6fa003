// What has to be refused: a message that names the file or property, a non-zero exit, and nothing half-written.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "fmp4/packaging/packaging.hpp"
#include "gstx/ref.hpp"

namespace aircheck {
namespace {

using gstx::Ref;
using test::Finished;
using test::Line;
using test::run;
using test::TemporaryDirectory;

class MustRefuse : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    films_ = std::make_unique<TemporaryDirectory>();
    test::make_film(*films_ / "film.mp4", test::test_media(15) + test::kX264 + " " + test::kAac);
  }
  static void TearDownTestSuite() { films_.reset(); }

  static std::string film() { return *films_ / "film.mp4"; }

  // The line fails, says `text`, and leaves no file in its folder.
  static void expect_refused(const Line& line, const std::string& text) {
    const Finished finished = test::package(line);
    // gst-launch ends with 1 or -1; anything else is a crash or the time limit.
    EXPECT_TRUE(finished.exit == 1 || finished.exit == 255) << finished.exit;
    EXPECT_NE(finished.output.find(text), std::string::npos) << finished.output;
  }

  // The same without gst-launch 1.22, which hangs now and then where a demuxer fails before its main loop runs.
  static void expect_no_film(const std::string& film, const std::string& folder) {
    GError* error = nullptr;
    const auto pipeline =
        Ref<GstElement>::sink(gst_parse_launch(test::description({.film = film, .folder = folder}).c_str(), &error));
    ASSERT_EQ(error, nullptr) << error->message;
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    ASSERT_TRUE(message) << "neither an error nor the end";
    EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_ERROR);
  }

  static inline std::unique_ptr<TemporaryDirectory> films_;
};

TEST_F(MustRefuse, MissingSource) {
  const TemporaryDirectory folder;
  expect_refused({.film = folder / "no-such-film.mp4", .folder = folder.path()}, "no-such-film.mp4");
  EXPECT_TRUE(folder.files().empty());
}

TEST_F(MustRefuse, EmptySource) {
  const TemporaryDirectory folder;
  folder.write("film.mp4", "");
  expect_no_film(folder / "film.mp4", folder.path());
  EXPECT_EQ(folder.files(), std::vector<std::string>{"film.mp4"});
}

TEST_F(MustRefuse, NonMediaSource) {
  const TemporaryDirectory folder;
  folder.write("film.mp4", std::string(100'000, 'x'));
  expect_no_film(folder / "film.mp4", folder.path());
  EXPECT_EQ(folder.files(), std::vector<std::string>{"film.mp4"});
}

// The moov box stands at the end: without it there is nothing to read.
TEST_F(MustRefuse, TruncatedSource) {
  const TemporaryDirectory folder;
  const std::string whole = test::read_text(film());
  folder.write("film.mp4", whole.substr(0, whole.size() / 2));
  expect_no_film(folder / "film.mp4", folder.path());
  EXPECT_EQ(folder.files(), std::vector<std::string>{"film.mp4"});
}

TEST_F(MustRefuse, WrongKeyLength) {
  const TemporaryDirectory folder;
  expect_refused({.film = film(), .folder = folder.path(), .key = "001122"}, "key");
  EXPECT_TRUE(folder.files().empty());
}

TEST_F(MustRefuse, FolderThatNobodyMayWriteTo) {
  expect_refused({.film = film(), .folder = "/sys"}, "location: cannot create");
}

TEST_F(MustRefuse, FolderThatIsMissing) {
  const TemporaryDirectory folder;
  expect_refused({.film = film(), .folder = folder / "out"}, "does not exist: make it first");
}

TEST_F(MustRefuse, NamesThatCannotBeReadBack) {
  const TemporaryDirectory folder;
  expect_refused({.film = film(), .folder = folder.path(), .location = "seg%05d.m4s"}, "location: %0 is not a field");
  expect_refused({.film = film(), .folder = folder.path(), .location = "ch1-%H%M%S.m4s"},
                 "location: the pattern lacks");
  EXPECT_TRUE(folder.files().empty());
}

TEST_F(MustRefuse, StartThatIsNoInstant) {
  const TemporaryDirectory folder;
  expect_refused({.film = film(), .folder = folder.path(), .sink = "start-utc=yesterday"}, "start-utc");
  EXPECT_TRUE(folder.files().empty());
}

// A disk that fills up in the middle: what was written stays and plays, nothing half-written has a final name. Where
// nobody may mount a small disk, a limit to the size of files refuses the first segment.
TEST_F(MustRefuse, FullDisk) {
  const bool small_disk = run("unshare -rm true 2>/dev/null").exit == 0;
  const TemporaryDirectory folder;
  const std::string disk = folder / "disk";
  const std::string kept = folder / "kept";
  ASSERT_TRUE(std::filesystem::create_directory(disk) && std::filesystem::create_directory(kept));
  const std::string size = std::to_string(std::filesystem::file_size(film()) * 6 / 10 / 4096 * 4096);
  const std::string write = test::gst_launch({.film = film(), .folder = disk, .sink = "on-error=stop"}) +
                            "; code=\\$?; cp -a " + disk + "/. " + kept + "; exit \\$code";
  const Finished finished = run(small_disk ? "unshare -rm bash -c \"mount -t tmpfs -o size=" + size + " tmpfs " + disk +
                                                 " && { " + write + "; }\" 2>&1"
                                           : "bash -c \"trap '' XFSZ; ulimit -f 8; " + write + "\" 2>&1");
  EXPECT_NE(finished.exit, 0) << finished.output;
  EXPECT_NE(finished.output.find("location: cannot"), std::string::npos) << finished.output;
  EXPECT_NE(finished.output.find(small_disk ? "No space left on device" : "File too large"), std::string::npos)
      << finished.output;
  for (const auto& entry : std::filesystem::directory_iterator(kept)) {
    EXPECT_NE(entry.path().extension(), ".part") << entry.path();
  }
  if (!small_disk) {
    EXPECT_FALSE(std::filesystem::exists(kept + "/ch1-20260225143000.m4s"));
    return;
  }
  const test::Hashes got = test::packets(test::decrypted(kept), "v:0");
  const test::Hashes whole = test::packets("-i " + film(), "v:0");
  ASSERT_GE(got.size(), 100U);
  ASSERT_LT(got.size(), whole.size());
  EXPECT_TRUE(std::equal(got.begin(), got.end(), whole.begin()));
  // Nothing is listed that is not there, and nobody says that the film was over.
  std::istringstream playlist(test::read_text(kept + "/ch1.m3u8"));
  std::size_t listed = 0;
  for (std::string line; std::getline(playlist, line);) {
    EXPECT_NE(line, "#EXT-X-ENDLIST");
    if (!line.ends_with(".m4s")) continue;
    EXPECT_TRUE(std::filesystem::exists(kept + "/" + line)) << line;
    ++listed;
  }
  EXPECT_GE(listed, 1U);
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
