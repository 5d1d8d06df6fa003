// cencenc against qtdemux on files that Shaka Packager encrypted: the same caps and the same protection meta.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "cenc/frames.hpp"
#include "gobj/text.hpp"
#include "gstx/caps.hpp"
#include "gstx/object.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

constexpr const char* kIv = "0123456789abcdef";

// qtdemux refuses a file with a pssh unless some decryptor in the registry takes its system.
struct NoSettings {};

class FakeDecryptor : public gstx::Object<GstElement, GstElementClass, NoSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckTestDecryptor";
  static constexpr gstx::ElementMetadata kMetadata = {"Test decryptor", "Decryptor", "Makes qtdemux read on"};
  static GType parent_type() { return GST_TYPE_ELEMENT; }
  static void class_init(GstElementClass* element_class) {
    gstx::add_pad_template(element_class, "sink", GST_PAD_SINK,
                           "application/x-cenc, protection-system=1077efec-c0b2-4d02-ace3-3c1e52e2fb4b");
    gstx::add_pad_template(element_class, "src", GST_PAD_SRC, "ANY");
  }
  explicit FakeDecryptor(GstElement* self) : Object(self) {}
};

void run(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

struct Stream {
  Ref<GstCaps> caps;
  std::vector<Ref<GstBuffer>> frames;
};

void keep_frame(GstElement*, GstBuffer* buffer, GstPad* pad, gpointer data) {
  auto& stream = *static_cast<Stream*>(data);
  stream.frames.push_back(Ref<GstBuffer>::retain(buffer));
  if (!stream.caps) stream.caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad));
}

// All that arrives at the sink of `filesrc ! qtdemux ! <middle> fakesink`.
Stream read_stream(const std::string& file, const std::string& middle) {
  Stream stream;
  const std::string description =
      "filesrc location=" + file + " ! qtdemux ! " + middle + " fakesink name=sink signal-handoffs=true sync=false";
  const auto pipeline = Ref<GstElement>::sink(gst_parse_launch(description.c_str(), nullptr));
  const auto sink = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  g_signal_connect(sink.get(), "handoff", G_CALLBACK(keep_frame), &stream);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  EXPECT_TRUE(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) << description;
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return stream;
}

// A GstProtectionMeta as text; for comparison of video without what depends on the choice of subsamples and IV.
std::string meta_text(GstBuffer* buffer, bool types_only) {
  const GstProtectionMeta* const meta = gst_buffer_get_protection_meta(buffer);
  if (meta == nullptr) return "none";
  if (!types_only) return gobj::take_text(gst_structure_to_string(meta->info));
  std::string text = gst_structure_get_name(meta->info);
  for (gint i = 0; i < gst_structure_n_fields(meta->info); ++i) {
    const char* const name = gst_structure_nth_field_name(meta->info, static_cast<guint>(i));
    text += std::string(" ") + name + ":" + g_type_name(gst_structure_get_field_type(meta->info, name));
  }
  return text;
}

class QtdemuxTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    gst_init(nullptr, nullptr);
    ASSERT_TRUE(gstx::register_element<FakeDecryptor>(nullptr, "fakedecryptor", GST_RANK_PRIMARY));
    folder_ = new TemporaryDirectory;
    const std::string f = folder_->path();
    run("ffmpeg -loglevel error -f lavfi -i testsrc2=s=320x180:r=25:d=2 -f lavfi -i sine=r=48000:d=2 -c:v libx264 -bf "
        "2 "
        "-g 25 -x264-params slices=4 -pix_fmt yuv420p -c:a aac -ac 2 " +
        f + "/both.mp4");
    for (const char* kind : {"video", "audio"}) {
      const std::string packager = std::getenv("AIRCHECK_SHAKA_PACKAGER");
      const std::string in = f + "/" + kind;
      run(packager + " 'in=" + f + "/both.mp4,stream=" + kind + ",output=" + in + "-clear.mp4' >" + f + "/log 2>&1");
      run(packager + " 'in=" + f + "/both.mp4,stream=" + kind + ",output=" + in +
          "-enc.mp4' --enable_raw_key_encryption --keys label=:key_id=" + kKeyId + ":key=" + kKey + " --iv " + kIv +
          " --protection_scheme cenc --clear_lead 0 --protection_systems Common >" + f + "/log 2>&1");
    }
  }
  static void TearDownTestSuite() {
    delete folder_;
    folder_ = nullptr;
  }

  static Stream of_qtdemux(const std::string& kind) {
    return read_stream(folder_->path() + "/" + kind + "-enc.mp4", "");
  }
  static Stream of_cencenc(const std::string& kind) {
    return read_stream(folder_->path() + "/" + kind + "-clear.mp4",
                       std::string("cencenc key-id=") + kKeyId + " key=" + kKey + " iv=" + kIv + " !");
  }
  static Stream clear(const std::string& kind) { return read_stream(folder_->path() + "/" + kind + "-clear.mp4", ""); }

  static void expect_equal(const Ref<GstCaps>& ours, const Ref<GstCaps>& theirs) {
    ASSERT_TRUE(ours && theirs);
    EXPECT_TRUE(gst_caps_is_equal(ours.get(), theirs.get())) << gobj::take_text(gst_caps_to_string(ours.get())) << "\n"
                                                             << gobj::take_text(gst_caps_to_string(theirs.get()));
  }

  static inline TemporaryDirectory* folder_ = nullptr;
};

TEST_F(QtdemuxTest, AudioIsTheSameInEveryByte) {
  const Stream theirs = of_qtdemux("audio");
  const Stream ours = of_cencenc("audio");
  expect_equal(ours.caps, theirs.caps);
  ASSERT_EQ(ours.frames.size(), theirs.frames.size());
  ASSERT_GT(ours.frames.size(), 90U);
  for (std::size_t i = 0; i < ours.frames.size(); ++i) {
    EXPECT_EQ(bytes_of(ours.frames[i].get()), bytes_of(theirs.frames[i].get())) << i;
    EXPECT_EQ(meta_text(ours.frames[i].get(), false), meta_text(theirs.frames[i].get(), false)) << i;
  }
}

TEST_F(QtdemuxTest, VideoHasTheSameCapsAndMetaAndDecrypts) {
  const Stream theirs = of_qtdemux("video");
  const Stream ours = of_cencenc("video");
  const Stream source = clear("video");
  expect_equal(ours.caps, theirs.caps);
  ASSERT_EQ(ours.frames.size(), 50U);
  ASSERT_EQ(theirs.frames.size(), 50U);
  ASSERT_EQ(source.frames.size(), 50U);
  std::size_t protected_bytes = 0;
  for (std::size_t i = 0; i < ours.frames.size(); ++i) {
    const Protection protection = protection_of(ours.frames[i].get());
    EXPECT_EQ(protection.iv, protection_of(theirs.frames[i].get()).iv) << i;
    EXPECT_EQ(meta_text(ours.frames[i].get(), true), meta_text(theirs.frames[i].get(), true)) << i;
    EXPECT_EQ(decrypt(bytes_of(ours.frames[i].get()), protection), bytes_of(source.frames[i].get())) << i;
    for (const auto& subsample : protection.subsamples) protected_bytes += subsample.second;
  }
  EXPECT_GT(protected_bytes, 20'000U);
}

// The decryptor of this test is not ours: it has to read Shaka Packager's files too.
TEST_F(QtdemuxTest, TheDecryptorOfTheseTestsIsRight) {
  for (const char* kind : {"video", "audio"}) {
    const Stream theirs = of_qtdemux(kind);
    const Stream source = clear(kind);
    ASSERT_EQ(theirs.frames.size(), source.frames.size());
    for (std::size_t i = 0; i < theirs.frames.size(); ++i) {
      EXPECT_EQ(decrypt(bytes_of(theirs.frames[i].get()), protection_of(theirs.frames[i].get())),
                bytes_of(source.frames[i].get()));
    }
  }
}

}  // namespace
}  // namespace aircheck::test
