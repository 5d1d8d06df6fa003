// A pipeline that ends in strftimefmp4sink, and what it says while it plays.
#pragma once

#include <gst/gst.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gobj/ref.hpp"
#include "gstx/ref.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {

// H.264 at 25 frames a second, made as fast as it goes.
inline std::string video(int frames) {
  return "videotestsrc num-buffers=" + std::to_string(frames) +
         " ! video/x-raw,width=160,height=90,framerate=25/1 ! x264enc key-int-max=25 speed-preset=ultrafast "
         "tune=zerolatency ! h264parse ! sink.video ";
}

inline std::string audio(int seconds, const std::string& pad = "audio") {
  return "audiotestsrc samplesperbuffer=1024 num-buffers=" + std::to_string(seconds * 48000 / 1024) +
         " ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! aacparse ! sink." + pad + " ";
}

inline std::string sink(const TemporaryDirectory& folder, const std::string& properties) {
  return "strftimefmp4sink name=sink location=" + (folder / "ch1-%Y%m%d%H%M%S.m4s") +
         " playlist-location=" + (folder / "ch1.m3u8") + " start-utc=2026-02-25T14:30:00Z " + properties;
}

inline std::uint64_t number(const GstStructure* structure, const char* field) {
  guint64 value = 0;
  EXPECT_TRUE(gst_structure_get_uint64(structure, field, &value)) << field;
  return value;
}

class Pipeline {
 public:
  template <typename T>
  using Ref = gobj::Ref<T>;

  explicit Pipeline(const std::string& description) {
    GError* error = nullptr;
    pipeline_ = Ref<GstElement>::sink(gst_parse_launch(description.c_str(), &error));
    if (error != nullptr) ADD_FAILURE() << error->message;
    g_clear_error(&error);
    bus_ = Ref<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
  }
  ~Pipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  [[nodiscard]] GstElement* get() const { return pipeline_.get(); }
  [[nodiscard]] Ref<GstElement> element(const char* name) const {
    return Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }

  // Calls `handler` in the thread that posts an element message, which goes on when it returns.
  void on_message(std::function<void(const GstStructure*)> handler) {
    handler_ = std::move(handler);
    gst_bus_set_sync_handler(
        bus_.get(),
        [](GstBus*, GstMessage* message, gpointer self) noexcept {
          if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
            static_cast<Pipeline*>(self)->handler_(gst_message_get_structure(message));
          }
          return GST_BUS_PASS;
        },
        this, nullptr);
  }

  // Plays to the end of the stream or to an error, whose message it returns.
  std::string play() {
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    return wait();
  }
  std::string wait() {
    for (;;) {
      const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
          bus_.get(), 60 * GST_SECOND,
          static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_INFO |
                                      GST_MESSAGE_ELEMENT)));
      if (!message) return "nothing came for a minute";
      switch (GST_MESSAGE_TYPE(message.get())) {
        case GST_MESSAGE_EOS: return "";
        case GST_MESSAGE_ELEMENT: keep(message); break;
        case GST_MESSAGE_WARNING: warnings_.push_back(text_of(message.get(), gst_message_parse_warning)); break;
        case GST_MESSAGE_INFO: infos_.push_back(text_of(message.get(), gst_message_parse_info)); break;
        default: failed_ = GST_MESSAGE_SRC_NAME(message.get()); return text_of(message.get(), gst_message_parse_error);
      }
    }
  }

  void pause() { gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED); }
  void stop() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
  [[nodiscard]] const std::vector<Ref<GstMessage>>& closed() const { return closed_; }
  [[nodiscard]] const std::vector<Ref<GstMessage>>& dropped() const { return dropped_; }
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  [[nodiscard]] const std::vector<std::string>& infos() const { return infos_; }
  [[nodiscard]] const std::string& failed() const { return failed_; }

 private:
  void keep(const Ref<GstMessage>& message) {
    if (gst_message_has_name(message.get(), "strftimefmp4sink-segment-closed")) closed_.push_back(message);
    if (gst_message_has_name(message.get(), "strftimefmp4sink-segment-dropped")) dropped_.push_back(message);
  }

  static std::string text_of(GstMessage* message, void (*parse)(GstMessage*, GError**, gchar**)) {
    GError* error = nullptr;
    parse(message, &error, nullptr);
    std::string text = error->message;
    g_error_free(error);
    return text;
  }

  Ref<GstElement> pipeline_;
  Ref<GstBus> bus_;
  std::function<void(const GstStructure*)> handler_;
  std::vector<Ref<GstMessage>> closed_;
  std::vector<Ref<GstMessage>> dropped_;
  std::vector<std::string> warnings_;
  std::vector<std::string> infos_;
  std::string failed_;
};

}  // namespace aircheck::test
