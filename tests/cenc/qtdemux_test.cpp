// cencenc against qtdemux on files that Shaka Packager encrypted: the same caps and the same protection meta, and,
// where the subsamples are the same too, the same bytes.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "cenc/streams.hpp"
#include "gobj/text.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

// A GstProtectionMeta as text; types alone for what depends on the choice of subsamples and IV.
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

// qtdemux calls a constant IV that comes with subsamples a sample's own.
void call_the_iv_constant(GstBuffer* buffer) {
  GstStructure* const info = gst_buffer_get_protection_meta(buffer)->info;
  const std::string text = gobj::take_text(gst_structure_to_string(info));
  const std::string own = "iv_size=(uint)16";
  const std::size_t at = text.find(own);
  ASSERT_NE(at, std::string::npos) << text;
  std::string constant = text;
  constant.replace(at, own.size(), "iv_size=(uint)0");
  const std::string iv = ", iv=(buffer)";
  constant.insert(constant.find(iv), ", constant_iv_size=(uint)16");
  const gstx::Structure wanted(gst_structure_from_string(constant.c_str(), nullptr));
  gst_structure_remove_all_fields(info);
  gst_structure_foreach(
      wanted.get(),
      [](GQuark name, const GValue* value, gpointer to) -> gboolean {
        gst_structure_id_set_value(static_cast<GstStructure*>(to), name, value);
        return TRUE;
      },
      info);
}

struct Case {
  const char* scheme;
  const char* iv;
  const char* kind;   // of track
  const char* codec;  // for ffmpeg
};

const char* const kIv = "0123456789abcdef";
const char* const kConstantIv = "0123456789abcdef0011223344556677";
const char* const kH264 = "-c:v libx264 -bf 2 -g 25 -x264-params slices=4";
const char* const kHevc = "-c:v libx265 -tag:v hvc1 -x265-params log-level=error:bframes=2:keyint=25:slices=2:ctu=32";
const char* const kHev1 = "-c:v libx265 -tag:v hev1 -x265-params log-level=error:keyint=25";

const Case kCases[] = {
    {"cenc", kIv, "video", kH264},
    {"cenc", kIv, "video", kHevc},
    {"cenc", kIv, "video", kHev1},
    {"cenc", kIv, "audio", "-c:a aac"},
    {"cenc", kIv, "audio", "-c:a libopus"},
    {"cbcs", kConstantIv, "video", kH264},
    {"cbcs", kConstantIv, "video", kHevc},
    {"cbcs", kConstantIv, "video", kHev1},
    {"cbcs", kConstantIv, "audio", "-c:a aac"},
    {"cbcs", kConstantIv, "audio", "-c:a libopus"},
};

void PrintTo(const Case& tested, std::ostream* out) {
  *out << tested.scheme << " " << tested.codec;
}

class QtdemuxTest : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  void SetUp() override {
    const std::string kind = GetParam().kind;
    const std::string input =
        kind == "video" ? "-i testsrc2=s=320x180:r=25:d=2 -pix_fmt yuv420p" : "-i sine=r=48000:d=2 -ac 2";
    run("ffmpeg -loglevel error -f lavfi " + input + " " + GetParam().codec + " " + folder_ / "source.mp4");
    package(folder_ / "source.mp4", kind, folder_ / "clear.mp4");
    package(folder_ / "source.mp4", kind, folder_ / "encrypted.mp4", GetParam().scheme, GetParam().iv);
    source_ = read_stream(folder_ / "clear.mp4", "");
    theirs_ = read_stream(folder_ / "encrypted.mp4", "");
    ours_ = read_stream(folder_ / "clear.mp4", std::string("cencenc key-id=") + kKeyId + " key=" + kKey +
                                                   " scheme=" + GetParam().scheme + " iv=" + GetParam().iv + " !");
    ASSERT_GE(source_.frames.size(), 50U);
    ASSERT_EQ(ours_.frames.size(), source_.frames.size());
    ASSERT_EQ(theirs_.frames.size(), source_.frames.size());
  }

  TemporaryDirectory folder_;
  Stream source_;
  Stream theirs_;
  Stream ours_;
};

TEST_P(QtdemuxTest, HasTheSameCapsAndMeta) {
  ASSERT_TRUE(ours_.caps && theirs_.caps);
  EXPECT_TRUE(gst_caps_is_equal(ours_.caps.get(), theirs_.caps.get()))
      << gobj::take_text(gst_caps_to_string(ours_.caps.get())) << "\n"
      << gobj::take_text(gst_caps_to_string(theirs_.caps.get()));
  const bool video = std::string(GetParam().kind) == "video";
  const bool cbcs = std::string(GetParam().scheme) == "cbcs";
  std::size_t protected_bytes = 0;
  for (std::size_t i = 0; i < ours_.frames.size(); ++i) {
    GstBuffer* const ours = ours_.frames[i].get();
    GstBuffer* const theirs = theirs_.frames[i].get();
    const Protection protection = protection_of(ours);
    for (const auto& subsample : protection.subsamples) protected_bytes += subsample.second;
    EXPECT_EQ(protection.iv, protection_of(theirs).iv) << i;
    EXPECT_EQ(decrypt(bytes_of(ours), protection), bytes_of(source_.frames[i].get())) << i;
    if (video && cbcs) call_the_iv_constant(theirs);
    const bool own_subsamples = video && !cbcs;
    EXPECT_EQ(meta_text(ours, own_subsamples), meta_text(theirs, own_subsamples)) << i;
    EXPECT_TRUE(own_subsamples || bytes_of(ours) == bytes_of(theirs)) << i;
  }
  EXPECT_TRUE(!video || protected_bytes > 10'000U) << protected_bytes;
}

// The decryptor of this test is not ours: it has to read Shaka Packager's files too.
TEST_P(QtdemuxTest, TheDecryptorOfTheseTestsIsRight) {
  for (std::size_t i = 0; i < theirs_.frames.size(); ++i) {
    const Protection protection = protection_of(theirs_.frames[i].get());
    EXPECT_EQ(decrypt(bytes_of(theirs_.frames[i].get()), protection), bytes_of(source_.frames[i].get())) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, QtdemuxTest, testing::ValuesIn(kCases));

}  // namespace
}  // namespace aircheck::test
