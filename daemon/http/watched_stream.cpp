#include "http/watched_stream.hpp"

namespace aircheck::http {

namespace {

struct WatchedInput {
  GFilterInputStream parent;
  gboolean waiting;
};
struct WatchedInputClass {
  GFilterInputStreamClass parent;
};

WatchedInput* input_of(gpointer object) {
  return static_cast<WatchedInput*>(object);
}
GInputStream* base_of(gpointer object) {
  return G_FILTER_INPUT_STREAM(object)->base_stream;
}
GPollableInputStream* pollable_base_of(gpointer object) {
  return G_POLLABLE_INPUT_STREAM(base_of(object));
}

// No body of ours ends with it either: where the next request came with the one before, this may be its last byte.
gssize end_of_waiting(WatchedInput* input, gssize count, void* buffer, GError** error) {
  if (count > 0) input->waiting = FALSE;
  if (count > 0 || input->waiting == FALSE) return count;
  if (count < 0 && g_error_matches(*error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK) != FALSE) return count;
  input->waiting = FALSE;
  g_clear_error(error);
  *static_cast<char*>(buffer) = 'x';
  return 1;
}

gssize read_nonblocking(GPollableInputStream* stream, void* buffer, gsize size, GError** error) noexcept {
  g_autoptr(GError) failure = nullptr;
  const gssize count =
      g_pollable_input_stream_read_nonblocking(pollable_base_of(stream), buffer, size, nullptr, &failure);
  const gssize seen = end_of_waiting(input_of(stream), count, buffer, &failure);
  if (failure != nullptr) g_propagate_error(error, g_steal_pointer(&failure));
  return seen;
}

gboolean can_poll(GPollableInputStream* stream) noexcept {
  return G_IS_POLLABLE_INPUT_STREAM(base_of(stream)) != FALSE &&
         g_pollable_input_stream_can_poll(pollable_base_of(stream)) != FALSE;
}

gboolean is_readable(GPollableInputStream* stream) noexcept {
  return g_pollable_input_stream_is_readable(pollable_base_of(stream));
}

GSource* create_source(GPollableInputStream* stream, GCancellable* cancellable) noexcept {
  GSource* const base = g_pollable_input_stream_create_source(pollable_base_of(stream), nullptr);
  GSource* const source = g_pollable_source_new_full(stream, base, cancellable);
  g_source_unref(base);
  return source;
}

void pollable_init(gpointer interface, gpointer) noexcept {
  auto* const pollable = static_cast<GPollableInputStreamInterface*>(interface);
  pollable->can_poll = can_poll;
  pollable->is_readable = is_readable;
  pollable->create_source = create_source;
  pollable->read_nonblocking = read_nonblocking;
}

GType watched_input_type() {
  static const GType kType = [] {
    const GType type =
        g_type_register_static_simple(G_TYPE_FILTER_INPUT_STREAM, "AircheckWatchedInput", sizeof(WatchedInputClass),
                                      nullptr, sizeof(WatchedInput), nullptr, G_TYPE_FLAG_NONE);
    const GInterfaceInfo info = {pollable_init, nullptr, nullptr};
    g_type_add_interface_static(type, G_TYPE_POLLABLE_INPUT_STREAM, &info);
    return type;
  }();
  return kType;
}

}  // namespace

struct WatchedStream {
  GIOStream parent;
  GIOStream* base;
  GInputStream* input;
};

namespace {

struct WatchedStreamClass {
  GIOStreamClass parent;
};

GIOStreamClass* io_stream_parent = nullptr;

WatchedStream* stream_of(gpointer object) {
  return static_cast<WatchedStream*>(object);
}

void finalize(GObject* object) noexcept {
  WatchedStream* const stream = stream_of(object);
  g_clear_object(&stream->input);
  g_clear_object(&stream->base);
  G_OBJECT_CLASS(io_stream_parent)->finalize(object);
}

gboolean close_stream(GIOStream* stream, GCancellable*, GError** error) noexcept {
  return g_io_stream_close(stream_of(stream)->base, nullptr, error);
}

void watched_stream_class_init(gpointer type_class, gpointer) noexcept {
  io_stream_parent = static_cast<GIOStreamClass*>(g_type_class_peek_parent(type_class));
  G_OBJECT_CLASS(type_class)->finalize = finalize;
  auto* const io_class = static_cast<GIOStreamClass*>(type_class);
  io_class->get_input_stream = [](GIOStream* stream) noexcept { return stream_of(stream)->input; };
  io_class->get_output_stream = [](GIOStream* stream) noexcept {
    return g_io_stream_get_output_stream(stream_of(stream)->base);
  };
  io_class->close_fn = close_stream;
}

GType watched_stream_type() {
  static const GType kType =
      g_type_register_static_simple(G_TYPE_IO_STREAM, "AircheckWatchedStream", sizeof(WatchedStreamClass),
                                    watched_stream_class_init, sizeof(WatchedStream), nullptr, G_TYPE_FLAG_NONE);
  return kType;
}

}  // namespace

WatchedStream* watched_stream_new(GIOStream* base) {
  auto* const stream = stream_of(g_object_new(watched_stream_type(), nullptr));
  stream->base = G_IO_STREAM(g_object_ref(base));
  stream->input =
      G_INPUT_STREAM(g_object_new(watched_input_type(), "base-stream", g_io_stream_get_input_stream(base), nullptr));
  return stream;
}

void watched_stream_wait(WatchedStream* stream) {
  input_of(stream->input)->waiting = TRUE;
}

}  // namespace aircheck::http
