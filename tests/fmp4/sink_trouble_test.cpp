// Disks that are slow, full, read-only or gone while strftimefmp4sink writes to them.
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <future>

#include "sink_pipeline.hpp"
#include "support/process.hpp"

namespace aircheck {
namespace {

using test::number;
using test::Pipeline;
using test::read_text;
using test::sink;
using test::TemporaryDirectory;
using test::video;

bool is_closed(const GstStructure* structure) {
  return gst_structure_has_name(structure, "strftimefmp4sink-segment-closed") != FALSE;
}

bool is_dropped(const GstStructure* structure) {
  return gst_structure_has_name(structure, "strftimefmp4sink-segment-dropped") != FALSE;
}

std::vector<std::uint64_t> seconds(const std::vector<gobj::Ref<GstMessage>>& messages) {
  std::vector<std::uint64_t> result;
  for (const auto& message : messages) {
    result.push_back(number(gst_message_get_structure(message.get()), "start-utc") / GST_SECOND - 1772029800);
  }
  return result;
}

// Stops the writing thread after its first segment until it is let go.
class SlowDisk {
 public:
  explicit SlowDisk(Pipeline& pipeline) {
    pipeline.on_message([this](const GstStructure* structure) {
      if (!is_closed(structure) || reached_) return;
      reached_ = true;
      reached_promise_.set_value();
      go_.wait();
    });
  }
  ~SlowDisk() {
    if (!gone_) go();
  }

  void wait() { reached_promise_.get_future().wait(); }
  void go() {
    gone_ = true;
    go_promise_.set_value();
  }

 private:
  bool reached_ = false;  // the writing thread's
  bool gone_ = false;
  std::promise<void> reached_promise_;
  std::promise<void> go_promise_;
  std::shared_future<void> go_ = go_promise_.get_future().share();
};

TEST(SinkTrouble, AFullQueueMakesTheStreamWait) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(150) + sink(folder, "target-duration=1 max-queue-bytes=1"));
  SlowDisk disk(pipeline);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  disk.wait();
  // The stream may wait for room by now, with the lock that a change of state wants.
  pipeline.pause();
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  disk.go();
  ASSERT_EQ(pipeline.wait(), "");
  EXPECT_EQ(seconds(pipeline.closed()), (std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_TRUE(pipeline.dropped().empty());
}

TEST(SinkTrouble, TheEndOfTheStreamWaitsForTheDisk) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(150) + sink(folder, "target-duration=1 max-queue-bytes=0"));
  SlowDisk disk(pipeline);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  disk.wait();
  const auto bus = gobj::Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  EXPECT_FALSE(gobj::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus.get(), GST_SECOND / 2, GST_MESSAGE_EOS)))
      << "the stream ended before its segments were written";
  pipeline.pause();  // the end of the stream waits with the lock that this wants
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  disk.go();
  ASSERT_EQ(pipeline.wait(), "");
  EXPECT_EQ(pipeline.closed().size(), 6U);
  EXPECT_TRUE(read_text(folder / "ch1.m3u8").ends_with("ch1-20260225143005.m4s\n#EXT-X-ENDLIST\n"));
}

TEST(SinkTrouble, WhatIsQueuedIsWrittenWhenThePipelineStops) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(150) + sink(folder, "target-duration=1 max-queue-bytes=0"));
  SlowDisk disk(pipeline);
  struct Count {
    int frames = 0;
    std::promise<void> reached;
  } count;
  const auto pad = gobj::Ref<GstPad>::adopt(gst_element_get_static_pad(pipeline.element("sink").get(), "video"));
  gst_pad_add_probe(
      pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad*, GstPadProbeInfo*, gpointer data) noexcept {
        auto& counted = *static_cast<Count*>(data);
        if (++counted.frames == 120) counted.reached.set_value();
        return GST_PAD_PROBE_OK;
      },
      &count, nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  disk.wait();
  count.reached.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { pipeline.stop(); });
  const auto writer = pipeline.element("writer");
  while (GST_STATE_NEXT(writer.get()) != GST_STATE_READY) g_usleep(1000);
  disk.go();
  stopped.get();
  // The frame that was counted last is in the midst of segment 4.
  EXPECT_TRUE(std::filesystem::exists(folder / "ch1-20260225143003.m4s"));
}

TEST(SinkTrouble, AFullQueueMayDropSegments) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(150) + sink(folder, "target-duration=1 max-queue-time=2000000000 on-full=drop"));
  std::promise<void> go;
  std::promise<void> second_written;
  int dropped = 0;
  int closed = 0;
  pipeline.on_message([&](const GstStructure* structure) {
    // The second drop lets the disk go on, in the streaming thread, and waits until the queue has room for segment 4.
    if (is_dropped(structure) && ++dropped == 2) {
      go.set_value();
      second_written.get_future().wait();
    }
    if (!is_closed(structure)) return;
    ++closed;
    if (closed == 1) go.get_future().wait();
    if (closed == 2) second_written.set_value();
  });
  ASSERT_EQ(pipeline.play(), "");
  // Segment 0 is at work, 1 waits, and there is no room for 2 and 3.
  const auto lost = seconds(pipeline.dropped());
  ASSERT_GE(lost.size(), 2U);
  EXPECT_EQ((std::vector<std::uint64_t>{lost[0], lost[1]}), (std::vector<std::uint64_t>{2, 3}));
  const GstStructure* const first = gst_message_get_structure(pipeline.dropped()[0].get());
  EXPECT_STREQ(gst_structure_get_string(first, "reason"), "queue-full");
  EXPECT_EQ(number(first, "duration"), GST_SECOND);
  EXPECT_EQ(pipeline.closed().size() + lost.size(), 6U);
  ASSERT_GE(pipeline.warnings().size(), 1U);
  EXPECT_NE(pipeline.warnings()[0].find("too slow"), std::string::npos);
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_NE(playlist.find("#EXT-X-GAP\n#EXTINF:1.000,\nch1-20260225143002.m4s\n"), std::string::npos) << playlist;
}

int gaps_in(const std::string& playlist) {
  int gaps = 0;
  for (std::size_t at = 0; (at = playlist.find("#EXT-X-GAP\n", at)) != std::string::npos; ++at) ++gaps;
  return gaps;
}

// What happens to the disk after segment 1 passes after two segments that could not be written.
void expect_a_hole(const TemporaryDirectory& folder, const std::string& reason, const std::function<void()>& trouble,
                   const std::function<void()>& relief, const std::string& location = "ch1-%Y%m%d%H%M%S.m4s",
                   bool can_list = true) {
  Pipeline pipeline(video(200) + "strftimefmp4sink name=sink target-duration=1 start-utc=2026-02-25T14:30:00Z " +
                    "location=" + (folder / location) + " playlist-location=" + (folder / "ch1.m3u8"));
  int closed = 0;
  int dropped = 0;
  std::vector<int> listed;  // gaps in the playlist, while the hole lasts
  pipeline.on_message([&](const GstStructure* structure) {
    if (is_closed(structure) && ++closed == 2) trouble();
    if (!is_dropped(structure)) return;
    listed.push_back(gaps_in(read_text(folder / "ch1.m3u8")));
    if (++dropped == 2) relief();
  });
  ASSERT_EQ(pipeline.play(), "");
  EXPECT_EQ(seconds(pipeline.closed()), (std::vector<std::uint64_t>{0, 1, 4, 5, 6, 7}));
  ASSERT_EQ(seconds(pipeline.dropped()), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(gst_structure_get_string(gst_message_get_structure(pipeline.dropped()[0].get()), "reason"), reason);
  ASSERT_EQ(pipeline.warnings().size(), 1U);
  EXPECT_NE(pipeline.warnings()[0].find("segments are dropped until it is well again"), std::string::npos)
      << pipeline.warnings()[0];
  ASSERT_EQ(pipeline.infos().size(), 1U);
  EXPECT_EQ(pipeline.infos()[0], "segments are written again; 2 of them, 2.000 s, were lost");
  const GstStructure* const resumed = gst_message_get_structure(pipeline.closed()[2].get());
  EXPECT_EQ(number(resumed, "sequence"), 1772029804U);
  gboolean discontinuity = FALSE;
  EXPECT_TRUE(gst_structure_get_boolean(resumed, "discontinuity", &discontinuity) && discontinuity);
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_EQ(gaps_in(playlist), 2) << playlist;
  if (can_list) {
    EXPECT_EQ(listed, (std::vector<int>{1, 2})) << "rows come while the hole lasts";
  }
  for (const std::string& name : folder.files()) EXPECT_FALSE(name.ends_with(".part")) << name;
  const auto played = test::run("ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 " +
                                (folder / "ch1.m3u8") + " 2>/dev/null");
  EXPECT_EQ(played.exit, 0);
  EXPECT_TRUE(played.output.starts_with("150")) << played.output;  // 6 segments of 25 frames
}

TEST(SinkTrouble, AFolderThatIsGoneForAWhile) {
  const TemporaryDirectory folder;
  std::filesystem::create_directory(folder / "out");
  expect_a_hole(
      folder, "not-found", [&] { std::filesystem::rename(folder / "out", folder / "away"); },
      [&] { std::filesystem::rename(folder / "away", folder / "out"); }, "out/ch1-%Y%m%d%H%M%S.m4s");
}

// A small file system of its own. Where nobody may mount one, limits of the process stand in for it.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = mount("tmpfs", path.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }

  [[nodiscard]] const char* full_reason() const { return mounted_ ? "no-space" : "io"; }
  void fill() const {
    if (!mounted_) return limit_file_size(512);
    std::ofstream filler(path_ + "/filler", std::ios::binary);
    const std::string block(4096, 'x');
    while (filler.write(block.data(), 4096).flush()) {
    }
  }
  void free() const {
    if (!mounted_) return limit_file_size(RLIM_INFINITY);
    std::filesystem::remove(path_ + "/filler");
  }
  void read_only(bool on) const {
    if (!mounted_) return std::filesystem::permissions(path_, std::filesystem::perms(on ? 0555 : 0755));
    EXPECT_EQ(mount(nullptr, path_.c_str(), nullptr, MS_REMOUNT | (on ? MS_RDONLY : MS_REMOUNT), nullptr), 0);
  }

  static void limit_file_size(rlim_t bytes) {
    rlimit limit{};
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = std::min(bytes, limit.rlim_max);
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  }

 private:
  std::string path_;
  bool mounted_;
};

TEST(SinkTrouble, ADiskThatIsFullForAWhile) {
  const TemporaryDirectory folder;
  const SmallDisk disk(folder / "out");
  expect_a_hole(
      folder, disk.full_reason(), [&] { disk.fill(); }, [&] { disk.free(); }, "out/ch1-%Y%m%d%H%M%S.m4s",
      disk.full_reason() == std::string_view("no-space"));
}

TEST(SinkTrouble, ADiskThatIsReadOnlyForAWhile) {
  const TemporaryDirectory folder;
  const SmallDisk disk(folder / "out");
  expect_a_hole(
      folder, "permission", [&] { disk.read_only(true); }, [&] { disk.read_only(false); }, "out/ch1-%Y%m%d%H%M%S.m4s");
}

TEST(SinkTrouble, WritesThatFailForAWhile) {
  const TemporaryDirectory folder;
  expect_a_hole(
      folder, "io", [] { SmallDisk::limit_file_size(512); }, [] { SmallDisk::limit_file_size(RLIM_INFINITY); },
      "ch1-%Y%m%d%H%M%S.m4s", false);
}

// A live source that brings nothing for a while: the playlist goes on by the clock.
TEST(SinkTrouble, ALiveSourceThatIsGoneForAWhile) {
  const TemporaryDirectory folder;
  std::string source = video(-1);
  source.insert(source.find(" num-buffers"), " is-live=true");
  source.insert(source.find(" ! video/x-raw"), " ! valve name=valve");
  Pipeline pipeline(source + sink(folder, "target-duration=2 playlist-length=20 fsync=none"));
  const std::string playlist = folder / "ch1.m3u8";
  const auto list = [&] { return std::filesystem::exists(playlist) ? read_text(playlist) : std::string(); };
  const auto wait_for = [&](const std::function<bool(const std::string&)>& good) {
    for (int i = 0; i < 6000; ++i) {
      if (good(list())) return true;
      g_usleep(10'000);
    }
    return false;
  };
  const auto segments_in = [](const std::string& text) {
    int segments = 0;
    for (std::size_t at = 0; (at = text.find("\nch1-", at)) != std::string::npos; ++at) ++segments;
    return segments - gaps_in(text);
  };
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  ASSERT_TRUE(wait_for([&](const std::string& text) { return segments_in(text) >= 2; })) << list();
  const auto valve = pipeline.element("valve");
  g_object_set(valve.get(), "drop", TRUE, nullptr);
  ASSERT_TRUE(wait_for([](const std::string& text) { return gaps_in(text) >= 2; })) << list();
  const std::string during = list();
  const int before = segments_in(during);
  g_object_set(valve.get(), "drop", FALSE, nullptr);
  ASSERT_TRUE(wait_for([&](const std::string& text) { return segments_in(text) >= before + 2; })) << list();
  gst_element_send_event(pipeline.get(), gst_event_new_eos());
  ASSERT_EQ(pipeline.wait(), "");
  const std::string after = list();
  EXPECT_TRUE(after.starts_with(during)) << "what was listed changed:\n" << during << "\n" << after;
  EXPECT_TRUE(pipeline.dropped().empty());
  std::uint64_t last = 0;
  for (const auto& message : pipeline.closed()) {
    const std::uint64_t sequence = number(gst_message_get_structure(message.get()), "sequence");
    EXPECT_TRUE(last == 0 || sequence == last + 1 || sequence >= last + 3) << sequence << " after " << last;
    last = sequence;
  }
  const std::uint64_t first = number(gst_message_get_structure(pipeline.closed()[0].get()), "sequence");
  EXPECT_EQ(last - first + 1, static_cast<std::uint64_t>(segments_in(after) + gaps_in(after)))
      << "rows and numbers do not agree:\n"
      << after;
}

// Without a clock to go by nobody knows that something is missing.
TEST(SinkTrouble, AFileThatStopsIsNoHole) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(100) + sink(folder, "target-duration=1"));
  SlowDisk disk(pipeline);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  disk.wait();
  disk.go();
  ASSERT_EQ(pipeline.wait(), "");
  EXPECT_EQ(gaps_in(read_text(folder / "ch1.m3u8")), 0);
}

// The playlist alone cannot be written: its segments are kept and listed later.
TEST(SinkTrouble, APlaylistThatCannotBeWrittenForAWhile) {
  const TemporaryDirectory folder;
  std::filesystem::create_directory(folder / "lists");
  Pipeline pipeline(video(100) + "strftimefmp4sink name=sink target-duration=1 start-utc=2026-02-25T14:30:00Z " +
                    "location=" + (folder / "ch1-%Y%m%d%H%M%S.m4s") +
                    " playlist-location=" + (folder / "lists/ch1.m3u8"));
  int closed = 0;
  pipeline.on_message([&](const GstStructure* structure) {
    if (!is_closed(structure)) return;
    if (++closed == 1) std::filesystem::rename(folder / "lists", folder / "away");
    if (closed == 3) std::filesystem::rename(folder / "away", folder / "lists");
  });
  ASSERT_EQ(pipeline.play(), "");
  EXPECT_EQ(pipeline.closed().size(), 4U);
  EXPECT_TRUE(pipeline.dropped().empty());
  ASSERT_EQ(pipeline.warnings().size(), 1U);
  EXPECT_TRUE(pipeline.warnings()[0].starts_with("playlist-location: ")) << pipeline.warnings()[0];
  EXPECT_EQ(pipeline.infos().size(), 1U);
  const std::string playlist = read_text(folder / "lists/ch1.m3u8");
  EXPECT_EQ(playlist.find("#EXT-X-GAP"), std::string::npos);
  EXPECT_NE(playlist.find("ch1-20260225143002.m4s"), std::string::npos);
}

// The init segment cannot be written at first, so neither can the first segments.
TEST(SinkTrouble, AnInitSegmentIsTriedAgain) {
  const TemporaryDirectory folder;
  std::filesystem::create_directory(folder / "init");
  Pipeline pipeline(video(100) + sink(folder, "target-duration=1 init-location=" + (folder / "init/%{hash}.mp4")));
  pipeline.pause();
  std::filesystem::rename(folder / "init", folder / "away");
  int dropped = 0;
  pipeline.on_message([&](const GstStructure* structure) {
    if (is_dropped(structure) && ++dropped == 2) std::filesystem::rename(folder / "away", folder / "init");
  });
  ASSERT_EQ(pipeline.play(), "");
  EXPECT_EQ(seconds(pipeline.dropped()), (std::vector<std::uint64_t>{0, 1}));
  EXPECT_EQ(seconds(pipeline.closed()), (std::vector<std::uint64_t>{2, 3}));
  ASSERT_EQ(pipeline.warnings().size(), 1U);
  EXPECT_TRUE(pipeline.warnings()[0].starts_with("init-location: ")) << pipeline.warnings()[0];
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  std::signal(SIGXFSZ, SIG_IGN);
  return RUN_ALL_TESTS();
}
