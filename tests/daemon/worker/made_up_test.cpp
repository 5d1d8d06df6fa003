#include "worker/made_up.hpp"

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gstx/buffer_map.hpp"

namespace aircheck::worker {
namespace {

std::string picture(Item& item, std::int64_t frame) {
  const auto buffer = item.video(frame);
  EXPECT_TRUE(buffer.has_value());
  const auto map = gstx::BufferMap::read(buffer->get());
  return {map->bytes().begin(), map->bytes().end()};
}

TEST(MadeUp, EveryFrameIsItsOwnAndTheSameEachTime) {
  gst_init(nullptr, nullptr);
  const FrameRate rate{25, 1};
  const SourceInfo info = made_up_source(rate);
  EXPECT_EQ(info.loop_frames, 1500);
  EXPECT_TRUE(info.has_video && info.has_audio);
  const Timeline timeline(rate, info.loop_frames);
  const auto item = open_item(info, {640, 360}, timeline, 0);
  const auto again = open_item(info, {640, 360}, timeline, 700);
  ASSERT_EQ(item->health(), Item::Health::kReady);
  std::set<std::string> seen;
  for (std::int64_t frame = 0; frame < 100; ++frame) seen.insert(picture(*item, frame));
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_EQ(picture(*item, 700), picture(*again, 700));
  EXPECT_EQ(picture(*item, 0).size(), 640U * 360 * 3 / 2);
}

TEST(MadeUp, OddRastersStayInsideTheirBuffer) {
  gst_init(nullptr, nullptr);
  const Timeline timeline({30000, 1001}, made_up_source({30000, 1001}).loop_frames);
  for (const Raster raster : {Raster{16, 16}, Raster{18, 34}, Raster{1920, 1080}, Raster{636, 358}}) {
    const auto item = make_made_up_item(raster, timeline);
    for (const std::int64_t frame : {std::int64_t{0}, std::int64_t{55}, timeline.loop_frames() - 1}) {
      EXPECT_FALSE(picture(*item, frame).empty());
    }
  }
}

TEST(MadeUp, SoundDependsOnItsPlaceAlone) {
  const auto item = make_made_up_item({16, 16}, Timeline({25, 1}, 1500));
  std::vector<float> whole(2 * kSampleRate * kChannels);
  ASSERT_TRUE(item->audio(kSampleRate * 5, whole).has_value());
  std::vector<float> part(kBlockSamples * kChannels);
  ASSERT_TRUE(item->audio(kSampleRate * 5 + 1024, part).has_value());
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 1024 * kChannels));
  EXPECT_NEAR(*std::max_element(whole.begin(), whole.end()), 0.1F, 1e-4F);
  EXPECT_TRUE(
      std::equal(whole.begin(), whole.begin() + kSampleRate * kChannels, whole.begin() + kSampleRate * kChannels));
  EXPECT_EQ(whole[(kSampleRate / 2) * kChannels], 0.0F) << "silence between the tones";
}

}  // namespace
}  // namespace aircheck::worker
