// The line of the README on a film of half a minute: names from media time, and packets that two other decryptors give
// back unchanged. AIRCHECK_TEST_FILM names one more film (H.264 and AAC in MP4).
#include <gtest/gtest.h>

#include "fmp4/packaging/packaging.hpp"

namespace aircheck {
namespace {

using test::Finished;
using test::Hashes;
using test::run;
using test::TemporaryDirectory;

class FirstLight : public testing::Test {
 protected:
  // The film made here, and the one that the environment names.
  static std::vector<std::string> films() {
    static const TemporaryDirectory folder;
    const std::string film = folder / "film.mp4";
    if (!std::filesystem::exists(film)) {
      test::make_film(film, test::test_media(30) + test::kX264 + " " + test::kAac + " -ac 2");
    }
    std::vector<std::string> all{film};
    if (const char* more = std::getenv("AIRCHECK_TEST_FILM")) all.emplace_back(more);
    return all;
  }

  static void package(const std::string& film, const std::string& folder) {
    const Finished packaged = test::package({.film = film, .folder = folder, .sink = "key-uri=key.bin"});
    ASSERT_EQ(packaged.exit, 0) << packaged.output;
  }
};

TEST_F(FirstLight, NamesFollowMediaTime) {
  const TemporaryDirectory folder;
  package(films()[0], folder.path());
  std::vector<std::string> names;
  for (const std::string& name : folder.files()) {
    if (name.ends_with(".m4s")) names.push_back(name);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"ch1-20260225143000.m4s", "ch1-20260225143006.m4s", "ch1-20260225143012.m4s",
                                      "ch1-20260225143018.m4s", "ch1-20260225143024.m4s", "ch1-20260225143030.m4s"}));
}

TEST_F(FirstLight, FfmpegGetsTheSourcesPackets) {
  for (const std::string& film : films()) {
    const TemporaryDirectory folder;
    package(film, folder.path());
    for (const char* stream : {"v:0", "a:0"}) {
      const std::string ours = test::decrypted(folder.path());
      test::expect_same(test::packets(ours, stream), test::packets("-i " + film, stream), film + " packets " + stream);
      test::expect_same(test::frames(ours, stream), test::frames("-i " + film, stream), film + " frames " + stream);
    }
  }
}

TEST_F(FirstLight, ShakaPackagerGetsTheSourcesPackets) {
  const char* packager = std::getenv("AIRCHECK_SHAKA_PACKAGER");
  ASSERT_NE(packager, nullptr) << "run the test through meson";
  for (const std::string& film : films()) {
    const TemporaryDirectory folder;
    package(film, folder.path());
    const std::string in = folder / "all.mp4";
    ASSERT_EQ(run("cat " + folder.path() + "/ch1-init-*.mp4 " + folder.path() + "/ch1-2*.m4s > " + in).exit, 0);
    for (const std::string stream : {"video", "audio"}) {
      const std::string out = folder / (stream + ".mp4");
      const Finished decrypted =
          run(std::string(packager) + " in=" + in + ",stream=" + stream + ",out=" + out +
              " --enable_raw_key_decryption --keys label=:key_id=" + test::kKeyId + ":key=" + test::kKey + " 2>&1");
      ASSERT_EQ(decrypted.exit, 0) << decrypted.output;
      const std::string selector = stream.substr(0, 1) + ":0";
      test::expect_same(test::packets("-i " + out, "0"), test::packets("-i " + film, selector),
                        film + " packets of " + stream);
    }
  }
}

// The playlist is enough for ffmpeg: it finds the key behind the identity line.
TEST_F(FirstLight, FfmpegPlaysThePlaylist) {
  const TemporaryDirectory folder;
  package(films()[0], folder.path());
  ASSERT_EQ(run("printf '%s' " + std::string(test::kKey) + " | sed 's/../\\\\x&/g' | xargs -0 printf '%b' > " +
                (folder / "key.bin"))
                .exit,
            0);
  ASSERT_EQ(std::filesystem::file_size(folder / "key.bin"), 16U);
  const std::string playlist = "-xerror -allowed_extensions ALL -i " + (folder / "ch1.m3u8");
  test::expect_same(test::packets(playlist, "v:0"), test::packets("-i " + films()[0], "v:0"), playlist);
}

// Much faster than real time, with both processors of a small machine busy elsewhere too.
TEST_F(FirstLight, IsFasterThanRealTime) {
  const TemporaryDirectory folder;
  const Finished finished = run("TIMEFORMAT=%R; time (" +
                                test::gst_launch({.film = films()[0], .folder = folder.path()}) + " >/dev/null) 2>&1");
  ASSERT_EQ(finished.exit, 0) << finished.output;
  EXPECT_LT(std::strtod(finished.output.c_str(), nullptr), 15) << "30 s of film took " << finished.output;
}

}  // namespace
}  // namespace aircheck
