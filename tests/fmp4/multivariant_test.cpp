#include "fmp4/multivariant.hpp"

#include <gtest/gtest.h>

#include "core/time.hpp"
#include "support/golden.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::fmp4 {
namespace {

using test::read_text;
using test::TemporaryDirectory;

Rendition video(const std::string& path, std::uint32_t height, std::uint64_t bandwidth) {
  Rendition rendition;
  rendition.playlist_path = path;
  rendition.track = "video";
  rendition.video = true;
  rendition.codecs = {"avc1.64001f"};
  rendition.width = height * 16 / 9;
  rendition.height = height;
  rendition.frame_rate_num = 30000;
  rendition.frame_rate_den = 1001;
  rendition.peak_bandwidth = bandwidth;
  rendition.average_bandwidth = bandwidth * 9 / 10;
  rendition.independent = true;
  return rendition;
}

Rendition audio(const std::string& path, const std::string& track, const std::string& codec, const char* language) {
  Rendition rendition;
  rendition.playlist_path = path;
  rendition.track = track;
  rendition.codecs = {codec};
  rendition.channels = 2;
  rendition.language = language;
  rendition.peak_bandwidth = 130'000;
  rendition.average_bandwidth = 128'000;
  rendition.independent = true;
  return rendition;
}

TEST(Multivariant, VideosShareTheirAudio) {
  test::expect_golden(
      "playlist/sink_multivariant.m3u8",
      multivariant_text(
          {video("out/hd/ch1-video.m3u8", 720, 2'000'000), audio("out/ch1-audio.m3u8", "audio", "mp4a.40.2", "en"),
           audio("out/ch1-audio_1.m3u8", "audio_1", "mp4a.40.2", "de"), video("out/sd/ch1-video.m3u8", 360, 700'000)},
          "out/index.m3u8"));
}

TEST(Multivariant, EachCodecOfAudioIsAGroup) {
  const std::string text =
      multivariant_text({video("v.m3u8", 720, 2'000'000), audio("a.m3u8", "audio", "mp4a.40.2", ""),
                         audio("o.m3u8", "audio_1", "Opus", "")},
                        "index.m3u8");
  EXPECT_NE(text.find("CODECS=\"avc1.64001f,Opus\""), std::string::npos) << text;
  EXPECT_NE(text.find("CODECS=\"avc1.64001f,mp4a.40.2\""), std::string::npos) << text;
  EXPECT_NE(text.find("GROUP-ID=\"audio-Opus\""), std::string::npos) << text;
  EXPECT_NE(text.find("AUDIO=\"audio-mp4a\""), std::string::npos) << text;
}

TEST(Multivariant, WhereThereIsNoVideoAudioIsTheVariant) {
  const std::string text = multivariant_text({audio("a.m3u8", "audio", "mp4a.40.2", "en")}, "index.m3u8");
  EXPECT_EQ(text,
            "#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-STREAM-INF:BANDWIDTH=130000,AVERAGE-BANDWIDTH=128000,"
            "CODECS=\"mp4a.40.2\"\na.m3u8\n");
}

TEST(Multivariant, IsSharedByPathAndWrittenWhenItChanges) {
  const TemporaryDirectory folder;
  const auto one = Multivariant::share(folder / "index.m3u8");
  const auto other = Multivariant::share(folder / "./index.m3u8");
  EXPECT_EQ(one, other);
  ASSERT_TRUE(one->update({video(folder / "a.m3u8", 720, 2'000'000)}));
  ASSERT_TRUE(other->update({video(folder / "b.m3u8", 360, 700'000)}));
  const std::string text = read_text(folder / "index.m3u8");
  EXPECT_NE(text.find("\na.m3u8\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nb.m3u8\n"), std::string::npos) << text;
  folder.write("index.m3u8", "untouched");
  ASSERT_TRUE(one->update({video(folder / "a.m3u8", 720, 2'000'000)}));
  EXPECT_EQ(read_text(folder / "index.m3u8"), "untouched") << "nothing changed";
  ASSERT_TRUE(one->update({video(folder / "a.m3u8", 720, 3'000'000)}));
  const std::string changed = read_text(folder / "index.m3u8");
  EXPECT_NE(changed.find("BANDWIDTH=3000000"), std::string::npos) << changed;
  std::filesystem::remove(folder / "index.m3u8");
  ASSERT_TRUE(one->update({video(folder / "a.m3u8", 720, 3'000'000)}));
  EXPECT_EQ(read_text(folder / "index.m3u8"), changed) << "it was gone";
}

TEST(Bandwidth, IsMeasuredOverHalfATargetAtLeast) {
  Bandwidth bandwidth;
  bandwidth.add(1'000'000, 8 * core::kNsPerSecond, 8 * core::kNsPerSecond);
  EXPECT_EQ(bandwidth.peak(), 1'000'000U);
  bandwidth.add(100'000, core::kNsPerSecond / 10, 8 * core::kNsPerSecond);  // 8 Mbit/s, but for a moment
  EXPECT_EQ(bandwidth.peak(), 1'100'000U) << "1,086,420 rounded up";
  EXPECT_EQ(bandwidth.average(), 1'100'000U);
  bandwidth.add(1'510'000, 8 * core::kNsPerSecond, 8 * core::kNsPerSecond);
  EXPECT_EQ(bandwidth.peak(), 1'600'000U);
}

}  // namespace
}  // namespace aircheck::fmp4
