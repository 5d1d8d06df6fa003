// The request pads of strftimefmp4sink: ghosts of the muxer's, with its properties.
#pragma once

#include "gstx/object.hpp"

namespace aircheck::fmp4 {

struct SinkPadSettings {
  std::string track_name;
};

class SinkPad : public gstx::Object<GstGhostPad, GstGhostPadClass, SinkPadSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckFmp4SinkPad";
  static constexpr gstx::Property<SinkPadSettings> kProperties[] = {
      {"track-name", &SinkPadSettings::track_name,
       "Name of the track for people (hdlr, NAME of HLS), from the next caps on; unset: Video or Sound, and the pad's"},
  };
  static GType parent_type() { return GST_TYPE_GHOST_PAD; }
  static void class_init(GstGhostPadClass*) {}

  explicit SinkPad(GstGhostPad* self) : Object(self) {}
  void property_changed(const char* name) { pass_on(GST_GHOST_PAD(self()), name); }

  // Sets the target's property of that name to the pad's value.
  static void pass_on(GstGhostPad* pad, const char* name);
};

struct AudioSinkPadSettings {
  std::uint32_t encoder_delay = 0;  // samples
};

class AudioSinkPad : public gstx::Object<gstx::InstanceOf<SinkPad>, GstGhostPadClass, AudioSinkPadSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckFmp4AudioSinkPad";
  static constexpr gstx::Property<AudioSinkPadSettings> kProperties[] = {
      {"encoder-delay",
       &AudioSinkPadSettings::encoder_delay,
       "Samples of priming that the audio encoder put in front: audio moves to earlier by them (0 for a passthrough)",
       {0, 1'000'000}},
  };
  static GType parent_type() { return gstx::object_type<SinkPad>(); }
  static void class_init(GstGhostPadClass*) {}

  explicit AudioSinkPad(gstx::InstanceOf<SinkPad>* self) : Object(self) {}
  void property_changed(const char* name) { SinkPad::pass_on(GST_GHOST_PAD(self()), name); }
};

// A pad of the template's kind, whose target is set; null where it cannot be. Floating.
[[nodiscard]] GstPad* new_sink_pad(GstPadTemplate* pad_template, const std::string& name, GstPad* target);

// Fills GstChildProxyInterface of a bin: its sink pads are children too, so that gst-launch-1.0 can say
// audio::track-name=English.
void init_sink_child_proxy(gpointer interface, gpointer) noexcept;

}  // namespace aircheck::fmp4
