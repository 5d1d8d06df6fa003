// cencenc between the pads of a harness.
#pragma once

#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <memory>

#include "cenc/frames.hpp"
#include "gstx/caps.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {

struct Teardown {
  void operator()(GstHarness* harness) const { gst_harness_teardown(harness); }
};
using Harness = std::unique_ptr<GstHarness, Teardown>;

inline Ref<GstElement> make_cencenc() {
  auto element = Ref<GstElement>::sink(gst_element_factory_make("cencenc", nullptr));
  EXPECT_TRUE(element) << "no cencenc in GST_PLUGIN_PATH";
  return element;
}

class CencEncTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  void SetUp() override {
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    element_ = make_cencenc();
    ASSERT_TRUE(element_);
    g_object_set(element_.get(), "key-id", kKeyId, "key", kKey, nullptr);
  }
  void TearDown() override { gst_element_set_bus(element_.get(), nullptr); }

  // Brings the element to PLAYING.
  void start(const char* caps) {
    harness_.reset(gst_harness_new_with_element(element_.get(), "sink", "src"));
    gst_harness_set_src_caps(harness_.get(), gstx::caps_from_text(caps).release());
  }

  Ref<GstBuffer> encrypt(core::ByteView bytes) { return encrypt_at(bytes, GST_CLOCK_TIME_NONE); }

  Ref<GstBuffer> encrypt_at(core::ByteView bytes, GstClockTime pts) {
    auto buffer = buffer_of(bytes);
    GST_BUFFER_PTS(buffer.get()) = pts;
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer.release()), GST_FLOW_OK);
    return Ref<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
  }

  // From here on error_text() and warning_text() see what the element posts.
  void watch() { gst_element_set_bus(element_.get(), bus_.get()); }

  std::string error_text() { return text_of(GST_MESSAGE_ERROR, gst_message_parse_error); }
  std::string warning_text() { return text_of(GST_MESSAGE_WARNING, gst_message_parse_warning); }

  Ref<GstElement> element_;
  Harness harness_;
  Ref<GstBus> bus_;
  TemporaryDirectory folder_;

 private:
  // The only message of its type; it is taken away.
  std::string text_of(GstMessageType type, void (*parse)(GstMessage*, GError**, gchar**)) {
    const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), type));
    if (!message) return "(none)";
    GError* error = nullptr;
    parse(message.get(), &error, nullptr);
    const std::string text = error->message;
    g_error_free(error);
    EXPECT_EQ(gst_bus_pop_filtered(bus_.get(), type), nullptr) << "more than one";
    return text;
  }
};

}  // namespace aircheck::test
