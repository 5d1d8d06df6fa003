#include "fmp4/overdue_timer.hpp"

#include <utility>

#include "gstx/ref.hpp"

namespace aircheck::fmp4 {
namespace {

// What the clock keeps for as long as it may call.
struct Call {
  GstElement* element;
  void (*overdue)(gpointer);
};

void free_call(gpointer data) noexcept {
  auto* const call = static_cast<Call*>(data);
  gst_object_unref(call->element);
  delete call;
}

gboolean due(GstClock*, GstClockTime, GstClockID, gpointer data) noexcept {
  const auto* const call = static_cast<Call*>(data);
  call->overdue(call->element);
  return TRUE;
}

}  // namespace

void OverdueTimer::cancel(State& state) {
  GstClockID const waiting = std::exchange(state.waiting, nullptr);
  if (waiting == nullptr) return;
  gst_clock_id_unschedule(waiting);
  gst_clock_id_unref(waiting);
}

void OverdueTimer::set_playing(bool playing) {
  auto state = state_.lock();
  state->playing = playing;
  if (!playing) cancel(*state);
}

void OverdueTimer::disarm() {
  cancel(*state_.lock());
}

void OverdueTimer::arm(std::int64_t running_time_ns) {
  const auto clock = gstx::Ref<GstClock>::adopt(gst_element_get_clock(element_));
  const std::int64_t time = static_cast<std::int64_t>(gst_element_get_base_time(element_)) + running_time_ns;
  if (!clock || time < 0) return;
  GstClockID const id = gst_clock_new_single_shot_id(clock.get(), static_cast<GstClockTime>(time));
  {
    auto state = state_.lock();
    cancel(*state);
    if (state->playing) state->waiting = gst_clock_id_ref(id);
    if (state->waiting == nullptr) gst_clock_id_unschedule(id);
  }
  gst_clock_id_wait_async(id, due, new Call{GST_ELEMENT_CAST(gst_object_ref(element_)), overdue_}, free_call);
  gst_clock_id_unref(id);
}

std::optional<std::int64_t> OverdueTimer::running_time_ns() {
  if (!state_.lock()->playing) return std::nullopt;
  const GstClockTime now = gst_element_get_current_running_time(element_);
  return GST_CLOCK_TIME_IS_VALID(now) ? std::optional(static_cast<std::int64_t>(now)) : std::nullopt;
}

std::optional<std::int64_t> OverdueTimer::live_latency_ns(GstPad* pad) {
  const auto query = gstx::Ref<GstQuery>::adopt(gst_query_new_latency());
  gboolean live = FALSE;
  GstClockTime min = 0;
  if (!gst_pad_peer_query(pad, query.get())) return std::nullopt;
  gst_query_parse_latency(query.get(), &live, &min, nullptr);
  return live && GST_CLOCK_TIME_IS_VALID(min) ? std::optional(static_cast<std::int64_t>(min)) : std::nullopt;
}

}  // namespace aircheck::fmp4
