// drawtextoverlay between the pads of a harness, and looks at the pictures that come out.
#pragma once

#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "drawtext/picture.hpp"
#include "gobj/text.hpp"
#include "gstx/ref.hpp"

namespace aircheck::test {

using gstx::Ref;

// The bytes of one picture, with what is needed to find a sample in them.
class Frame {
 public:
  Frame(const GstVideoInfo& info, GstBuffer* buffer) : info_(info), bytes_(gst_buffer_get_size(buffer)) {
    gst_buffer_extract(buffer, 0, bytes_.data(), bytes_.size());
  }

  [[nodiscard]] int width(guint component = 0) const { return GST_VIDEO_INFO_COMP_WIDTH(&info_, component); }
  [[nodiscard]] int height(guint component = 0) const { return GST_VIDEO_INFO_COMP_HEIGHT(&info_, component); }
  [[nodiscard]] int at(guint component, int x, int y) const {
    return bytes_[static_cast<std::size_t>(GST_VIDEO_INFO_COMP_OFFSET(&info_, component)) +
                  static_cast<std::size_t>(y * GST_VIDEO_INFO_COMP_STRIDE(&info_, component) +
                                           x * GST_VIDEO_INFO_COMP_PSTRIDE(&info_, component))];
  }
  [[nodiscard]] const std::vector<std::uint8_t>& bytes() const { return bytes_; }

  // Where the first component is another than in `other`.
  [[nodiscard]] drawtext::Rect differs_from(const Frame& other) const {
    drawtext::Rect rect;
    for (int y = 0; y < height(); ++y) {
      for (int x = 0; x < width(); ++x) {
        if (at(0, x, y) != other.at(0, x, y)) rect = drawtext::bounding_box(rect, {x, y, 1, 1});
      }
    }
    return rect;
  }

  // Sum of what the first component is more than `below`, and its centre.
  struct Weight {
    double sum = 0, x = 0;
  };
  [[nodiscard]] Weight weight(guint component, int below) const {
    Weight weight;
    for (int y = 0; y < height(component); ++y) {
      for (int x = 0; x < width(component); ++x) {
        const double more = std::abs(at(component, x, y) - below);
        weight.sum += more;
        weight.x += more * x;
      }
    }
    weight.x /= weight.sum;
    return weight;
  }

  friend bool operator==(const Frame& a, const Frame& b) { return a.bytes_ == b.bytes_; }

 private:
  GstVideoInfo info_;
  std::vector<std::uint8_t> bytes_;
};

using Properties = std::vector<std::pair<std::string, std::string>>;

class Overlay {
 public:
  // `properties`: name and value in turns, as gst-launch takes them.
  explicit Overlay(const Properties& properties = {}, const std::string& caps = "format=I420,width=320,height=180") {
    element_ = Ref<GstElement>::sink(gst_element_factory_make("drawtextoverlay", nullptr));
    EXPECT_TRUE(element_) << "no drawtextoverlay in GST_PLUGIN_PATH";
    for (const auto& [name, value] : properties) set(name, value);
    harness_ = gst_harness_new_with_element(element_.get(), "sink", "src");
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(element_.get(), bus_.get());
    const std::string text = "video/x-raw,framerate=25/1," + caps;
    auto parsed = Ref<GstCaps>::adopt(gst_caps_from_string(text.c_str()));
    EXPECT_TRUE(gst_video_info_from_caps(&info_, parsed.get())) << text;
    caps_ = std::move(parsed);
  }
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;
  ~Overlay() {
    gst_element_set_bus(element_.get(), nullptr);
    gst_harness_teardown(harness_);
  }

  void set(const std::string& name, const std::string& value) {
    const std::size_t colon = name.find("::");
    if (colon == std::string::npos) {
      gst_util_set_object_arg(G_OBJECT(element_.get()), name.c_str(), value.c_str());
      return;
    }
    GObject* const child =
        gst_child_proxy_get_child_by_name(GST_CHILD_PROXY(element_.get()), name.substr(0, colon).c_str());
    ASSERT_NE(child, nullptr) << name;
    gst_util_set_object_arg(child, name.substr(colon + 2).c_str(), value.c_str());
    g_object_unref(child);
  }

  // A plain grey picture.
  [[nodiscard]] Ref<GstBuffer> picture(std::int64_t pts_ms, std::uint8_t grey = 64) const {
    auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_allocate(nullptr, info_.size, nullptr));
    gst_buffer_memset(buffer.get(), 0, grey, info_.size);
    GST_BUFFER_PTS(buffer.get()) = static_cast<GstClockTime>(pts_ms) * GST_MSECOND;
    GST_BUFFER_DURATION(buffer.get()) = 40 * GST_MSECOND;
    return buffer;
  }

  Ref<GstBuffer> push(Ref<GstBuffer> buffer) {
    if (!started_) gst_harness_set_src_caps(harness_, Ref<GstCaps>(caps_).release());
    started_ = true;
    EXPECT_EQ(gst_harness_push(harness_, buffer.release()), GST_FLOW_OK);
    return Ref<GstBuffer>::adopt(gst_harness_try_pull(harness_));
  }

  Frame frame(std::int64_t pts_ms = 0, std::uint8_t grey = 64) { return look(push(picture(pts_ms, grey)).get()); }
  [[nodiscard]] Frame look(GstBuffer* buffer) const { return {info_, buffer}; }
  [[nodiscard]] Frame plain(std::uint8_t grey = 64) const { return look(picture(0, grey).get()); }

  // Texts of the warnings since the last call, one a line.
  std::string warnings() {
    std::string all;
    while (auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_WARNING))) {
      GError* error = nullptr;
      gst_message_parse_warning(message.get(), &error, nullptr);
      all += std::string(error->message) + "\n";
      g_error_free(error);
    }
    return all;
  }

  [[nodiscard]] GstElement* element() const { return element_.get(); }
  [[nodiscard]] GstHarness* harness() const { return harness_; }
  [[nodiscard]] const GstVideoInfo& info() const { return info_; }

 private:
  Ref<GstElement> element_;
  Ref<GstBus> bus_;
  Ref<GstCaps> caps_;
  GstHarness* harness_ = nullptr;
  GstVideoInfo info_{};
  bool started_ = false;
};

}  // namespace aircheck::test
