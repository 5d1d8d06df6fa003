// playbin3 of GStreamer 1.22 may set its source to PAUSED before its decodebin3: what the source sends until then is
// refused as flushing, and the player waits for ever (measured with clear files and stock elements alone, once in 40
// starts on a busy machine). An application that has to start every time holds the source until decodebin3 is ready.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <string_view>

#include "gobj/ref.hpp"
#include "gstx/ref.hpp"

namespace aircheck::test {

// For one start of `playbin`, which outlives it.
class HeldStart {
 public:
  explicit HeldStart(GstElement* playbin)
      : playbin_(playbin), bus_(gobj::Ref<GstBus>::adopt(gst_element_get_bus(playbin))) {
    gst_bus_enable_sync_message_emission(bus_.get());
    setup_ = g_signal_connect(playbin, "source-setup", G_CALLBACK(source_setup), this);
    changed_ = g_signal_connect(bus_.get(), "sync-message::state-changed", G_CALLBACK(state_changed), this);
  }
  ~HeldStart() {
    g_signal_handler_disconnect(playbin_, setup_);
    g_signal_handler_disconnect(bus_.get(), changed_);
    gst_bus_disable_sync_message_emission(bus_.get());
    release();
  }
  HeldStart(const HeldStart&) = delete;
  HeldStart& operator=(const HeldStart&) = delete;

 private:
  static void source_setup(GstElement*, GstElement* source, gpointer self) noexcept {
    static_cast<HeldStart*>(self)->hold(source);
  }
  static void state_changed(GstBus*, GstMessage* message, gpointer self) noexcept {
    GstElementFactory* const factory = GST_IS_ELEMENT(GST_MESSAGE_SRC(message))
                                           ? gst_element_get_factory(GST_ELEMENT(GST_MESSAGE_SRC(message)))
                                           : nullptr;
    GstState reached = GST_STATE_NULL;
    gst_message_parse_state_changed(message, nullptr, &reached, nullptr);
    if (factory != nullptr && std::string_view(GST_OBJECT_NAME(factory)) == "decodebin3" &&
        reached == GST_STATE_PAUSED) {
      static_cast<HeldStart*>(self)->release();
    }
  }

  void hold(GstElement* source) {
    const std::lock_guard lock(mutex_);
    if (ready_ || pad_) return;
    pad_ = gobj::Ref<GstPad>::adopt(gst_element_get_static_pad(source, "src"));
    constexpr auto kData = static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BLOCK | GST_PAD_PROBE_TYPE_SCHEDULING |
                                                        GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);
    probe_ = gst_pad_add_probe(
        pad_.get(), kData, [](GstPad*, GstPadProbeInfo*, gpointer) noexcept { return GST_PAD_PROBE_OK; }, nullptr,
        nullptr);
  }
  void release() {
    const std::lock_guard lock(mutex_);
    ready_ = true;
    if (probe_ != 0) gst_pad_remove_probe(pad_.get(), probe_);
    probe_ = 0;
  }

  GstElement* playbin_;
  gobj::Ref<GstBus> bus_;
  gulong setup_ = 0;
  gulong changed_ = 0;
  std::mutex mutex_;
  bool ready_ = false;
  gobj::Ref<GstPad> pad_;
  gulong probe_ = 0;
};

}  // namespace aircheck::test
