// The key shows up in no property, log, dot file or terminal.
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <vector>

#include "cenc/frames.hpp"
#include "gobj/text.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

// Every form in which sixteen bytes may be written.
std::vector<std::string> forms_of_key() {
  const core::Bytes key = *core::from_hex(kKey);
  std::string upper = kKey;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) { return g_ascii_toupper(c); });
  std::string spaced;
  for (const std::uint8_t byte : key) spaced += (spaced.empty() ? "" : " ") + core::to_hex(core::ByteView(&byte, 1));
  return {kKey, upper, spaced, std::string(key.begin(), key.end()), core::to_base64(key), core::to_base64url(key)};
}

void expect_no_key(const std::string& where, const std::string& text) {
  for (const std::string& form : forms_of_key()) {
    EXPECT_EQ(text.find(form), std::string::npos) << "the key stands in " << where << " as " << form;
  }
}

std::string run(const std::string& command) {
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  std::string output;
  char chunk[4096];
  while (const std::size_t size = fread(chunk, 1, sizeof(chunk), pipe)) output.append(chunk, size);
  EXPECT_EQ(pclose(pipe), 0) << command << "\n" << output.substr(0, 2000);
  return output;
}

// `quote` keeps the parentheses of the caps from a shell.
std::string source(const std::string& quote) {
  std::string caps = kAacCaps;
  std::erase(caps, ' ');
  return "fakesrc num-buffers=3 sizetype=fixed sizemax=300 ! capsfilter " + quote + "caps=" + caps + quote + " ! ";
}

class SecrecyTest : public testing::Test {
 protected:
  void write_key() {
    folder_.write("key", kKey);
    chmod((folder_ / "key").c_str(), 0600);
  }

  TemporaryDirectory folder_;
};

std::mutex log_mutex;
std::string log_text;

void keep_log(GstDebugCategory*, GstDebugLevel, const gchar*, const gchar*, gint, GObject*, GstDebugMessage* message,
              gpointer) {
  const std::string text = gst_debug_message_get(message);  // may log, and come here again
  const std::lock_guard<std::mutex> lock(log_mutex);
  log_text += text + '\n';
}

TEST_F(SecrecyTest, AKeySetByAProgramIsNeverShown) {
  gst_init(nullptr, nullptr);
  (gst_debug_remove_log_function)(gst_debug_log_default);  // the macros of these names compare void* with functions
  (gst_debug_add_log_function)(keep_log, nullptr, nullptr);
  gst_debug_set_threshold_from_string("*:9", TRUE);

  const auto pipeline =
      gstx::Ref<GstElement>::sink(gst_parse_launch((source("") + "cencenc name=enc ! fakesink").c_str(), nullptr));
  const auto cencenc = gstx::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "enc"));
  g_object_set(cencenc.get(), "key-id", kKeyId, "key", kKey, nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = gstx::Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  const auto message = gstx::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  ASSERT_TRUE(message);
  EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS)
      << gobj::take_text(gst_structure_to_string(gst_message_get_structure(message.get())));
  const std::string dot =
      gobj::take_text(gst_debug_bin_to_dot_data(GST_BIN(pipeline.get()), GST_DEBUG_GRAPH_SHOW_VERBOSE));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  gst_debug_set_threshold_from_string("*:0", TRUE);

  expect_no_key("a dot file", dot);
  EXPECT_NE(dot.find(kKeyId), std::string::npos) << "properties are not in the dot data: this test sees nothing";
  const std::lock_guard<std::mutex> lock(log_mutex);
  EXPECT_NE(log_text.find("original-media-type"), std::string::npos) << "caps are not logged: this test sees nothing";
  expect_no_key("the log", log_text);

  guint count = 0;
  GParamSpec** const specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(cencenc.get()), &count);
  for (guint i = 0; i < count; ++i) {
    if ((specs[i]->flags & G_PARAM_READABLE) == 0) continue;
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(cencenc.get()), specs[i]->name, &value);
    expect_no_key(specs[i]->name, gobj::take_text(g_strdup_value_contents(&value)));
    g_value_unset(&value);
  }
  g_free(specs);
}

TEST_F(SecrecyTest, AVerboseLaunchDoesNotShowIt) {
  const std::string command = "GST_DEBUG_DUMP_DOT_DIR=" + folder_.path() + " gst-launch-1.0 -v " + source("'") +
                              "cencenc key-id=" + kKeyId + " key=" + kKey + " ! fakesink silent=false";
  const std::string output = run(command);
  EXPECT_NE(output.find("original-media-type"), std::string::npos);
  expect_no_key("what gst-launch-1.0 -v prints", output);
  const auto files = folder_.files();
  EXPECT_GE(files.size(), 2U);
  for (const std::string& file : files) expect_no_key(file, read_text(folder_ / file));
}

// A player that is given the key by context and by property, at every debug level.
TEST_F(SecrecyTest, ADecryptorNeverShowsItsKeys) {
  gst_init(nullptr, nullptr);
  {
    const std::lock_guard<std::mutex> lock(log_mutex);
    log_text.clear();
  }
  (gst_debug_remove_log_function)(gst_debug_log_default);
  (gst_debug_add_log_function)(keep_log, nullptr, nullptr);
  gst_debug_set_threshold_from_string("*:9", TRUE);
  const auto pipeline = gstx::Ref<GstElement>::sink(
      gst_parse_launch((source("") + "cencenc name=enc ! cencdec name=dec ! fakesink").c_str(), nullptr));
  const auto cencenc = gstx::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "enc"));
  const auto cencdec = gstx::Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "dec"));
  g_object_set(cencenc.get(), "key-id", kKeyId, "key", kKey, nullptr);
  g_object_set(cencdec.get(), "keys", (std::string("ffeeddccbbaa99887766554433221100:") + kKey).c_str(), nullptr);
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  g_variant_builder_add(&builder, "{ss}", kKeyId, kKey);
  GstContext* const context = gst_context_new("aircheck.cenc-keys", TRUE);
  gst_structure_set(gst_context_writable_structure(context), "keys", G_TYPE_VARIANT, g_variant_builder_end(&builder),
                    nullptr);
  gst_element_set_context(pipeline.get(), context);
  gst_context_unref(context);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto bus = gstx::Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  const auto message = gstx::Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 30 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  ASSERT_TRUE(message);
  EXPECT_EQ(GST_MESSAGE_TYPE(message.get()), GST_MESSAGE_EOS);
  expect_no_key("a dot file",
                gobj::take_text(gst_debug_bin_to_dot_data(GST_BIN(pipeline.get()), GST_DEBUG_GRAPH_SHOW_VERBOSE)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  gst_debug_set_threshold_from_string("*:0", TRUE);
  const std::lock_guard<std::mutex> lock(log_mutex);
  EXPECT_NE(log_text.find("set context"), std::string::npos) << "contexts are not logged: this test sees nothing";
  expect_no_key("the log", log_text);
}

// With key= in the command line gst_parse_launch() itself logs the line: that is why there is key-file.
TEST_F(SecrecyTest, AKeyFileStaysSecretAtEveryDebugLevel) {
  write_key();
  const std::string output = run("GST_DEBUG='*:9' GST_DEBUG_NO_COLOR=1 gst-launch-1.0 -v " + source("'") +
                                 "cencenc key-id=" + kKeyId + " key-file=" + (folder_ / "key") + " ! fakesink");
  EXPECT_NE(output.find("original-media-type"), std::string::npos);
  expect_no_key("a log at level 9", output);
}

TEST_F(SecrecyTest, ALaunchWithABadKeyFailsWithoutRepeatingIt) {
  const std::string bad = std::string(kKey).substr(0, 30);
  const std::string output =
      run("! gst-launch-1.0 " + source("'") + "cencenc key-id=" + kKeyId + " key=" + bad + " ! fakesink");
  EXPECT_NE(output.find("key: a key is 32 hexadecimal digits"), std::string::npos) << output;
  EXPECT_EQ(output.find(bad), std::string::npos) << output;
}

}  // namespace
}  // namespace aircheck::test
