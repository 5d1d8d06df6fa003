// kill -9 at random moments while strftimefmp4sink records: what the folder then holds, and how the next run goes on.
// AIRCHECK_KILL_ROUNDS is how often (default: 20 for each layout), AIRCHECK_KILL_SEED repeats a run.
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>

#include "core/bmff/fragment.hpp"
#include "core/gaps.hpp"
#include "core/naming.hpp"
#include "core/segment_info.hpp"
#include "support/m3u8.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"

extern char** environ;

namespace aircheck {
namespace {

using test::read_text;
using test::TemporaryDirectory;

constexpr std::int64_t kSecond = core::kNsPerSecond;

std::uint32_t from_environment(const char* name, std::uint32_t fallback) {
  const char* text = std::getenv(name);
  return text != nullptr ? static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10)) : fallback;
}

struct Segment {
  core::NameParts name;
  std::string path;
  core::SegmentInfo info;
};

class KillTest : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] std::vector<std::string> tracks() const {
    return GetParam() ? std::vector<std::string>{"video", "audio"} : std::vector<std::string>{""};
  }
  [[nodiscard]] std::string pattern() const {
    return folder_ / (GetParam() ? "ch1-%{track}-%Y%m%d%H%M%S.m4s" : "ch1-%Y%m%d%H%M%S.m4s");
  }
  [[nodiscard]] std::string playlist(const std::string& track) const {
    return track.empty() ? "ch1.m3u8" : "ch1-" + track + ".m3u8";
  }

  // Much faster than real time: each second of media is a segment.
  pid_t record(core::Utc start) {
    const std::string line =
        "gst-launch-1.0 -q videotestsrc pattern=black num-buffers=200000 ! "
        "video/x-raw,format=I420,width=64,height=64,framerate=25/1 ! x264enc key-int-max=25 speed-preset=ultrafast "
        "tune=zerolatency ! h264parse ! sink.video audiotestsrc wave=silence samplesperbuffer=1024 ! "
        "audio/x-raw,rate=48000,channels=1 ! avenc_aac ! aacparse ! sink.audio strftimefmp4sink name=sink fsync=none "
        "target-duration=1 location=" +
        pattern() + " playlist-location=" + folder_ / playlist(GetParam() ? "%{track}" : "") +
        (GetParam() ? " layout=separate" : "") + " start-utc=" + core::to_rfc3339(start, 3);
    std::string shell = "exec " + line + " >/dev/null 2>&1";
    std::string sh = "sh";
    std::string option = "-c";
    char* arguments[] = {sh.data(), option.data(), shell.data(), nullptr};
    pid_t child = 0;
    EXPECT_EQ(posix_spawnp(&child, "sh", nullptr, nullptr, arguments, environ), 0);
    return child;
  }

  // Segments under a final name of the track that is written last.
  std::size_t count() {
    const auto names = core::NamePattern::parse(pattern());
    std::size_t segments = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      const auto name = names->parse_name(entry.path().string());
      if (name && name->track == tracks().back()) ++segments;
    }
    return segments;
  }

  // Every file under a final name, in the order of writing. Each is whole.
  std::vector<Segment> segments(const std::string& track) {
    const auto names = core::NamePattern::parse(pattern());
    EXPECT_TRUE(names);
    std::vector<Segment> found;
    for (const std::string& file : folder_.files()) {
      const auto name = names->parse_name(folder_ / file);
      if (!name || name->track != track) continue;
      const std::string bytes = read_text(folder_ / file);
      const auto info = core::read_segment_info(core::as_bytes(bytes));
      const auto fragment = core::bmff::parse_fragment(core::as_bytes(bytes));
      EXPECT_TRUE(info) << file << ": " << info.error().message;
      EXPECT_TRUE(fragment) << file << ": " << fragment.error().message;
      if (info) found.push_back({*name, file, *info});
    }
    std::ranges::sort(found, {}, [](const Segment& segment) { return segment.info.sequence; });
    return found;
  }

  // Numbers by the rule, a discontinuity where a run began and nowhere else.
  void expect_numbers(const std::vector<Segment>& found, const std::vector<core::Utc>& starts) {
    for (std::size_t i = 1; i < found.size(); ++i) {
      const core::SegmentInfo& before = found[i - 1].info;
      const core::SegmentInfo& info = found[i].info;
      const core::Gap gap(before.sequence, before.start + before.duration_ns, info.start, kSecond);
      EXPECT_EQ(info.sequence, gap.next_sequence()) << found[i].path;
      const bool begins = std::ranges::find(starts, info.start) != starts.end();
      EXPECT_EQ(info.discontinuity, begins) << found[i].path;
      EXPECT_TRUE(begins || gap.empty()) << "a hole within a run before " << found[i].path;
    }
  }

  // A playlist lists whole files under their own numbers. It may lack what was written last.
  void expect_listed(const std::string& track, const std::vector<Segment>& found) {
    if (!std::filesystem::exists(folder_ / playlist(track))) return;
    const test::M3u8 list = test::parse_m3u8(read_text(folder_ / playlist(track)));
    std::map<std::string, std::uint64_t> numbers;
    for (const Segment& segment : found) numbers[segment.path] = segment.info.sequence;
    std::size_t listed = 0;
    for (const test::M3u8Row& row : list.rows) {
      if (row.gap) {
        EXPECT_FALSE(numbers.contains(row.uri)) << row.uri;
        continue;
      }
      ++listed;
      ASSERT_TRUE(numbers.contains(row.uri)) << row.uri << " is listed and not there";
      EXPECT_EQ(numbers[row.uri], row.sequence) << row.uri;
      EXPECT_TRUE(std::filesystem::exists(folder_ / row.map)) << row.map;
    }
    EXPECT_GE(listed + 3, found.size()) << "killed before it was listed, perhaps in more than one round";
  }

  void expect_playable(const std::string& track) {
    // Without the end of the list ffprobe would wait for more.
    folder_.write("ended.m3u8", read_text(folder_ / playlist(track)) + "#EXT-X-ENDLIST\n");
    const auto probed = test::run("ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 " +
                                  (folder_ / "ended.m3u8") + " 2>/dev/null | grep -c .");
    EXPECT_EQ(probed.exit, 0);
  }

  TemporaryDirectory folder_;
};

TEST_P(KillTest, LeavesWholeFilesAndNumbersGoOn) {
  const std::uint32_t seed = from_environment("AIRCHECK_KILL_SEED", std::random_device{}());
  SCOPED_TRACE("AIRCHECK_KILL_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  core::Utc start = *core::from_rfc3339("2026-02-25T14:30:00Z");
  std::vector<core::Utc> starts;
  std::size_t written = 0;
  const std::uint32_t rounds = from_environment("AIRCHECK_KILL_ROUNDS", 20);
  for (std::uint32_t round = 0; round < rounds && !HasFailure(); ++round) {
    starts.push_back(start);
    const pid_t child = record(start);
    // From before the first file to well into the recording, however slow the machine is.
    const std::size_t wanted = written + random() % 12;
    while (count() < wanted && waitpid(child, nullptr, WNOHANG) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    ASSERT_EQ(kill(child, SIGKILL), 0) << "it ended by itself";
    waitpid(child, nullptr, 0);
    core::Utc end = start;
    for (const std::string& track : tracks()) {
      const std::vector<Segment> found = segments(track);
      expect_numbers(found, starts);
      expect_listed(track, found);
      if (!found.empty()) end = std::max(end, found.back().info.start + found.back().info.duration_ns);
    }
    written = count();
    start = end + static_cast<std::int64_t>(random() % 4) * kSecond;
  }
  ASSERT_GT(written, 0U);
  for (const std::string& track : tracks()) expect_playable(track);
}

INSTANTIATE_TEST_SUITE_P(Layouts, KillTest, testing::Bool(),
                         [](const auto& separate) { return separate.param ? "Separate" : "Muxed"; });

}  // namespace
}  // namespace aircheck
