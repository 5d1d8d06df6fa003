// Every element of our plugins through all states, as GStreamer's own generic/states test does with its elements.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "gstx/our_elements.hpp"
#include "gstx/ref.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::gstx {
namespace {

using Properties = std::vector<std::pair<const char*, std::string>>;

class StatesTest : public testing::TestWithParam<std::string> {
 protected:
  // What an element needs before it leaves NULL.
  Properties required() const {
    const std::map<std::string, Properties> kRequired = {
        {"catchupplaylistsrc",
         {{"location", folder_ / "ch1-%Y%m%d%H%M%S.m4s"}, {"start", "2026-02-25T14:30:00Z"}, {"end", "1772029860"}}},
        {"catchupsrc",
         {{"location", folder_ / "ch1-%Y%m%d%H%M%S.m4s"}, {"start", "2026-02-25T14:30:00Z"}, {"end", "1772029860"}}},
        {"cencenc", {{"key-id", "11223344556677889900aabbccddeeff"}, {"key", "00112233445566778899aabbccddeeff"}}},
        {"strftimefmp4sink", {{"location", folder_ / "ch1-%Y%m%d%H%M%S.m4s"}}},
    };
    const auto found = kRequired.find(GetParam());
    return found == kRequired.end() ? Properties() : found->second;
  }

  Ref<GstElement> make() {
    auto element = Ref<GstElement>::sink(gst_element_factory_make(GetParam().c_str(), nullptr));
    EXPECT_TRUE(element);
    for (const auto& [name, value] : required()) gst_util_set_object_arg(G_OBJECT(element.get()), name, value.c_str());
    return element;
  }

  static bool go(const Ref<GstElement>& element, GstState state) {
    return gst_element_set_state(element.get(), state) != GST_STATE_CHANGE_FAILURE;
  }

  test::TemporaryDirectory folder_;
};

TEST_P(StatesTest, GoesUpAndDownAndIsFreed) {
  constexpr GstState kWalk[] = {GST_STATE_READY,   GST_STATE_NULL,  GST_STATE_READY,  GST_STATE_PAUSED,
                                GST_STATE_READY,   GST_STATE_NULL,  GST_STATE_PAUSED, GST_STATE_PLAYING,
                                GST_STATE_PAUSED,  GST_STATE_READY, GST_STATE_NULL,   GST_STATE_PLAYING,
                                GST_STATE_PLAYING, GST_STATE_NULL,  GST_STATE_NULL};
  auto element = make();
  bool alive = true;
  g_object_weak_ref(
      G_OBJECT(element.get()), [](gpointer flag, GObject*) { *static_cast<bool*>(flag) = false; }, &alive);
  for (const GstState state : kWalk) EXPECT_TRUE(go(element, state)) << gst_element_state_get_name(state);
  element.reset();
  EXPECT_FALSE(alive) << "somebody still holds the element";
}

TEST_P(StatesTest, IsFreedWithoutAnyState) {
  bool alive = true;
  {
    const auto element = make();
    g_object_weak_ref(
        G_OBJECT(element.get()), [](gpointer flag, GObject*) { *static_cast<bool*>(flag) = false; }, &alive);
  }
  EXPECT_FALSE(alive);
}

// A setting that is missing is one error message, no crash and no silence.
TEST_P(StatesTest, SaysWhatItNeeds) {
  if (required().empty()) return;
  const auto element = Ref<GstElement>::sink(gst_element_factory_make(GetParam().c_str(), nullptr));
  const auto bus = Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element.get(), bus.get());
  EXPECT_FALSE(go(element, GST_STATE_PAUSED));
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
  EXPECT_TRUE(message);
  EXPECT_TRUE(go(element, GST_STATE_NULL));
  gst_element_set_bus(element.get(), nullptr);
}

TEST_P(StatesTest, DescribesItselfAndItsProperties) {
  const auto element = make();
  GstElementClass* const element_class = GST_ELEMENT_GET_CLASS(element.get());
  for (const char* key : {GST_ELEMENT_METADATA_LONGNAME, GST_ELEMENT_METADATA_KLASS, GST_ELEMENT_METADATA_DESCRIPTION,
                          GST_ELEMENT_METADATA_AUTHOR}) {
    const char* const text = gst_element_class_get_metadata(element_class, key);
    EXPECT_TRUE(text != nullptr && *text != '\0') << key;
  }
  guint count = 0;
  GParamSpec** const specs = g_object_class_list_properties(G_OBJECT_CLASS(element_class), &count);
  for (guint i = 0; i < count; ++i) {
    const char* const blurb = g_param_spec_get_blurb(specs[i]);
    EXPECT_TRUE(blurb != nullptr && *blurb != '\0') << specs[i]->name;
  }
  g_free(specs);
}

TEST(Elements, AreFound) {
  EXPECT_FALSE(test::our_elements().empty()) << "no plugin of ours in GST_PLUGIN_PATH";
}

std::string test_name(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

INSTANTIATE_TEST_SUITE_P(Elements, StatesTest, testing::ValuesIn(test::our_elements()), test_name);

}  // namespace
}  // namespace aircheck::gstx
