// cencenc against qtdemux on files that Shaka Packager encrypted: the same caps and the same protection meta.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "cenc/streams.hpp"
#include "gobj/text.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

constexpr const char* kIv = "0123456789abcdef";

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
      package(f + "/both.mp4", kind, f + "/" + kind + "-clear.mp4");
      package(f + "/both.mp4", kind, f + "/" + kind + "-enc.mp4", "cenc", kIv);
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
