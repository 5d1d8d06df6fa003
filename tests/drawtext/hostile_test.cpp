// What nobody should ask for: a warning that names the property, and never a crash.
#include "drawtext/overlay.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

using ::testing::HasSubstr;

std::string words(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "Lorem ipsum dolor sit amet, \xd8\xb3\xd9\x84\xd8\xa7\xd9\x85 ";
  return text;
}

TEST(Hostile, TenKilobytesOfText) {
  Overlay overlay(Properties{{"text", words(10'000)}, {"outline-width", "2"}, {"shadow-x", "3"}});
  EXPECT_FALSE(overlay.frame() == overlay.plain());
  overlay.set("crawl-speed", "5000");
  for (int i = 1; i < 60; ++i) (void)overlay.frame(i * 40);
  EXPECT_FALSE(overlay.frame(3000) == overlay.plain());
  EXPECT_EQ(overlay.warnings(), "");
  overlay.set("text", words(70'000));
  (void)overlay.frame(3040);
  EXPECT_THAT(overlay.warnings(), HasSubstr("property text: is longer than 64 KiB"));
}

TEST(Hostile, InvalidUtf8) {
  Overlay overlay;
  g_object_set(overlay.element(), "text", "good \xff\xfe bad \xc3", nullptr);
  const Frame frame = overlay.frame();
  EXPECT_THAT(overlay.warnings(), HasSubstr("property text: is no UTF-8"));
  EXPECT_EQ(frame, Overlay(Properties{{"text", "good \ufffd\ufffd bad \ufffd"}}).frame());
  g_object_set(overlay.element(), "text", "%{channel}", "channel", "\xff", "font-desc", "\xff\xff 12", "image", "\xff",
               nullptr);
  (void)overlay.frame(40);
}

TEST(Hostile, InvalidMarkupIsShownAsItIs) {
  Overlay overlay(Properties{{"text", "<b>not closed & <i>"}, {"use-markup", "true"}});
  const Frame frame = overlay.frame();
  EXPECT_THAT(overlay.warnings(), HasSubstr("property use-markup: "));
  EXPECT_EQ(frame, Overlay(Properties{{"text", "<b>not closed & <i>"}}).frame());
  EXPECT_EQ(overlay.frame(40), frame);
  EXPECT_EQ(overlay.warnings(), "") << "told once";
  overlay.set("text", "<b>closed</b>");
  (void)overlay.frame(80);
  EXPECT_EQ(overlay.warnings(), "");
  overlay.set("text", "<b>open again");
  (void)overlay.frame(120);
  EXPECT_THAT(overlay.warnings(), HasSubstr("property use-markup: "));
}

TEST(Hostile, UnknownExpansionZoneAndFont) {
  Overlay overlay({{"text", "%{weather}"}, {"font-desc", "No Such Font 20"}, {"layers", "1"}});
  overlay.set("timezone", "/etc/passwd");
  overlay.set("layer_0::text", "%{");
  EXPECT_FALSE(overlay.frame() == overlay.plain());
  const std::string warnings = overlay.warnings();
  EXPECT_THAT(warnings, HasSubstr("property text: '%{weather}'"));
  EXPECT_THAT(warnings, HasSubstr("property layer_0::text: '%{'"));
  EXPECT_THAT(warnings, HasSubstr("property timezone: '/etc/passwd'"));
  EXPECT_THAT(warnings, HasSubstr("property font-desc: there is no font 'No Such Font'"));
  for (const char* font : {"", "Sans", "DejaVu Sans Bold 12", "Nothing, DejaVu Serif, 12", "monospace 9px"}) {
    overlay.set("font-desc", font);
    (void)overlay.frame(40);
    EXPECT_EQ(overlay.warnings(), "") << font;
  }
  for (const char* font : {"Sans 100000", "Sans 100000px", "Sans 3100"}) {
    overlay.set("font-desc", font);
    (void)overlay.frame(80);
    EXPECT_THAT(overlay.warnings(), HasSubstr("property font-desc: is larger than 4096 pixels")) << font;
    overlay.set("font-desc", "Sans 12");
    (void)overlay.frame(120);
  }
}

TEST(Hostile, AStartThatIsNoInstantIsRefused) {
  const auto element = Ref<GstElement>::sink(gst_element_factory_make("drawtextoverlay", nullptr));
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element.get(), bus.get());
  g_object_set(element.get(), "start-utc", "soon", nullptr);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  ASSERT_TRUE(message);
  GError* error = nullptr;
  gst_message_parse_error(message.get(), &error, nullptr);
  EXPECT_THAT(error->message, HasSubstr("property start-utc"));
  g_error_free(error);
  gst_element_set_state(element.get(), GST_STATE_NULL);
  gst_element_set_bus(element.get(), nullptr);
}

TEST(Hostile, ImagesThatAreNone) {
  const TemporaryDirectory folder;
  const std::string head("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);
  folder.write("text.png", "this is no picture");
  folder.write("empty.png", "");
  folder.write("cut.png", head + std::string("\0\0\0\x10\0\0\0\x10\x08\x06\0\0\0", 13));
  folder.write("huge.png", head + std::string("\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\x06\0\0\0", 13));
  ASSERT_EQ(mkfifo((folder / "pipe.png").c_str(), 0600), 0);
  for (const char* name : {"text.png", "empty.png", "cut.png", "huge.png", "pipe.png", "none.png", "."}) {
    Overlay overlay(Properties{{"allow-files", "true"}, {"image", folder / name}, {"text", "still here"}});
    EXPECT_FALSE(overlay.frame() == overlay.plain()) << name;
    const std::string warnings = overlay.warnings();
    EXPECT_THAT(warnings, HasSubstr("property image: ")) << name;
    EXPECT_THAT(warnings, HasSubstr(folder / name)) << name;
  }
}

TEST(Hostile, TinyAndLargeVideo) {
  for (const char* caps :
       {"format=I420,width=16,height=16", "format=NV12,width=1,height=1", "format=I420,width=17,height=3",
        "format=RGBA,width=2,height=999", "format=NV12,width=3840,height=2160"}) {
    Overlay overlay(Properties{{"text", "A text wider than the picture\nand higher"},
                               {"box-color", "0xFF000000"},
                               {"margin-x", "0"},
                               {"margin-y", "0"},
                               {"font-desc", "Sans 30"},
                               {"outline-width", "3"},
                               {"layers", "1"}},
                    caps);
    overlay.set("layer_0::text", "crawling");
    overlay.set("layer_0::crawl-speed", "777");
    overlay.set("layer_0::box-color", "0x80FFFFFF");
    overlay.set("layer_0::anchor", "bottom");
    for (int i = 0; i < 5; ++i) EXPECT_FALSE(overlay.frame(i * 40, 255) == overlay.plain(255)) << caps;
    for (const char* anchor : {"top-left", "center", "bottom-right", "absolute"}) {
      overlay.set("anchor", anchor);
      overlay.set("x", "-5000");
      (void)overlay.frame(400);
    }
  }
}

TEST(Hostile, TextInEveryDirectionAndScript) {
  Overlay overlay(Properties{{"text", "عربي ١٢٣ abc\nעברית\n日本語 \U0001F600 e\u0301\u202e\u200b\n\n\t\r"},
                             {"line-alignment", "end"},
                             {"width", "90"},
                             {"line-spacing", "-20"}});
  EXPECT_FALSE(overlay.frame() == overlay.plain());
  for (const char* speed : {"100", "-100"}) {
    overlay.set("crawl-speed", speed);
    (void)overlay.frame(40);
    (void)overlay.frame(400);
  }
}

}  // namespace
}  // namespace aircheck::test

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
