#include <gtest/gtest.h>

#include "bmff_samples.hpp"
#include "core/bmff/decrypt.hpp"

namespace aircheck::core::bmff {
namespace {

TEST(ParseInit, SaysWhatThePlayerNeeds) {
  const auto info = parse_init(samples::init_segment());
  ASSERT_TRUE(info) << info.error().message;
  ASSERT_EQ(info->tracks.size(), 2U);
  const TrackInfo& video = info->tracks[0];
  EXPECT_EQ(video.kind, TrackKind::kVideo);
  EXPECT_EQ(video.codec, "avc1.64001f");
  EXPECT_EQ(video.timescale, 25000U);
  EXPECT_EQ(video.width, 640U);
  EXPECT_EQ(video.height, 360U);
  EXPECT_EQ(video.nal_length_size, 4);
  EXPECT_EQ(video.scheme, "cenc");
  EXPECT_EQ(video.default_key_id, samples::kKeyId);
  EXPECT_EQ(video.per_sample_iv_size, 8);
  EXPECT_EQ(to_text(video.format), "avc1");
  const TrackInfo& audio = info->tracks[1];
  EXPECT_EQ(audio.kind, TrackKind::kAudio);
  EXPECT_EQ(audio.codec, "mp4a.40.2");
  EXPECT_EQ(audio.sample_rate, 48000U);
  EXPECT_EQ(audio.channels, 2U);
}

TEST(ParseInit, RefusesTwoTracksWithOneId) {
  Moov moov = samples::moov();
  moov.traks[1].tkhd.track_id = 1;
  EXPECT_EQ(parse_init(write_box(moov)).error().code, Code::kParse);
}

TEST(ParseInit, RefusesATimescaleOfZero) {
  Moov moov = samples::moov();
  moov.traks[0].mdia.mdhd.timescale = 0;
  EXPECT_EQ(parse_init(write_box(moov)).error().code, Code::kParse);
}

TEST(CodecString, OfHevc) {
  VisualSampleEntry entry;
  entry.type = fourcc("hvc1");
  entry.hvcc = samples::hvcc();
  EXPECT_EQ(codec_string(entry), "hvc1.1.6.L60.90");
  entry.type = fourcc("encv");
  entry.sinf = samples::sinf(fourcc("hev1"));
  EXPECT_EQ(codec_string(entry), "hev1.1.6.L60.90");
  // High tier, a profile space, and constraint bytes with a zero between them.
  entry.hvcc->profile = 0x40 | 0x20 | 2;
  entry.hvcc->compatibility = 0x20000000;
  entry.hvcc->level = 153;
  entry.hvcc->constraints = {0xb0, 0, 0x0c};
  EXPECT_EQ(codec_string(entry), "hev1.A2.4.H153.B0.0.C");
  entry.hvcc->constraints = {};
  EXPECT_EQ(codec_string(entry), "hev1.A2.4.H153");
}

TEST(CodecString, OfOpusAndOfH264InBand) {
  AudioSampleEntry opus;
  opus.type = fourcc("Opus");
  opus.dops = DOps{};
  EXPECT_EQ(codec_string(opus), "opus");
  VisualSampleEntry entry = samples::visual_entry();
  entry.sinf->frma.data_format = fourcc("avc3");
  EXPECT_EQ(codec_string(entry), "avc3.64001f");
}

TEST(ParseInit, ReadsHevcAndOpusAndClearsThem) {
  const Bytes init = samples::other_init_segment();
  const auto info = parse_init(init);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->tracks[0].codec, "hvc1.1.6.L60.90");
  EXPECT_EQ(info->tracks[0].nal_length_size, 4);
  EXPECT_EQ(info->tracks[0].scheme, "cbcs");
  EXPECT_EQ(info->tracks[0].constant_iv, Bytes(16, 7));
  EXPECT_EQ(info->tracks[1].codec, "opus");
  EXPECT_EQ(info->tracks[1].channels, 6U);
  EXPECT_EQ(info->tracks[1].sample_rate, 48'000U);
  EXPECT_EQ(info->tracks[1].language, "pt-BR");
  const auto clear = parse_init(clear_init(init).value());
  ASSERT_TRUE(clear);
  EXPECT_EQ(to_text(clear->tracks[0].format), "hvc1");
  EXPECT_EQ(clear->tracks[0].scheme, "");
  EXPECT_EQ(clear->tracks[1].codec, "opus");
}

TEST(ParseFragments, ReadsEveryChunk) {
  const Bytes file = samples::chunked_segment();
  const auto fragments = parse_fragments(file);
  ASSERT_TRUE(fragments) << fragments.error().message;
  ASSERT_EQ(fragments->size(), 2U);
  EXPECT_LT((*fragments)[0].end, (*fragments)[1].end);
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto cut = parse_fragments(ByteView(file).first(size));
    EXPECT_TRUE(!cut || cut->size() == 1) << size;
  }
}

TEST(AudioSpecificConfig, RatesChannelsAndObjectTypes) {
  struct Case {
    const char* hex;
    AacFormat expected;
  };
  for (const Case& c : {Case{"1190", {2, 48000, 2}}, Case{"1210", {2, 44100, 2}}, Case{"11b0", {2, 48000, 6}},
                        Case{"1188", {2, 48000, 1}}, Case{"2b0988", {5, 24000, 1}},
                        Case{"1780ac44"
                             "10",
                             {2, 88200, 2}},
                        Case{"f94640", {42, 48000, 2}}}) {
    const auto format = parse_audio_specific_config(from_hex(c.hex).value());
    ASSERT_TRUE(format) << c.hex;
    EXPECT_EQ(format->object_type, c.expected.object_type) << c.hex;
    EXPECT_EQ(format->sample_rate, c.expected.sample_rate) << c.hex;
    EXPECT_EQ(format->channels, c.expected.channels) << c.hex;
  }
  EXPECT_EQ(parse_audio_specific_config(Bytes{0x11}).error().code, Code::kParse);
  EXPECT_EQ(aac_codec_string(Bytes{0x2b, 0x09, 0x88}).value(), "mp4a.40.5");
}

TEST(ClearInit, IsTheInitOfTheClearMedia) {
  Moov clear = samples::moov();
  clear.pssh.clear();
  for (Trak& trak : clear.traks) {
    for (auto& entry : trak.mdia.minf.stbl.stsd.visual) {
      entry.type = fourcc("avc1");
      entry.sinf.reset();
    }
    for (auto& entry : trak.mdia.minf.stbl.stsd.audio) {
      entry.type = fourcc("mp4a");
      entry.sinf.reset();
    }
  }
  const Bytes made = clear_init(samples::init_segment()).value();
  const Bytes ftyp(made.begin(), made.begin() + 20);
  EXPECT_EQ(made, samples::operator+(ftyp, write_box(clear)));
  EXPECT_EQ(clear_init(made).value(), made);  // clear media stay as they are
  EXPECT_EQ(clear_init(ftyp).error().code, Code::kParse);
}

TEST(ParseFragment, SamplesAndTheirProtection) {
  const Bytes file = samples::media_segment();
  const InitInfo init = parse_init(samples::init_segment()).value();
  const auto info = parse_fragment(file, &init);
  ASSERT_TRUE(info) << info.error().message;
  EXPECT_EQ(info->sequence_number, 7U);
  EXPECT_EQ(info->end, file.size() - 40);
  ASSERT_EQ(info->tracks.size(), 1U);
  const TrackFragment& track = info->tracks[0];
  EXPECT_EQ(track.base_media_decode_time, 44300000000000U);
  EXPECT_EQ(track.duration(), 2000U);
  ASSERT_EQ(track.samples.size(), 2U);
  EXPECT_TRUE(track.samples[0].is_sync());
  EXPECT_FALSE(track.samples[1].is_sync());
  EXPECT_EQ(track.samples[1].composition_offset, -1000);
  EXPECT_EQ(file.at(track.samples[0].offset), 0);
  EXPECT_EQ(file.at(track.samples[1].offset), 20);
  ASSERT_EQ(track.senc.size(), 2U);
  EXPECT_EQ(to_hex(track.senc[1].iv), "0000000000000002");
  ASSERT_EQ(track.senc[0].subsamples.size(), 1U);
  EXPECT_EQ(track.senc[0].subsamples[0].clear_bytes, 4U);
  EXPECT_EQ(track.senc[0].subsamples[0].protected_bytes, 16U);
}

TEST(ParseFragment, RefusesATrackThatTheInitDoesNotHave) {
  const Bytes file = samples::media_segment();
  EXPECT_EQ(parse_fragment(file, std::make_unique<InitInfo>().get()).error().message,
            "track 1: is not a track of the init segment");
}

TEST(ParseFragment, RefusesSamplesOutsideTheFile) {
  for (const std::int32_t data_offset : {1 << 20, -(1 << 20)}) {
    Bytes file = write_box(samples::moof(data_offset));
    EXPECT_EQ(parse_fragment(file).error().code, Code::kTruncated) << data_offset;
  }
}

TEST(ParseFragment, RefusesOneSencEntryTooMany) {
  Moof moof = samples::moof(0);
  moof.trafs[0].truns[0].samples.pop_back();
  EXPECT_EQ(parse_moof(write_box(moof), 0).error().code, Code::kParse);
}

TEST(DecryptSegment, DecryptsSamplesAndHidesTheirEncryption) {
  const InitInfo init = parse_init(samples::init_segment()).value();
  const Bytes clear = samples::media_segment();
  const ContentKey key = ContentKey::from_hex("00112233445566778899aabbccddeeff").value();
  Bytes file = clear;
  // The sample's 16 protected bytes, encrypted apart from the code under test.
  auto cipher = CencCipher::create(key).value();
  const std::size_t first = clear.size() - 32;
  const Subsample subsample{4, 16};
  ASSERT_TRUE(cipher.apply(std::span(file).subspan(first, 20), {&subsample, 1}, CencIv{0, 0, 0, 0, 0, 0, 0, 1}));
  ASSERT_NE(file, clear);

  ASSERT_TRUE(decrypt_segment_in_place(file, init, key));
  EXPECT_TRUE(std::equal(file.begin() + static_cast<std::ptrdiff_t>(first), file.end(), clear.end() - 32));
  const auto info = parse_fragment(file, &init);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->tracks[0].senc.empty());
  EXPECT_EQ(info->tracks[0].samples[1].offset, clear.size() - 12);
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  for (const char* hidden : {"senc", "saiz", "saio"}) EXPECT_EQ(text.find(hidden), std::string_view::npos) << hidden;
}

// A cbcs track: constant IV in the init, senc with subsamples alone or no senc at all.
TEST(DecryptSegment, DecryptsCbcs) {
  InitInfo init = parse_init(samples::init_segment()).value();
  TrackInfo& track = init.tracks[0];
  track.scheme = "cbcs";
  track.per_sample_iv_size = 0;
  track.constant_iv.assign(16, 0x5a);
  const ContentKey key = ContentKey::from_hex("00112233445566778899aabbccddeeff").value();
  AesBlock iv{};
  iv.fill(0x5a);
  for (const bool with_senc : {true, false}) {
    track.crypt_byte_block = with_senc ? 1 : 0;
    track.skip_byte_block = with_senc ? 9 : 0;
    Moof moof = samples::moof(0);
    Traf& traf = moof.trafs[0];
    if (with_senc) {
      ByteWriter entries;
      for (const Subsample entry : {Subsample{4, 16}, Subsample{12, 0}}) {
        entries.u16(1);
        entries.u16(entry.clear_bytes);
        entries.u32(entry.protected_bytes);
      }
      traf.senc->entries = entries.take();
    } else {
      traf.senc.reset();
    }
    traf.truns[0].data_offset = static_cast<std::int32_t>(write_box(moof).size() + 8);
    const Bytes mdat{0, 0, 0, 40, 'm', 'd', 'a', 't'};
    const Bytes clear = samples::operator+(samples::operator+(write_box(moof), mdat), Bytes(32, 7));
    Bytes file = clear;
    auto cipher = CbcsCipher::create(key, CipherDirection::kEncrypt).value();
    const auto first = std::span(file).last(32).first(20);
    const auto second = std::span(file).last(12);
    const Subsample subsample{4, 16};
    if (with_senc) {
      ASSERT_TRUE(cipher.apply(first, {&subsample, 1}, iv, kVideoPattern));
    } else {
      ASSERT_TRUE(cipher.apply(first, {}, iv, kAudioPattern));
      ASSERT_TRUE(cipher.apply(second, {}, iv, kAudioPattern));
    }
    ASSERT_NE(file, clear);
    const auto decrypted = decrypt_segment_in_place(file, init, key);
    ASSERT_TRUE(decrypted) << decrypted.error().message;
    EXPECT_TRUE(std::equal(file.end() - 32, file.end(), clear.end() - 32)) << with_senc;
  }
  track.constant_iv.clear();
  Bytes file = samples::media_segment();
  EXPECT_EQ(decrypt_segment_in_place(file, init, key).error().code, Code::kUnsupported);
}

TEST(DecryptSegment, LeavesClearTracksAndRefusesWhatItCannot) {
  InitInfo init = parse_init(samples::init_segment()).value();
  const Bytes original = samples::media_segment();
  Bytes file = original;
  init.tracks[0].scheme = "cens";
  EXPECT_EQ(decrypt_segment_in_place(file, init, ContentKey()).error().code, Code::kUnsupported);
  for (TrackInfo& track : init.tracks) track.scheme.clear();
  EXPECT_TRUE(decrypt_segment_in_place(file, init, ContentKey()));
  init.tracks[0].scheme = "cenc";
  EXPECT_EQ(file, original);
  Bytes once = original;
  ASSERT_TRUE(decrypt_segment_in_place(once, init, ContentKey()));
  Bytes twice = samples::operator+(original, original);
  ASSERT_TRUE(decrypt_segment_in_place(twice, init, ContentKey())) << "chunks of one segment";
  EXPECT_EQ(twice, samples::operator+(once, once));
  const Bytes init_only = samples::init_segment();
  Bytes no_moof = init_only;
  EXPECT_EQ(decrypt_segment_in_place(no_moof, init, ContentKey()).error().code, Code::kParse);
  for (std::size_t size = 0; size < original.size(); ++size) {
    Bytes cut(original.begin(), original.begin() + static_cast<std::ptrdiff_t>(size));
    const Bytes before = cut;
    EXPECT_FALSE(decrypt_segment_in_place(cut, init, ContentKey())) << size;
    EXPECT_EQ(cut, before) << size;
  }
}

TEST(ParseFiles, EveryTruncationIsAnError) {
  const Bytes init = samples::init_segment();
  for (std::size_t size = 0; size < init.size(); ++size) {
    EXPECT_FALSE(parse_init(ByteView(init).first(size))) << size;
  }
  const Bytes segment = samples::media_segment();
  for (std::size_t size = 0; size < segment.size(); ++size) {
    EXPECT_FALSE(parse_fragment(ByteView(segment).first(size))) << size;
  }
}

TEST(ParseFiles, EveryByteMayBeAnything) {
  for (Bytes file : {samples::init_segment(), samples::media_segment()}) {
    for (std::uint8_t& byte : file) {
      const std::uint8_t original = byte;
      for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
        byte = static_cast<std::uint8_t>(value);
        const bool init = parse_init(file).has_value();
        const bool fragment = parse_fragment(file).has_value();
        EXPECT_FALSE(init && fragment);
        (void)read_segment_info(file);
      }
      byte = original;
    }
  }
}

}  // namespace
}  // namespace aircheck::core::bmff
