/*
 * A television archive in one small program, with nothing of Aircheck but its GStreamer elements. It records an encrypted
 * channel with a clock in its picture, changes the key on the way, and makes two things of a window of what it recorded:
 * a playlist for HLS players, and a film without encryption.
 *
 *   cc record_and_replay.c $(pkg-config --cflags --libs gstreamer-1.0) -o record_and_replay
 *   GST_PLUGIN_PATH=/where/the/plugins/are ./record_and_replay FOLDER
 *
 * FOLDER has to be there. Afterwards it holds
 *   ch1-20260225143000.m4s ...   the archive, with ch1-init-<hash>.mp4 for each key
 *   ch1.m3u8                     its playlist
 *   window.m3u8                  the playlist of ten seconds of it; <key id>.key beside it are the keys. hls.js and Shaka
 *                                Player play it; ffmpeg and mpv know one key, so that they break where it changes
 *   window.mp4                   the same ten seconds, decrypted, as a film
 */
#include <gst/gst.h>
#include <stdlib.h>
#include <string.h>

/* A program would take its keys from a vault, and never print them. */
static const struct {
  const char *id;
  const char *key;
} keys[] = {
    {"11223344556677889900aabbccddeeff", "00112233445566778899aabbccddeeff"},
    {"ffeeddccbbaa00998877665544332211", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
};

#define RECORDED_SECONDS 20
#define START "2026-02-25T14:30:00Z"
#define WINDOW_START "2026-02-25T14:30:04Z"
#define WINDOW_END "2026-02-25T14:30:14Z"

/* Of a pipeline: element NAME, which the description has. Give it back with gst_object_unref(). */
static GstElement *element_of(GstElement *pipeline, const char *name) {
  return gst_bin_get_by_name(GST_BIN(pipeline), name);
}

static GstElement *make_pipeline(const char *description) {
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch(description, &error);
  if (error != NULL) {
    /* "no element cencenc" is the usual one: GST_PLUGIN_PATH. */
    g_printerr("%s\n", error->message);
    g_clear_error(&error);
    g_clear_pointer(&pipeline, gst_object_unref);
  }
  return pipeline;
}

/* Each segment says when it is whole: what a database or a CDN would be told. */
static void segment_closed(const GstStructure *segment, GstElement *title) {
  const char *location = gst_structure_get_string(segment, "location");
  const char *key_id = gst_structure_get_string(segment, "key-id");
  guint64 sequence = 0, duration = 0;
  char *text;

  gst_structure_get_uint64(segment, "sequence", &sequence);
  gst_structure_get_uint64(segment, "duration", &duration);
  g_print("segment %" G_GUINT64_FORMAT ": %s, %.3f s, key %s\n", sequence, location, (double)duration / GST_SECOND,
          key_id);
  /* Any property can change while pictures pass. */
  text = g_strdup_printf("after segment %" G_GUINT64_FORMAT, sequence);
  g_object_set(title, "text", text, NULL);
  g_free(text);
}

/* Plays a pipeline to its end. FALSE after an error, which is printed. */
static gboolean play(GstElement *pipeline, GstElement *title) {
  GstBus *bus = gst_element_get_bus(pipeline);
  gboolean running = TRUE, good = FALSE;

  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  while (running) {
    GstMessage *message = gst_bus_timed_pop_filtered(
        bus, GST_CLOCK_TIME_NONE, GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_ELEMENT);
    GError *error = NULL;

    switch (GST_MESSAGE_TYPE(message)) {
      case GST_MESSAGE_EOS:
        good = TRUE;
        running = FALSE;
        break;
      case GST_MESSAGE_ERROR:
        gst_message_parse_error(message, &error, NULL);
        running = FALSE;
        break;
      case GST_MESSAGE_WARNING:
        gst_message_parse_warning(message, &error, NULL);
        break;
      default:
        if (title != NULL && gst_message_has_name(message, "strftimefmp4sink-segment-closed"))
          segment_closed(gst_message_get_structure(message), title);
        break;
    }
    if (error != NULL) g_printerr("%s: %s\n", GST_MESSAGE_SRC_NAME(message), error->message);
    g_clear_error(&error);
    gst_message_unref(message);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(bus);
  return good;
}

/* The first key from the beginning, the second from the middle: picture and sound change at the same running time. */
static gboolean give_keys(GstElement *pipeline, const char *cipher) {
  GstElement *element = element_of(pipeline, cipher);
  gboolean taken = FALSE;

  g_object_set(element, "key-id", keys[0].id, "key", keys[0].key, NULL);
  gst_element_set_state(element, GST_STATE_READY);
  g_signal_emit_by_name(element, "rotate-key", keys[1].id, keys[1].key,
                        (guint64)(RECORDED_SECONDS / 2 * GST_SECOND), &taken);
  gst_object_unref(element);
  return taken;
}

static gboolean record(const char *folder) {
  char *description = g_strdup_printf(
      "videotestsrc num-buffers=%d ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 ! "
      "drawtextoverlay name=title layers=1 start-utc=" START " anchor=bottom-left box-color=0xA0000000 ! "
      "x264enc speed-preset=ultrafast key-int-max=50 ! h264parse ! cencenc name=video-cipher ! sink.video "
      "audiotestsrc num-buffers=%d samplesperbuffer=1024 wave=ticks ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! "
      "aacparse ! cencenc name=audio-cipher ! sink.audio "
      "strftimefmp4sink name=sink target-duration=2 start-utc=" START,
      25 * RECORDED_SECONDS, 48000 * RECORDED_SECONDS / 1024 + 1);
  GstElement *pipeline = make_pipeline(description);
  GstElement *title, *sink;
  char *location = g_build_filename(folder, "ch1-%Y%m%d%H%M%S.m4s", NULL);
  char *playlist = g_build_filename(folder, "ch1.m3u8", NULL);
  gboolean good = FALSE;

  if (pipeline != NULL) {
    title = element_of(pipeline, "title");
    sink = element_of(pipeline, "sink");
    gst_child_proxy_set(GST_CHILD_PROXY(title), "layer_0::text", "%{utc:%F %T}", "layer_0::anchor", 2, NULL);
    g_object_set(sink, "location", location, "playlist-location", playlist, "key-uri", "%{kid}.key", NULL);
    good = give_keys(pipeline, "video-cipher") && give_keys(pipeline, "audio-cipher") && play(pipeline, title);
    gst_object_unref(title);
    gst_object_unref(sink);
    gst_object_unref(pipeline);
  }
  g_free(location);
  g_free(playlist);
  g_free(description);
  return good;
}

/* What a player of window.m3u8 fetches: the 16 bytes of each key, in the place of a server that asks who wants them. */
static gboolean write_keys(const char *folder) {
  for (gsize i = 0; i < G_N_ELEMENTS(keys); ++i) {
    char *name = g_strdup_printf("%s/%s.key", folder, keys[i].id);
    char bytes[16];
    gboolean written;

    for (gsize j = 0; j < sizeof bytes; ++j)
      bytes[j] = (char)(g_ascii_xdigit_value(keys[i].key[2 * j]) * 16 + g_ascii_xdigit_value(keys[i].key[2 * j + 1]));
    written = g_file_set_contents(name, bytes, sizeof bytes, NULL);
    g_free(name);
    if (!written) return FALSE;
  }
  return TRUE;
}

/* The window, for whoever has its keys. */
static gboolean write_window_playlist(const char *folder) {
  char *description = g_strdup_printf(
      "catchupplaylistsrc location=\"%s/ch1-%%Y%%m%%d%%H%%M%%S.m4s\" start=" WINDOW_START " end=" WINDOW_END
      " key-uri=%%{kid}.key ! filesink location=\"%s/window.m3u8\"",
      folder, folder);
  GstElement *pipeline = make_pipeline(description);
  const gboolean good = pipeline != NULL && write_keys(folder) && play(pipeline, NULL);

  g_clear_pointer(&pipeline, gst_object_unref);
  g_free(description);
  return good;
}

/* cencdec asks for a key by its id, once for each; NULL would be: there is none. */
static char *need_key(GstElement *decryptor, const char *key_id, gpointer data) {
  (void)decryptor;
  (void)data;
  for (gsize i = 0; i < G_N_ELEMENTS(keys); ++i) {
    if (strcmp(keys[i].id, key_id) == 0) return g_strdup(keys[i].key);
  }
  return NULL;
}

/*
 * The window straight from the encrypted files, decrypted. Nothing is encoded anew. A segment has all its pictures before
 * all its sound, and mp4mux wants both at once: a queue has to hold a segment, which the standard of one second does not.
 */
#define QUEUE "queue max-size-time=0 max-size-buffers=0"
static gboolean export_window(const char *folder) {
  char *description = g_strdup_printf(
      "catchupsrc location=\"%s/ch1-%%Y%%m%%d%%H%%M%%S.m4s\" start=" WINDOW_START " end=" WINDOW_END " ! qtdemux name=d "
      "d.video_0 ! " QUEUE " ! cencdec name=video-cipher ! h264parse ! film.video_0 "
      "d.audio_0 ! " QUEUE " ! cencdec name=audio-cipher ! aacparse ! film.audio_0 "
      "mp4mux name=film ! filesink location=\"%s/window.mp4\"",
      folder, folder);
  GstElement *pipeline = make_pipeline(description);
  gboolean good = FALSE;

  if (pipeline != NULL) {
    for (int i = 0; i < 2; ++i) {
      GstElement *cipher = element_of(pipeline, i == 0 ? "video-cipher" : "audio-cipher");
      g_signal_connect(cipher, "need-key", G_CALLBACK(need_key), NULL);
      gst_object_unref(cipher);
    }
    good = play(pipeline, NULL);
    gst_object_unref(pipeline);
  }
  g_free(description);
  return good;
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 2) {
    g_printerr("usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  if (!record(argv[1]) || !write_window_playlist(argv[1]) || !export_window(argv[1])) return EXIT_FAILURE;
  g_print("%s/window.m3u8 and window.mp4: " WINDOW_START " to " WINDOW_END "\n", argv[1]);
  return EXIT_SUCCESS;
}
