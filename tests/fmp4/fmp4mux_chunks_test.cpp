// Segments of several chunks, their index and their producer reference times.
#include "fmp4/muxing.hpp"

namespace aircheck::fmp4 {
namespace {

class Fmp4MuxChunks : public Fmp4Mux {
 protected:
  std::string two_tracks() {
    return film("source.mp4",
                "-f lavfi -i testsrc=s=320x180:r=25:d=8 -f lavfi -i sine=d=8:r=48000 -c:v libx264 -bf 3 -g 50 -pix_fmt "
                "yuv420p -c:a aac -shortest -use_editlist 0");
  }
  // The boxes of type Box on the top level, with the offset of each.
  template <typename Box>
  static std::vector<std::pair<std::size_t, Box>> find(core::ByteView bytes) {
    std::vector<std::pair<std::size_t, Box>> found;
    for (std::size_t at = 0; at < bytes.size();) {
      const auto view = bmff::read_box_view(bytes.subspan(at));
      EXPECT_TRUE(view) << view.error().message;
      if (!view) break;
      if (bmff::accepts<Box>(view->header.type)) found.emplace_back(at, bmff::read_box<Box>(view->bytes).value());
      at += view->bytes.size();
    }
    return found;
  }
};

TEST_F(Fmp4MuxChunks, KeepEveryPacketClearAndEncrypted) {
  const std::string source = two_tracks();
  for (const bool encrypted : {false, true}) {
    const Output output = run(remux(source, "qtdemux", true, true, encrypted ? kCencenc : "",
                                    "chunk-duration=480 write-prft=true write-sidx=true"));
    ASSERT_EQ(output.error, "");
    ASSERT_EQ(output.segments().size(), 2U);
    expect_continuous(output);
    const bmff::InitInfo init = output.init();
    const auto fragments = bmff::parse_fragments(output.segments()[0].bytes, &init).value();
    ASSERT_EQ(fragments.size(), 13U) << "6 s in chunks of 0.48 s";
    for (std::size_t i = 0; i < fragments.size(); ++i) {
      EXPECT_EQ(fragments[i].sequence_number, i + 1);
      EXPECT_EQ(fragments[i].tracks[0].samples.size(), i == 12 ? 6U : 12U);
    }
    EXPECT_TRUE(find<bmff::Sidx>(output.segments()[0].bytes).empty()) << "two tracks have no index";
    const std::string muxed = write(encrypted ? "encrypted.mp4" : "clear.mp4", output.all());
    const std::string options = encrypted ? std::string("-fflags +ignidx -decryption_key ") + kKey : "";
    expect_same_packets(muxed, source, "v:0", options);
    expect_same_packets(muxed, source, "a:0", options);
    if (!encrypted) expect_plays(muxed);
    if (!encrypted) continue;
    // The daemon's decryption in place gives what the source has.
    const auto key = core::ContentKey::from_hex(kKey).value();
    Bytes clear = bmff::clear_init(output.parts.front().bytes).value();
    for (Part part : output.segments()) {
      const auto done = bmff::decrypt_segment_in_place(part.bytes, init, key);
      ASSERT_TRUE(done) << done.error().message;
      clear.insert(clear.end(), part.bytes.begin(), part.bytes.end());
    }
    expect_same_packets(write("decrypted.mp4", clear), source, "v:0");
    expect_same_packets(write("decrypted.mp4", clear), source, "a:0");
  }
}

TEST_F(Fmp4MuxChunks, TheIndexLeadsToEachOfThem) {
  const Output output =
      run(remux(two_tracks(), "qtdemux", true, false, "", "chunk-duration=1000 write-sidx=true write-prft=true"));
  ASSERT_EQ(output.error, "");
  const Bytes segment = output.segments()[0].bytes;
  const auto indexes = find<bmff::Sidx>(segment);
  ASSERT_EQ(indexes.size(), 1U);
  const bmff::Sidx& sidx = indexes[0].second;
  EXPECT_EQ(sidx.reference_id, 1U);
  EXPECT_EQ(sidx.timescale, 25'000U);
  const std::int64_t start_ns = output.segments()[0].meta->start.ns;
  EXPECT_EQ(sidx.earliest_presentation_time,
            static_cast<std::uint64_t>(core::scale_round(start_ns, 25'000, kNsPerSecond)));
  ASSERT_EQ(sidx.references.size(), 6U);
  const auto times = find<bmff::Prft>(segment);
  ASSERT_EQ(times.size(), 6U);
  std::size_t at = indexes[0].first + bmff::write_box(sidx).size();
  std::uint64_t duration = 0;
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(times[i].first, at) << "chunk " << i;
    const bool random_access = (sidx.references[i].sap & bmff::Sidx::kStartsWithSap) != 0;
    EXPECT_EQ(random_access, i % 2 == 0) << "an IDR every 2 s";
    at += sidx.references[i].size;
    duration += sidx.references[i].duration;
  }
  EXPECT_EQ(at, segment.size());
  EXPECT_EQ(duration, 6U * 25'000);
  // Seconds since 1900, and their binary fraction.
  const std::uint64_t ntp = times[0].second.ntp_time;
  EXPECT_EQ(ntp >> 32U, static_cast<std::uint64_t>(start_ns / kNsPerSecond + 2'208'988'800));
  EXPECT_NEAR(static_cast<double>(ntp & UINT32_MAX) / 4294967296.0,
              static_cast<double>(start_ns % kNsPerSecond) / kNsPerSecond, 1e-6);
  EXPECT_EQ(times[0].second.media_time, sidx.earliest_presentation_time);
  EXPECT_EQ(times[0].second.track_id, 1U);
  // Size, type, version and flags as ffmpeg's DASH muxer writes them (-write_prft).
  EXPECT_EQ(core::to_hex(bmff::write_box(times[0].second)).substr(0, 32), "00000020707266740100001800000001");
  const std::string file = write("indexed.mp4", output.all());
  expect_plays(file);
}

TEST_F(Fmp4MuxChunks, OneTrackOfSeparateFilesHasAnIndexToo) {
  const Output output = run(remux(two_tracks(), "qtdemux", true, true, "", "layout=separate write-sidx=true"));
  ASSERT_EQ(output.error, "");
  ASSERT_EQ(output.segments().size(), 4U);
  for (const Part& part : output.segments()) {
    const auto indexes = find<bmff::Sidx>(part.bytes);
    ASSERT_EQ(indexes.size(), 1U);
    EXPECT_EQ(indexes[0].second.reference_id, 1U);
    ASSERT_EQ(indexes[0].second.references.size(), 1U);
    EXPECT_NE(indexes[0].second.references[0].sap & bmff::Sidx::kStartsWithSap, 0U);
    EXPECT_TRUE(find<bmff::Prft>(part.bytes).empty());
  }
}

}  // namespace
}  // namespace aircheck::fmp4
