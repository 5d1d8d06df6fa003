// playbin3 plays files of Shaka Packager with cencdec: every decoded frame is that of the clear file.
#include <gtest/gtest.h>

#include "cenc/streams.hpp"
#include "support/held_start.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

enum class Way { kProperty, kContext, kSignal, kNone };

void give_context(GstElement* element) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  g_variant_builder_add(&builder, "{ss}", kKeyId, kKey);
  GstContext* const context = gst_context_new("aircheck.cenc-keys", FALSE);
  gst_structure_set(gst_context_writable_structure(context), "keys", G_TYPE_VARIANT, g_variant_builder_end(&builder),
                    nullptr);
  gst_element_set_context(element, context);
  gst_context_unref(context);
}

GstBusSyncReply answer_need_context(GstBus*, GstMessage* message, gpointer) {
  const gchar* type = nullptr;
  if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT && gst_message_parse_context_type(message, &type) &&
      std::string(type) == "aircheck.cenc-keys") {
    give_context(GST_ELEMENT(GST_MESSAGE_SRC(message)));
  }
  return GST_BUS_PASS;
}

gchar* answer_key(GstElement*, const gchar* key_id, gpointer) {
  return g_strdup(std::string(key_id) == kKeyId ? kKey : "");
}

void element_added(GstBin*, GstBin*, GstElement* element, gpointer way) {
  GstElementFactory* const factory = gst_element_get_factory(element);
  if (factory == nullptr || std::string(GST_OBJECT_NAME(factory)) != "cencdec") return;
  switch (*static_cast<Way*>(way)) {
    case Way::kProperty: g_object_set(element, "keys", (std::string(kKeyId) + ":" + kKey).c_str(), nullptr); break;
    case Way::kSignal: g_signal_connect(element, "need-key", G_CALLBACK(answer_key), nullptr); break;
    default: break;
  }
}

struct Played {
  std::vector<std::string> frames;  // checksums
  std::string error;
};

void keep_checksum(GstElement*, GstBuffer* buffer, GstPad*, gpointer data) {
  const core::Bytes bytes = bytes_of(buffer);
  gchar* const sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes.data(), bytes.size());
  static_cast<Played*>(data)->frames.emplace_back(sum);
  g_free(sum);
}

Ref<GstElement> checking_sink(Played& played) {
  auto sink = Ref<GstElement>::sink(gst_element_factory_make("fakesink", nullptr));
  g_object_set(sink.get(), "signal-handoffs", TRUE, "sync", FALSE, nullptr);
  g_signal_connect(sink.get(), "handoff", G_CALLBACK(keep_checksum), &played);
  return sink;
}

Played play(const std::string& kind, const std::string& file, Way way) {
  Played played;
  const auto playbin = Ref<GstElement>::sink(gst_element_factory_make("playbin3", nullptr));
  const auto sink = checking_sink(played);
  // Not both sinks: playsink sets the one that it does not need to NULL while the other plays.
  g_object_set(playbin.get(), "uri", ("file://" + file).c_str(), (kind + "-sink").c_str(), sink.get(), nullptr);
  g_signal_connect(playbin.get(), "deep-element-added", G_CALLBACK(element_added), &way);
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(playbin.get()));
  if (way == Way::kContext) gst_bus_set_sync_handler(bus.get(), answer_need_context, nullptr, nullptr);
  const HeldStart held(playbin.get());
  gst_element_set_state(playbin.get(), GST_STATE_PLAYING);
  const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  if (!message) {
    played.error = "neither the end nor an error came";
  } else if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR) {
    GError* error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    played.error = error->message;
    g_error_free(error);
  }
  gst_element_set_state(playbin.get(), GST_STATE_NULL);
  return played;
}

struct Case {
  const char* name;
  const char* kind;
  const char* codec;
};
const Case kCases[] = {
    {"H264", "video", "-c:v libx264 -bf 2 -g 25 -x264-params slices=4"},
    {"Hevc", "video", "-c:v libx265 -tag:v hvc1 -x265-params log-level=error:bframes=2:keyint=25"},
    {"Aac", "audio", "-c:a aac"},
    {"Opus", "audio", "-c:a libopus"},
};

class PlaybackTest : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  void SetUp() override {
    const std::string kind = GetParam().kind;
    run("ffmpeg -loglevel error -f lavfi " +
        std::string(kind == "video" ? "-i testsrc2=s=320x180:r=25:d=2 -pix_fmt yuv420p" : "-i sine=r=48000:d=2 -ac 2") +
        " " + GetParam().codec + " " + folder_ / "source.mp4");
    package(folder_ / "source.mp4", kind, folder_ / "clear.mp4");
    for (const char* scheme : {"cenc", "cbcs"}) {
      package(folder_ / "source.mp4", kind, folder_ / (std::string(scheme) + ".mp4"), scheme,
              std::string(scheme) == "cenc" ? "0123456789abcdef" : "0123456789abcdef0123456789abcdef");
    }
  }

  TemporaryDirectory folder_;
};

TEST_P(PlaybackTest, GivesTheFramesOfTheClearFile) {
  const Played clear = play(GetParam().kind, folder_ / "clear.mp4", Way::kNone);
  ASSERT_EQ(clear.error, "");
  ASSERT_GE(clear.frames.size(), 50U);
  for (const char* scheme : {"cenc", "cbcs"}) {
    for (const Way way : {Way::kProperty, Way::kContext, Way::kSignal}) {
      const Played played = play(GetParam().kind, folder_ / (std::string(scheme) + ".mp4"), way);
      EXPECT_EQ(played.error, "") << scheme << " " << static_cast<int>(way);
      EXPECT_TRUE(played.frames == clear.frames)
          << scheme << " " << static_cast<int>(way) << ": " << played.frames.size() << " frames";
    }
    EXPECT_NE(play(GetParam().kind, folder_ / (std::string(scheme) + ".mp4"), Way::kNone).error.find(kKeyId),
              std::string::npos);
  }
}

std::string name_of(const testing::TestParamInfo<Case>& tested) {
  return tested.param.name;
}

INSTANTIATE_TEST_SUITE_P(Codecs, PlaybackTest, testing::ValuesIn(kCases), name_of);

}  // namespace
}  // namespace aircheck::test
