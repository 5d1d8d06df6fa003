// The glue of gstx/object.hpp, on an element that exists only here.
#include "gstx/object.hpp"

#include <gst/base/gstbasetransform.h>
#include <gst/check/gstharness.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "gobj/text.hpp"
#include "gstx/buffer_map.hpp"
#include "gstx/caps.hpp"
#include "gstx/error.hpp"

namespace aircheck::gstx {
namespace {

enum class Mode { kPass, kInvert };

GType mode_type() {
  static const GEnumValue values[] = {{0, "Pass", "pass"}, {1, "Invert", "invert"}, {0, nullptr, nullptr}};
  static const GType type = g_enum_register_static("AircheckTestMode", values);
  return type;
}

struct Settings {
  bool flag = true;
  std::int32_t offset = -3;
  std::uint32_t length = 6;
  std::uint64_t bytes = 1'000'000'000'000;
  double ratio = 0.5;
  std::string location = "a.mp4";
  SecretText secret;
  Mode mode = Mode::kPass;
  Fields fields;
};

std::atomic<int> live_objects = 0;

class TestElement : public Object<GstBaseTransform, GstBaseTransformClass, Settings> {
 public:
  static constexpr const char* kTypeName = "AircheckTestElement";
  static constexpr ElementMetadata kMetadata = {"Test element", "Filter/Effect", "Inverts bytes"};
  static constexpr Property<Settings> kProperties[] = {
      {"flag", &Settings::flag, "A flag"},
      {"offset", &Settings::offset, "An offset in ms", {-10, 10}},
      {"length", &Settings::length, "A length in seconds", {1, 60}, Mutable::kPlaying},
      {"bytes", &Settings::bytes, "A number of bytes"},
      {"ratio", &Settings::ratio, "A ratio", {0, 1}},
      {"location", &Settings::location, "A file"},
      {"secret", &Settings::secret, "A secret"},
      {"mode", enum_member<&Settings::mode>(mode_type), "What to do"},
      {"fields", &Settings::fields, "Fields of the application"},
  };

  static GType parent_type() { return GST_TYPE_BASE_TRANSFORM; }

  static void add_interfaces(GType type) {
    static const GInterfaceInfo kChildProxy = {
        [](gpointer interface, gpointer) {
          static_cast<GstChildProxyInterface*>(interface)->get_children_count = [](GstChildProxy*) { return 3U; };
        },
        nullptr, nullptr};
    g_type_add_interface_static(type, GST_TYPE_CHILD_PROXY, &kChildProxy);
  }

  static void class_init(GstBaseTransformClass* transform_class) {
    GstElementClass* const element_class = GST_ELEMENT_CLASS(transform_class);
    add_pad_template(element_class, "sink", GST_PAD_SINK, "ANY");
    add_pad_template(element_class, "src", GST_PAD_SRC, "ANY");
    transform_class->transform_ip = vmethod<&TestElement::transform_ip>;
    element_class->change_state = vmethod<&TestElement::change_state>;
  }

  explicit TestElement(GstBaseTransform* self) : Object(self) { ++live_objects; }
  ~TestElement() { --live_objects; }

  void property_changed(const char* name) {
    if (settings().lock()->flag) *last_changed.lock() = name;  // would wait for ever if the setter still held the lock
  }

  gobj::Guarded<std::string> last_changed;

 private:
  GstFlowReturn transform_ip(GstBuffer* buffer) {
    if (settings().copy().mode == Mode::kPass) return GST_FLOW_OK;
    auto map = BufferMap::read_write(buffer);
    if (!map) {
      post_error(element(), map.error());
      return GST_FLOW_ERROR;
    }
    for (std::uint8_t& byte : map->writable_bytes()) byte = static_cast<std::uint8_t>(~byte);
    return GST_FLOW_OK;
  }

  GstStateChangeReturn change_state(GstStateChange transition) {
    if (transition == GST_STATE_CHANGE_NULL_TO_READY && settings().copy().location.empty()) {
      post_error(element(), {core::Code::kInvalidArgument, "location is empty"});
      return GST_STATE_CHANGE_FAILURE;
    }
    return GST_ELEMENT_CLASS(parent_class<TestElement>())->change_state(element(), transition);
  }
};

class ObjectTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    gst_init(nullptr, nullptr);
    ASSERT_TRUE(register_element<TestElement>(nullptr, "testelement", GST_RANK_NONE));
  }

  void SetUp() override { element_ = Ref<GstElement>::sink(gst_element_factory_make("testelement", nullptr)); }

  template <typename T>
  T get(const char* name) {
    T value{};
    g_object_get(element_.get(), name, &value, nullptr);
    return value;
  }
  std::string get_text(const char* name) { return gobj::take_text(get<gchar*>(name)); }

  GParamSpec* spec(const char* name) { return g_object_class_find_property(G_OBJECT_GET_CLASS(element_.get()), name); }

  Ref<GstElement> element_;
};

TEST_F(ObjectTest, HasItsMetadata) {
  const auto factory = Ref<GstElementFactory>::adopt(gst_element_factory_find("testelement"));
  EXPECT_STREQ(gst_element_factory_get_metadata(factory.get(), GST_ELEMENT_METADATA_LONGNAME), "Test element");
  EXPECT_STREQ(gst_element_factory_get_metadata(factory.get(), GST_ELEMENT_METADATA_KLASS), "Filter/Effect");
  EXPECT_STREQ(G_OBJECT_TYPE_NAME(element_.get()), "AircheckTestElement");
}

TEST_F(ObjectTest, HasItsInterfaces) {
  ASSERT_TRUE(GST_IS_CHILD_PROXY(element_.get()));
  EXPECT_EQ(gst_child_proxy_get_children_count(GST_CHILD_PROXY(element_.get())), 3U);
}

TEST_F(ObjectTest, KeepsACopyOfFields) {
  EXPECT_EQ(get<GstStructure*>("fields"), nullptr);
  GstStructure* const given = gst_structure_new("metadata", "title", G_TYPE_STRING, "News", nullptr);
  g_object_set(element_.get(), "fields", given, nullptr);
  gst_structure_set(given, "title", G_TYPE_STRING, "Weather", nullptr);
  gst_structure_free(given);
  GstStructure* const kept = get<GstStructure*>("fields");
  ASSERT_NE(kept, nullptr);
  EXPECT_STREQ(gst_structure_get_string(kept, "title"), "News");
  gst_structure_free(kept);
  g_object_set(element_.get(), "fields", nullptr, nullptr);
  EXPECT_EQ(get<GstStructure*>("fields"), nullptr);
}

TEST_F(ObjectTest, StartsWithTheDefaultsOfSettings) {
  EXPECT_EQ(get<gboolean>("flag"), TRUE);
  EXPECT_EQ(get<gint>("offset"), -3);
  EXPECT_EQ(get<guint>("length"), 6U);
  EXPECT_EQ(get<guint64>("bytes"), 1'000'000'000'000U);
  EXPECT_EQ(get<gdouble>("ratio"), 0.5);
  EXPECT_EQ(get_text("location"), "a.mp4");
  EXPECT_EQ(get<gint>("mode"), 0);
}

TEST_F(ObjectTest, ShowsTheSameDefaults) {
  for (const char* name : {"flag", "offset", "length", "bytes", "ratio", "location", "mode"}) {
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(element_.get()), name, &value);
    EXPECT_TRUE(g_param_value_defaults(spec(name), &value)) << name;
    g_value_unset(&value);
  }
}

TEST_F(ObjectTest, KeepsWhatIsSet) {
  g_object_set(element_.get(), "flag", FALSE, "offset", 10, "length", 60U, "bytes", G_MAXUINT64, "ratio", 1.0,
               "location", "b.mp4", "secret", "hush", "mode", 1, nullptr);
  EXPECT_EQ(get<gboolean>("flag"), FALSE);
  EXPECT_EQ(get<gint>("offset"), 10);
  EXPECT_EQ(get<guint>("length"), 60U);
  EXPECT_EQ(get<guint64>("bytes"), G_MAXUINT64);
  EXPECT_EQ(get<gdouble>("ratio"), 1.0);
  EXPECT_EQ(get_text("location"), "b.mp4");
  EXPECT_EQ(get<gint>("mode"), 1);
  EXPECT_EQ(impl<TestElement>(element_.get()).settings().copy().secret.reveal(), "hush");
  g_object_set(element_.get(), "location", nullptr, "secret", nullptr, nullptr);
  EXPECT_EQ(get<gchar*>("location"), nullptr);
  EXPECT_TRUE(impl<TestElement>(element_.get()).settings().copy().secret.empty());
}

TEST_F(ObjectTest, BoundsNumbersByTheTable) {
  const auto* const length = G_PARAM_SPEC_UINT(spec("length"));
  EXPECT_EQ(length->minimum, 1U);
  EXPECT_EQ(length->maximum, 60U);
  const auto* const offset = G_PARAM_SPEC_INT(spec("offset"));
  EXPECT_EQ(offset->minimum, -10);
  EXPECT_EQ(offset->maximum, 10);
  const auto* const bytes = G_PARAM_SPEC_UINT64(spec("bytes"));
  EXPECT_EQ(bytes->minimum, 0U);
  EXPECT_EQ(bytes->maximum, G_MAXUINT64);
}

TEST_F(ObjectTest, SaysUntilWhenAChangeTakesEffect) {
  EXPECT_TRUE(spec("length")->flags & GST_PARAM_MUTABLE_PLAYING);
  EXPECT_FALSE(spec("offset")->flags & GST_PARAM_MUTABLE_PLAYING);
  EXPECT_TRUE(spec("offset")->flags & GST_PARAM_MUTABLE_READY);
}

TEST_F(ObjectTest, NeverReadsASecret) {
  EXPECT_FALSE(spec("secret")->flags & G_PARAM_READABLE);
  EXPECT_TRUE(spec("secret")->flags & G_PARAM_WRITABLE);
}

TEST_F(ObjectTest, TellsWhatChangedWithoutTheLock) {
  g_object_set(element_.get(), "ratio", 0.25, nullptr);
  EXPECT_EQ(impl<TestElement>(element_.get()).last_changed.copy(), "ratio");
}

TEST_F(ObjectTest, CallsVirtualMethods) {
  GstHarness* const harness = gst_harness_new_with_element(element_.get(), "sink", "src");
  gst_harness_set_src_caps_str(harness, "application/octet-stream");
  g_object_set(element_.get(), "mode", 1, nullptr);
  static const guint8 kBytes[] = {0x0f, 0xaa};
  gst_harness_push(harness, gst_buffer_new_memdup(kBytes, sizeof(kBytes)));
  const auto buffer = Ref<GstBuffer>::adopt(gst_harness_pull(harness));
  const auto map = BufferMap::read(buffer.get());
  ASSERT_TRUE(map);
  EXPECT_EQ(core::to_hex(map->bytes()), "f055");
  gst_harness_teardown(harness);
}

TEST_F(ObjectTest, RefusesAStateWithAnError) {
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element_.get(), bus.get());
  g_object_set(element_.get(), "location", "", nullptr);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  ASSERT_TRUE(message);
  GError* error = nullptr;
  gchar* debug = nullptr;
  gst_message_parse_error(message.get(), &error, &debug);
  EXPECT_TRUE(g_error_matches(error, GST_LIBRARY_ERROR, GST_LIBRARY_ERROR_SETTINGS));
  EXPECT_STREQ(error->message, "location is empty");
  EXPECT_NE(std::string(debug).find("object_test.cpp"), std::string::npos) << debug;
  EXPECT_NE(std::string(debug).find("change_state"), std::string::npos) << debug;
  g_error_free(error);
  g_free(debug);
  gst_element_set_bus(element_.get(), nullptr);
}

TEST_F(ObjectTest, TakesSettingsFromManyThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this, i] {
      for (int n = 0; n < 500; ++n) {
        g_object_set(element_.get(), "location", i % 2 == 0 ? "aaaaaaaaaaaaaaaaaaaaaaaa" : "b", nullptr);
        const std::string location = get_text("location");
        ASSERT_TRUE(location == "aaaaaaaaaaaaaaaaaaaaaaaa" || location == "b") << location;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(ObjectTest, GoesWithItsGObject) {
  EXPECT_EQ(live_objects, 1);
  element_.reset();
  EXPECT_EQ(live_objects, 0);
}

}  // namespace
}  // namespace aircheck::gstx
