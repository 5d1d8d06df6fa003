// The element on archives that strftimefmp4sink and cencenc wrote: its playlist is the sink's own, and ffmpeg plays it.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include "fmp4/sink_pipeline.hpp"
#include "support/m3u8.hpp"
#include "support/process.hpp"

namespace aircheck {
namespace {

using test::Pipeline;
using test::read_text;
using test::TemporaryDirectory;

constexpr const char* kKeyId = "11223344556677889900aabbccddeeff";
constexpr const char* kOtherKeyId = "ffeeddccbbaa00998877665544332211";
constexpr const char* kKey = "00112233445566778899aabbccddeeff";

class CatchupPlaylistSrc : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  // The archive gets `seconds` of video from `start` on, encrypted, and the sink's playlist of the whole archive.
  void record(int seconds, const std::string& start, const std::string& key_id = kKeyId,
              const std::string& scheme = "cenc") {
    std::string film = test::video(25 * seconds);
    film.replace(film.find("sink.video"), 10,
                 "cencenc scheme=" + scheme + " key-id=" + key_id + " key=" + kKey + " ! sink.video");
    Pipeline pipeline(film + "strftimefmp4sink name=sink location=" + location() +
                      " playlist-location=" + (folder_ / "sink.m3u8") +
                      " target-duration=2 playlist-type=vod key-uri=" + key_uri() + " start-utc=" + start);
    ASSERT_EQ(pipeline.play(), "");
  }

  // Into catchup.m3u8; the text of an error.
  std::string make(const std::string& properties) {
    Pipeline pipeline("catchupplaylistsrc location=" + location() + " key-uri=" + key_uri() + " " + properties +
                      " ! filesink location=" + (folder_ / "catchup.m3u8"));
    return pipeline.play();
  }

  [[nodiscard]] std::string location() const { return folder_ / "ch1-%Y%m%d%H%M%S.m4s"; }
  [[nodiscard]] std::string key_uri() const { return "file://" + (folder_ / "%{kid}.key"); }
  [[nodiscard]] std::string playlist() const { return read_text(folder_ / "catchup.m3u8"); }

  TemporaryDirectory folder_;
};

// Two runs with a hole and another key between them: byte for byte what the sink itself wrote.
TEST_F(CatchupPlaylistSrc, WritesThePlaylistOfTheSink) {
  for (const char* scheme : {"cenc", "cbcs"}) {
    std::filesystem::remove_all(folder_.path());
    std::filesystem::create_directory(folder_.path());
    record(9, "2026-02-25T14:30:00Z", kKeyId, scheme);
    record(6, "2026-02-25T14:30:16.5Z", kOtherKeyId, scheme);
    ASSERT_EQ(make("start=2026-02-25T14:30:00Z end=2026-02-25T14:30:22.5Z"), "");
    EXPECT_EQ(playlist(), read_text(folder_ / "sink.m3u8"));
    EXPECT_NE(playlist().find("#EXT-X-GAP"), std::string::npos);
  }
}

TEST_F(CatchupPlaylistSrc, PlaysInFfmpeg) {
  record(12, "2026-02-25T14:30:00Z");
  std::string key;
  for (int i = 0; i < 16; ++i) key += static_cast<char>(i * 0x11);
  folder_.write(std::string(kKeyId) + ".key", key);
  ASSERT_EQ(make("start=2026-02-25T14:30:03Z end=2026-02-25T14:30:09Z"), "");
  EXPECT_EQ(test::parse_m3u8(playlist()).rows.size(), 4U);
  const auto decoded = test::run("ffmpeg -nostdin -v error -allowed_extensions ALL -i " + (folder_ / "catchup.m3u8") +
                                 " -f framemd5 - 2>&1 | grep -v '^#' | wc -l");
  EXPECT_EQ(decoded.output, "200\n");
}

TEST_F(CatchupPlaylistSrc, PutsTheBaseUrlBeforeEveryName) {
  record(4, "2026-02-25T14:30:00Z");
  ASSERT_EQ(make("start=2026-02-25T14:30:00Z end=2026-02-25T14:30:04Z base-url=https://cdn.example/ch1/"), "");
  const test::M3u8 rows = test::parse_m3u8(playlist());
  EXPECT_EQ(rows.rows[0].uri, "https://cdn.example/ch1/ch1-20260225143000.m4s");
  EXPECT_TRUE(rows.rows[0].map.starts_with("https://cdn.example/ch1/ch1-init-"));
}

// Rule 7: a text without a byte order mark, UTF-8, which typefind takes for what the pad says, whatever folders are
// named.
TEST_F(CatchupPlaylistSrc, IsWhatItsCapsSay) {
  record(4, "2026-02-25T14:30:00Z");
  std::filesystem::create_directory(folder_ / "2026");
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    if (entry.is_regular_file()) std::filesystem::copy(entry.path(), folder_ / "2026");
  }
  Pipeline pipeline("catchupplaylistsrc location=" + (folder_ / "%Y/ch1-%Y%m%d%H%M%S.m4s") +
                    " start=2026-02-25T14:30:00Z end=2026-02-25T14:30:04Z base-url=https://cdn.example/Fünf%20Eins/ ! "
                    "filesink name=sink location=" +
                    (folder_ / "catchup.m3u8"));
  ASSERT_EQ(pipeline.play(), "");
  EXPECT_TRUE(playlist().starts_with("#EXTM3U\n"));
  EXPECT_TRUE(g_utf8_validate(playlist().c_str(), -1, nullptr));
  EXPECT_EQ(playlist().find('\r'), std::string::npos);
  EXPECT_TRUE(playlist().ends_with("#EXT-X-ENDLIST\n"));
  Pipeline typefind("filesrc location=" + (folder_ / "catchup.m3u8") + " ! typefind ! fakesink name=sink");
  typefind.pause();
  ASSERT_EQ(gst_element_get_state(typefind.get(), nullptr, nullptr, 60 * GST_SECOND), GST_STATE_CHANGE_SUCCESS);
  const auto pad = gobj::Ref<GstPad>::adopt(gst_element_get_static_pad(typefind.element("sink").get(), "sink"));
  const auto found = gstx::Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
  ASSERT_TRUE(found);
  const auto source = gobj::Ref<GstPad>::adopt(gst_pad_get_peer(
      gobj::Ref<GstPad>::adopt(gst_element_get_static_pad(pipeline.element("sink").get(), "sink")).get()));
  const auto said = gstx::Ref<GstCaps>::adopt(gst_pad_get_pad_template_caps(source.get()));
  EXPECT_TRUE(gst_caps_is_equal(found.get(), said.get()));
}

TEST_F(CatchupPlaylistSrc, SaysWhatIsWrong) {
  record(4, "2026-02-25T14:30:00Z");
  EXPECT_EQ(make("start=now end=2026-02-25T14:30:04Z").substr(0, 7), "start: ");
  EXPECT_EQ(make("start=2026-02-25T14:30:00Z end=2026-02-25T14:30:00Z"), "end: is not after start");
  EXPECT_EQ(make("start=2026-02-25T15:30:00Z end=2026-02-25T15:40:00Z").substr(0, 33),
            "start: the archive has nothing of");
  std::filesystem::resize_file(folder_ / "ch1-20260225143002.m4s", 60);
  EXPECT_EQ(make("start=2026-02-25T14:30:00Z end=2026-02-25T14:30:04Z").substr(0, 11), "location: '");
}

// Once again after NULL, with what the archive and the properties are then.
TEST_F(CatchupPlaylistSrc, MakesItAnewAtEachStart) {
  record(4, "2026-02-25T14:30:00Z");
  Pipeline pipeline(
      "catchupplaylistsrc name=src location=" + location() +
      " start=2026-02-25T14:30:00Z end=2026-02-25T14:30:04Z ! filesink location=" + (folder_ / "catchup.m3u8"));
  ASSERT_EQ(pipeline.play(), "");
  pipeline.stop();
  EXPECT_EQ(test::parse_m3u8(playlist()).rows.size(), 2U);
  record(4, "2026-02-25T14:30:04Z");
  g_object_set(pipeline.element("src").get(), "end", "2026-02-25T14:30:08Z", nullptr);
  ASSERT_EQ(pipeline.play(), "");
  EXPECT_EQ(test::parse_m3u8(playlist()).rows.size(), 4U);
}

}  // namespace
}  // namespace aircheck
