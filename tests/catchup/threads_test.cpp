// The elements under changes, seeks and queries from other threads. The archives are heads of segments, because the
// thread sanitizer sees only our code: demuxers and decoders would look like races.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <random>
#include <thread>

#include "catchup/archive_writer.hpp"
#include "gobj/handoff.hpp"
#include "gobj/ref.hpp"
#include "gstx/ref.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck {
namespace {

using gobj::Ref;

// A source before a fakesink, which hands over what comes.
class Playback {
 public:
  Playback(const char* factory, const std::string& location) {
    pipeline_ = Ref<GstElement>::sink(gst_pipeline_new(nullptr));
    source_ = gst_element_factory_make(factory, nullptr);
    GstElement* const sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(source_, "location", location.c_str(), "start", "2026-02-25T12:00:03Z", "end", "2026-02-25T12:19:57Z",
                 nullptr);
    g_object_set(sink, "signal-handoffs", TRUE, "sync", FALSE, nullptr);
    gst_bin_add_many(GST_BIN(pipeline_.get()), source_, sink, nullptr);
    EXPECT_TRUE(gst_element_link(source_, sink));
    g_signal_connect(sink, "handoff", G_CALLBACK(on_buffer), this);
    bus_ = Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  }
  ~Playback() {
    set(GST_STATE_NULL);
    gobj::take_over(this);
  }
  Playback(const Playback&) = delete;
  Playback& operator=(const Playback&) = delete;

  void set(GstState state) { gst_element_set_state(pipeline_.get(), state); }
  [[nodiscard]] bool settles() {
    return gst_element_get_state(pipeline_.get(), nullptr, nullptr, 60 * GST_SECOND) == GST_STATE_CHANGE_SUCCESS;
  }
  [[nodiscard]] bool ends() {
    const auto message = gstx::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus_.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    return message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS;
  }
  [[nodiscard]] GstElement* source() const { return source_; }
  [[nodiscard]] GstElement* pipeline() const { return pipeline_.get(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static void on_buffer(GstElement*, GstBuffer* buffer, GstPad*, gpointer self) {
    const gobj::HandOverAtEnd to_the_last(self);
    static_cast<Playback*>(self)->bytes_ += gst_buffer_get_size(buffer);
  }

  Ref<GstElement> pipeline_;
  GstElement* source_ = nullptr;
  Ref<GstBus> bus_;
  std::atomic<std::size_t> bytes_ = 0;
};

// Calls work(random) again and again in a thread of its own until it is destroyed.
class Meanwhile {
 public:
  explicit Meanwhile(std::function<void(std::mt19937&)> work)
      : thread_([this, work = std::move(work)] {
          std::mt19937 random(4);
          while (!stop_) work(random);
        }) {}
  ~Meanwhile() {
    stop_ = true;
    thread_.join();
  }
  Meanwhile(const Meanwhile&) = delete;
  Meanwhile& operator=(const Meanwhile&) = delete;

 private:
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

class CatchupThreads : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  // Twenty minutes with a hole.
  CatchupThreads() : writer_(folder_ / "ch1-%Y%m%d%H%M%S.m4s") {
    folder_.write(writer_.next().init_name, "init");
    writer_.write(90);
    writer_.skip(20);
    writer_.write(90);
  }

  test::TemporaryDirectory folder_;
  test::Writer writer_;
};

void change_properties(GstElement* source, std::mt19937& random) {
  constexpr const char* kStarts[] = {"2026-02-25T12:00:03Z", "2026-02-25T12:00:04Z", "1772020805"};
  constexpr const char* kEnds[] = {"2026-02-25T12:19:57Z", "2026-02-25T12:19:51Z", "2026-02-25T12:10:00Z"};
  gchar* location = nullptr;
  g_object_get(source, "location", &location, nullptr);
  g_object_set(source, "location", location, "start", kStarts[random() % 3], "end", kEnds[random() % 3], nullptr);
  g_free(location);
}

TEST_F(CatchupThreads, PlaylistsAreMadeAnewWhilePropertiesChange) {
  Playback playback("catchupplaylistsrc", writer_.location());
  const Meanwhile changes([&](std::mt19937& random) { change_properties(playback.source(), random); });
  for (int i = 0; i < 30; ++i) {
    playback.set(GST_STATE_PLAYING);
    ASSERT_TRUE(playback.ends()) << i;
    playback.set(i % 2 == 0 ? GST_STATE_NULL : GST_STATE_READY);
  }
  EXPECT_GT(playback.bytes(), 30'000U);
}

TEST_F(CatchupThreads, SeeksQueriesAndChangesWhileItPlays) {
  Playback playback("catchupsrc", writer_.location());
  const Meanwhile changes([&](std::mt19937& random) { change_properties(playback.source(), random); });
  const Meanwhile queries([&](std::mt19937&) {
    gint64 time = 0;
    gst_element_query_duration(playback.source(), GST_FORMAT_TIME, &time);
    gst_element_query_position(playback.source(), GST_FORMAT_TIME, &time);
    gchar* const uri = gst_uri_handler_get_uri(GST_URI_HANDLER(playback.source()));
    g_free(uri);
  });
  std::mt19937 random(5);
  for (int i = 0; i < 10; ++i) {
    playback.set(GST_STATE_PAUSED);
    ASSERT_TRUE(playback.settles()) << i;
    playback.set(GST_STATE_PLAYING);
    for (int seek = 0; seek < 20; ++seek) {
      gst_element_seek_simple(playback.pipeline(), GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                              static_cast<gint64>(random() % 1100) * static_cast<gint64>(GST_SECOND));
    }
    ASSERT_TRUE(playback.ends()) << i;
    playback.set(i % 2 == 0 ? GST_STATE_NULL : GST_STATE_READY);
  }
  EXPECT_GT(playback.bytes(), 10'000U);
}

// The end of the element while its thread reads.
TEST_F(CatchupThreads, StopsWhileItReads) {
  for (const char* factory : {"catchupsrc", "catchupplaylistsrc"}) {
    for (int i = 0; i < 30; ++i) {
      Playback playback(factory, writer_.location());
      playback.set(GST_STATE_PLAYING);
      while (i % 3 == 0 && playback.bytes() == 0) std::this_thread::yield();
    }
  }
}

}  // namespace
}  // namespace aircheck
