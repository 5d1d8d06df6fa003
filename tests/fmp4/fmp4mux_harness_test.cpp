// fmp4mux in a harness, for what no pipeline brings.
#include "fmp4/muxing.hpp"

#include <atomic>
#include <thread>

namespace aircheck::fmp4 {
namespace {

TEST_F(Fmp4MuxHarness, AnIdrIsFoundByNalTypeNotByTheDeltaFlag) {
  // No buffer carries DELTA_UNIT, so that every one looks like a key frame to whoever trusts the flag.
  for (int n = 0; n < 200; ++n) push(n, n == 0 || n == 160);
  const Output output = finish();
  ASSERT_EQ(output.segments().size(), 2U);
  EXPECT_EQ(output.segments()[1].meta->start, kStart + 6'400'000'000);
}

TEST_F(Fmp4MuxHarness, WhatComesBeforeTheFirstIdrIsLeftOut) {
  for (int n = 0; n < 100; ++n) push(n, n == 50);
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_WARNING));
  ASSERT_TRUE(message);
  const std::string text = message_text(message.get(), gst_message_parse_warning);
  EXPECT_NE(text.find("50 samples up to 2026-02-25T14:30:02.000Z were left out"), std::string::npos) << text;
  const Output output = finish();
  ASSERT_EQ(output.segments().size(), 1U);
  EXPECT_EQ(output.segments()[0].meta->start, kStart + 2 * kNsPerSecond);
  EXPECT_EQ(output.segments()[0].meta->duration_ns, 2 * kNsPerSecond);
}

TEST_F(Fmp4MuxHarness, AnotherFormatBringsAnInitAndADiscontinuity) {
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  set_size(1280);
  for (int n = 50; n < 100; ++n) push(n, n == 50);
  const Output output = finish();
  ASSERT_EQ(output.parts.size(), 4U);
  EXPECT_TRUE(output.parts[0].init && output.parts[2].init);
  EXPECT_EQ(bmff::parse_init(output.parts[2].bytes)->tracks[0].width, 1280U);
  EXPECT_FALSE(output.parts[1].meta->discontinuity);
  EXPECT_TRUE(output.parts[3].meta->discontinuity);
}

TEST_F(Fmp4MuxHarness, TheSameCapsAgainChangeNothing) {
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  set_size(640);
  for (int n = 50; n < 100; ++n) push(n, n == 50);
  EXPECT_EQ(finish().parts.size(), 2U);
}

TEST_F(Fmp4MuxHarness, AnotherKeyBringsAnInitWithoutADiscontinuity) {
  gst_harness_set_src_caps(
      harness_, gst_caps_from_string("application/x-cenc,original-media-type=video/"
                                     "x-h264,cipher-mode=cenc,stream-format=avc,alignment=au,width=640,"
                                     "height=360,framerate=25/1,codec_data=(buffer)0164001fffe100046764000101000168"));
  for (int n = 0; n < 100; ++n) {
    auto buffer = picture(n, n % 50 == 0);
    if (n != 10) protect(buffer.get(), n < 50 ? 1 : 2, static_cast<std::uint8_t>(n));
    gst_harness_push(harness_, buffer.release());
  }
  const Output output = finish();
  ASSERT_EQ(output.parts.size(), 4U);
  for (const std::size_t i : {0U, 2U}) {
    const core::KeyId expected{static_cast<std::uint8_t>(i == 0 ? 1 : 2)};
    EXPECT_EQ(bmff::parse_init(output.parts[i].bytes)->tracks[0].default_key_id, expected);
    EXPECT_EQ(output.parts[i + 1].meta->key_id, expected);
    EXPECT_FALSE(output.parts[i + 1].meta->discontinuity);
  }
  // A clear sample in a protected track says so in its subsamples.
  const bmff::InitInfo init = output.init();
  const auto fragment = bmff::parse_fragment(output.parts[1].bytes, &init).value();
  ASSERT_EQ(fragment.tracks[0].senc[10].subsamples.size(), 1U);
  EXPECT_EQ(fragment.tracks[0].senc[10].subsamples[0], (core::Subsample{16, 0}));
}

class WithoutPssh : public Fmp4MuxHarness {
 protected:
  void configure(GstElement* muxer) override { g_object_set(muxer, "write-pssh", wanted_, nullptr); }
  std::string init_with(bool wanted) {
    if (wanted != (wanted_ != FALSE)) {
      TearDown();
      wanted_ = wanted ? TRUE : FALSE;
      SetUp();
    }
    gst_harness_set_src_caps(
        harness_, gst_caps_from_string("application/x-cenc,original-media-type=video/x-h264,cipher-mode=cenc,"
                                       "stream-format=avc,alignment=au,width=640,height=360,framerate=25/1,"
                                       "codec_data=(buffer)0164001fffe100046764000101000168"));
    for (int n = 0; n < 50; ++n) {
      auto buffer = picture(n, n == 0);
      protect(buffer.get(), 1, static_cast<std::uint8_t>(n));
      gst_harness_push(harness_, buffer.release());
    }
    const Bytes bytes = finish().parts.at(0).bytes;
    return {bytes.begin(), bytes.end()};
  }

 private:
  gboolean wanted_ = TRUE;
};

TEST_F(WithoutPssh, ThereIsOneUnlessItIsNotWanted) {
  const std::string with = init_with(true);
  EXPECT_NE(with.find("pssh"), std::string::npos);
  const std::string without = init_with(false);
  EXPECT_EQ(without.find("pssh"), std::string::npos);
  EXPECT_NE(without.find("tenc"), std::string::npos);
}

// Marks a buffer as cencenc does with scheme cbcs, without encrypting it.
void protect_cbcs(GstBuffer* buffer, std::uint8_t iv, std::vector<std::uint8_t> subsamples, bool pattern) {
  const core::KeyId key_id{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  const std::array<std::uint8_t, 16> constant{iv};
  const auto of = [](const auto& bytes) {
    return Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
  };
  GstStructure* info = gst_structure_new("application/x-cenc", "iv_size", G_TYPE_UINT, 0U, "encrypted", G_TYPE_BOOLEAN,
                                         TRUE, "constant_iv_size", G_TYPE_UINT, 16U, "kid", GST_TYPE_BUFFER,
                                         of(key_id).get(), "iv", GST_TYPE_BUFFER, of(constant).get(), "subsample_count",
                                         G_TYPE_UINT, static_cast<guint>(subsamples.size() / 6), nullptr);
  if (pattern) {
    gst_structure_set(info, "crypt_byte_block", G_TYPE_UINT, 1U, "skip_byte_block", G_TYPE_UINT, 9U, nullptr);
  }
  if (!subsamples.empty()) gst_structure_set(info, "subsamples", GST_TYPE_BUFFER, of(subsamples).get(), nullptr);
  gst_buffer_add_protection_meta(buffer, info);
}

constexpr const char* kCbcsCaps =
    "application/x-cenc,original-media-type=video/x-h264,cipher-mode=cbcs,stream-format=avc,alignment=au,width=640,"
    "height=360,framerate=25/1,codec_data=(buffer)0164001fffe100046764000101000168";

TEST_F(Fmp4MuxHarness, CbcsIsDescribedAsShakaPackagerDoes) {
  GstHarness* audio = gst_harness_new_with_element(harness_->element, "audio_%u", nullptr);
  gst_harness_set_src_caps(audio,
                           gst_caps_from_string("application/x-cenc,original-media-type=audio/mpeg,cipher-mode=cbcs,"
                                                "stream-format=raw,rate=48000,channels=2,codec_data=(buffer)1190"));
  gst_harness_set_src_caps(harness_, gst_caps_from_string(kCbcsCaps));
  for (int n = 0; n < 50; ++n) {
    auto buffer = picture(n, n == 0);
    protect_cbcs(buffer.get(), 7, {0, 16, 0, 0, 0, 0}, true);
    gst_harness_push(harness_, buffer.release());
    auto heard = sound(n);
    protect_cbcs(heard.get(), 7, {}, false);
    gst_harness_push(audio, heard.release());
  }
  gst_harness_push_event(audio, gst_event_new_eos());
  const Output output = finish();
  gst_harness_teardown(audio);
  ASSERT_EQ(output.error, "");
  const std::string init = core::to_hex(output.parts[0].bytes);
  const std::string tenc = "11223344556677889900aabbccddeeff1007000000000000000000000000000000";
  for (const char* sinf :
       {"0000006173696e660000000c66726d6161766331000000147363686d000000006362637300010000000000397363"
        "68690000003174656e630100000000190100",
        "0000006173696e660000000c66726d616d703461000000147363686d000000006362637300010000000000397363"
        "68690000003174656e630100000000000100"}) {
    EXPECT_NE(init.find(sinf + tenc), std::string::npos) << sinf;
  }
  const bmff::InitInfo info = output.init();
  EXPECT_EQ(info.tracks[0].crypt_byte_block, 1);
  EXPECT_EQ(info.tracks[0].skip_byte_block, 9);
  const Bytes& segment = output.parts[1].bytes;
  const auto moof =
      bmff::read_box<bmff::Moof>(core::ByteView(segment).subspan(bmff::read_box_view(segment)->bytes.size()));
  ASSERT_TRUE(moof);
  EXPECT_EQ(moof->trafs[0].senc->flags, bmff::Senc::kSubsamples);
  EXPECT_EQ(moof->trafs[0].senc->entries.size(), 50U * 8);
  EXPECT_EQ(moof->trafs[0].saiz->default_sample_info_size, 8);
  EXPECT_TRUE(moof->trafs[0].saio);
  // Whole samples under a constant IV have nothing to say.
  EXPECT_EQ(moof->trafs[1].senc->sample_count, 50U);
  EXPECT_TRUE(moof->trafs[1].senc->entries.empty());
  EXPECT_FALSE(moof->trafs[1].saiz || moof->trafs[1].saio);
}

TEST_F(Fmp4MuxHarness, AnotherConstantIvBringsAnInit) {
  gst_harness_set_src_caps(harness_, gst_caps_from_string(kCbcsCaps));
  for (int n = 0; n < 100; ++n) {
    auto buffer = picture(n, n % 50 == 0);
    protect_cbcs(buffer.get(), n < 50 ? 7 : 8, {0, 16, 0, 0, 0, 0}, true);
    gst_harness_push(harness_, buffer.release());
  }
  const Output output = finish();
  ASSERT_EQ(output.parts.size(), 4U);
  EXPECT_EQ(bmff::parse_init(output.parts[0].bytes)->tracks[0].constant_iv[0], 7);
  EXPECT_EQ(bmff::parse_init(output.parts[2].bytes)->tracks[0].constant_iv[0], 8);
  EXPECT_FALSE(output.parts[3].meta->discontinuity);
}

TEST_F(Fmp4MuxHarness, ACbcsSampleHas42SubsamplesAtMost) {
  for (const std::size_t count : {42U, 43U}) {
    gst_harness_set_src_caps(harness_, gst_caps_from_string(kCbcsCaps));
    auto buffer = picture(0, true);
    std::vector<std::uint8_t> subsamples(count * 6);
    subsamples[1] = 16;
    protect_cbcs(buffer.get(), 7, subsamples, true);
    gst_harness_push(harness_, buffer.release());
    const Output output = finish();
    EXPECT_EQ(output.error.empty(), count == 42) << output.error;
    if (count == 42) {
      ASSERT_EQ(output.segments().size(), 1U);
      TearDown();
      SetUp();
    } else {
      EXPECT_NE(output.error.find("more than 42"), std::string::npos) << output.error;
      EXPECT_NE(output.error.find("2026-02-25T14:30:00"), std::string::npos) << output.error;
    }
  }
}

TEST_F(Fmp4MuxHarness, AClearSampleThatIsTooLargeIsRefusedByItsTime) {
  gst_harness_set_src_caps(harness_, gst_caps_from_string(kCbcsCaps));
  auto first = picture(0, true);
  protect_cbcs(first.get(), 7, {0, 16, 0, 0, 0, 0}, true);
  gst_harness_push(harness_, first.release());
  auto large = picture(1, false);
  gst_buffer_append_memory(large.get(), gst_allocator_alloc(nullptr, 42 * 65535, nullptr));
  gst_harness_push(harness_, large.release());
  const Output output = finish();
  EXPECT_NE(output.error.find("the sample at 2026-02-25T14:30:00.040Z"), std::string::npos) << output.error;
  EXPECT_NE(output.error.find("clear-lead"), std::string::npos) << output.error;
}

TEST_F(Fmp4MuxHarness, CodecDataWithoutParameterSetsIsRefused) {
  gst_harness_set_src_caps(harness_,
                           gst_caps_from_string("video/x-h264,stream-format=avc,alignment=au,width=640,height=360,"
                                                "codec_data=(buffer)0164001fffe000"));
  EXPECT_NE(collect().error.find("no parameter sets"), std::string::npos);
}

TEST_F(Fmp4MuxHarness, SaioPointsAtTheFirstIv) {
  gst_harness_set_src_caps(
      harness_, gst_caps_from_string("application/x-cenc,original-media-type=video/"
                                     "x-h264,cipher-mode=cenc,stream-format=avc,alignment=au,width=640,"
                                     "height=360,framerate=25/1,codec_data=(buffer)0164001fffe100046764000101000168"));
  auto buffer = picture(0, true);
  protect(buffer.get(), 1, 0xab);
  gst_harness_push(harness_, buffer.release());
  const Output output = finish();
  ASSERT_EQ(output.parts.size(), 2U);
  const Bytes& bytes = output.parts[1].bytes;
  const auto styp = bmff::read_box_view(bytes).value();
  const auto moof_bytes = core::ByteView(bytes).subspan(styp.bytes.size());
  const auto moof = bmff::read_box<bmff::Moof>(moof_bytes);
  ASSERT_TRUE(moof) << moof.error().message;
  EXPECT_EQ(moof_bytes[moof->trafs[0].saio->offsets.at(0)], 0xab);
  EXPECT_EQ(moof->trafs[0].saiz->default_sample_info_size, 16);
}

TEST_F(Fmp4MuxHarness, ABufferWithoutATimeIsAnErrorThatSaysWhere) {
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  auto buffer = picture(50, false);
  GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = GST_CLOCK_TIME_NONE;
  EXPECT_EQ(gst_harness_push(harness_, buffer.release()), GST_FLOW_ERROR);
  const std::string error = collect().error;
  EXPECT_NE(error.find("2026-02-25T14:30:02.000Z"), std::string::npos) << error;
  EXPECT_NE(error.find("video_0"), std::string::npos) << error;
}

class Fmp4Mux1970 : public Fmp4MuxHarness {
  void configure(GstElement* muxer) override { g_object_set(muxer, "start-utc", "1970-01-01T00:00:00Z", nullptr); }
};

TEST_F(Fmp4Mux1970, NoDecodeTimeLiesBefore1970) {
  for (int n = 0; n < 50; ++n) {
    auto buffer = picture(n, n == 0);
    GST_BUFFER_PTS(buffer.get()) += 80 * GST_MSECOND;  // shown two frames after it is decoded
    gst_harness_push(harness_, buffer.release());
  }
  gst_harness_push_event(harness_, gst_event_new_eos());
  const auto output = collect();
  EXPECT_EQ(output.error, "");
  EXPECT_EQ(output.segments().size(), 1U);
}

TEST_F(Fmp4Mux1970, WhatWouldBeDecodedBefore1970IsRefused) {
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 80 * GST_MSECOND;
  gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  for (int n = 0; n < 50; ++n) {
    auto buffer = picture(n, n == 0);
    GST_BUFFER_PTS(buffer.get()) += 80 * GST_MSECOND;
    gst_harness_push(harness_, buffer.release());
  }
  gst_harness_push_event(harness_, gst_event_new_eos());
  const auto output = collect();
  EXPECT_NE(output.error.find("start-utc"), std::string::npos) << output.error;
}

TEST_F(Fmp4MuxHarness, ASeekBeginsAnewAfterADiscontinuity) {
  for (int n = 0; n < 200; ++n) push(n, n % 50 == 0);
  gst_harness_push_event(harness_, gst_event_new_flush_start());
  gst_harness_push_event(harness_, gst_event_new_flush_stop(FALSE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  for (int n = 500; n < 550; ++n) push(n, n % 50 == 0);
  const Output output = finish();
  ASSERT_EQ(output.segments().size(), 2U);
  EXPECT_TRUE(output.segments()[1].meta->discontinuity);
  EXPECT_EQ(output.segments()[1].meta->start, kStart + 20 * kNsPerSecond);
}

TEST_F(Fmp4MuxHarness, ASeekAsksForTheKeyFramesAnew) {
  const auto asked = [this] {
    std::vector<GstClockTime> times;
    while (auto event = Ref<GstEvent>::adopt(gst_harness_try_pull_upstream_event(harness_))) {
      GstClockTime time = GST_CLOCK_TIME_NONE;
      if (gst_video_event_parse_upstream_force_key_unit(event.get(), &time, nullptr, nullptr)) times.push_back(time);
    }
    return times;
  };
  push(0, true);
  const auto first = asked();
  EXPECT_FALSE(first.empty());
  gst_harness_push_event(harness_, gst_event_new_flush_start());
  gst_harness_push_event(harness_, gst_event_new_flush_stop(TRUE));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  gst_harness_push_event(harness_, gst_event_new_segment(&segment));
  push(0, true);
  EXPECT_EQ(asked(), first);
}

// Whoever reads the bus up to the end of the stream, as gst-launch does, has to have seen it.
TEST_F(Fmp4MuxHarness, AWarningComesBeforeTheEndOfTheStream) {
  GstHarness* audio = add_audio(harness_);
  for (int n = 0; n < 500; ++n) push(n, n == 0);
  static bool warned_before_the_end;
  warned_before_the_end = false;
  gst_pad_add_probe(
      harness_->sinkpad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
      [](GstPad*, GstPadProbeInfo* info, gpointer bus) {
        if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) != GST_EVENT_EOS) return GST_PAD_PROBE_OK;
        const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(GST_BUS(bus), GST_MESSAGE_WARNING));
        warned_before_the_end = static_cast<bool>(message);
        return GST_PAD_PROBE_OK;
      },
      bus_.get(), nullptr);
  gst_harness_push_event(harness_, gst_event_new_eos());
  gst_harness_push_event(audio, gst_event_new_eos());
  EXPECT_TRUE(warned_before_the_end);
  EXPECT_EQ(collect().segments().size(), 4U);
  gst_harness_teardown(audio);
}

TEST_F(Fmp4MuxHarness, AGapWithoutADurationSaysThatNothingCameBefore) {
  GstHarness* audio = add_audio(harness_);
  for (int n = 0; n < 200; ++n) push(n, n % 50 == 0);
  EXPECT_TRUE(collect().segments().empty()) << "sound may still come";
  gst_harness_push_event(audio, gst_event_new_gap(7 * GST_SECOND, GST_CLOCK_TIME_NONE));
  EXPECT_EQ(collect().segments().size(), 1U);
  gst_harness_teardown(audio);
}

TEST_F(Fmp4MuxHarness, LatencyIsThatOfASegment) {
  gst_harness_set_upstream_latency(harness_, 40 * GST_MSECOND);
  // The harness takes force-key-unit, so a segment lasts 6 s, and what rounds to that.
  EXPECT_EQ(gst_harness_query_latency(harness_), 6'540 * GST_MSECOND);
  const auto others = Ref<GstElement>::sink(gst_element_factory_make("fmp4mux", nullptr));
  g_object_set(others.get(), "target-duration", 4U, nullptr);
  const auto pad = Ref<GstPad>::adopt(gst_element_request_pad_simple(others.get(), "video_%u"));
  const auto source = Ref<GstPad>::adopt(gst_element_get_static_pad(others.get(), "src"));
  const auto query = Ref<GstQuery>::adopt(gst_query_new_latency());
  ASSERT_TRUE(gst_pad_query(source.get(), query.get()));
  gboolean live = TRUE;
  GstClockTime min = 0;
  gst_query_parse_latency(query.get(), &live, &min, nullptr);
  EXPECT_FALSE(live);
  EXPECT_EQ(min, 8'500 * GST_MSECOND) << "nobody has been asked for key frames";
}

TEST_F(Fmp4MuxHarness, WhatIsDroppedIsSaidOnTheBus) {
  GstHarness* audio = add_audio(harness_);
  const auto warnings = [this] {
    std::vector<std::string> texts;
    while (const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_WARNING))) {
      texts.push_back(message_text(message.get(), gst_message_parse_warning));
    }
    return texts;
  };
  for (const int n : {100, 101, 1, 2, 102}) gst_harness_push(audio, sound(n).release());
  const auto first = warnings();
  ASSERT_EQ(first.size(), 1U);
  EXPECT_NE(first[0].find("audio_1: 1 sample was dropped before 2026-02-25T14:30:02"), std::string::npos) << first[0];
  gst_harness_push_event(audio, gst_event_new_eos());
  const auto last = warnings();
  ASSERT_EQ(last.size(), 1U);
  EXPECT_NE(last[0].find("2 samples were dropped"), std::string::npos) << last[0];
  gst_harness_teardown(audio);
}

TEST_F(Fmp4MuxHarness, APadThatIsReleasedSaysWhatIsLost) {
  GstHarness* audio = add_audio(harness_);
  for (int n = 0; n < 10; ++n) gst_harness_push(audio, sound(n).release());
  gst_harness_teardown(audio);  // releases it
  const auto message = Ref<GstMessage>::adopt(gst_bus_pop_filtered(bus_.get(), GST_MESSAGE_WARNING));
  ASSERT_TRUE(message);
  const std::string text = message_text(message.get(), gst_message_parse_warning);
  EXPECT_NE(text.find("audio_1: was released with 10 samples"), std::string::npos) << text;
}

TEST_F(Fmp4MuxHarness, OnlyAudioHasAnEncoderDelay) {
  const auto video = Ref<GstPad>::adopt(gst_element_request_pad_simple(harness_->element, "video_%u"));
  const auto audio = Ref<GstPad>::adopt(gst_element_request_pad_simple(harness_->element, "audio_%u"));
  EXPECT_EQ(g_object_class_find_property(G_OBJECT_GET_CLASS(video.get()), "encoder-delay"), nullptr);
  EXPECT_NE(g_object_class_find_property(G_OBJECT_GET_CLASS(audio.get()), "encoder-delay"), nullptr);
}

TEST_F(Fmp4MuxHarness, APadWithoutANameGetsOneThatIsFree) {
  const auto named = Ref<GstPad>::adopt(gst_element_request_pad_simple(harness_->element, "video_2"));
  const auto unnamed = Ref<GstPad>::adopt(gst_element_request_pad_simple(harness_->element, "video_%u"));
  ASSERT_TRUE(named && unnamed);
  EXPECT_STREQ(GST_PAD_NAME(unnamed.get()), "video_3");
}

TEST_F(Fmp4MuxHarness, OtherSchemesAreRefused) {
  gst_harness_set_src_caps(harness_,
                           gst_caps_from_string("application/x-cenc,original-media-type=video/"
                                                "x-h264,cipher-mode=cens,stream-format=avc,alignment=au,width=640,"
                                                "height=360,codec_data=(buffer)0164001fffe100046764000101000168"));
  EXPECT_NE(collect().error.find("cens"), std::string::npos);
}

// Its thread waits for the other tracks by then.
TEST_F(Fmp4MuxHarness, APadIsReleasedAtOnce) {
  push(0, true);
  GstHarness* const audio = add_audio(harness_);
  const auto pad = Ref<GstPad>::adopt(gst_pad_get_peer(audio->srcpad));
  std::atomic<int> pushed = 0;
  std::thread thread([&] {
    for (int n = 0; n < 1000 && gst_harness_push(audio, sound(n).release()) == GST_FLOW_OK; ++n) ++pushed;
  });
  while (pushed < 470) std::this_thread::yield();  // 10 s ahead of the picture: the next one waits
  g_usleep(100 * 1000);
  const gint64 before = g_get_monotonic_time();
  gst_element_release_request_pad(harness_->element, pad.get());
  EXPECT_LT(g_get_monotonic_time() - before, 1'500'000) << "the wait for other tracks is one of two seconds";
  thread.join();
  EXPECT_LT(pushed, 500);
  gst_harness_teardown(audio);
}

TEST_F(Fmp4MuxHarness, AMuxerStopsAtOnce) {
  push(0, true);
  GstHarness* const audio = add_audio(harness_);
  std::atomic<int> pushed = 0;
  std::thread thread([&] {
    for (int n = 0; n < 1000 && gst_harness_push(audio, sound(n).release()) == GST_FLOW_OK; ++n) ++pushed;
  });
  while (pushed < 470) std::this_thread::yield();
  g_usleep(100 * 1000);
  const gint64 before = g_get_monotonic_time();
  gst_element_set_state(harness_->element, GST_STATE_READY);
  EXPECT_LT(g_get_monotonic_time() - before, 1'500'000);
  thread.join();
  gst_harness_teardown(audio);
}

TEST_F(Fmp4MuxHarness, ATrackHasTheNameOfItsPad) {
  const auto pad = Ref<GstPad>::adopt(gst_pad_get_peer(harness_->srcpad));
  g_object_set(pad.get(), "track-name", "Hauptbild \xc3\xbc", nullptr);
  set_size(320);
  for (int n = 0; n < 50; ++n) push(n, n == 0);
  const Output output = finish();
  const std::string init(output.parts.front().bytes.begin(), output.parts.front().bytes.end());
  EXPECT_NE(init.find(std::string("vide") + std::string(12, '\0') + "Hauptbild \xc3\xbc" + '\0'), std::string::npos);
  EXPECT_EQ(output.parts.front().meta->file.title, "Hauptbild \xc3\xbc");
}

}  // namespace
}  // namespace aircheck::fmp4
