#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <map>
#include <memory>
#include <set>

#include "core/segment_info.hpp"
#include "gobj/ref.hpp"
#include "gstx/ref.hpp"
#include "sink_pipeline.hpp"
#include "support/m3u8.hpp"
#include "support/process.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck {
namespace {

using gobj::Ref;
using test::audio;
using test::number;
using test::Pipeline;
using test::read_text;
using test::sink;
using test::TemporaryDirectory;
using test::video;

constexpr const char* kKeyId = "11223344556677889900aabbccddeeff";
constexpr const char* kOtherKeyId = "aabbccddeeff00112233445566778899";

TEST(StrftimeFmp4Sink, TellsWhatItWrote) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(100) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  ASSERT_EQ(pipeline.closed().size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    GstMessage* const message = pipeline.closed()[i].get();
    EXPECT_STREQ(GST_MESSAGE_SRC_NAME(message), "sink");
    const GstStructure* const structure = gst_message_get_structure(message);
    std::set<std::string> fields;
    for (int k = 0; k < gst_structure_n_fields(structure); ++k) {
      fields.insert(gst_structure_nth_field_name(structure, static_cast<guint>(k)));
    }
    EXPECT_EQ(fields,
              (std::set<std::string>{"track", "location", "init-location", "start-utc", "duration", "size", "sequence",
                                     "discontinuity-sequence", "epoch", "key-id", "discontinuity"}));
    EXPECT_EQ(number(structure, "epoch"), 0U);
    const std::string location = gst_structure_get_string(structure, "location");
    EXPECT_EQ(location, folder / ("ch1-2026022514300" + std::to_string(i) + ".m4s"));
    EXPECT_EQ(number(structure, "size"), std::filesystem::file_size(location));
    EXPECT_TRUE(std::filesystem::exists(gst_structure_get_string(structure, "init-location")));
    EXPECT_STREQ(gst_structure_get_string(structure, "key-id"), "");
    const auto info = core::read_segment_info(core::as_bytes(read_text(location)));
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(number(structure, "sequence"), info->sequence);
    EXPECT_EQ(number(structure, "sequence"), 1772029800U + i);
    EXPECT_EQ(number(structure, "start-utc"), static_cast<std::uint64_t>(info->start.ns));
    EXPECT_EQ(number(structure, "duration"), static_cast<std::uint64_t>(info->duration_ns));
    EXPECT_EQ(number(structure, "duration"), GST_SECOND);
    EXPECT_EQ(number(structure, "discontinuity-sequence"), 0U);
  }
}

// Clear media has no keys; an encoder that takes requests for key frames makes every segment independent.
TEST(StrftimeFmp4Sink, ListsClearSegments) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(75) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_EQ(playlist.find("#EXT-X-KEY"), std::string::npos);
  EXPECT_NE(playlist.find("#EXT-X-INDEPENDENT-SEGMENTS\n"), std::string::npos) << playlist;
  EXPECT_NE(playlist.find("#EXT-X-TARGETDURATION:1\n"), std::string::npos) << playlist;
  EXPECT_NE(playlist.find("#EXTINF:1.000,\nch1-20260225143002.m4s\n#EXT-X-ENDLIST\n"), std::string::npos) << playlist;
}

TEST(StrftimeFmp4Sink, StartsAnewAfterNull) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(50) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  pipeline.stop();
  g_object_set(pipeline.element("sink").get(), "start-utc", "2026-02-25T14:30:05Z", nullptr);
  ASSERT_EQ(pipeline.play(), "");
  const std::string playlist = read_text(folder / "ch1.m3u8");
  EXPECT_NE(playlist.find("#EXT-X-GAP\n#EXTINF:1.000,\nch1-20260225143004.m4s\n#EXT-X-DISCONTINUITY\n"),
            std::string::npos)
      << playlist;
}

TEST(StrftimeFmp4Sink, TellsTheEpochAfterTimeWentBack) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(50) + sink(folder, "target-duration=1"));
  ASSERT_EQ(pipeline.play(), "");
  pipeline.stop();
  g_object_set(pipeline.element("sink").get(), "start-utc", "2026-02-25T14:29:00Z", nullptr);
  ASSERT_EQ(pipeline.play(), "");
  const GstStructure* const last = gst_message_get_structure(pipeline.closed().back().get());
  EXPECT_EQ(number(last, "epoch"), 1U);
  EXPECT_EQ(gst_structure_get_string(last, "location"), folder / "ch1-20260225142901-e1.m4s");
}

TEST(StrftimeFmp4Sink, GivesAPadAgainAfterItsRelease) {
  const auto sink = Ref<GstElement>::sink(gst_element_factory_make("strftimefmp4sink", nullptr));
  ASSERT_TRUE(sink);
  for (const char* name : {"video", "audio"}) {
    const auto pad = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink.get(), name));
    ASSERT_TRUE(pad) << name;
    EXPECT_STREQ(GST_PAD_NAME(pad.get()), name);
    gst_element_release_request_pad(sink.get(), pad.get());
  }
  const auto again = Ref<GstPad>::adopt(gst_element_request_pad_simple(sink.get(), "video"));
  EXPECT_TRUE(again);
}

std::string separate_sink(const TemporaryDirectory& folder, const std::string& properties = "") {
  return "strftimefmp4sink name=sink layout=separate location=" + (folder / "ch1-%{track}-%Y%m%d%H%M%S.m4s") +
         " playlist-location=" + (folder / "ch1-%{track}.m3u8") + " multivariant-location=" + (folder / "index.m3u8") +
         " start-utc=2026-02-25T14:30:00Z target-duration=1 " + properties;
}

// ffprobe follows the multivariant playlist to all of its renditions.
TEST(StrftimeFmp4Sink, WritesAFilePerTrack) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(100) + audio(4) + audio(4, "audio_%u") + separate_sink(folder));
  ASSERT_EQ(pipeline.play(), "");
  std::map<std::string, std::vector<std::uint64_t>> numbers;
  for (const auto& message : pipeline.closed()) {
    const GstStructure* const structure = gst_message_get_structure(message.get());
    const std::string track = gst_structure_get_string(structure, "track");
    numbers[track].push_back(number(structure, "sequence"));
    const std::string location = gst_structure_get_string(structure, "location");
    EXPECT_TRUE(location.starts_with(folder / ("ch1-" + track + "-202602251430"))) << location;
  }
  const std::vector<std::uint64_t> four{1772029800, 1772029801, 1772029802, 1772029803};
  EXPECT_EQ(numbers,
            (std::map<std::string, std::vector<std::uint64_t>>{{"video", four}, {"audio", four}, {"audio_1", four}}));
  const auto probed =
      test::run("ffprobe -v error -count_packets -show_entries stream=codec_name,nb_read_packets -of csv=p=0 " +
                (folder / "index.m3u8") + " | grep . | sort -u");
  EXPECT_EQ(probed.exit, 0);
  EXPECT_EQ(probed.output, "aac,188\nh264,100\n") << read_text(folder / "index.m3u8");
  const std::string index = read_text(folder / "index.m3u8");
  EXPECT_NE(index.find(",RESOLUTION=160x90,FRAME-RATE=25.000,AUDIO=\"audio\"\nch1-video.m3u8\n"), std::string::npos)
      << index;
}

// As a description for gst-launch-1.0 says them, before the pads are there.
TEST(StrftimeFmp4Sink, TracksHaveNamesForPeople) {
  const TemporaryDirectory folder;
  Pipeline pipeline(separate_sink(folder,
                                  "audio::track-name=English audio_1::track-name=Deutsch "
                                  "audio_1::encoder-delay=1024 ") +
                    video(50) + audio(2) + audio(2, "audio_1"));
  ASSERT_EQ(pipeline.play(), "");
  const std::string index = read_text(folder / "index.m3u8");
  EXPECT_NE(index.find("NAME=\"English\""), std::string::npos) << index;
  EXPECT_NE(index.find("NAME=\"Deutsch\""), std::string::npos) << index;
  const auto one = std::ranges::find_if(pipeline.closed(), [](const auto& message) {
    return gst_structure_get_string(gst_message_get_structure(message.get()), "track") == std::string_view("audio_1");
  });
  ASSERT_NE(one, pipeline.closed().end());
  const auto path = [&](const char* field) {
    return std::string(gst_structure_get_string(gst_message_get_structure(one->get()), field));
  };
  const auto probed = test::run("cat " + path("init-location") + " " + path("location") +
                                " | ffprobe -v error -show_entries stream_tags=handler_name -of csv=p=0 -i - | grep .");
  EXPECT_EQ(probed.output, "Deutsch\n");
  const auto sink = pipeline.element("sink");
  const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(sink.get(), "audio_1"));
  const auto muxer = pipeline.element("muxer");
  const auto target = Ref<GstPad>::adopt(gst_element_get_static_pad(muxer.get(), "audio_1"));
  guint delay = 0;
  g_object_get(target.get(), "encoder-delay", &delay, nullptr);
  EXPECT_EQ(delay, 1024U) << "the muxer does not know";
}

// Two sinks of a process are two renditions of one multivariant playlist.
TEST(StrftimeFmp4Sink, SharesAMultivariantPlaylist) {
  const TemporaryDirectory folder;
  const auto rendition = [&](const std::string& name) {
    return " strftimefmp4sink name=" + name + " location=" + (folder / (name + "-%s.m4s")) +
           " playlist-location=" + (folder / (name + ".m3u8")) + " multivariant-location=" + (folder / "index.m3u8") +
           " start-utc=2026-02-25T14:30:00Z target-duration=1 playlist-type=vod ";
  };
  std::string second = video(50);
  second.replace(second.find("sink.video"), 10, "other.video");
  second.replace(second.find("width=160,height=90"), 19, "width=320,height=180");
  Pipeline pipeline(video(50) + second + rendition("sink") + rendition("other"));
  ASSERT_EQ(pipeline.play(), "");
  const std::string index = read_text(folder / "index.m3u8");
  EXPECT_NE(index.find("RESOLUTION=160x90,FRAME-RATE=25.000\nsink.m3u8\n"), std::string::npos) << index;
  EXPECT_NE(index.find("RESOLUTION=320x180,FRAME-RATE=25.000\nother.m3u8\n"), std::string::npos) << index;
  const auto probed = test::run("ffprobe -v error -show_entries stream=width -of csv=p=0 " + (folder / "index.m3u8") +
                                " | grep . | sort -u");
  EXPECT_EQ(probed.output, "160\n320\n");
}

// The method of `cbcs` is SAMPLE-AES (RFC 8216bis section 4.4.4.4), also for what a run before wrote; but not on the
// line of the identity format, where hls.js would take it for MPEG-TS.
TEST(StrftimeFmp4Sink, NamesTheMethodOfTheScheme) {
  for (const auto& [scheme, method] : {std::pair("cenc", "SAMPLE-AES-CTR"), std::pair("cbcs", "SAMPLE-AES")}) {
    const TemporaryDirectory folder;
    std::string encrypted = video(25);
    encrypted.replace(encrypted.find("sink.video"), 10,
                      std::string("cencenc key-id=11223344556677889900aabbccddeeff "
                                  "key=000102030405060708090a0b0c0d0e0f scheme=") +
                          scheme + " ! sink.video");
    Pipeline pipeline(encrypted + sink(folder, "target-duration=1 key-uri=https://keys/%{kid}"));
    ASSERT_EQ(pipeline.play(), "");
    pipeline.stop();
    g_object_set(pipeline.element("sink").get(), "start-utc", "2026-02-25T14:30:01Z", nullptr);
    ASSERT_EQ(pipeline.play(), "");
    const test::M3u8 playlist = test::parse_m3u8(read_text(folder / "ch1.m3u8"));
    ASSERT_EQ(playlist.rows.size(), 2U);
    for (const test::M3u8Row& row : playlist.rows) {
      ASSERT_EQ(row.keys.size(), 2U);
      EXPECT_EQ(row.keys[0].at("METHOD"), method) << scheme;
      EXPECT_EQ(row.keys[1].at("METHOD"), "SAMPLE-AES-CTR") << scheme;
    }
  }
}

// EXT-X-KEY can name one key: a file whose tracks have several is told of.
TEST(StrftimeFmp4Sink, TellsOfTracksUnderSeveralKeys) {
  const struct {
    const char* id_of_sound;
    const char* layout;
    std::size_t warnings;
  } kCases[] = {{kKeyId, "muxed", 0}, {kOtherKeyId, "muxed", 1}, {kOtherKeyId, "separate", 0}};
  const auto encrypted = [](std::string source, const char* key_id) {
    source.insert(source.find("! sink."),
                  std::string("! cencenc key=00112233445566778899aabbccddeeff key-id=") + key_id + " ");
    return source;
  };
  for (const auto& [id_of_sound, layout, warnings] : kCases) {
    const TemporaryDirectory folder;
    const std::string track = layout == std::string("muxed") ? "" : "-%{track}";
    Pipeline pipeline(encrypted(video(100), kKeyId) + encrypted(audio(4), id_of_sound) +
                      "strftimefmp4sink name=sink location=" + (folder / ("ch1" + track + "-%Y%m%d%H%M%S.m4s")) +
                      " playlist-location=" + (folder / ("ch1" + track + ".m3u8")) +
                      " start-utc=2026-02-25T14:30:00Z target-duration=1 key-uri=https://keys/%{kid} layout=" + layout);
    ASSERT_EQ(pipeline.play(), "");
    ASSERT_EQ(pipeline.warnings().size(), warnings) << id_of_sound << " " << layout;
    if (warnings == 0) continue;
    EXPECT_NE(
        pipeline.warnings()[0].find(std::string("the segment at 2026-02-25T14:30:00.000Z has tracks under key ids ") +
                                    kKeyId + " and " + kOtherKeyId),
        std::string::npos)
        << pipeline.warnings()[0];
    EXPECT_NE(read_text(folder / "ch1.m3u8").find(kKeyId), std::string::npos) << "and listed";
  }
}

TEST(StrftimeFmp4Sink, SaysWhereTheTrackBelongs) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(50) + sink(folder, "target-duration=1 layout=separate"));
  EXPECT_EQ(pipeline.play(), "location: layout=separate needs %{track} in the name");
}

TEST(StrftimeFmp4Sink, CutsWhenItIsAsked) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(100) + sink(folder, "target-duration=10"));
  g_signal_emit_by_name(pipeline.element("sink").get(), "cut", guint64{2 * GST_SECOND});
  ASSERT_EQ(pipeline.play(), "");
  ASSERT_EQ(pipeline.closed().size(), 2U);
  EXPECT_EQ(number(gst_message_get_structure(pipeline.closed()[0].get()), "duration"), 2 * GST_SECOND);
}

TEST(StrftimeFmp4Sink, DeletesWhatIsTooOld) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(250) + sink(folder, "target-duration=1 playlist-length=2 max-age=3"));
  ASSERT_EQ(pipeline.play(), "");
  EXPECT_EQ(pipeline.closed().size(), 10U);
  EXPECT_FALSE(std::filesystem::exists(folder / "ch1-20260225143000.m4s"));
  EXPECT_TRUE(std::filesystem::exists(folder / "ch1-20260225143008.m4s"));
}

// Of ten segments: two that are listed, three that were before, and the newest.
TEST(StrftimeFmp4Sink, DeletesWhatIsTooMuch) {
  for (const char* limit : {"max-size=1", "min-free-space=9223372036854775807"}) {
    SCOPED_TRACE(limit);
    const TemporaryDirectory folder;
    Pipeline pipeline(video(250) + sink(folder, std::string("target-duration=1 playlist-length=2 ") + limit));
    ASSERT_EQ(pipeline.play(), "");
    EXPECT_EQ(pipeline.closed().size(), 10U);
    EXPECT_FALSE(std::filesystem::exists(folder / "ch1-20260225143003.m4s"));
    for (const char* last : {"8", "9"}) {
      EXPECT_TRUE(std::filesystem::exists(folder / (std::string("ch1-2026022514300") + last + ".m4s")));
    }
  }
}

TEST(StrftimeFmp4Sink, GivesTheMuxerItsSettings) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(50) + sink(folder, "target-duration=1 max-duration=3 write-pssh=false layout=muxed"));
  const auto muxer = pipeline.element("muxer");
  ASSERT_EQ(pipeline.play(), "");
  guint target = 0;
  guint longest = 0;
  gboolean pssh = TRUE;
  g_object_get(muxer.get(), "target-duration", &target, "max-duration", &longest, "write-pssh", &pssh, nullptr);
  EXPECT_EQ(target, 1U);
  EXPECT_EQ(longest, 3U);
  EXPECT_FALSE(pssh);
  EXPECT_NE(test::read_text(folder / "ch1.m3u8").find("#EXT-X-TARGETDURATION:3\n"), std::string::npos);
}

TEST(StrftimeFmp4Sink, ErrorsComeFromTheSink) {
  const TemporaryDirectory folder;
  Pipeline pipeline(video(5) + "strftimefmp4sink name=sink");
  EXPECT_EQ(pipeline.play(), "location: is not set; set it to a path such as out/ch1-%Y%m%d%H%M%S.m4s");
  EXPECT_EQ(pipeline.failed(), "sink");
}

// A folder that goes away while the pipeline runs.
TEST(StrftimeFmp4Sink, AWriteErrorMayEndThePipeline) {
  const TemporaryDirectory folder;
  ASSERT_TRUE(std::filesystem::create_directory(folder / "out"));
  Pipeline pipeline(video(100) +
                    "strftimefmp4sink name=sink target-duration=1 on-error=stop location=" + (folder / "out/%s.m4s"));
  pipeline.pause();
  std::filesystem::remove_all(folder / "out");
  const std::string error = pipeline.play();
  EXPECT_NE(error.find("No such file or directory"), std::string::npos) << error;
  EXPECT_EQ(pipeline.failed(), "sink");
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
