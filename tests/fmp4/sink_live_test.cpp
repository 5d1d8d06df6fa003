// Live sources that come late, disks and processes that stand still: strftimefmp4sink lists a hole by the clock, and
// must not take for a hole what is on its way.
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <future>
#include <thread>

#include "sink_pipeline.hpp"
#include "support/m3u8.hpp"
#include "support/process.hpp"

extern char** environ;

namespace aircheck {
namespace {

using test::Pipeline;
using test::read_text;
using test::sink;
using test::TemporaryDirectory;
using test::video;

// The argument with which this program is the one that records, and is stopped.
constexpr const char* kRecord = "--record";
constexpr int kFrames = 300;

std::string live_video(int frames) {
  std::string source = video(frames);
  source.insert(source.find(" num-buffers"), " is-live=true");
  return source;
}

test::M3u8 playlist_of(const TemporaryDirectory& folder) {
  const std::string path = folder / "ch1.m3u8";
  return test::parse_m3u8(std::filesystem::exists(path) ? read_text(path) : "#EXTM3U\n");
}

// One segment a second, each with its 25 frames, and the first one and the last one perhaps shorter.
void expect_whole(const TemporaryDirectory& folder, int frames) {
  const test::M3u8 list = playlist_of(folder);
  ASSERT_GE(list.rows.size(), 3U);
  for (std::size_t i = 0; i < list.rows.size(); ++i) {
    EXPECT_FALSE(list.rows[i].gap) << list.text;
    EXPECT_FALSE(list.rows[i].discontinuity) << list.text;
    const bool inner = i > 0 && i + 1 < list.rows.size();
    if (inner) {
      EXPECT_NEAR(list.rows[i].duration, 1, 0.001) << list.text;
    }
  }
  const auto read = test::run("ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 " +
                              (folder / "ch1.m3u8") + " 2>/dev/null");
  EXPECT_EQ(std::atoi(read.output.c_str()), frames) << list.text;
}

// Counts the buffers that come to the sink.
class Frames {
 public:
  explicit Frames(const Pipeline& pipeline)
      : pad_(gobj::Ref<GstPad>::adopt(gst_element_get_static_pad(pipeline.element("sink").get(), "video"))) {
    gst_pad_add_probe(
        pad_.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo*, gpointer count) noexcept {
          ++*static_cast<std::atomic<int>*>(count);
          return GST_PAD_PROBE_OK;
        },
        &count_, nullptr);
  }
  void wait_for(int count) const {
    while (count_ < count) g_usleep(10'000);
  }

 private:
  gobj::Ref<GstPad> pad_;
  std::atomic<int> count_ = 0;
};

// Its latency query says nothing of three seconds, as with an encoder that is slower than it says.
TEST(SinkLive, ASourceThatIsLaterThanItSays) {
  const TemporaryDirectory folder;
  Pipeline pipeline(live_video(250) + sink(folder, "target-duration=1"));
  const auto pad = gobj::Ref<GstPad>::adopt(gst_element_get_static_pad(pipeline.element("sink").get(), "video"));
  gst_pad_set_offset(gobj::Ref<GstPad>::adopt(gst_pad_get_peer(pad.get())).get(), -3 * GstClockTimeDiff{GST_SECOND});
  ASSERT_EQ(pipeline.play(), "");
  EXPECT_TRUE(pipeline.dropped().empty());
  EXPECT_TRUE(pipeline.warnings().empty()) << pipeline.warnings()[0];
  expect_whole(folder, 250);
}

// Segments wait for a disk that stands still. They come in time, and are no holes.
TEST(SinkLive, ADiskThatStandsStill) {
  const TemporaryDirectory folder;
  Pipeline pipeline(live_video(250) + sink(folder, "target-duration=1"));
  const Frames frames(pipeline);
  std::promise<void> go;
  bool first = true;
  pipeline.on_message([&](const GstStructure* structure) {
    const bool closed = gst_structure_has_name(structure, "strftimefmp4sink-segment-closed") != FALSE;
    if (closed && std::exchange(first, false)) go.get_future().wait();
  });
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  frames.wait_for(175);  // seven seconds
  go.set_value();
  ASSERT_EQ(pipeline.wait(), "");
  EXPECT_TRUE(pipeline.dropped().empty());
  expect_whole(folder, 250);
}

pid_t record(const TemporaryDirectory& folder) {
  std::string self = "/proc/self/exe";
  std::string option = kRecord;
  std::string to = folder.path();
  char* arguments[] = {self.data(), option.data(), to.data(), nullptr};
  pid_t child = 0;
  EXPECT_EQ(posix_spawn(&child, self.c_str(), nullptr, nullptr, arguments, environ), 0);
  return child;
}

int do_record(const std::string& folder) {
  Pipeline pipeline(live_video(kFrames) + "strftimefmp4sink name=sink target-duration=1 fsync=none location=" + folder +
                    "/ch1-%Y%m%d%H%M%S.m4s playlist-location=" + folder + "/ch1.m3u8");
  return pipeline.play().empty() ? 0 : 1;
}

// A machine that is suspended, or has no time for us: what the source has brought meanwhile is all there.
TEST(SinkLive, AProcessThatStandsStill) {
  const TemporaryDirectory folder;
  const pid_t child = record(folder);
  while (playlist_of(folder).rows.size() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  ASSERT_EQ(kill(child, SIGSTOP), 0);
  std::this_thread::sleep_for(std::chrono::seconds(5));
  ASSERT_EQ(kill(child, SIGCONT), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  expect_whole(folder, kFrames);
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  if (argc == 3 && argv[1] == std::string_view(aircheck::kRecord)) {
    gst_init(nullptr, nullptr);
    return aircheck::do_record(argv[2]);
  }
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
