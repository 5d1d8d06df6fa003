// Whole streams through GStreamer, and files of Shaka Packager.
#pragma once

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "cenc/frames.hpp"
#include "gstx/caps.hpp"

namespace aircheck::test {

inline void run(const std::string& command) {
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
}

struct Stream {
  Ref<GstCaps> caps;
  std::vector<Ref<GstBuffer>> frames;
};

inline void keep_frame(GstElement*, GstBuffer* buffer, GstPad* pad, gpointer data) {
  auto& stream = *static_cast<Stream*>(data);
  stream.frames.push_back(Ref<GstBuffer>::retain(buffer));
  if (!stream.caps) stream.caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(pad));
}

// All that arrives at the sink of `filesrc ! qtdemux ! <middle> fakesink`.
inline Stream read_stream(const std::string& file, const std::string& middle) {
  Stream stream;
  const std::string description =
      "filesrc location=" + file + " ! qtdemux ! " + middle + " fakesink name=sink signal-handoffs=true sync=false";
  const auto pipeline = Ref<GstElement>::sink(gst_parse_launch(description.c_str(), nullptr));
  const auto sink = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  g_signal_connect(sink.get(), "handoff", G_CALLBACK(keep_frame), &stream);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  EXPECT_TRUE(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) << description;
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return stream;
}

// Writes `in`, one track of it ("video", "audio"), to `out`; clear without a scheme, which is "cenc" or "cbcs".
inline void package(const std::string& in, const std::string& track, const std::string& out,
                    const std::string& scheme = "", const std::string& iv = "0123456789abcdef") {
  std::string command =
      std::string(std::getenv("AIRCHECK_SHAKA_PACKAGER")) + " 'in=" + in + ",stream=" + track + ",output=" + out + "'";
  if (!scheme.empty()) {
    command += std::string(" --enable_raw_key_encryption --keys label=:key_id=") + kKeyId + ":key=" + kKey + " --iv " +
               iv + " --protection_scheme " + scheme + " --clear_lead 0 --protection_systems Common";
  }
  run(command + " >" + out + ".log 2>&1");
}

}  // namespace aircheck::test
