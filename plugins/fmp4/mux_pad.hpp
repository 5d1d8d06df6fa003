// The request pads of fmp4mux.
#pragma once

#include "fmp4/mux_track.hpp"
#include "gstx/object.hpp"

namespace aircheck::fmp4 {

struct NoSettings {};

class MuxPad : public gstx::Object<GstPad, GstPadClass, NoSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckFmp4MuxPad";
  static GType parent_type() { return GST_TYPE_PAD; }
  static void class_init(GstPadClass*) {}

  explicit MuxPad(GstPad* self) : Object(self) { gst_segment_init(&segment, GST_FORMAT_TIME); }

  [[nodiscard]] GstPad* pad() const { return self(); }

  // Of the element, under its stream lock.
  std::unique_ptr<MuxTrack> track;
  GstSegment segment;
  bool cut_asked = false;  // at the time of the next buffer
  // Of the pad's own streaming thread.
  std::int64_t next_key_slot = INT64_MIN;
};

struct AudioMuxPadSettings {
  std::uint32_t encoder_delay = 0;  // samples
};

class AudioMuxPad : public gstx::Object<gstx::InstanceOf<MuxPad>, GstPadClass, AudioMuxPadSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckFmp4AudioMuxPad";
  static constexpr gstx::Property<AudioMuxPadSettings> kProperties[] = {
      {"encoder-delay",
       &AudioMuxPadSettings::encoder_delay,
       "Samples of priming that the audio encoder put in front: audio moves to earlier by them (0 for a passthrough)",
       {0, 1'000'000}},
  };
  static GType parent_type() { return gstx::object_type<MuxPad>(); }
  static void class_init(GstPadClass*) {}

  explicit AudioMuxPad(gstx::InstanceOf<MuxPad>* self) : Object(self) {}
};

}  // namespace aircheck::fmp4
