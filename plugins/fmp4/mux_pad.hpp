// The request pads of fmp4mux.
#pragma once

#include <atomic>

#include "fmp4/mux_track.hpp"
#include "gstx/object.hpp"

namespace aircheck::fmp4 {

struct MuxPadSettings {
  std::string track_name;
};

class MuxPad : public gstx::Object<GstPad, GstPadClass, MuxPadSettings> {
 public:
  static constexpr const char* kTypeName = "AircheckFmp4MuxPad";
  static constexpr gstx::Property<MuxPadSettings> kProperties[] = {
      {"track-name", &MuxPadSettings::track_name,
       "Name of the track for people (hdlr, NAME of HLS), from the next caps on; unset: Video or Sound, and the pad's"},
  };
  static GType parent_type() { return GST_TYPE_PAD; }
  static void class_init(GstPadClass*) {}

  explicit MuxPad(GstPad* self) : Object(self) { gst_segment_init(&segment, GST_FORMAT_TIME); }

  [[nodiscard]] GstPad* pad() const { return self(); }

  // Of the element, under its stream lock.
  std::unique_ptr<MuxTrack> track;
  GstSegment segment;
  bool has_parameter_sets = false;  // they came with the caps of now, or with a key frame since
  bool cut_asked = false;           // at the time of the next buffer
  std::uint64_t logged_drops = 0;
  std::uint64_t reported_drops = 0;  // on the bus
  std::uint64_t reported_moves = 0;
  std::atomic<bool> released{false};
  // Written by the pad's own streaming thread. INT64_MIN: nothing has come yet, or the encoder begins anew.
  std::atomic<std::int64_t> next_key_slot = INT64_MIN;
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

[[nodiscard]] bool is_video(GstPadTemplate* pad_template);

// What the peers of all sink pads answer together.
struct UpstreamLatency {
  bool live = false;
  bool video = false;  // there is a pad for video
  GstClockTime min = 0;
  GstClockTime max = GST_CLOCK_TIME_NONE;
};
[[nodiscard]] UpstreamLatency upstream_latency(GstElement* element);

// Fills GstChildProxyInterface: the sink pads are children, so that gst-launch-1.0 and descriptions can say
// audio_0::encoder-delay=1024.
void init_child_proxy(gpointer interface, gpointer) noexcept;

}  // namespace aircheck::fmp4
