#include "fmp4/overdue_timer.hpp"

#include <algorithm>
#include <utility>

#include "gstx/ref.hpp"

namespace aircheck::fmp4 {
namespace {

// A machine that is only busy calls a little late.
constexpr std::int64_t kBusyNs = GST_SECOND / 4;

}  // namespace

gboolean OverdueTimer::due(GstClock* clock, GstClockTime time, GstClockID, gpointer data) noexcept {
  const auto* const call = static_cast<Call*>(data);
  call->timer->stood_still(GST_CLOCK_DIFF(time, gst_clock_get_time(clock)));
  call->timer->overdue_(call->element);
  return TRUE;
}

void OverdueTimer::cancel(State& state) {
  GstClockID const waiting = std::exchange(state.waiting, nullptr);
  if (waiting == nullptr) return;
  gst_clock_id_unschedule(waiting);
  gst_clock_id_unref(waiting);
}

void OverdueTimer::set_playing(bool playing) {
  auto state = state_.lock();
  state->playing = playing;
  state->grace_until_ns = INT64_MIN;
  if (!playing) cancel(*state);
}

void OverdueTimer::disarm() {
  cancel(*state_.lock());
}

void OverdueTimer::arm(std::int64_t running_time_ns) {
  const auto clock = gstx::Ref<GstClock>::adopt(gst_element_get_clock(element_));
  const std::int64_t time = static_cast<std::int64_t>(gst_element_get_base_time(element_)) + running_time_ns;
  if (!clock) return;
  // Not in the past: how late the call comes is to say how long nothing ran.
  const auto now = static_cast<std::int64_t>(gst_clock_get_time(clock.get()));
  GstClockID const id = gst_clock_new_single_shot_id(clock.get(), static_cast<GstClockTime>(std::max(time, now)));
  {
    auto state = state_.lock();
    cancel(*state);
    if (state->playing) state->waiting = gst_clock_id_ref(id);
    if (state->waiting == nullptr) gst_clock_id_unschedule(id);
  }
  gst_clock_id_wait_async(id, due, new Call{this, GST_ELEMENT_CAST(gst_object_ref(element_))},
                          [](gpointer data) noexcept {
                            auto* const call = static_cast<Call*>(data);
                            gst_object_unref(call->element);
                            delete call;
                          });
  gst_clock_id_unref(id);
}

std::optional<std::int64_t> OverdueTimer::running_time_ns() {
  if (!state_.lock()->playing) return std::nullopt;
  const GstClockTime now = gst_element_get_current_running_time(element_);
  return GST_CLOCK_TIME_IS_VALID(now) ? std::optional(static_cast<std::int64_t>(now)) : std::nullopt;
}

bool OverdueTimer::is_over(std::int64_t running_time_ns) {
  const auto now = this->running_time_ns();
  return now && *now >= std::max(running_time_ns, state_.lock()->grace_until_ns);
}

void OverdueTimer::stood_still(std::int64_t for_ns) {
  if (for_ns <= kBusyNs) return;
  const auto now = running_time_ns();
  if (!now) return;
  auto state = state_.lock();
  state->grace_until_ns = std::max(state->grace_until_ns, *now + for_ns);
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
