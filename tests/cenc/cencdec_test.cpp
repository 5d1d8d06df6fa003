// cencdec alone, between the pads of a harness; its input is made by core and by hand.
#include <functional>

#include "cenc/harness.hpp"
#include "core/cenc.hpp"
#include "gobj/text.hpp"

namespace aircheck::test {
namespace {

constexpr const char* kOtherKeyId = "aabbccddeeff00112233445566778899";
constexpr const char* kOtherKey = "ffeeddccbbaa99887766554433221100";
constexpr const char* kCaps =
    "application/x-cenc, original-media-type=audio/mpeg, mpegversion=4, stream-format=raw, rate=48000, channels=2, "
    "cipher-mode=cenc, protection-system=1077efec-c0b2-4d02-ace3-3c1e52e2fb4b";

std::string pair_of(const char* key_id, const char* key) {
  return std::string(key_id) + ":" + key;
}

Ref<GstBuffer> hex_buffer(const std::string& hex) {
  return hex.empty() ? Ref<GstBuffer>::adopt(gst_buffer_new()) : buffer_of(*core::from_hex(hex));
}

// What a frame's meta says; the tests spoil it.
using Spoil = std::function<void(GstStructure*)>;

void set_buffer(GstStructure* info, const char* name, const std::string& hex) {
  gst_structure_set(info, name, GST_TYPE_BUFFER, hex_buffer(hex).get(), nullptr);
}

void set_uint(GstStructure* info, const char* name, guint value) {
  gst_structure_set(info, name, G_TYPE_UINT, value, nullptr);
}

class CencDecTest : public CencEncTest {
 protected:
  void SetUp() override {
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    element_ = Ref<GstElement>::sink(gst_element_factory_make("cencdec", nullptr));
    ASSERT_TRUE(element_) << "no cencdec in GST_PLUGIN_PATH";
    watch();
  }

  void start_with_keys(const std::string& keys, const char* caps = kCaps) {
    g_object_set(element_.get(), "keys", keys.c_str(), nullptr);
    begin(caps);
  }

  void begin(const char* caps = kCaps) {
    start(caps);
    watch();
  }

  // 200 bytes, wholly encrypted by scheme cenc.
  static Ref<GstBuffer> frame(const char* key_id = kKeyId, const char* key = kKey, const Spoil& spoil = {}) {
    core::Bytes bytes = clear();
    auto cipher = *core::CencCipher::create(*core::ContentKey::from_hex(key));
    EXPECT_TRUE(cipher.apply(bytes, {}, core::CencIv{1, 2, 3, 4, 5, 6, 7, 8}));
    GstStructure* const info = gst_structure_new("application/x-cenc", "encrypted", G_TYPE_BOOLEAN, TRUE, nullptr);
    set_uint(info, "iv_size", 8);
    set_buffer(info, "kid", key_id);
    gst_structure_set(info, "cipher-mode", G_TYPE_STRING, "cenc", nullptr);
    set_buffer(info, "iv", "0102030405060708");
    set_uint(info, "subsample_count", 0);
    if (spoil) spoil(info);
    auto buffer = buffer_of(bytes);
    gst_buffer_add_protection_meta(buffer.get(), info);
    return buffer;
  }

  static core::Bytes clear() { return core::Bytes(200, 0x3c); }

  GstFlowReturn push(Ref<GstBuffer> buffer) { return gst_harness_push(harness_.get(), buffer.release()); }

  void expect_decrypted(Ref<GstBuffer> buffer) {
    ASSERT_EQ(push(std::move(buffer)), GST_FLOW_OK);
    const auto out = Ref<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
    EXPECT_EQ(bytes_of(out.get()), clear());
    EXPECT_EQ(gst_buffer_get_protection_meta(out.get()), nullptr);
  }
};

TEST_F(CencDecTest, DecryptsWithTheProperty) {
  start_with_keys(pair_of(kOtherKeyId, kOtherKey) + ", " + pair_of(kKeyId, kKey) + "\n");
  expect_decrypted(frame());
  const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(harness_->sinkpad));
  const auto expected = gstx::caps_from_text("audio/mpeg, mpegversion=4, stream-format=raw, rate=48000, channels=2");
  EXPECT_TRUE(gst_caps_is_equal(caps.get(), expected.get())) << gobj::take_text(gst_caps_to_string(caps.get()));
}

TEST_F(CencDecTest, NeverShowsTheKeys) {
  const GParamSpec* const spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element_.get()), "keys");
  EXPECT_EQ(spec->flags & G_PARAM_READABLE, 0U);
}

TEST_F(CencDecTest, FollowsKeysThatChangeInTheStream) {
  start_with_keys(pair_of(kOtherKeyId, kOtherKey) + "," + pair_of(kKeyId, kKey));
  for (int i = 0; i < 2; ++i) {
    expect_decrypted(frame());
    expect_decrypted(frame(kOtherKeyId, kOtherKey));
    expect_decrypted(frame(kOtherKeyId, kOtherKey));
  }
}

TEST_F(CencDecTest, TakesNewKeysWhilePlaying) {
  start_with_keys(pair_of(kKeyId, kOtherKey));
  ASSERT_EQ(push(frame()), GST_FLOW_OK);
  EXPECT_NE(bytes_of(Ref<GstBuffer>::adopt(gst_harness_pull(harness_.get())).get()), clear()) << "with a wrong key";
  g_object_set(element_.get(), "keys", pair_of(kKeyId, kKey).c_str(), nullptr);
  expect_decrypted(frame());
  g_object_set(element_.get(), "keys", "nonsense", nullptr);
  EXPECT_NE(warning_text().find("keys: pair 1"), std::string::npos);
  expect_decrypted(frame());
}

TEST_F(CencDecTest, RefusesMalformedKeysByTheirPlace) {
  const std::string good = pair_of(kKeyId, kKey);
  for (const auto& [keys, named] : {std::pair{std::string(kKeyId), "keys: pair 1"},
                                    {good + ",", "keys: pair 2"},
                                    {good + "," + kKey + kKey, "keys: pair 2"},
                                    {pair_of(kKeyId, "0011"), "keys: pair 1"},
                                    {pair_of("0011", kKey), "keys: pair 1"},
                                    {pair_of(kKey, "xx"), "keys: pair 1"}}) {
    g_object_set(element_.get(), "keys", keys.c_str(), nullptr);
    EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE) << keys;
    const std::string text = error_text();
    EXPECT_NE(text.find(named), std::string::npos) << text;
    EXPECT_EQ(text.find(kKey), std::string::npos) << text;
  }
  g_object_set(element_.get(), "keys", nullptr, nullptr);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  gst_element_set_state(element_.get(), GST_STATE_NULL);
}

Ref<GVariant> key_variant(const char* key_id, const char* key) {
  GVariantBuilder builder;
  g_variant_builder_init(&builder, G_VARIANT_TYPE("a{ss}"));
  g_variant_builder_add(&builder, "{ss}", key_id, key);
  return Ref<GVariant>::sink(g_variant_builder_end(&builder));
}

void give_context(GstElement* element, GVariant* keys) {
  GstContext* const context = gst_context_new("aircheck.cenc-keys", FALSE);
  gst_structure_set(gst_context_writable_structure(context), "keys", G_TYPE_VARIANT, keys, nullptr);
  gst_element_set_context(element, context);
  gst_context_unref(context);
}

TEST_F(CencDecTest, DecryptsWithAContext) {
  give_context(element_.get(), key_variant(kKeyId, kKey).get());
  begin();
  expect_decrypted(frame());
}

TEST_F(CencDecTest, WarnsAboutAContextThatItCannotRead) {
  give_context(element_.get(), key_variant(kKeyId, "12").get());
  EXPECT_NE(warning_text().find("aircheck.cenc-keys"), std::string::npos);
  give_context(element_.get(), Ref<GVariant>::sink(g_variant_new_string(kKey)).get());
  EXPECT_NE(warning_text().find("a{ss}"), std::string::npos);
}

TEST_F(CencDecTest, AsksTheApplicationForTheContext) {
  begin();
  gst_bus_set_sync_handler(
      bus_.get(),
      [](GstBus*, GstMessage* message, gpointer) -> GstBusSyncReply {
        const gchar* type = nullptr;
        if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_NEED_CONTEXT && gst_message_parse_context_type(message, &type) &&
            std::string(type) == "aircheck.cenc-keys") {
          give_context(GST_ELEMENT(GST_MESSAGE_SRC(message)), key_variant(kKeyId, kKey).get());
        }
        return GST_BUS_PASS;
      },
      nullptr, nullptr);
  expect_decrypted(frame());
  gst_bus_set_sync_handler(bus_.get(), nullptr, nullptr, nullptr);
}

struct Answer {
  std::string key;
  int asked = 0;
  std::string key_id;
};

gchar* answer_key(GstElement*, const gchar* key_id, gpointer data) {
  auto& answer = *static_cast<Answer*>(data);
  ++answer.asked;
  answer.key_id = key_id;
  return answer.key.empty() ? nullptr : g_strdup(answer.key.c_str());
}

TEST_F(CencDecTest, DecryptsWithTheSignalAndAsksOnce) {
  Answer nothing;
  Answer answer{kKey, 0, {}};
  Answer never{kOtherKey, 0, {}};
  for (Answer* handler : {&nothing, &answer, &never}) {
    g_signal_connect(element_.get(), "need-key", G_CALLBACK(answer_key), handler);
  }
  begin();
  for (int i = 0; i < 3; ++i) expect_decrypted(frame());
  EXPECT_EQ(answer.asked, 1);
  EXPECT_EQ(answer.key_id, kKeyId);
  EXPECT_EQ(nothing.asked, 1);
  EXPECT_EQ(never.asked, 0);
}

TEST_F(CencDecTest, WarnsAboutAMalformedAnswer) {
  Answer answer{"0011", 0, {}};
  g_signal_connect(element_.get(), "need-key", G_CALLBACK(answer_key), &answer);
  begin();
  EXPECT_EQ(push(frame()), GST_FLOW_ERROR);
  EXPECT_NE(warning_text().find("need-key"), std::string::npos);
}

TEST_F(CencDecTest, AMissingKeyIsAnErrorThatSaysWhatToDo) {
  begin();
  EXPECT_EQ(push(frame()), GST_FLOW_ERROR);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_ERROR));
  ASSERT_TRUE(message);
  GError* error = nullptr;
  gst_message_parse_error(message.get(), &error, nullptr);
  EXPECT_TRUE(g_error_matches(error, GST_STREAM_ERROR, GST_STREAM_ERROR_DECRYPT_NOKEY));
  const std::string text = error->message;
  g_error_free(error);
  for (const char* part : {kKeyId, "property keys", "aircheck.cenc-keys", "need-key"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST_F(CencDecTest, LeavesClearFramesAlone) {
  begin();
  expect_decrypted(buffer_of(clear()));
  auto buffer = buffer_of(clear());
  gst_buffer_add_protection_meta(buffer.get(),
                                 gst_structure_new("application/x-cenc", "encrypted", G_TYPE_BOOLEAN, FALSE, nullptr));
  expect_decrypted(buffer);
}

TEST_F(CencDecTest, DecryptsCbcsAndLongIvs) {
  start_with_keys(pair_of(kKeyId, kKey));
  const core::AesBlock iv{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  const core::ContentKey key = *core::ContentKey::from_hex(kKey);
  const core::Subsample subsamples[] = {{20, 170}, {10, 0}};
  const auto with = [&](core::Bytes bytes, const Spoil& spoil) {
    auto plain = frame(kKeyId, kKey, [&](GstStructure* info) {
      set_buffer(info, "iv", core::to_hex(iv));
      set_uint(info, "subsample_count", 2);
      set_buffer(info, "subsamples", "0014000000aa000a00000000");
      spoil(info);
    });
    auto buffer = buffer_of(bytes);
    gst_buffer_add_protection_meta(buffer.get(), gst_structure_copy(gst_buffer_get_protection_meta(plain.get())->info));
    return buffer;
  };
  core::Bytes bytes = clear();
  ASSERT_TRUE(core::CencCipher::create(key)->apply_from(bytes, subsamples, iv));
  expect_decrypted(with(bytes, [](GstStructure* info) { set_uint(info, "iv_size", 16); }));
  // As cencenc tells a constant IV, and as qtdemux does.
  for (const guint iv_size : {0U, 16U}) {
    bytes = clear();
    ASSERT_TRUE(core::CbcsCipher::create(key, core::CipherDirection::kEncrypt)
                    ->apply(bytes, subsamples, iv, core::kVideoPattern));
    expect_decrypted(with(bytes, [&](GstStructure* info) {
      gst_structure_set(info, "cipher-mode", G_TYPE_STRING, "cbcs", nullptr);
      set_uint(info, "iv_size", iv_size);
      if (iv_size == 0) set_uint(info, "constant_iv_size", 16);
      set_uint(info, "crypt_byte_block", 1);
      set_uint(info, "skip_byte_block", 9);
    }));
  }
}

TEST_F(CencDecTest, TakesTheSchemeOfTheCapsWhereTheMetaHasNone) {
  start_with_keys(pair_of(kKeyId, kKey));
  expect_decrypted(frame(kKeyId, kKey, [](GstStructure* info) { gst_structure_remove_field(info, "cipher-mode"); }));
}

TEST_F(CencDecTest, RefusesMetaThatDoesNotAddUp) {
  const struct {
    const char* named;
    Spoil spoil;
  } kCases[] = {
      {"encrypted", [](GstStructure* info) { gst_structure_remove_field(info, "encrypted"); }},
      {"kid", [](GstStructure* info) { gst_structure_remove_field(info, "kid"); }},
      {"kid", [](GstStructure* info) { set_buffer(info, "kid", "001122"); }},
      {"kid", [](GstStructure* info) { gst_structure_set(info, "kid", G_TYPE_STRING, kKeyId, nullptr); }},
      {"iv", [](GstStructure* info) { gst_structure_remove_field(info, "iv"); }},
      {"iv", [](GstStructure* info) { set_buffer(info, "iv", ""); }},
      {"iv", [](GstStructure* info) { set_buffer(info, "iv", "0102030405060708090a"); }},
      {"iv", [](GstStructure* info) { set_buffer(info, "iv", std::string(64, '0')); }},
      {"cipher-mode", [](GstStructure* i) { gst_structure_set(i, "cipher-mode", G_TYPE_STRING, "cens", nullptr); }},
      {"subsamples", [](GstStructure* info) { set_uint(info, "subsample_count", 1); }},
      {"subsample_count",
       [](GstStructure* info) { gst_structure_set(info, "subsample_count", G_TYPE_INT, -1, nullptr); }},
      {"subsamples",
       [](GstStructure* info) {
         set_uint(info, "subsample_count", 0xffffffff);
         set_buffer(info, "subsamples", "0014000000b4");
       }},
      {"subsamples",
       [](GstStructure* info) {
         set_uint(info, "subsample_count", 2);
         set_buffer(info, "subsamples", "0014000000b4");
       }},
      {"subsamples",
       [](GstStructure* info) {
         set_uint(info, "subsample_count", 1);
         set_buffer(info, "subsamples", "0014000000b5");
       }},
      {"subsamples",
       [](GstStructure* info) {
         set_uint(info, "subsample_count", 2);
         set_buffer(info, "subsamples", "ffffffffffffffff000000c9");
       }},
      {"pattern",
       [](GstStructure* info) {
         set_uint(info, "crypt_byte_block", 0);
         set_uint(info, "skip_byte_block", 9);
       }},
      {"pattern", [](GstStructure* info) { set_uint(info, "crypt_byte_block", 16); }},
  };
  for (const auto& [named, spoil] : kCases) {
    SetUp();
    start_with_keys(pair_of(kKeyId, kKey));
    EXPECT_EQ(push(frame(kKeyId, kKey, spoil)), GST_FLOW_ERROR) << named;
    const std::string text = error_text();
    EXPECT_NE(text.find(named), std::string::npos) << named << " is not in: " << text;
    TearDown();
  }
}

TEST_F(CencDecTest, TellsItsSystemToThoseWhoAsk) {
  begin();
  GstQuery* const query = gst_query_new_context("drm-preferred-decryption-system-id");
  for (GstPad* pad : {harness_->srcpad, harness_->sinkpad}) {
    ASSERT_TRUE(gst_pad_peer_query(pad, query));
    GstContext* context = nullptr;
    gst_query_parse_context(query, &context);
    ASSERT_NE(context, nullptr);
    EXPECT_STREQ(gst_structure_get_string(gst_context_get_structure(context), "decryption-system-id"),
                 "1077efec-c0b2-4d02-ace3-3c1e52e2fb4b");
  }
  gst_query_unref(query);
}

TEST_F(CencDecTest, KeepsThePsshToItself) {
  start_with_keys(pair_of(kKeyId, kKey));
  const auto pssh = hex_buffer("00");
  gst_harness_push_event(harness_.get(),
                         gst_event_new_protection("1077efec-c0b2-4d02-ace3-3c1e52e2fb4b", pssh.get(), "isobmff/moov"));
  expect_decrypted(frame());
  while (auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_event(harness_.get()))) {
    EXPECT_NE(GST_EVENT_TYPE(event.get()), GST_EVENT_PROTECTION);
  }
}

TEST_F(CencDecTest, OffersWhatDownstreamTakes) {
  const struct {
    const char* downstream;
    const char* accepted;
    const char* refused;
  } kCases[] = {
      {"ANY", "application/x-cenc, original-media-type=video/x-vp9", "application/x-cenc, cipher-mode=cens"},
      {"ANY",
       "application/x-cenc, original-media-type=video/x-h265, protection-system=1077efec-c0b2-4d02-ace3-3c1e52e2fb4b",
       "application/x-cenc, original-media-type=text/x-raw"},
      {"video/x-h264", "application/x-cenc, original-media-type=video/x-h264, cipher-mode=cbcs",
       "application/x-cenc, original-media-type=audio/mpeg"},
  };
  harness_.reset(gst_harness_new_with_element(element_.get(), "sink", "src"));
  for (const auto& [downstream, accepted, refused] : kCases) {
    gst_harness_set_sink_caps(harness_.get(), gstx::caps_from_text(downstream).release());
    const auto offered = Ref<GstCaps>::adopt(gst_pad_peer_query_caps(harness_->srcpad, nullptr));
    const auto takes = [&](const char* text) {
      const auto caps = gstx::caps_from_text(text);
      return gst_caps_can_intersect(offered.get(), caps.get()) &&
             gst_pad_peer_query_accept_caps(harness_->srcpad, caps.get());
    };
    EXPECT_TRUE(takes(accepted)) << accepted;
    EXPECT_FALSE(takes(refused)) << refused;
  }
}

}  // namespace
}  // namespace aircheck::test
