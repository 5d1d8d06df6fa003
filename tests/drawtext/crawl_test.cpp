// A crawl moves evenly: measured on the pictures, to hundredths of a pixel.
#include "drawtext/overlay.hpp"

#include <algorithm>

namespace aircheck::test {
namespace {

// Blocks over 700 pixels, so that there is a seam between two pieces of the text.
const char* const kBlocks = "█ █ ██ █ ███ █ █ ██ █ ███ █ █ ██ █ ███ █ █";

struct Case {
  const char* name;
  const char* caps;
  double speed;  // pixels/s
};

class CrawlMotion : public testing::TestWithParam<Case> {};

// No gap between letters is so wide.
bool all_inside(const Frame& frame, int grey) {
  for (int x = 0; x < 40; ++x) {
    if (frame.at(0, x, 32) != grey || frame.at(0, frame.width() - 1 - x, 32) != grey) return false;
  }
  return true;
}

TEST_P(CrawlMotion, IsEven) {
  const Case& c = GetParam();
  Overlay overlay(Properties{{"text", kBlocks},
                             {"font-desc", "Sans 24px"},
                             {"crawl-speed", std::to_string(c.speed)},
                             {"margin-x", "0"},
                             {"color", "0xFF00FFFF"}},
                  std::string("width=1600,height=64,") + c.caps);
  const bool yuv = GST_VIDEO_INFO_IS_YUV(&overlay.info());
  const std::uint8_t grey = yuv ? 64 : 255;  // opaque, where that is alpha too
  const int pictures = static_cast<int>(1600 / std::abs(c.speed) * 25);
  const int end = std::min(pictures, 400);
  double last[2] = {0, 0}, sum[2] = {0, 0};
  int compared = 0;
  for (int i = 0; i < end; ++i) {
    const Frame frame = overlay.frame(i * 40, grey);
    if (!all_inside(frame, grey)) continue;
    for (guint which = 0; which < (yuv ? 2U : 1U); ++which) {
      const guint component = yuv ? which : 0;
      const auto now = frame.weight(component, grey);
      const double scale = which == 0 ? 1 : 2;
      if (now.sum < 1000 || now.x < 1) continue;
      if (sum[which] > 0 && last[which] > 0) {
        EXPECT_NEAR((last[which] - now.x) * scale, c.speed / 25, 0.05)
            << c.name << " picture " << i << " component " << component;
        EXPECT_NEAR(now.sum / sum[which], 1, 0.003) << c.name << " picture " << i << ": letters were lost";
        ++compared;
      }
      last[which] = now.x;
      sum[which] = now.sum;
    }
  }
  EXPECT_GT(compared, 20) << c.name;
}

std::string case_name(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(All, CrawlMotion,
                         testing::Values(Case{"SlowI420", "format=I420", 233.3}, Case{"FastI420", "format=I420", 410},
                                         Case{"CositedNV12", "format=NV12,chroma-site=mpeg2", 317.7},
                                         Case{"BackwardsI420", "format=I420,chroma-site=jpeg", -271.3},
                                         Case{"RGBA", "format=RGBA", 333.3}),
                         case_name);

TEST(CrawlRegion, StaysInsideItsWidth) {
  Overlay overlay(Properties{{"text", "A text that is longer than the region in which it crawls, by far"},
                             {"crawl-speed", "1000"},
                             {"width", "100"},
                             {"anchor", "absolute"},
                             {"x", "60"},
                             {"y", "20"},
                             {"box-color", "0xFF000000"}});
  for (int i = 0; i < 50; ++i) {
    const auto drawn = overlay.frame(i * 40).differs_from(overlay.plain());
    EXPECT_EQ(drawn.x, 60);
    EXPECT_EQ(drawn.width, 100);
  }
}

TEST(CrawlOnce, IsGoneAndComesBackWithAnotherText) {
  Overlay overlay(Properties{{"text", "once"}, {"crawl-speed", "1000"}, {"crawl-loop", "false"}});
  (void)overlay.frame(0);
  EXPECT_FALSE(overlay.frame(200) == overlay.plain());
  EXPECT_EQ(overlay.frame(900), overlay.plain());
  EXPECT_EQ(overlay.frame(1000), overlay.plain());
  overlay.set("text", "again");
  (void)overlay.frame(1040);
  EXPECT_FALSE(overlay.frame(1240) == overlay.plain());
}

}  // namespace
}  // namespace aircheck::test

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
