// playbin3 plays windows of archives that strftimefmp4sink and cencenc wrote, over a hole, a restart, another key and
// seeks: the frames are those that the encoder was given, decoded without any of us in between.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/time.hpp"
#include "fmp4/sink_pipeline.hpp"
#include "support/held_start.hpp"

namespace aircheck {
namespace {

using core::Utc;
using gobj::Ref;
using test::Pipeline;
using test::TemporaryDirectory;

constexpr const char* kKeyId = "11223344556677889900aabbccddeeff";
constexpr const char* kKey = "00112233445566778899aabbccddeeff";
constexpr const char* kOtherKeyId = "ffeeddccbbaa00998877665544332211";
constexpr const char* kOtherKey = "ff112233445566778899aabbccddeeff";
constexpr std::int64_t kFrameNs = 40'000'000;

struct Frame {
  std::int64_t utc_ns = 0;
  std::string sum;
  friend bool operator==(const Frame&, const Frame&) = default;
};
using Frames = std::vector<Frame>;

std::ostream& operator<<(std::ostream& out, const Frame& frame) {
  return out << core::to_rfc3339(Utc{frame.utc_ns}, 3) << " " << frame.sum.substr(0, 8);
}

// fakesink hands over one frame after another, in the streaming thread.
void keep_frame(GstElement*, GstBuffer* buffer, GstPad*, gpointer data) {
  GstMapInfo map;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return;
  gchar* const sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, map.data, map.size);
  static_cast<Frames*>(data)->push_back({static_cast<std::int64_t>(GST_BUFFER_PTS(buffer)), sum});
  g_free(sum);
  gst_buffer_unmap(buffer, &map);
}

std::string film(int seconds, const std::string& pattern) {
  return "videotestsrc pattern=" + pattern + " num-buffers=" + std::to_string(seconds * 25) +
         " ! video/x-raw,format=I420,width=160,height=90,framerate=25/1 ! x264enc key-int-max=25 bframes=2 threads=1 "
         "speed-preset=veryfast ! h264parse ! ";
}

class CatchupSrc : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  CatchupSrc() { std::filesystem::create_directory(folder_ / "ch1"); }

  // The archive gets video and audio from `start` on, and truth_ what a decoder beside it makes of the same frames.
  void record(int seconds, const std::string& start, const std::string& pattern, const std::string& key_id,
              const std::string& key) {
    const std::string cipher = "cencenc key-id=" + key_id + " key=" + key + " ! sink.";
    std::string sound = test::audio(seconds);
    sound.replace(sound.find("sink.audio"), 10, cipher + "audio");
    Pipeline recording(film(seconds, pattern) + "tee name=tee ! queue ! " + cipher + "video " + sound +
                       " strftimefmp4sink name=sink location=" + (folder_ / "ch1/ch1-%Y%m%d%H%M%S.m4s") +
                       " target-duration=2 start-utc=" + start +
                       " tee. ! queue ! avdec_h264 ! fakesink name=frames signal-handoffs=true sync=false");
    Frames frames;
    g_signal_connect(recording.element("frames").get(), "handoff", G_CALLBACK(keep_frame), &frames);
    ASSERT_EQ(recording.play(), "");
    ASSERT_EQ(frames.size(), static_cast<std::size_t>(seconds) * 25);
    const std::int64_t origin = core::from_rfc3339(start)->ns;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      truth_.push_back({origin + static_cast<std::int64_t>(i) * kFrameNs, frames[i].sum});
    }
  }

  // Ten seconds, six that are missing, ten more after a restart under another key.
  void record_two_runs() {
    record(10, "2026-02-25T14:30:00Z", "smpte", kKeyId, kKey);
    record(10, "2026-02-25T14:30:16Z", "ball", kOtherKeyId, kOtherKey);
  }

  [[nodiscard]] Frames truth(const std::string& start, const std::string& end) const {
    Frames frames;
    std::copy_if(truth_.begin(), truth_.end(), std::back_inserter(frames), [&](const Frame& frame) {
      return frame.utc_ns >= core::from_rfc3339(start)->ns && frame.utc_ns < core::from_rfc3339(end)->ns;
    });
    return frames;
  }

  [[nodiscard]] std::string uri(const std::string& query) const {
    return "catchup://" + (folder_ / "ch1") + "?" + query;
  }

  TemporaryDirectory folder_;
  Frames truth_;
};

// Keys by context, as an application gives them.
void give_keys(GstElement* element) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  g_variant_builder_add(&builder, "{ss}", kKeyId, kKey);
  g_variant_builder_add(&builder, "{ss}", kOtherKeyId, kOtherKey);
  GstContext* const context = gst_context_new("aircheck.cenc-keys", TRUE);
  gst_structure_set(gst_context_writable_structure(context), "keys", G_TYPE_VARIANT, g_variant_builder_end(&builder),
                    nullptr);
  gst_element_set_context(element, context);
  gst_context_unref(context);
}

class Player {
 public:
  explicit Player(const std::string& uri)
      : pipeline_(
            "playbin3 name=player video-sink=\"fakesink name=frames signal-handoffs=true sync=false\" "
            "audio-sink=\"fakesink sync=false\""),
        held_(pipeline_.get()) {
    const auto player = pipeline_.get();
    g_object_set(player, "uri", uri.c_str(), nullptr);
    GstElement* sink = nullptr;
    g_object_get(player, "video-sink", &sink, nullptr);
    g_signal_connect(sink, "handoff", G_CALLBACK(keep_frame), &frames_);
    gst_object_unref(sink);
    give_keys(player);
  }

  std::string play() { return pipeline_.play(); }

  // Paused at its first frame.
  bool preroll() {
    pipeline_.pause();
    return gst_element_get_state(pipeline_.get(), nullptr, nullptr, 60 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS;
  }
  bool seek(GstClockTime from, GstClockTime to = GST_CLOCK_TIME_NONE) {
    const bool sent = gst_element_seek(pipeline_.get(), 1.0, GST_FORMAT_TIME,
                                       static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
                                       GST_SEEK_TYPE_SET, static_cast<gint64>(from),
                                       GST_CLOCK_TIME_IS_VALID(to) ? GST_SEEK_TYPE_SET : GST_SEEK_TYPE_NONE,
                                       static_cast<gint64>(to)) != FALSE;
    return sent &&
           gst_element_get_state(pipeline_.get(), nullptr, nullptr, 60 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS;
  }
  [[nodiscard]] gint64 duration() const {
    gint64 duration = -1;
    gst_element_query_duration(pipeline_.get(), GST_FORMAT_TIME, &duration);
    return duration;
  }
  [[nodiscard]] gint64 position() const {
    gint64 position = -1;
    gst_element_query_position(pipeline_.get(), GST_FORMAT_TIME, &position);
    return position;
  }
  // Paused or over: nobody writes to them.
  Frames& frames() { return frames_; }

 private:
  Frames frames_;
  Pipeline pipeline_;
  test::HeldStart held_;
};

TEST_F(CatchupSrc, PlaysTheFramesOfTheWindow) {
  record_two_runs();
  Player player(uri("start=2026-02-25T14:30:03.48Z&end=2026-02-25T14:30:21.2Z"));
  ASSERT_EQ(player.play(), "");
  EXPECT_EQ(player.frames(), truth("2026-02-25T14:30:03.48Z", "2026-02-25T14:30:21.2Z"));
}

TEST_F(CatchupSrc, PausesAndSeeksOverAChangeOfKey) {
  record_two_runs();
  Player player(uri("start=2026-02-25T14:30:08Z&end=2026-02-25T14:30:22Z"));
  ASSERT_TRUE(player.preroll());
  for (const GstClockTime at : {9 * GST_SECOND + 240 * GST_MSECOND, 1 * GST_SECOND}) {
    player.frames().clear();
    ASSERT_TRUE(player.seek(at));
    EXPECT_EQ(player.position(), static_cast<gint64>(at));
  }
  ASSERT_EQ(player.play(), "");
  Frames seen = player.frames();
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());  // the frame of the preroll is handed over twice
  EXPECT_EQ(seen, truth("2026-02-25T14:30:09Z", "2026-02-25T14:30:22Z"));
}

TEST_F(CatchupSrc, SeeksToTheFrame) {
  record(10, "2026-02-25T14:30:00Z", "smpte", kKeyId, kKey);
  record(10, "2026-02-25T14:30:16Z", "ball", kKeyId, kKey);
  Player player(uri("start=2026-02-25T14:30:03Z&end=2026-02-25T14:30:24Z"));
  ASSERT_TRUE(player.preroll());
  EXPECT_EQ(player.duration(), 21 * static_cast<gint64>(GST_SECOND));
  // Into the second run, back into the first, and to a stop.
  for (const GstClockTime at : {15 * GST_SECOND + 520 * GST_MSECOND, 1 * GST_SECOND}) {
    player.frames().clear();
    ASSERT_TRUE(player.seek(at));
    EXPECT_EQ(player.position(), static_cast<gint64>(at));
  }
  player.frames().clear();
  ASSERT_TRUE(player.seek(15 * GST_SECOND + 520 * GST_MSECOND, 18 * GST_SECOND));
  ASSERT_EQ(player.play(), "");
  Frames seen = player.frames();
  seen.erase(std::unique(seen.begin(), seen.end()), seen.end());  // the frame of the preroll is handed over twice
  EXPECT_EQ(seen, truth("2026-02-25T14:30:18.52Z", "2026-02-25T14:30:21Z"));
}

// Without a playbin: to and fro over a hole and another key, to the frame.
TEST_F(CatchupSrc, SeeksOverAChangeOfKeys) {
  record_two_runs();
  Pipeline pipeline("catchupsrc location=" + (folder_ / "ch1/ch1-%Y%m%d%H%M%S.m4s") +
                    " start=2026-02-25T14:30:03Z end=2026-02-25T14:30:24Z ! qtdemux name=demuxer demuxer.video_0 ! "
                    "cencdec name=cipher ! h264parse ! avdec_h264 ! "
                    "fakesink name=frames signal-handoffs=true sync=false");
  give_keys(pipeline.get());
  Frames frames;
  for (const char* signal : {"handoff", "preroll-handoff"}) {
    g_signal_connect(pipeline.element("frames").get(), signal, G_CALLBACK(keep_frame), &frames);
  }
  const auto settled = [&] {
    return gst_element_get_state(pipeline.get(), nullptr, nullptr, 60 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS;
  };
  pipeline.pause();
  ASSERT_TRUE(settled());
  const Utc origin = *core::from_rfc3339("2026-02-25T14:30:03Z");
  const auto seek = [&](GstClockTime at) {
    frames.clear();
    return gst_element_seek_simple(pipeline.get(), GST_FORMAT_TIME,
                                   static_cast<GstSeekFlags>(GST_SEEK_FLAG_FLUSH | GST_SEEK_FLAG_ACCURATE),
                                   static_cast<gint64>(at)) != FALSE &&
           settled();
  };
  for (const GstClockTime at : {15 * GST_SECOND + 520 * GST_MSECOND, 1 * GST_SECOND, 20 * GST_SECOND + 40 * GST_MSECOND,
                                2 * GST_SECOND + 480 * GST_MSECOND}) {
    ASSERT_TRUE(seek(at)) << at;
    ASSERT_FALSE(frames.empty()) << at;
    const auto utc = origin + static_cast<std::int64_t>(at);
    EXPECT_EQ(frames.front(), truth(core::to_rfc3339(utc, 9), "2026-02-25T14:30:24Z").front());
  }
  // From the first key on to the end, which is behind the other.
  frames.clear();
  ASSERT_EQ(pipeline.play(), "");
  frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
  EXPECT_EQ(frames, truth("2026-02-25T14:30:05.48Z", "2026-02-25T14:30:24Z"));
}

TEST_F(CatchupSrc, SaysWhatIsWrong) {
  record(4, "2026-02-25T14:30:00Z", "smpte", kKeyId, kKey);
  const auto failure = [&](const std::string& query) { return Player(uri(query)).play(); };
  EXPECT_EQ(failure("start=2026-02-25T15:30:00Z&end=2026-02-25T15:31:00Z").substr(0, 33),
            "start: the archive has nothing of");
  EXPECT_EQ(failure("start=2026-02-25T14:30:00Z").substr(0, 15), "end: is not set");
  EXPECT_EQ(failure("start=2026-02-25T14:30:00Z&end=soon").substr(0, 5), "end: ");
  EXPECT_EQ(failure("start=2026-02-25T14:30:00Z&end=2026-02-25T14:31:00Z&name=x").substr(0, 10), "location: ");
  std::filesystem::resize_file(folder_ / "ch1/ch1-20260225143002.m4s", 60);
  EXPECT_EQ(failure("start=2026-02-25T14:30:00Z&end=2026-02-25T14:30:04Z").substr(0, 11), "location: '");
}

TEST_F(CatchupSrc, ReadsUris) {
  const auto source = Ref<GstElement>::sink(gst_element_make_from_uri(
      GST_URI_SRC, "catchup:///a%20b/50%25/ch1/?start=1772029800&end=1772029860&name=%25Y/%25s.m4s&track=audio",
      nullptr, nullptr));
  ASSERT_TRUE(source);
  const auto property = [&](const char* name) {
    gchar* text = nullptr;
    g_object_get(source.get(), name, &text, nullptr);
    const std::string copy = text;
    g_free(text);
    return copy;
  };
  EXPECT_EQ(property("location"), "/a b/50%%/ch1/%Y/%s.m4s");
  EXPECT_EQ(property("track"), "audio");
  EXPECT_EQ(property("start"), "1772029800");
  EXPECT_EQ(property("end"), "1772029860");
  EXPECT_FALSE(gst_element_make_from_uri(GST_URI_SRC, "catchup:", nullptr, nullptr));
}

}  // namespace
}  // namespace aircheck
