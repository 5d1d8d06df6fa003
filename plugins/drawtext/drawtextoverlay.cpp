/**
 * SECTION:element-drawtextoverlay
 * @title: drawtextoverlay
 * @short_description: Text, clocks, crawls and images over video
 *
 * Draws text and PNG images into I420, NV12, RGBA and BGRA video, or attaches them as #GstVideoOverlayCompositionMeta
 * where downstream takes that. What stands for %{utc}, %{pts} and the like is that of the picture it is drawn into,
 * however late or fast the picture is made: with #drawtextoverlay:start-utc the clock in a recording is right at any
 * speed.
 *
 * Every property can change while playing. `layers=N` adds N further layers, children `layer_0` to `layer_N-1` of
 * #GstChildProxy with the same properties as the element's own; those with a higher `priority` lie above others.
 *
 * Files are read only with #drawtextoverlay:allow-files. What cannot be shown as asked for (a font that is missing,
 * markup with a mistake, an image that is none) is a warning message that names the property, never an error.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc ! drawtextoverlay start-utc=2026-02-25T14:30:00Z text='%{utc:%F %T.%3N} UTC' \
 *   box-color=0xA0000000 anchor=top-right ! videoconvert ! autovideosink
 * ]| A clock that shows the time of each picture.
 * |[
 * gst-launch-1.0 videotestsrc ! drawtextoverlay layers=1 text='News at nine' anchor=top-left \
 *   layer_0::text='A crawl at the bottom' layer_0::anchor=bottom layer_0::crawl-speed=120 \
 *   layer_0::box-color=0xC0102040 ! videoconvert ! autovideosink
 * ]| A title and a crawl in one element.
 */
#include "drawtext/drawtextoverlay.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>

#include "drawtext/caps.hpp"
#include "drawtext/composition.hpp"
#include "drawtext/layer.hpp"
#include "drawtext/layer_view.hpp"
#include "drawtext/picture_time.hpp"
#include "gobj/handoff.hpp"
#include "gobj/text.hpp"
#include "gobj/time_zone.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"
#include "gstx/object.hpp"

GST_DEBUG_CATEGORY_STATIC(drawtextoverlay_debug);
#define GST_CAT_DEFAULT drawtextoverlay_debug

namespace aircheck::drawtext {

namespace {

using core::Code;
using gstx::Ref;

struct Settings : LayerSettings {
  std::string start_utc;
  std::string timezone = "UTC";
  std::string channel;
  gstx::Fields metadata;
  bool allow_files = false;
  std::uint32_t layers = 0;
};

constexpr std::array kOwnProperties = {
    gstx::Property<Settings>{"start-utc",
                             &Settings::start_utc,
                             "UTC of running time zero (RFC 3339); unset: the clock at the first buffer",
                             {},
                             gstx::Mutable::kPlaying},
    gstx::Property<Settings>{"timezone",
                             &Settings::timezone,
                             "IANA time zone of %{localtime}, as Europe/London",
                             {},
                             gstx::Mutable::kPlaying},
    gstx::Property<Settings>{"channel", &Settings::channel, "What %{channel} stands for", {}, gstx::Mutable::kPlaying},
    gstx::Property<Settings>{
        "metadata",
        &Settings::metadata,
        "Fields for %{metadata:KEY}, such as metadata,title=(string)News; others are taken from the tags of the stream",
        {},
        gstx::Mutable::kPlaying},
    gstx::Property<Settings>{"allow-files",
                             &Settings::allow_files,
                             "Let text-file and image of all layers read files",
                             {},
                             gstx::Mutable::kPlaying},
    gstx::Property<Settings>{"layers",
                             &Settings::layers,
                             "Layers beside the element's own: children layer_0 to layer_N-1 with the same properties",
                             {0, 32},
                             gstx::Mutable::kPlaying},
};

std::string text_of(const GValue* value) {
  if (value == nullptr) return "";
  if (G_VALUE_HOLDS_STRING(value)) {
    const char* const text = g_value_get_string(value);
    return text != nullptr ? text : "";
  }
  return gobj::take_text(gst_value_serialize(value));
}

class DrawTextOverlay : public gstx::Object<GstElement, GstElementClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckDrawTextOverlay";
  static constexpr gstx::ElementMetadata kMetadata = {
      "Text and image overlay", "Filter/Editor/Video",
      "Draws text, clocks by the UTC of each picture, crawls and PNG images over video, in several layers"};
  static constexpr auto kProperties = joined(kOwnProperties, layer_properties<Settings>());

  static GType parent_type() { return GST_TYPE_ELEMENT; }
  static void add_interfaces(GType type);
  static void class_init(GstElementClass* element_class);
  explicit DrawTextOverlay(GstElement* self);
  ~DrawTextOverlay();

  void property_changed(const char* name);

 private:
  // A layer as the streaming thread has it.
  struct Stage {
    Stage() = default;
    Stage(const Stage&) = delete;
    Stage& operator=(const Stage&) = delete;
    ~Stage() { gobj::hand_over(object.get()); }

    std::string name;       // empty: the element's own
    Ref<GstObject> object;  // null: the element's own
    std::uint64_t version = 0;
    LayerView view;
    LayerRectangle rectangle;
  };

  static GObject* child(GstChildProxy* proxy, guint index) noexcept;
  static guint children(GstChildProxy* proxy) noexcept;
  static gboolean on_sink_event(GstPad* pad, GstObject* parent, GstEvent* event) noexcept;
  static gboolean on_sink_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept;
  static gboolean on_src_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept;
  static GstFlowReturn on_buffer(GstPad* pad, GstObject* parent, GstBuffer* buffer) noexcept;

  GstStateChangeReturn change_state(GstStateChange transition);
  core::Result<void> start();
  void stop();
  void resize_layers(guint count);

  gboolean take_event(GstEvent* event);
  gboolean answer_caps(GstQuery* query, GstPad* other, Ref<GstCaps> (*translate)(GstCaps*));
  bool set_caps(GstCaps* caps);
  bool negotiate();
  bool offer(GstCaps* caps);

  GstFlowReturn take(Ref<GstBuffer> buffer);
  void refresh();
  void find_zone();
  void match_stages();
  core::Result<void> set_start_utc();
  std::string metadata_of(const std::string& key) const;
  GstFlowReturn draw(Ref<GstBuffer>& buffer, const std::vector<std::pair<Stage*, const std::vector<Placed>*>>& shown);
  void tell_problems();

  GstPad* sink_;
  GstPad* src_;
  std::atomic<std::uint64_t> version_ = 1;  // of settings() and layers_
  gobj::Guarded<std::vector<Ref<GstObject>>> layers_;

  // The streaming thread's, or of whoever changes the state while there is none.
  std::optional<Fonts> fonts_;
  Files files_;
  Settings now_;  // settings() as they were last looked at
  std::uint64_t seen_ = 0;
  std::vector<std::unique_ptr<Stage>> stages_;  // by priority
  PictureTime time_;
  Moment moment_;
  gobj::TimeZone zone_;
  Ref<GstTagList> tags_;
  Ref<GstCaps> caps_;  // those that came in
  GstVideoInfo info_{};
  bool attach_ = false;  // downstream blends
};

GObject* DrawTextOverlay::child(GstChildProxy* proxy, guint index) noexcept {
  const auto layers = gstx::impl<DrawTextOverlay>(proxy).layers_.copy();
  return index < layers.size() ? G_OBJECT(Ref<GstObject>(layers[index]).release()) : nullptr;
}

guint DrawTextOverlay::children(GstChildProxy* proxy) noexcept {
  return static_cast<guint>(gstx::impl<DrawTextOverlay>(proxy).layers_.lock()->size());
}

void DrawTextOverlay::add_interfaces(GType type) {
  static const GInterfaceInfo kChildProxy = {[](gpointer interface, gpointer) {
                                               auto* const proxy = static_cast<GstChildProxyInterface*>(interface);
                                               proxy->get_child_by_index = child;
                                               proxy->get_children_count = children;
                                             },
                                             nullptr, nullptr};
  g_type_add_interface_static(type, GST_TYPE_CHILD_PROXY, &kChildProxy);
}

void DrawTextOverlay::class_init(GstElementClass* element_class) {
  GST_DEBUG_CATEGORY_INIT(drawtextoverlay_debug, "drawtextoverlay", 0, "Text and image overlay");
  gstx::add_pad_template(element_class, "sink", GST_PAD_SINK, template_caps());
  gstx::add_pad_template(element_class, "src", GST_PAD_SRC, template_caps());
  element_class->change_state = gstx::vmethod<&DrawTextOverlay::change_state>;
}

DrawTextOverlay::DrawTextOverlay(GstElement* self) : Object(self) {
  GstElementClass* const element_class = GST_ELEMENT_GET_CLASS(self);
  sink_ = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "sink"), "sink");
  gst_pad_set_event_function(sink_, on_sink_event);
  gst_pad_set_query_function(sink_, on_sink_query);
  gst_pad_set_chain_function(sink_, on_buffer);
  GST_PAD_SET_PROXY_ALLOCATION(sink_);
  gst_element_add_pad(self, sink_);
  src_ = gst_pad_new_from_template(gst_element_class_get_pad_template(element_class, "src"), "src");
  gst_pad_set_query_function(src_, on_src_query);
  gst_element_add_pad(self, src_);
  moment_.metadata = [this](const std::string& key) { return metadata_of(key); };
  time_.reset();
}

DrawTextOverlay::~DrawTextOverlay() {
  for (const auto& layer : *layers_.lock()) gst_object_unparent(layer.get());
}

void DrawTextOverlay::property_changed(const char* name) {
  if (std::string_view(name) == "layers") resize_layers(settings().lock()->layers);
  ++version_;
}

void DrawTextOverlay::resize_layers(guint count) {
  std::vector<Ref<GstObject>> added, removed;
  {
    auto layers = layers_.lock();
    while (layers->size() > count) {
      removed.push_back(std::move(layers->back()));
      layers->pop_back();
    }
    while (layers->size() < count) {
      const std::string name = "layer_" + std::to_string(layers->size());
      layers->push_back(
          Ref<GstObject>::sink(GST_OBJECT(g_object_new(gstx::object_type<Layer>(), "name", name.c_str(), nullptr))));
      added.push_back(layers->back());
    }
  }
  for (const auto& layer : added) {
    gst_object_set_parent(layer.get(), GST_OBJECT(self()));
    gst_child_proxy_child_added(GST_CHILD_PROXY(self()), G_OBJECT(layer.get()), GST_OBJECT_NAME(layer.get()));
  }
  for (const auto& layer : removed) {
    gst_child_proxy_child_removed(GST_CHILD_PROXY(self()), G_OBJECT(layer.get()), GST_OBJECT_NAME(layer.get()));
    gst_object_unparent(layer.get());
  }
}

// Pads are inactive while start() and stop() run: from the one to the other the stream lock orders what the streaming
// thread does, of which the thread sanitizer is told (hand_over, take_over). Setting properties is none of that.
GstStateChangeReturn DrawTextOverlay::change_state(GstStateChange transition) {
  if (transition == GST_STATE_CHANGE_READY_TO_PAUSED) {
    if (const auto started = start(); !started) {
      gstx::post_error(element(), started.error());
      return GST_STATE_CHANGE_FAILURE;
    }
    gobj::hand_over(this);
  }
  const auto result = GST_ELEMENT_CLASS(gstx::parent_class<DrawTextOverlay>())->change_state(element(), transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) stop();
  gobj::hand_over(element());  // a bin may call this in a thread of its own: to whoever drops the last reference
  return result;
}

core::Result<void> DrawTextOverlay::start() {
  fonts_.emplace();
  refresh();
  AIRCHECK_TRY_VOID(set_start_utc());
  if (!now_.allow_files) return {};
  // So that the first picture shows them.
  for (const auto& stage : stages_) {
    const LayerSettings& settings = stage->view.settings();
    if (!settings.text_file.empty()) files_.get_now(settings.text_file, FileKind::kText);
    if (!settings.image.empty()) files_.get_now(settings.image, FileKind::kImage);
  }
  return {};
}

void DrawTextOverlay::stop() {
  gobj::take_over(this);
  files_.stop();
  stages_.clear();
  fonts_.reset();
  seen_ = 0;
  time_.reset();
  moment_.frame = 0;
  tags_.reset();
  caps_.reset();
  attach_ = false;
}

core::Result<void> DrawTextOverlay::set_start_utc() {
  if (now_.start_utc.empty()) {
    time_.set_start(std::nullopt);
    return {};
  }
  const auto utc = core::from_rfc3339(now_.start_utc);
  if (!utc) return core::Unexpected(utc.error().with_context("property start-utc"));
  time_.set_start(*utc);
  return {};
}

gboolean DrawTextOverlay::on_sink_event(GstPad*, GstObject* parent, GstEvent* event) noexcept {
  DrawTextOverlay& impl = gstx::impl<DrawTextOverlay>(parent);
  gobj::take_over(&impl);
  const gboolean taken = impl.take_event(event);
  gobj::hand_over(&impl);
  return taken;
}

gboolean DrawTextOverlay::take_event(GstEvent* event) {
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
      const auto owned = Ref<GstEvent>::adopt(event);
      GstCaps* caps = nullptr;
      gst_event_parse_caps(event, &caps);
      return set_caps(caps) ? TRUE : FALSE;
    }
    case GST_EVENT_SEGMENT: {
      const GstSegment* segment = nullptr;
      gst_event_parse_segment(event, &segment);
      time_.set_segment(segment);
      break;
    }
    case GST_EVENT_STREAM_START: tags_.reset(); break;
    case GST_EVENT_TAG: {
      GstTagList* tags = nullptr;
      gst_event_parse_tag(event, &tags);
      tags_ = Ref<GstTagList>::adopt(gst_tag_list_merge(tags_.get(), tags, GST_TAG_MERGE_REPLACE));
      break;
    }
    default: break;
  }
  return gst_pad_event_default(sink_, GST_OBJECT(self()), event);
}

gboolean DrawTextOverlay::on_sink_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  auto& overlay = gstx::impl<DrawTextOverlay>(parent);
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) return overlay.answer_caps(query, overlay.src_, caps_for_sink);
  return gst_pad_query_default(pad, parent, query);
}

gboolean DrawTextOverlay::on_src_query(GstPad* pad, GstObject* parent, GstQuery* query) noexcept {
  auto& overlay = gstx::impl<DrawTextOverlay>(parent);
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) return overlay.answer_caps(query, overlay.sink_, caps_for_src);
  return gst_pad_query_default(pad, parent, query);
}

gboolean DrawTextOverlay::answer_caps(GstQuery* query, GstPad* other, Ref<GstCaps> (*translate)(GstCaps*)) {
  GstCaps* filter = nullptr;
  gst_query_parse_caps(query, &filter);
  const auto theirs = Ref<GstCaps>::adopt(gst_pad_peer_query_caps(other, nullptr));
  auto result = translate(theirs.get());
  if (filter != nullptr) {
    result = Ref<GstCaps>::adopt(gst_caps_intersect_full(filter, result.get(), GST_CAPS_INTERSECT_FIRST));
  }
  gst_query_set_caps_result(query, result.get());
  return TRUE;
}

bool DrawTextOverlay::set_caps(GstCaps* caps) {
  GstVideoInfo info;
  if (gst_video_info_from_caps(&info, caps) == FALSE) return false;
  caps_ = Ref<GstCaps>::retain(caps);
  info_ = info;
  return negotiate();
}

bool DrawTextOverlay::offer(GstCaps* caps) {
  const auto current = Ref<GstCaps>::adopt(gst_pad_get_current_caps(src_));
  if (current && gst_caps_is_equal(current.get(), caps) != FALSE) return true;
  return gst_pad_push_event(src_, gst_event_new_caps(caps)) != FALSE;
}

// Downstream is asked twice: caps with the feature may be taken by one that lets everything pass, as fakesink does, and
// only who wants the meta names it in the answer to an allocation query.
bool DrawTextOverlay::negotiate() {
  if (!caps_) return false;
  const bool given = has_overlay_feature(caps_.get());
  const auto overlaid = with_overlay_feature(caps_.get());
  attach_ = false;
  if (given || gst_pad_peer_query_accept_caps(src_, overlaid.get()) != FALSE) {
    if (!offer(overlaid.get())) return false;
    const auto query = Ref<GstQuery>::adopt(gst_query_new_allocation(overlaid.get(), FALSE));
    attach_ =
        gst_pad_peer_query(src_, query.get()) != FALSE &&
        gst_query_find_allocation_meta(query.get(), GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, nullptr) != FALSE;
  }
  if (!attach_ && !can_blend(caps_.get())) {
    if (!given) return false;
    attach_ = true;  // upstream attaches too, so somebody downstream has to know what to do
  }
  if (!attach_ && !offer(caps_.get())) return false;
  const PixelFormat format = attach_ ? PixelFormat::rectangle() : PixelFormat::of(info_);
  for (const auto& stage : stages_) {
    stage->view.set_video(format, GST_VIDEO_INFO_WIDTH(&info_), GST_VIDEO_INFO_HEIGHT(&info_));
  }
  GST_INFO_OBJECT(self(), "%s", attach_ ? "downstream blends" : "blends into the pictures");
  return true;
}

GstFlowReturn DrawTextOverlay::on_buffer(GstPad*, GstObject* parent, GstBuffer* buffer) noexcept {
  DrawTextOverlay& impl = gstx::impl<DrawTextOverlay>(parent);
  gobj::take_over(&impl);
  const GstFlowReturn flow = impl.take(Ref<GstBuffer>::adopt(buffer));
  gobj::hand_over(&impl);
  return flow;
}

void DrawTextOverlay::find_zone() {
  zone_ = gobj::find_time_zone(now_.timezone);
  moment_.zone = zone_.get();
  if (zone_) return;
  gstx::post_warning(element(),
                     {Code::kInvalidArgument, "property timezone: '" + now_.timezone +
                                                  "' is no IANA time zone such as Europe/London: UTC is used"});
}

// One stage for the element and for each child; those that were there go on as they are.
void DrawTextOverlay::match_stages() {
  std::vector<Ref<GstObject>> objects = layers_.copy();
  objects.insert(objects.begin(), Ref<GstObject>());
  std::vector<std::unique_ptr<Stage>> stages;
  for (const auto& object : objects) {
    const auto old = std::ranges::find_if(stages_, [&](const auto& stage) { return stage && stage->object == object; });
    if (old != stages_.end()) {
      stages.push_back(std::move(*old));
      continue;
    }
    stages.push_back(std::make_unique<Stage>());
    stages.back()->object = object;
    if (object) stages.back()->name = GST_OBJECT_NAME(object.get());
    if (caps_) {
      stages.back()->view.set_video(attach_ ? PixelFormat::rectangle() : PixelFormat::of(info_),
                                    GST_VIDEO_INFO_WIDTH(&info_), GST_VIDEO_INFO_HEIGHT(&info_));
    }
  }
  stages_ = std::move(stages);
}

// Takes over what the application has changed.
void DrawTextOverlay::refresh() {
  const std::uint64_t version = version_;
  if (seen_ != version) {
    const bool first = seen_ == 0;
    seen_ = version;
    const Settings old = std::exchange(now_, settings().copy());
    if (!first && old.start_utc != now_.start_utc) {
      if (const auto set = set_start_utc(); !set) gstx::post_warning(element(), set.error());
    }
    if (first || old.timezone != now_.timezone) find_zone();
    moment_.channel = now_.channel;
    match_stages();
    stages_.front()->view.configure(now_);
  }
  for (const auto& stage : stages_) {
    if (!stage->object) continue;
    auto& layer = gstx::impl<Layer>(stage->object.get());
    const std::uint64_t of_layer = layer.version();
    if (stage->version == of_layer) continue;
    stage->version = of_layer;
    stage->view.configure(layer.settings().copy());
  }
}

std::string DrawTextOverlay::metadata_of(const std::string& key) const {
  if (const GstStructure* const fields = now_.metadata.get(); fields != nullptr) {
    if (const GValue* const value = gst_structure_get_value(fields, key.c_str()); value != nullptr)
      return text_of(value);
  }
  if (!tags_ || gst_tag_exists(key.c_str()) == FALSE) return "";
  GValue value = G_VALUE_INIT;
  if (gst_tag_list_copy_value(&value, tags_.get(), key.c_str()) == FALSE) return "";
  std::string text = text_of(&value);
  g_value_unset(&value);
  return text;
}

GstFlowReturn DrawTextOverlay::take(Ref<GstBuffer> buffer) {
  if (gst_pad_check_reconfigure(src_) != FALSE && !negotiate()) {
    gst_pad_mark_reconfigure(src_);
    return GST_PAD_IS_FLUSHING(src_) ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
  }
  if (!caps_) return GST_FLOW_NOT_NEGOTIATED;
  refresh();
  const std::int64_t now = time_.running_time(buffer.get());
  moment_.utc = time_.utc(buffer.get(), now);
  moment_.pts =
      GST_BUFFER_PTS_IS_VALID(buffer.get()) ? std::optional<std::uint64_t>(GST_BUFFER_PTS(buffer.get())) : std::nullopt;
  const Scene scene{moment_, now, *fonts_, files_, now_.allow_files};
  std::vector<std::pair<Stage*, const std::vector<Placed>*>> shown;
  for (const auto& stage : stages_) {
    const auto& placed = stage->view.update(scene);
    if (!placed.empty()) shown.emplace_back(stage.get(), &placed);
  }
  std::ranges::stable_sort(shown, {}, [](const auto& layer) { return layer.first->view.settings().priority; });
  ++moment_.frame;
  tell_problems();
  if (!shown.empty()) {
    if (const auto drawn = draw(buffer, shown); drawn != GST_FLOW_OK) return drawn;
  }
  return gst_pad_push(src_, buffer.release());
}

GstFlowReturn DrawTextOverlay::draw(Ref<GstBuffer>& buffer,
                                    const std::vector<std::pair<Stage*, const std::vector<Placed>*>>& shown) {
  buffer = Ref<GstBuffer>::adopt(gst_buffer_make_writable(buffer.release()));
  if (attach_) {
    std::vector<GstVideoOverlayRectangle*> rectangles;
    for (const auto& [stage, placed] : shown) {
      auto* const rectangle = stage->rectangle.of(*placed, GST_VIDEO_INFO_WIDTH(&info_), GST_VIDEO_INFO_HEIGHT(&info_));
      if (rectangle != nullptr) rectangles.push_back(rectangle);
    }
    if (!rectangles.empty()) attach(buffer.get(), rectangles);
    return GST_FLOW_OK;
  }
  GstVideoFrame frame;
  if (gst_video_frame_map(&frame, &info_, buffer.get(), GST_MAP_READWRITE) == FALSE) {
    gstx::post_error(element(), {Code::kConflict, "a picture cannot be mapped for writing"});
    return GST_FLOW_ERROR;
  }
  for (const auto& [stage, placed] : shown) {
    for (const Placed& piece : *placed) {
      piece.sprite->blend(&frame, piece.x, piece.y, piece.from, piece.to, piece.opacity);
    }
  }
  gst_video_frame_unmap(&frame);
  return GST_FLOW_OK;
}

void DrawTextOverlay::tell_problems() {
  for (const auto& stage : stages_) {
    for (const auto& [property, message] : stage->view.take_problems()) {
      const std::string where = stage->name.empty() ? property : stage->name + "::" + property;
      gstx::post_warning(element(), {Code::kInvalidArgument, "property " + where + ": " + message});
    }
  }
}

}  // namespace

bool register_drawtextoverlay(GstPlugin* plugin) {
  return gstx::register_element<DrawTextOverlay>(plugin, "drawtextoverlay", GST_RANK_NONE);
}

}  // namespace aircheck::drawtext
