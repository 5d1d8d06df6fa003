#include "worker/utc_text.hpp"

#include <array>
#include <ctime>
#include <memory>
#include <optional>

#include "gstx/ref.hpp"
#include "worker/binding.hpp"

namespace aircheck::worker {
namespace {

using gstx::Ref;

constexpr std::size_t kLongestFormat = 64;
constexpr std::size_t kLongestText = 256;

// Nothing where the text would be empty or too long.
std::optional<std::string> format_utc(const std::string& format, std::int64_t second) {
  const auto time = static_cast<std::time_t>(second);
  std::tm fields{};
  std::array<char, kLongestText> text{};
  if (gmtime_r(&time, &fields) == nullptr) return std::nullopt;
  const std::size_t length = std::strftime(text.data(), text.size(), format.c_str(), &fields);
  if (length == 0) return std::nullopt;
  return std::string(text.data(), length);
}

// Owned by the probe on a pad of the element, so the element outlives it.
struct UtcText {
  GstElement* element;
  std::string property;
  std::string format;
  core::Utc start;
  std::optional<std::int64_t> shown;  // second

  void show(core::Utc utc) {
    const std::int64_t second = core::scale_floor(utc.ns, 1, core::kNsPerSecond);
    if (shown == second) return;
    shown = second;
    if (const auto text = format_utc(format, second)) {
      g_object_set(element, property.c_str(), text->c_str(), nullptr);
    }
  }
};

GstPadProbeReturn on_picture(GstPad* pad, GstPadProbeInfo* info, gpointer data) noexcept {
  auto& text = *static_cast<UtcText*>(data);
  const auto sticky = Ref<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
  if (!sticky) return GST_PAD_PROBE_OK;
  const GstSegment* segment = nullptr;
  gst_event_parse_segment(sticky.get(), &segment);
  const GstClockTime time = gst_segment_to_running_time(segment, GST_FORMAT_TIME, GST_PAD_PROBE_INFO_BUFFER(info)->pts);
  if (GST_CLOCK_TIME_IS_VALID(time)) text.show(text.start + static_cast<std::int64_t>(time));
  return GST_PAD_PROBE_OK;
}

// The only one that is linked: text overlays have a second one for timed text.
core::Result<Ref<GstPad>> linked_sink_pad(GstElement* element, const std::string& name) {
  Ref<GstPad> found;
  bool several = false;
  GST_OBJECT_LOCK(element);
  for (GList* item = element->sinkpads; item != nullptr; item = item->next) {
    if (!gst_pad_is_linked(GST_PAD(item->data))) continue;
    several = several || found;
    found = Ref<GstPad>::retain(GST_PAD(item->data));
  }
  GST_OBJECT_UNLOCK(element);
  if (!found || several) {
    return core::fail(core::Code::kInvalidArgument,
                      "element '" + name + "' cannot show the time: it needs one linked sink pad, for the pictures");
  }
  return found;
}

}  // namespace

core::Result<void> check_utc_format(const std::string& format) {
  if (format.size() <= kLongestFormat && format_utc(format, 0)) return {};
  return core::fail(core::Code::kParse, "'" + format + "': write strftime(3) fields such as %F %T UTC, at most " +
                                            std::to_string(kLongestFormat) + " bytes");
}

core::Result<void> show_utc(GstElement* pipeline, const Binding& binding, const std::string& format, core::Utc start) {
  // Also says whether there is such a property and whether it is a text.
  AIRCHECK_TRY_VOID(set_binding(pipeline, binding, format_utc(format, start.ns / core::kNsPerSecond).value_or("")));
  const auto element = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), binding.element.c_str()));
  AIRCHECK_TRY(const auto pad, linked_sink_pad(element.get(), binding.element));
  auto text = std::make_unique<UtcText>(UtcText{element.get(), binding.property, format, start, std::nullopt});
  gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, on_picture, text.release(),
                    [](gpointer old) { delete static_cast<UtcText*>(old); });
  return {};
}

}  // namespace aircheck::worker
