// cencenc alone, between the pads of a harness.
#include <sys/stat.h>

#include "cenc/harness.hpp"
#include "gobj/text.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::test {
namespace {

TEST_F(CencEncTest, EncryptsVideoWithSubsamples) {
  start(kAvcCaps);
  const core::Bytes clear = access_unit(1000);
  const auto buffer = encrypt(clear);
  const Protection protection = protection_of(buffer.get());
  EXPECT_EQ(core::to_hex(protection.key_id), kKeyId);
  // 6 (delimiter) + 1004 - 896 clear, 896 protected, then the short slice.
  const decltype(protection.subsamples) expected = {{114, 896}, {44, 0}};
  EXPECT_EQ(protection.subsamples, expected);
  const core::Bytes encrypted = bytes_of(buffer.get());
  EXPECT_NE(encrypted, clear);
  EXPECT_EQ(decrypt(encrypted, protection), clear);
}

TEST_F(CencEncTest, EncryptsAudioWholly) {
  start(kAacCaps);
  const core::Bytes clear(317, 0x21);
  const auto buffer = encrypt(clear);
  const Protection protection = protection_of(buffer.get());
  EXPECT_TRUE(protection.subsamples.empty());
  const core::Bytes encrypted = bytes_of(buffer.get());
  EXPECT_EQ(decrypt(encrypted, protection), clear);
  for (std::size_t i = 0; i + 16 <= encrypted.size(); i += 16) {
    EXPECT_NE(core::Bytes(encrypted.begin() + static_cast<std::ptrdiff_t>(i),
                          encrypted.begin() + static_cast<std::ptrdiff_t>(i) + 16),
              core::Bytes(16, 0x21));
  }
}

TEST_F(CencEncTest, GivesEachFrameTheNextIv) {
  g_object_set(element_.get(), "iv", "00000000fffffffe", nullptr);
  start(kAacCaps);
  for (const char* iv : {"00000000fffffffe", "00000000ffffffff", "0000000100000000"}) {
    EXPECT_EQ(core::to_hex(protection_of(encrypt(core::Bytes(64, 1)).get()).iv), iv);
  }
}

TEST_F(CencEncTest, NeverComesBackToAnIvInOneRun) {
  g_object_set(element_.get(), "iv", "0000000000000000", nullptr);
  start(kAacCaps);
  EXPECT_EQ(core::to_hex(protection_of(encrypt(core::Bytes(64, 1)).get()).iv), "0000000000000000");
  gst_harness_push_event(harness_.get(), gst_event_new_flush_start());
  gst_harness_push_event(harness_.get(), gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_.get(), gst_event_new_segment(&segment));
  EXPECT_EQ(core::to_hex(protection_of(encrypt(core::Bytes(64, 1)).get()).iv), "0000000000000001");

  gst_element_set_state(element_.get(), GST_STATE_READY);
  gst_element_set_state(element_.get(), GST_STATE_PLAYING);
  gst_harness_push_event(harness_.get(), gst_event_new_stream_start("again"));
  gst_harness_set_src_caps(harness_.get(), gstx::caps_from_text(kAacCaps).release());
  EXPECT_EQ(core::to_hex(protection_of(encrypt(core::Bytes(64, 1)).get()).iv), "0000000000000002");
}

TEST_F(CencEncTest, StartsAtARandomIv) {
  start(kAacCaps);
  const Protection first = protection_of(encrypt(core::Bytes(64, 1)).get());
  element_ = make_cencenc();
  g_object_set(element_.get(), "key-id", kKeyId, "key", kKey, nullptr);
  start(kAacCaps);
  EXPECT_NE(protection_of(encrypt(core::Bytes(64, 1)).get()).iv, first.iv);
}

TEST_F(CencEncTest, WorksInPlace) {
  start(kAvcCaps);
  auto buffer = buffer_of(access_unit(5000));
  GstMapInfo info;
  ASSERT_TRUE(gst_buffer_map(buffer.get(), &info, GST_MAP_READ));
  const guint8* const address = info.data;
  gst_buffer_unmap(buffer.get(), &info);
  GstBuffer* const pushed = buffer.release();
  gst_harness_push(harness_.get(), pushed);
  const auto out = Ref<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
  EXPECT_EQ(out.get(), pushed);
  ASSERT_TRUE(gst_buffer_map(out.get(), &info, GST_MAP_READ));
  EXPECT_EQ(info.data, address);
  gst_buffer_unmap(out.get(), &info);
}

TEST_F(CencEncTest, LeavesASharedBufferAlone) {
  start(kAvcCaps);
  const core::Bytes clear = access_unit(5000);
  const auto shared = buffer_of(clear);
  EXPECT_EQ(gst_harness_push(harness_.get(), Ref<GstBuffer>(shared).release()), GST_FLOW_OK);
  const auto out = Ref<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
  EXPECT_EQ(bytes_of(shared.get()), clear);
  EXPECT_EQ(gst_buffer_get_protection_meta(shared.get()), nullptr);
  EXPECT_EQ(decrypt(bytes_of(out.get()), protection_of(out.get())), clear);
}

TEST_F(CencEncTest, KeepsTimesAndFlags) {
  start(kAvcCaps);
  auto buffer = buffer_of(access_unit(300));
  GST_BUFFER_PTS(buffer.get()) = 40 * GST_MSECOND;
  GST_BUFFER_DTS(buffer.get()) = 20 * GST_MSECOND;
  GST_BUFFER_DURATION(buffer.get()) = 10 * GST_MSECOND;
  GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT | GST_BUFFER_FLAG_DROPPABLE);
  gst_harness_push(harness_.get(), buffer.release());
  const auto out = Ref<GstBuffer>::adopt(gst_harness_pull(harness_.get()));
  EXPECT_EQ(GST_BUFFER_PTS(out.get()), 40 * GST_MSECOND);
  EXPECT_EQ(GST_BUFFER_DTS(out.get()), 20 * GST_MSECOND);
  EXPECT_EQ(GST_BUFFER_DURATION(out.get()), 10 * GST_MSECOND);
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_DELTA_UNIT));
  EXPECT_TRUE(GST_BUFFER_FLAG_IS_SET(out.get(), GST_BUFFER_FLAG_DROPPABLE));
}

TEST_F(CencEncTest, FollowsANewCodecData) {
  start(kAvcCaps);
  const core::Bytes four = access_unit(600);
  auto out = encrypt(four);
  EXPECT_EQ(decrypt(bytes_of(out.get()), protection_of(out.get())), four);
  // lengthSizeMinusOne 1
  gst_harness_set_src_caps(
      harness_.get(),
      gstx::caps_from_text("video/x-h264, stream-format=avc, alignment=au, codec_data=(buffer)0164001efde0000000")
          .release());
  const core::Bytes two = access_unit(600, 2);
  out = encrypt(two);
  const Protection protection = protection_of(out.get());
  EXPECT_EQ(protection.subsamples.size(), 2U);
  EXPECT_EQ(decrypt(bytes_of(out.get()), protection), two);
  const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(harness_->sinkpad));
  const GstStructure* const structure = gst_caps_get_structure(caps.get(), 0);
  EXPECT_EQ(core::to_hex(bytes_of(gstx::buffer_field(structure, "codec_data").get())), "0164001efde0000000");
}

// Frames and caps are of one scheme, also where somebody sets the property too late.
TEST_F(CencEncTest, TheSchemeStaysWhilePlaying) {
  start(kAvcCaps);
  g_object_set(element_.get(), "scheme", 1, nullptr);
  gst_harness_set_src_caps(
      harness_.get(),
      gstx::caps_from_text("video/x-h264, stream-format=avc, alignment=au, codec_data=(buffer)0164001efde0000000")
          .release());
  const auto out = encrypt(access_unit(600, 2));
  EXPECT_EQ(protection_of(out.get()).subsamples.size(), 2U);
  const auto caps = Ref<GstCaps>::adopt(gst_pad_get_current_caps(harness_->sinkpad));
  EXPECT_STREQ(gst_structure_get_string(gst_caps_get_structure(caps.get(), 0), "cipher-mode"), "cenc");
}

TEST_F(CencEncTest, PassesForceKeyUnitUpstreamAndEosDownstream) {
  start(kAvcCaps);
  ASSERT_TRUE(encrypt(access_unit(300)));
  gst_harness_push_upstream_event(
      harness_.get(), gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, gst_structure_new_empty("GstForceKeyUnit")));
  bool passed = false;
  while (auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_upstream_event(harness_.get()))) {
    passed = passed || gst_event_has_name(event.get(), "GstForceKeyUnit");
  }
  EXPECT_TRUE(passed);
  gst_harness_push_event(harness_.get(), gst_event_new_eos());
  bool eos = false;
  while (auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_event(harness_.get()))) {
    eos = eos || GST_EVENT_TYPE(event.get()) == GST_EVENT_EOS;
  }
  EXPECT_TRUE(eos);
}

TEST_F(CencEncTest, AsksUpstreamForWhatDownstreamTakes) {
  static constexpr const char* kAll =
      "video/x-h264, stream-format={avc, avc3}, alignment=au; video/x-h265, stream-format={hvc1, hev1}, alignment=au; "
      "audio/mpeg, mpegversion=4, stream-format=raw; audio/x-opus";
  const struct {
    const char* downstream;
    const char* expected;
  } kCases[] = {
      {"ANY", kAll},
      {"application/x-cenc", kAll},
      {"application/x-cenc, original-media-type=video/x-h264, width=640",
       "video/x-h264, stream-format={avc, avc3}, alignment=au, width=640"},
      {"application/x-cenc, original-media-type={video/vnd.none, audio/mpeg}, cipher-mode={cbcs, cenc}",
       "audio/mpeg, mpegversion=4, stream-format=raw"},
      {"application/x-cenc, original-media-type=video/x-h265, stream-format=hev1",
       "video/x-h265, stream-format=hev1, alignment=au"},
      {"application/x-cenc, cipher-mode=cbcs", "EMPTY"},
      {"video/x-h264", "EMPTY"},
  };
  harness_.reset(gst_harness_new_with_element(element_.get(), "sink", "src"));
  for (const auto& [downstream, expected] : kCases) {
    gst_harness_set_sink_caps(harness_.get(), gstx::caps_from_text(downstream).release());
    const auto caps = Ref<GstCaps>::adopt(gst_pad_peer_query_caps(harness_->srcpad, nullptr));
    EXPECT_TRUE(gst_caps_is_equal(caps.get(), gstx::caps_from_text(expected).get()))
        << downstream << " gives " << gobj::take_text(gst_caps_to_string(caps.get()));
  }
}

using RefusalTest = CencEncTest;

TEST_F(RefusalTest, NamesTheSettingThatIsWrong) {
  const std::string bad_file = folder_ / "bad";
  folder_.write("bad", "001122334455667788");
  const struct {
    const char* name;
    std::string value;
    const char* expected;
  } kCases[] = {
      {"key-id", "", "key-id"},
      {"key-id", "112233", "key-id"},
      {"key-id", "zz223344556677889900aabbccddeeff", "key-id"},
      {"key", "", "key"},
      {"key", "001122", "key"},
      {"key", "00112233445566778899aabbccddeef", "key"},
      {"key", "00112233445566778899aabbccddeeff00", "key"},
      {"key-file", bad_file, "key-file"},
      {"iv", "0123", "iv"},
      {"iv", "0123456789abcdefzz", "iv"},
  };
  for (const auto& [name, value, expected] : kCases) {
    element_ = make_cencenc();
    watch();
    g_object_set(element_.get(), "key-id", kKeyId, "key", kKey, name, value.c_str(), nullptr);
    EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE) << name << value;
    const std::string text = error_text();
    EXPECT_NE(text.find(expected), std::string::npos) << text;
    if (!value.empty() && std::string(name) == "key") {
      EXPECT_EQ(text.find(value), std::string::npos) << "the message repeats the key";
    }
    gst_element_set_bus(element_.get(), nullptr);
  }
}

TEST_F(RefusalTest, WorksOnceTheSettingIsRight) {
  watch();
  g_object_set(element_.get(), "key", "0011", nullptr);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  g_object_set(element_.get(), "key", kKey, nullptr);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_SUCCESS);
  g_object_set(element_.get(), "key", "0011", nullptr);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  gst_element_set_state(element_.get(), GST_STATE_NULL);
}

TEST_F(RefusalTest, ReadsTheKeyFromAFile) {
  const core::Bytes key = *core::from_hex(kKey);
  const std::string raw(key.begin(), key.end());
  const struct {
    const char* name;
    std::string contents;
    bool good;
  } kCases[] = {
      {"raw", raw, true},
      {"hex", kKey, true},
      {"hex with a line end", std::string(kKey) + "\n", true},
      {"hex with a line end of DOS", std::string(kKey) + "\r\n", true},
      {"empty", "", false},
      {"raw with a line end", raw + "\n", false},
      {"too long", std::string(kKey) + "00", false},
      {"much too long", std::string(100'000, 'a'), false},
      {"no hex", std::string(32, 'x'), false},
  };
  for (const auto& [name, contents, good] : kCases) {
    element_ = make_cencenc();
    const std::string path = folder_ / name;
    folder_.write(name, contents);
    chmod(path.c_str(), 0600);
    g_object_set(element_.get(), "key-id", kKeyId, "key-file", path.c_str(), nullptr);
    if (!good) {
      watch();
      EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE) << name;
      EXPECT_NE(error_text().find(path), std::string::npos) << name;
      gst_element_set_bus(element_.get(), nullptr);
      continue;
    }
    start(kAacCaps);
    const core::Bytes clear(50, 7);
    const auto out = encrypt(clear);
    EXPECT_EQ(decrypt(bytes_of(out.get()), protection_of(out.get())), clear) << name;
  }
  watch();
  g_object_set(element_.get(), "key-file", (folder_ / "absent").c_str(), nullptr);
  gst_element_set_state(element_.get(), GST_STATE_NULL);
  EXPECT_EQ(gst_element_set_state(element_.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  EXPECT_NE(error_text().find("key-file"), std::string::npos);
}

TEST_F(RefusalTest, StopsAtBrokenAccessUnits) {
  start(kAvcCaps);
  watch();
  core::Bytes broken = access_unit(300);
  broken.pop_back();
  EXPECT_EQ(gst_harness_push(harness_.get(), buffer_of(broken).release()), GST_FLOW_ERROR);
  EXPECT_NE(error_text(), "(none)");
}

TEST_F(RefusalTest, RefusesCapsThatItCannotSplit) {
  for (const char* caps : {"video/x-h264, stream-format=avc, alignment=au",
                           "video/x-h264, stream-format=avc, alignment=au, codec_data=(buffer)01",
                           "video/x-h264, stream-format=avc, alignment=au, codec_data=(buffer)0164001efee0000000"}) {
    element_ = make_cencenc();
    g_object_set(element_.get(), "key-id", kKeyId, "key", kKey, nullptr);
    start(caps);
    watch();
    EXPECT_EQ(gst_harness_push(harness_.get(), buffer_of(access_unit(300)).release()), GST_FLOW_NOT_NEGOTIATED) << caps;
    gst_element_set_bus(element_.get(), nullptr);
  }
}

}  // namespace
}  // namespace aircheck::test
