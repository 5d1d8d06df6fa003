// Tells a live pipeline's writer when a segment is overdue, by the pipeline's clock.
#pragma once

#include <gst/gst.h>

#include <cstdint>
#include <optional>

#include "gobj/guarded.hpp"

namespace aircheck::fmp4 {

class OverdueTimer {
 public:
  // `overdue(element)` is called in a thread of the clock.
  OverdueTimer(GstElement* element, void (*overdue)(gpointer element)) : element_(element), overdue_(overdue) {}

  // Running time stands still outside PLAYING, and nothing is overdue. Any thread.
  void set_playing(bool playing);

  // Calls once, at this running time (ns), and not at an earlier one that was asked for. Does nothing outside PLAYING.
  void arm(std::int64_t running_time_ns);
  void disarm();

  // Of the pipeline; nothing outside PLAYING.
  [[nodiscard]] std::optional<std::int64_t> running_time_ns();

  // Whether this running time (ns) is over. After this process, or what it writes to, has stood still, that is so only
  // when there was as much time again: what could not come meanwhile is on its way. Never outside PLAYING.
  [[nodiscard]] bool is_over(std::int64_t running_time_ns);
  // It stood still for so long (ns), up to now. Nothing where that is no longer than a busy machine takes.
  void stood_still(std::int64_t for_ns);

  // How long after its time a buffer may come (ns), as `pad`'s peer says; nothing where the pipeline is not live, so
  // that nobody knows when something has to come.
  [[nodiscard]] static std::optional<std::int64_t> live_latency_ns(GstPad* pad);

 private:
  struct State {
    bool playing = false;
    GstClockID waiting = nullptr;
    std::int64_t grace_until_ns = INT64_MIN;  // running time
  };
  // What the clock keeps for as long as it may call.
  struct Call {
    OverdueTimer* timer;
    GstElement* element;  // whose timer it is
  };
  static gboolean due(GstClock* clock, GstClockTime time, GstClockID, gpointer call) noexcept;
  static void cancel(State& state);

  GstElement* element_;
  void (*overdue_)(gpointer);
  gobj::Guarded<State> state_;
};

}  // namespace aircheck::fmp4
