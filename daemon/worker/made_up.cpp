#include "worker/made_up.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "gstx/buffer_map.hpp"

namespace aircheck::worker {
namespace {

constexpr std::int64_t kLengthNs = 60 * core::kNsPerSecond;
constexpr std::int64_t kToneSamples = kSampleRate / 10;  // at the beginning of each second
constexpr std::int64_t kTonePeriod = 48;                 // samples: 1 kHz
constexpr float kToneLevel = 0.1F;                       // -20 dBFS

struct Colour {
  std::uint8_t luma;
  std::uint8_t blue;
  std::uint8_t red;
};

// Bars at 75 % (ITU-R BT.471 order), limited range.
constexpr std::array kBars = {Colour{180, 128, 128}, Colour{162, 44, 142}, Colour{131, 156, 44}, Colour{112, 72, 58},
                              Colour{84, 184, 198},  Colour{65, 100, 212}, Colour{35, 212, 114}, Colour{16, 128, 128}};
constexpr Colour kDark{40, 128, 128};
constexpr Colour kBright{220, 128, 128};

// An I420 picture that is being drawn.
class Canvas {
 public:
  Canvas(const GstVideoInfo& info, std::span<std::uint8_t> bytes) : info_(info), bytes_(bytes) {}

  // Even coordinates; clipped to the picture.
  void fill(int left, int top, int right, int bottom, Colour colour) {
    fill_plane(0, left, top, right, bottom, colour.luma);
    fill_plane(1, left / 2, top / 2, right / 2, bottom / 2, colour.blue);
    fill_plane(2, left / 2, top / 2, right / 2, bottom / 2, colour.red);
  }

 private:
  void fill_plane(guint plane, int left, int top, int right, int bottom, std::uint8_t value) {
    const int width = GST_VIDEO_INFO_COMP_WIDTH(&info_, plane);
    const int height = GST_VIDEO_INFO_COMP_HEIGHT(&info_, plane);
    left = std::clamp(left, 0, width);
    right = std::clamp(right, left, width);
    for (int y = std::max(top, 0); y < std::min(bottom, height); ++y) {
      const std::size_t row = GST_VIDEO_INFO_PLANE_OFFSET(&info_, plane) +
                              static_cast<std::size_t>(y) * static_cast<std::size_t>(info_.stride[plane]);
      std::fill_n(bytes_.begin() + static_cast<std::ptrdiff_t>(row) + left, right - left, value);
    }
  }

  const GstVideoInfo& info_;
  std::span<std::uint8_t> bytes_;
};

constexpr int even(std::int64_t value) {
  return static_cast<int>(value & ~std::int64_t{1});
}

class MadeUpItem : public Item {
 public:
  MadeUpItem(Raster raster, Timeline timeline) : raster_(raster), timeline_(timeline) {
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_I420, static_cast<guint>(raster.width),
                              static_cast<guint>(raster.height));
  }

  Health health() override { return Health::kReady; }

  core::Result<gstx::Ref<GstBuffer>> video(std::int64_t frame_in_pass) override {
    auto buffer = gstx::Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, info_.size, nullptr));
    AIRCHECK_TRY(auto map, gstx::BufferMap::read_write(buffer.get()));
    Canvas canvas(info_, map.writable_bytes());
    draw(canvas, frame_in_pass);
    return buffer;
  }

  core::Result<void> audio(std::int64_t sample_in_pass, std::span<float> interleaved) override {
    const std::int64_t count = std::ssize(interleaved) / kChannels;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t in_second = (sample_in_pass + i) % kSampleRate;
      const auto phase = static_cast<double>(in_second % kTonePeriod) / static_cast<double>(kTonePeriod);
      const float value =
          in_second < kToneSamples ? kToneLevel * static_cast<float>(std::sin(2 * std::numbers::pi * phase)) : 0.0F;
      std::fill_n(interleaved.begin() + i * kChannels, kChannels, value);
    }
    return {};
  }

 private:
  void draw(Canvas& canvas, std::int64_t frame) const {
    const int width = raster_.width;
    const int height = raster_.height;
    const int floor = even(std::int64_t{height} * 3 / 4);
    const auto bars = static_cast<int>(kBars.size());
    for (int bar = 0; bar < bars; ++bar) {
      const int right = bar + 1 == bars ? width : even(std::int64_t{width} * (bar + 1) / bars);
      canvas.fill(even(std::int64_t{width} * bar / bars), 0, right, floor, kBars[static_cast<std::size_t>(bar)]);
    }
    canvas.fill(0, floor, width, height, kDark);
    // How much of the film is over.
    const int line = std::max(even(height / 24), 2);
    const int done = even(width * (frame + 1) / timeline_.loop_frames());
    canvas.fill(0, even(height) - line, done, height, kBright);
    // Once across the picture in four seconds.
    const int side = std::max(even(height / 8), 2);
    const std::int64_t crossing_ns = 4 * core::kNsPerSecond;
    const std::int64_t at = timeline_.offset_of(frame) % crossing_ns;
    const int left = even((width - side) * at / crossing_ns);
    canvas.fill(left, floor + line, left + side, floor + line + side, kBright);
  }

  const Raster raster_;
  const Timeline timeline_;
  GstVideoInfo info_;
};

}  // namespace

SourceInfo made_up_source(FrameRate rate) {
  SourceInfo info;
  info.has_video = true;
  info.has_audio = true;
  info.audio_end_ns = kLengthNs;
  info.loop_frames = Timeline::frames_in(rate, kLengthNs);
  return info;
}

std::unique_ptr<Item> make_made_up_item(Raster raster, Timeline timeline) {
  return std::make_unique<MadeUpItem>(raster, timeline);
}

}  // namespace aircheck::worker
