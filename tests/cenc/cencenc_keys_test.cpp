// Scheme, change of keys and clear lead of cencenc.
#include <array>
#include <cstdio>

#include "cenc/harness.hpp"
#include "core/cenc.hpp"

namespace aircheck::test {
namespace {

constexpr const char* kOtherKeyId = "aabbccddeeff00112233445566778899";
constexpr const char* kOtherKey = "ffeeddccbbaa99887766554433221100";
constexpr std::uint8_t kIdr = 0x65;
constexpr std::uint8_t kSlice = 0x41;

gboolean rotate(GstElement* element, const char* key_id, const char* key, GstClockTime at) {
  gboolean done = FALSE;
  g_signal_emit_by_name(element, "rotate-key", key_id, key, static_cast<guint64>(at), &done);
  return done;
}

class CencEncKeysTest : public CencEncTest {
 protected:
  // The key id of an audio frame at this time; it decrypts with the key that belongs to it.
  std::string key_id_at(GstClockTime pts) { return key_id_of(core::Bytes(200, 3), pts); }

  std::string key_id_of(const core::Bytes& clear, GstClockTime pts) {
    const auto out = encrypt_at(clear, pts);
    const Protection protection = protection_of(out.get());
    last_ = protection;
    std::string key_id = core::to_hex(protection.key_id);
    EXPECT_EQ(decrypt(bytes_of(out.get()), protection, key_id == kKeyId ? kKey : kOtherKey), clear);
    EXPECT_NE(bytes_of(out.get()), clear);
    return key_id;
  }

  Protection last_;
};

TEST_F(CencEncKeysTest, CbcsHasAConstantIvAndNoPatternForAudio) {
  g_object_set(element_.get(), "iv", "000102030405060708090a0b0c0d0e0f", nullptr);
  gst_util_set_object_arg(G_OBJECT(element_.get()), "scheme", "cbcs");
  start(kAacCaps);
  const core::Bytes clear(317, 0x21);
  for (int i = 0; i < 3; ++i) {
    const auto out = encrypt(clear);
    const Protection protection = protection_of(out.get());
    EXPECT_EQ(protection.scheme, "cbcs");
    EXPECT_EQ(core::to_hex(protection.iv), "000102030405060708090a0b0c0d0e0f");
    EXPECT_EQ(protection.crypt_blocks, 0U);
    EXPECT_EQ(decrypt(bytes_of(out.get()), protection), clear);
    EXPECT_NE(bytes_of(out.get()), clear);
    const GstStructure* const info = gst_buffer_get_protection_meta(out.get())->info;
    guint size = 1;
    EXPECT_TRUE(gst_structure_get_uint(info, "iv_size", &size));
    EXPECT_EQ(size, 0U);
    EXPECT_TRUE(gst_structure_get_uint(info, "constant_iv_size", &size));
    EXPECT_EQ(size, 16U);
  }
}

TEST_F(CencEncKeysTest, CbcsIvsDifferBetweenTracks) {
  std::string ivs[2];
  for (std::string& iv : ivs) {
    element_ = make_cencenc();
    g_object_set(element_.get(), "key-id", kKeyId, "key", kKey, nullptr);
    gst_util_set_object_arg(G_OBJECT(element_.get()), "scheme", "cbcs");
    start(kAacCaps);
    iv = core::to_hex(protection_of(encrypt(core::Bytes(64, 1)).get()).iv);
    EXPECT_EQ(iv.size(), 32U);
  }
  EXPECT_NE(ivs[0], ivs[1]);
}

TEST_F(CencEncKeysTest, CbcsStopsAtASliceWithoutParameterSets) {
  gst_util_set_object_arg(G_OBJECT(element_.get()), "scheme", "cbcs");
  start("video/x-h264, stream-format=avc3, alignment=au, codec_data=(buffer)0164001effe000");
  watch();
  EXPECT_EQ(gst_harness_push(harness_.get(), buffer_of(access_unit(300)).release()), GST_FLOW_ERROR);
  EXPECT_NE(error_text().find("parameter sets"), std::string::npos);
}

TEST_F(CencEncKeysTest, AudioRotatesAtTheFirstFrameThatIsNotEarlier) {
  start(kAacCaps);
  ASSERT_TRUE(rotate(element_.get(), kOtherKeyId, kOtherKey, 100 * GST_MSECOND));
  EXPECT_EQ(key_id_at(0), kKeyId);
  EXPECT_EQ(key_id_at(99 * GST_MSECOND), kKeyId);
  EXPECT_EQ(key_id_at(101 * GST_MSECOND), kOtherKeyId);
  EXPECT_EQ(key_id_at(200 * GST_MSECOND), kOtherKeyId);
}

TEST_F(CencEncKeysTest, RunningTimeIsNotStreamTime) {
  start(kAacCaps);
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 1000 * GST_SECOND;
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  ASSERT_TRUE(rotate(element_.get(), kOtherKeyId, kOtherKey, GST_SECOND));
  EXPECT_EQ(key_id_at(1000 * GST_SECOND), kKeyId);
  EXPECT_EQ(key_id_at(1001 * GST_SECOND), kOtherKeyId);
}

TEST_F(CencEncKeysTest, VideoRotatesAtAnIdrPictureOnly) {
  start(kAvcCaps);
  EXPECT_EQ(key_id_of(access_unit(400), 0), kKeyId);
  ASSERT_TRUE(rotate(element_.get(), kOtherKeyId, kOtherKey, GST_CLOCK_TIME_NONE));
  EXPECT_EQ(key_id_of(access_unit(400, 4, kSlice), 40 * GST_MSECOND), kKeyId);
  EXPECT_EQ(key_id_of(access_unit(400, 4, kSlice), 80 * GST_MSECOND), kKeyId);
  EXPECT_EQ(key_id_of(access_unit(400, 4, kIdr), 120 * GST_MSECOND), kOtherKeyId);
  EXPECT_EQ(key_id_of(access_unit(400, 4, kSlice), 160 * GST_MSECOND), kOtherKeyId);
}

TEST_F(CencEncKeysTest, SeveralChangesComeInTheOrderOfTheirTimes) {
  start(kAacCaps);
  ASSERT_TRUE(rotate(element_.get(), kKeyId, kKey, 300 * GST_MSECOND));
  ASSERT_TRUE(rotate(element_.get(), kOtherKeyId, kOtherKey, 100 * GST_MSECOND));
  EXPECT_EQ(key_id_at(0), kKeyId);
  EXPECT_EQ(key_id_at(150 * GST_MSECOND), kOtherKeyId);
  EXPECT_EQ(key_id_at(350 * GST_MSECOND), kKeyId);
  // Of changes that are due at once the last one holds.
  ASSERT_TRUE(rotate(element_.get(), kKeyId, kKey, 400 * GST_MSECOND));
  ASSERT_TRUE(rotate(element_.get(), kOtherKeyId, kOtherKey, 400 * GST_MSECOND));
  EXPECT_EQ(key_id_at(450 * GST_MSECOND), kOtherKeyId);
}

TEST_F(CencEncKeysTest, AKeyThatComesBackUsesNoIvAgain) {
  for (const char* iv : {"", "00000000000000ff"}) {
    element_ = make_cencenc();
    g_object_set(element_.get(), "key-id", kKeyId, "key", kKey, "iv", iv, nullptr);
    start(kAacCaps);
    key_id_at(0);
    core::CencIv first{};
    std::copy(last_.iv.begin(), last_.iv.end(), first.begin());
    core::CencIvSequence expected(first);
    (void)expected.next();
    for (const char* key_id : {kOtherKeyId, kKeyId, kOtherKeyId, kKeyId}) {
      ASSERT_TRUE(rotate(element_.get(), key_id, key_id == kKeyId ? kKey : kOtherKey, GST_CLOCK_TIME_NONE));
      EXPECT_EQ(key_id_at(0), key_id);
      if (key_id == kKeyId) {
        EXPECT_EQ(core::to_hex(last_.iv), core::to_hex(expected.next()));
      }
    }
  }
}

TEST_F(CencEncKeysTest, AMalformedKeyIsRefusedByName) {
  start(kAacCaps);
  watch();
  const std::string bad = std::string(kOtherKey).substr(0, 30);
  const struct {
    const char* key_id;
    const char* key;
    const char* named;
  } kCases[] = {
      {kOtherKeyId, bad.c_str(), "rotate-key: key:"}, {kOtherKeyId, nullptr, "rotate-key: key:"},
      {"", kOtherKey, "rotate-key: key-id:"},         {nullptr, kOtherKey, "rotate-key: key-id:"},
      {"12", kOtherKey, "rotate-key: key-id:"},
  };
  for (const auto& [key_id, key, named] : kCases) {
    EXPECT_FALSE(rotate(element_.get(), key_id, key, GST_CLOCK_TIME_NONE));
    const std::string text = warning_text();
    EXPECT_NE(text.find(named), std::string::npos) << text;
    EXPECT_EQ(text.find(bad), std::string::npos) << text;
  }
  EXPECT_EQ(key_id_at(0), kKeyId);
}

// A player that has the first key would show noise.
TEST_F(CencEncKeysTest, AKeyIdThatStandsForAnotherKeyIsRefused) {
  start(kAacCaps);
  const auto bus = gstx::Ref<GstBus>::adopt(gst_bus_new());
  gst_element_set_bus(element_.get(), bus.get());
  const auto warning = [&] {
    const auto message = gstx::Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_WARNING));
    if (!message) return std::string();
    GError* error = nullptr;
    gst_message_parse_warning(message.get(), &error, nullptr);
    std::string text = error->message;
    g_error_free(error);
    return text;
  };
  EXPECT_FALSE(rotate(element_.get(), kKeyId, kOtherKey, GST_CLOCK_TIME_NONE));
  EXPECT_EQ(warning(), std::string("rotate-key: key-id: ") + kKeyId +
                           " stands for another key already: give each key an id of its own");
  EXPECT_TRUE(rotate(element_.get(), kKeyId, kKey, GST_CLOCK_TIME_NONE));
  EXPECT_TRUE(rotate(element_.get(), kOtherKeyId, kOtherKey, GST_SECOND));
  EXPECT_FALSE(rotate(element_.get(), kOtherKeyId, kKey, GST_SECOND)) << "one that is to come counts";
  EXPECT_NE(warning(), "");
  g_object_set(element_.get(), "key-id", kOtherKeyId, "key", kKey, nullptr);
  EXPECT_NE(warning().find("the key stays as it was"), std::string::npos);
  EXPECT_EQ(key_id_at(500 * GST_MSECOND), kKeyId);
  EXPECT_EQ(key_id_at(GST_SECOND), kOtherKeyId);
  gst_element_set_bus(element_.get(), nullptr);
}

// Of an element that never stops, the 4096 ids that were named last are known.
TEST_F(CencEncKeysTest, IdsAreKnownForAsLongAsTheyMayBePlayed) {
  start(kAacCaps);
  const auto named = [&](int id, const char* key) {
    std::array<char, 33> key_id{};
    std::snprintf(key_id.data(), key_id.size(), "%032x", id);
    return rotate(element_.get(), key_id.data(), key, GST_SECOND) != FALSE;
  };
  for (int id = 0; id < 4096; ++id) ASSERT_TRUE(named(id, kKey));
  for (const int id : {0, 1, 4095}) EXPECT_FALSE(named(id, kOtherKey)) << id;
  ASSERT_TRUE(named(0, kKey));
  ASSERT_TRUE(named(4096, kKey));
  EXPECT_FALSE(named(0, kOtherKey)) << "it was named anew";
  EXPECT_FALSE(named(2, kOtherKey));
  EXPECT_TRUE(named(1, kOtherKey)) << "the oldest made room";
}

TEST_F(CencEncKeysTest, PropertiesChangeAsAPairWhilePlaying) {
  start(kAvcCaps);
  EXPECT_EQ(key_id_of(access_unit(400), 0), kKeyId);
  g_object_set(element_.get(), "key-id", kOtherKeyId, nullptr);
  EXPECT_EQ(key_id_of(access_unit(400), 0), kKeyId) << "half a pair";
  g_object_set(element_.get(), "key", kOtherKey, nullptr);
  EXPECT_EQ(key_id_of(access_unit(400, 4, kSlice), 0), kKeyId);
  EXPECT_EQ(key_id_of(access_unit(400), 0), kOtherKeyId);
  // The other way round, and from a file.
  folder_.write("key", kKey);
  g_object_set(element_.get(), "key", nullptr, "key-file", (folder_ / "key").c_str(), nullptr);
  EXPECT_EQ(key_id_of(access_unit(400), 0), kOtherKeyId) << "half a pair";
  g_object_set(element_.get(), "key-id", kKeyId, nullptr);
  EXPECT_EQ(key_id_of(access_unit(400), 0), kKeyId);
}

TEST_F(CencEncKeysTest, ABadPairWhilePlayingChangesNothing) {
  start(kAacCaps);
  watch();
  g_object_set(element_.get(), "key-id", "12", "key", kOtherKey, nullptr);
  EXPECT_NE(warning_text().find("key-id"), std::string::npos);
  EXPECT_EQ(key_id_at(0), kKeyId);
}

TEST_F(CencEncKeysTest, TheClearLeadEndsAtAnIdrPicture) {
  g_object_set(element_.get(), "clear-lead", static_cast<guint64>(100 * GST_MSECOND), nullptr);
  start(kAvcCaps);
  const struct {
    std::uint8_t slice;
    GstClockTime pts;
    bool encrypted;
  } kFrames[] = {
      {kIdr, 1000 * GST_MSECOND, false},  // the lead counts from here
      {kIdr, 1040 * GST_MSECOND, false}, {kSlice, 1080 * GST_MSECOND, false}, {kSlice, 1120 * GST_MSECOND, false},
      {kIdr, 1160 * GST_MSECOND, true},  {kSlice, 1200 * GST_MSECOND, true},
  };
  for (const auto& [slice, pts, encrypted] : kFrames) {
    const core::Bytes clear = access_unit(400, 4, slice);
    const auto out = encrypt_at(clear, pts);
    const Protection protection = protection_of(out.get());
    EXPECT_EQ(protection.encrypted, encrypted) << pts;
    EXPECT_EQ(bytes_of(out.get()) != clear, encrypted) << pts;
    EXPECT_EQ(core::to_hex(protection.key_id), kKeyId);
    EXPECT_EQ(decrypt(bytes_of(out.get()), protection), clear);
    EXPECT_EQ(protection.subsamples.empty(), !encrypted);
  }
}

TEST_F(CencEncKeysTest, AClearFrameOfCbcsTellsTheConstantIv) {
  g_object_set(element_.get(), "clear-lead", static_cast<guint64>(30 * GST_MSECOND), nullptr);
  gst_util_set_object_arg(G_OBJECT(element_.get()), "scheme", "cbcs");
  start(kAacCaps);
  const core::Bytes clear(200, 5);
  const Protection first = protection_of(encrypt_at(clear, 0).get());
  EXPECT_FALSE(first.encrypted);
  EXPECT_EQ(first.iv.size(), 16U);
  EXPECT_FALSE(protection_of(encrypt_at(clear, 20 * GST_MSECOND).get()).encrypted);
  const Protection later = protection_of(encrypt_at(clear, 40 * GST_MSECOND).get());
  EXPECT_TRUE(later.encrypted);
  EXPECT_EQ(later.iv, first.iv);
}

TEST_F(CencEncKeysTest, AnIvOfTheWrongSizeForItsSchemeIsRefused) {
  for (const auto& [scheme, iv] :
       {std::pair{"cbcs", "0123456789abcdef"}, {"cenc", "0123456789abcdef0123456789abcdef"}}) {
    element_ = make_cencenc();
    watch();
    g_object_set(element_.get(), "key-id", kKeyId, "key", kKey, "iv", iv, nullptr);
    gst_util_set_object_arg(G_OBJECT(element_.get()), "scheme", scheme);
    EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    EXPECT_NE(error_text().find("iv: "), std::string::npos);
    gst_element_set_bus(element_.get(), nullptr);
  }
}

}  // namespace
}  // namespace aircheck::test
