// Real segments, made by our elements and served by our routes, read by ffmpeg.
#include <gio/gio.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "daemon/http/station_with_archive.hpp"

namespace aircheck::http {
namespace {

using access::Kind;
using access::Protection;

constexpr int kFrames = 450;  // three segments of six seconds at 25 frames a second
constexpr int kAudioFrames = 844;

class RealMediaTest : public test::StationWithArchive {
 protected:
  RealMediaTest() : StationWithArchive(false) {
    start_ = now_ - 60 * kSecondNs;
    encode();
    take_in(one_);
    EXPECT_EQ(archive_->index(one_.id)->segment_count(), 3U);
    EXPECT_TRUE(run_until([&] { return !archive_->facts(one_.id).empty(); }));
  }

  // Runs a program to its end while the station answers it; its standard output.
  std::string run(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv;
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    argv.push_back(nullptr);
    g_autoptr(GError) error = nullptr;
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv.data(), static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE),
        &error);
    if (process == nullptr) {
      ADD_FAILURE() << error->message;
      return {};
    }
    struct Output {
      bool done = false;
      std::string text;
    } output;
    g_subprocess_communicate_utf8_async(
        process, nullptr, nullptr,
        [](GObject* source, GAsyncResult* result, gpointer data) {
          auto* into = static_cast<Output*>(data);
          g_autofree char* text = nullptr;
          g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &text, nullptr, nullptr);
          into->text = text == nullptr ? "" : text;
          into->done = true;
        },
        &output);
    EXPECT_TRUE(run_until([&] { return output.done; }, 60'000));
    EXPECT_TRUE(g_subprocess_get_successful(process)) << arguments[0] << ": " << output.text;
    return output.text;
  }

  void encode() {
    const channels::KeyRecord key = keys_->at(one_.id, start_).value();
    const std::string cenc =
        "cencenc key-id=" + core::to_hex(key.key_id) + " key=" + core::to_hex(key.key.reveal()) + " ! ";
    std::filesystem::create_directories(segments() + "/ch1");
    std::istringstream words(
        "gst-launch-1.0 -q videotestsrc num-buffers=" + std::to_string(kFrames) +
        " pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc speed-preset=ultrafast "
        "tune=zerolatency key-int-max=250 ! h264parse ! " +
        cenc + "sink.video audiotestsrc samplesperbuffer=1024 num-buffers=" + std::to_string(kAudioFrames) +
        " ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! " + cenc +
        "sink.audio strftimefmp4sink name=sink target-duration=6 start-utc=" + core::to_rfc3339(start_) +
        " location=" + segments() + "/ch1/ch1-%Y%m%d%H%M%S.m4s");
    std::vector<std::string> arguments;
    for (std::string word; words >> word;) arguments.push_back(word);
    run(arguments);
  }

  // What ffmpeg takes from a playlist: one line for each packet, or for each decoded frame, without side data (which
  // for encrypted media holds the pssh).
  std::vector<std::string> framemd5(const std::string& address, bool decode) {
    std::vector<std::string> arguments{"ffmpeg", "-v", "error", "-xerror", "-i", address, "-map", "0:v", "-map", "0:a"};
    if (!decode) arguments.insert(arguments.end(), {"-c", "copy"});
    arguments.insert(arguments.end(), {"-f", "framemd5", "-"});
    std::istringstream output(run(arguments));
    std::vector<std::string> packets;
    for (std::string line; std::getline(output, line);) {
      if (!line.starts_with('#')) packets.push_back(line.substr(0, line.find(", S=")));
    }
    return packets;
  }
  static auto count(const std::vector<std::string>& packets, const std::string& stream) {
    return std::count_if(packets.begin(), packets.end(),
                         [&](const auto& line) { return line.starts_with(stream + ","); });
  }

  std::string catchup(Protection protection) {
    std::string query = "kind=catchup&start=" + seconds(start_) + "&end=" + seconds(start_ + 18 * kSecondNs);
    if (protection == Protection::kAes128) query += "&protection=aes-128";
    return stream(query, Kind::kCatchup, protection, "index.m3u8");
  }

  core::Utc start_;
};

TEST_F(RealMediaTest, FfmpegPlaysTheEncryptedArchiveAndItsAes128FormAlike) {
  const auto multivariant = get(catchup(Protection::kCenc));
  ASSERT_EQ(multivariant.status, 200) << multivariant.body;
  EXPECT_NE(multivariant.body.find("RESOLUTION=320x180,FRAME-RATE=25.000"), std::string::npos) << multivariant.body;
  EXPECT_NE(multivariant.body.find("CODECS=\"avc1."), std::string::npos);
  EXPECT_NE(multivariant.body.find("mp4a.40.2"), std::string::npos);

  const auto cenc = framemd5(catchup(Protection::kCenc), false);
  EXPECT_EQ(count(cenc, "0"), kFrames);
  EXPECT_GE(count(cenc, "1"), kAudioFrames);
  EXPECT_TRUE(framemd5(catchup(Protection::kAes128), false) == cenc) << "other packets";
  const auto decoded = framemd5(catchup(Protection::kAes128), true);
  EXPECT_EQ(count(decoded, "0"), kFrames);
  // A ball that moves: a wrong key would give grey or nothing.
  std::set<std::string> pictures;
  for (const std::string& line : decoded) {
    if (line.starts_with("0,")) pictures.insert(line.substr(line.rfind(' ')));
  }
  EXPECT_GT(pictures.size(), kFrames / 2U);
}

}  // namespace
}  // namespace aircheck::http
