// Properties that change while pictures pass, from other threads: no picture is anything but one of the two.
#include "drawtext/overlay.hpp"

#include <atomic>
#include <random>
#include <thread>

namespace aircheck::test {
namespace {

TEST(Changes, APictureIsOneOrTheOther) {
  const Properties one = {{"text", "one"}, {"box-color", "0xFF202020"}};
  const Frame first = Overlay(one).frame();
  const Frame second = Overlay(Properties{{"text", "another"}, {"box-color", "0xFF202020"}}).frame();
  ASSERT_FALSE(first == second);
  Overlay overlay(one);
  std::atomic<bool> stop = false;
  std::thread changes([&] {
    for (int i = 0; !stop; ++i) overlay.set("text", i % 2 == 0 ? "another" : "one");
  });
  bool seen[2] = {false, false};
  for (int i = 0; i < 2000 && (i < 200 || !seen[0] || !seen[1]); ++i) {
    const Frame frame = overlay.frame(i * 40);
    const bool is_first = frame == first;
    ASSERT_TRUE(is_first || frame == second) << "picture " << i;
    seen[is_first ? 0 : 1] = true;
  }
  stop = true;
  changes.join();
  EXPECT_TRUE(seen[0] && seen[1]);
}

TEST(Changes, EverythingAtOnce) {
  Overlay overlay(Properties{{"text", "begin"}});
  std::atomic<bool> stop = false;
  const auto change = [&](unsigned seed) {
    std::mt19937 random(seed);
    const Properties all = {{"text", "%{frame} %{utc:%T}"},
                            {"text", "short"},
                            {"text", ""},
                            {"font-desc", "Sans Bold 30"},
                            {"font-desc", "Serif 9"},
                            {"color", "0xFFFF0000"},
                            {"box-color", "0x80000000"},
                            {"box-color", "0"},
                            {"outline-width", "2"},
                            {"shadow-x", "3"},
                            {"anchor", "center"},
                            {"anchor", "bottom-right"},
                            {"crawl-speed", "100"},
                            {"crawl-speed", "0"},
                            {"visible", "false"},
                            {"visible", "true"},
                            {"fade-in", "200000000"},
                            {"opacity", "0.5"},
                            {"priority", "3"},
                            {"width", "100"}};
    const Properties own = {{"start-utc", "2026-02-25T14:30:00Z"},
                            {"timezone", "Europe/London"},
                            {"channel", "ch2"},
                            {"metadata", "metadata,title=(string)x"},
                            {"allow-files", "true"},
                            {"image", "/nonexistent.png"},
                            {"text-file", "/nonexistent.txt"},
                            {"text-file", ""},
                            {"layers", "3"},
                            {"layers", "0"}};
    while (!stop) {
      const auto& [name, value] = all[random() % all.size()];
      overlay.set(name, value);
      const auto& [own_name, own_value] = own[random() % own.size()];
      overlay.set(own_name, own_value);
      GObject* const layer = gst_child_proxy_get_child_by_index(GST_CHILD_PROXY(overlay.element()), random() % 3);
      if (layer == nullptr) continue;
      gst_util_set_object_arg(layer, name.c_str(), value.c_str());
      g_object_unref(layer);
    }
  };
  std::thread one(change, 1), two(change, 2);
  for (int i = 0; i < 300; ++i) {
    (void)overlay.frame(i * 40);
    (void)overlay.warnings();
  }
  stop = true;
  one.join();
  two.join();
}

}  // namespace
}  // namespace aircheck::test

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
