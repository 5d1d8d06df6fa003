// Plays a gst-launch description to its end, as gst-launch-1.0 does, and changes keys on the way:
//   package DESCRIPTION [ELEMENT KEY-ID KEY SECONDS]...
// tells each ELEMENT, before anything flows, its key from SECONDS of running time on (cencenc's signal rotate-key).
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  gst_init(nullptr, nullptr);
  GError* error = nullptr;
  GstElement* const pipeline = argc > 1 ? gst_parse_launch(argv[1], &error) : nullptr;
  if (pipeline == nullptr || error != nullptr) {
    std::fprintf(stderr, "%s\n", error != nullptr ? error->message : "give a description");
    return 2;
  }
  gst_element_set_state(pipeline, GST_STATE_READY);
  for (int i = 2; i + 3 < argc; i += 4) {
    GstElement* const element = gst_bin_get_by_name(GST_BIN(pipeline), argv[i]);
    gboolean taken = FALSE;
    const auto from = static_cast<guint64>(std::atof(argv[i + 3]) * GST_SECOND);
    g_signal_emit_by_name(element, "rotate-key", argv[i + 1], argv[i + 2], from, &taken);
    if (!taken) {
      std::fprintf(stderr, "%s refuses its key\n", argv[i]);
      return 3;
    }
    gst_object_unref(element);
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus* const bus = gst_element_get_bus(pipeline);
  GstMessage* const message = gst_bus_timed_pop_filtered(
      bus, 120 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool good = message != nullptr && GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS;
  if (message != nullptr && !good) {
    gst_message_parse_error(message, &error, nullptr);
    std::fprintf(stderr, "%s\n", error->message);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return good ? 0 : 1;
}
