// Streams that are not what they should be, spoiled on their way into fmp4mux and strftimefmp4sink: an error or warning
// that names what is wrong, no crash, and no sample lost without a word.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <sstream>

#include "fmp4/packaging/packaging.hpp"
#include "gstx/ref.hpp"

namespace aircheck {
namespace {

using gstx::Ref;
using test::TemporaryDirectory;

// Called with each buffer behind `identity name=spoil` and its number.
using Spoil = std::function<void(Ref<GstBuffer>&, std::uint64_t)>;

struct Said {
  std::string error;
  std::string warnings;
  bool ended = false;
};

class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    films_ = std::make_unique<TemporaryDirectory>();
    test::make_film(
        *films_ / "film.mp4",
        test::test_media(30) + "-c:v libx264 -preset veryfast -pix_fmt yuv420p -bf 0 " + "-g 25 " + test::kAac);
    test::make_film(*films_ / "large.mp4",
                    "-f lavfi -i testsrc2=size=640x360:rate=25:duration=8 " + std::string(test::kX264));
    test::make_film(*films_ / "long.mp4",
                    "-f lavfi -i testsrc2=size=64x48:rate=25:duration=60 -c:v libx264 -g 10000 "
                    "-sc_threshold 0 -bf 0 -pix_fmt yuv420p");
  }
  static void TearDownTestSuite() { films_.reset(); }

  static std::string source(const std::string& film, bool video) {
    return "filesrc location=" + (*films_ / film) + " ! qtdemux name=d d." +
           (video ? "video_0 ! queue ! h264parse" : "audio_0 ! queue ! aacparse") + " ";
  }
  static std::string video(const std::string& between = "") {
    return source("film.mp4", true) + between + "! identity name=spoil ! sink.video";
  }
  static std::string audio() { return source("film.mp4", false) + "! identity name=spoil ! sink.audio"; }

  Said run(const std::string& description, Spoil spoil = {}) const {
    const std::string line =
        description + " strftimefmp4sink name=sink location=" + (folder_ / "ch1-%Y%m%d%H%M%S.m4s") +
        " playlist-location=" + (folder_ / "ch1.m3u8") + " playlist-length=0 start-utc=2026-02-25T14:30:00Z";
    GError* error = nullptr;
    const auto pipeline = Ref<GstElement>::sink(gst_parse_launch(line.c_str(), &error));
    if (error != nullptr) return {.error = error->message};
    Probe probe{std::move(spoil)};
    if (probe.spoil) add_probe(pipeline.get(), &probe);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    Said said;
    const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    while (said.error.empty() && !said.ended) {
      const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
          bus.get(), 60 * GST_SECOND,
          static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_EOS)));
      if (!message) {
        said.error = "the pipeline stands still";
        break;
      }
      hear(message.get(), said);
    }
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    return said;
  }

  static void hear(GstMessage* message, Said& said) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_EOS) {
      said.ended = true;
      return;
    }
    GError* error = nullptr;
    const bool warning = GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING;
    (warning ? gst_message_parse_warning : gst_message_parse_error)(message, &error, nullptr);
    (warning ? said.warnings : said.error) += std::string(error->message) + "\n";
    g_error_free(error);
  }

  struct Probe {
    Spoil spoil;
    std::uint64_t number = 0;
  };
  static void add_probe(GstElement* pipeline, Probe* probe) {
    const auto element = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline), "spoil"));
    const auto pad = Ref<GstPad>::adopt(gst_element_get_static_pad(element.get(), "src"));
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad*, GstPadProbeInfo* info, gpointer data) noexcept {
          auto& own = *static_cast<Probe*>(data);
          auto buffer = Ref<GstBuffer>::adopt(gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info)));
          own.spoil(buffer, own.number++);
          GST_PAD_PROBE_INFO_DATA(info) = buffer.release();
          return GST_PAD_PROBE_OK;
        },
        probe, nullptr);
  }
  // The number before the last `text`.
  static std::uint64_t number_in(const std::string& said, const std::string& text) {
    const std::size_t at = said.rfind(text);
    if (at == std::string::npos || at < 2) return 0;
    return std::strtoull(said.c_str() + said.rfind(' ', at - 2) + 1, nullptr, 10);
  }
  [[nodiscard]] std::string files() const { return folder_ / "ch1-init-*.mp4 " + (folder_ / "ch1-2*.m4s"); }
  // Packets that ffmpeg reads in what was written.
  [[nodiscard]] std::size_t written() const {
    const std::string told = test::run("cat " + files() +
                                       " | ffprobe -v error -count_packets -show_entries "
                                       "stream=nb_read_packets -of csv=p=0 -")
                                 .output;
    return std::strtoull(told.c_str(), nullptr, 10);
  }
  [[nodiscard]] std::string playlist() const { return test::read_text(folder_ / "ch1.m3u8"); }

  TemporaryDirectory folder_;
  static inline std::unique_ptr<TemporaryDirectory> films_;
};

void back(GstBuffer* buffer, GstClockTime by) {
  GST_BUFFER_PTS(buffer) -= by;
  if (GST_BUFFER_DTS_IS_VALID(buffer)) GST_BUFFER_DTS(buffer) -= by;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST_F(BadInput, NoParameterSets) {
  Said said = run(video("! capssetter caps=video/x-h264,codec_data=(buffer)0164001fffe000 "));
  EXPECT_NE(said.error.find("video_0: the codec_data has no parameter sets"), std::string::npos) << said.error;
  said =
      run(video("! capssetter replace=true "
                "caps=video/x-h264,stream-format=avc,alignment=au,width=320,height=180,framerate=25/1 "));
  EXPECT_NE(said.error.find("video_0: the caps have no codec_data"), std::string::npos) << said.error;
  said =
      run(video("! video/x-h264,stream-format=avc ! capssetter "
                "caps=video/x-h264,stream-format=avc3,codec_data=(buffer)0164001fffe00000 "));
  EXPECT_NE(said.error.find("video_0: neither the codec_data nor the key frame at 2026-02-25T14:30:00.000Z"),
            std::string::npos)
      << said.error;
  EXPECT_TRUE(folder_.files().empty());
}

TEST_F(BadInput, ParameterSetsInTheSamplesAreEnough) {
  const Said said = run(source("film.mp4", true) +
                        "config-interval=-1 ! video/x-h264,stream-format=avc3 ! identity ! "
                        "capssetter caps=video/x-h264,codec_data=(buffer)0164001fffe00000 ! sink.video");
  EXPECT_TRUE(said.ended) << said.error;
  EXPECT_EQ(said.warnings, "");
  test::expect_same(test::frames("-i <(cat " + files() + ")", "v:0"),
                    test::frames("-i " + (*films_ / "film.mp4"), "v:0"), "frames");
}

TEST_F(BadInput, AnotherResolutionIsAnotherInitAfterADiscontinuity) {
  const Said said = run(source("film.mp4", true) + "! c. filesrc location=" + (*films_ / "large.mp4") +
                        " ! qtdemux ! h264parse ! c. concat name=c ! sink.video");
  EXPECT_TRUE(said.ended) << said.error;
  EXPECT_EQ(said.warnings, "");
  const std::string list = playlist();
  ASSERT_EQ(count(list, "#EXT-X-MAP"), 2U) << list;
  ASSERT_EQ(count(list, "#EXT-X-DISCONTINUITY\n"), 1U) << list;
  // Each side of the discontinuity behind its own init: ffmpeg 5.1 keeps the first one over a whole playlist.
  std::vector<std::string> sides(1);
  std::istringstream lines(list);
  for (std::string line; std::getline(lines, line);) {
    if (line == "#EXT-X-DISCONTINUITY") sides.emplace_back();
    if (line.starts_with("#EXT-X-MAP")) sides.back() += " " + (folder_ / line.substr(16, line.size() - 17));
    if (line.ends_with(".m4s")) sides.back() += " " + (folder_ / line);
  }
  ASSERT_EQ(sides.size(), 2U);
  const char* films[] = {"film.mp4", "large.mp4"};
  for (std::size_t i = 0; i < sides.size(); ++i) {
    const test::Hashes theirs = test::frames("-i " + (*films_ / films[i]), "v:0");
    test::expect_same(test::frames("-i <(cat" + sides[i] + ")", "v:0"), theirs, films[i]);
  }
}

TEST_F(BadInput, ABufferWithoutATimeIsAnErrorWithTheTimeBeforeIt) {
  const Said said = run(video(), [](Ref<GstBuffer>& buffer, std::uint64_t n) {
    if (n == 200) GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = GST_CLOCK_TIME_NONE;
  });
  EXPECT_NE(said.error.find("video_0: a buffer has no presentation time; the last good one ended at "
                            "2026-02-25T14:30:08.000Z"),
            std::string::npos)
      << said.error;
}

struct Backward {
  const char* name;
  bool video;
  std::uint64_t from;  // sample
  GstClockTime by;
  const char* first;  // warning
  const char* last;

  friend std::ostream& operator<<(std::ostream& out, const Backward& backward) { return out << backward.name; }
};

class EachBackward : public BadInput, public testing::WithParamInterface<Backward> {};

TEST_P(EachBackward, IsAWarningWithTheTime) {
  const Backward& p = GetParam();
  std::uint64_t pushed = 0;
  const Said said = run(p.video ? video() : audio(), [&](Ref<GstBuffer>& buffer, std::uint64_t n) {
    ++pushed;
    if (n >= p.from) back(buffer.get(), p.by);
  });
  EXPECT_TRUE(said.ended) << said.error;
  EXPECT_NE(said.warnings.find(p.first), std::string::npos) << said.warnings;
  EXPECT_NE(said.warnings.find(p.last), std::string::npos) << said.warnings;
  const std::uint64_t lost = p.by >= GST_SECOND ? number_in(said.warnings, "samples were dropped") : 0;
  EXPECT_EQ(written(), pushed - lost) << said.warnings;
}

INSTANTIATE_TEST_SUITE_P(Times, EachBackward,
                         testing::Values(Backward{"VideoHalfASecond", true, 200, GST_SECOND / 2,
                                                  "video_0: 1 sample goes back in time before 2026-02-25T14:30:08.",
                                                  "video_0: 12 samples go"},
                                         Backward{"VideoTenSeconds", true, 300, 10 * GST_SECOND,
                                                  "video_0: 1 sample was dropped before 2026-02-25T14:30:12.",
                                                  "samples were dropped before"},
                                         Backward{"AudioHalfASecond", false, 600, GST_SECOND / 2,
                                                  "audio_0: 1 sample goes back in time before 2026-02-25T14:30:12.",
                                                  "audio_0: 23 samples go"},
                                         Backward{"AudioTenSeconds", false, 600, 10 * GST_SECOND,
                                                  "audio_0: 1 sample was dropped before 2026-02-25T14:30:12.",
                                                  "samples were dropped before"}),
                         [](const auto& param_info) { return std::string(param_info.param.name); });

TEST_F(BadInput, AHugeSampleIsWrittenWhole) {
  constexpr std::uint32_t kSize = 30U << 20U;
  const Said said = run(video(), [](Ref<GstBuffer>& buffer, std::uint64_t n) {
    if (n != 100) return;
    std::vector<std::uint8_t> filler(kSize + 4, 0xff);  // a NAL unit behind its length
    for (std::size_t i = 0; i < 4; ++i) filler[i] = static_cast<std::uint8_t>(kSize >> 8 * (3 - i));
    filler[4] = 12;
    auto bytes = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(filler.data(), filler.size()));
    gst_buffer_append_memory(buffer.get(), gst_buffer_get_all_memory(bytes.get()));
  });
  EXPECT_TRUE(said.ended) << said.error;
  EXPECT_EQ(said.warnings, "");
  EXPECT_GT(std::filesystem::file_size(folder_ / "ch1-20260225143000.m4s"), kSize);
  EXPECT_EQ(test::frames("-i <(cat " + files() + ")", "v:0").size(),
            test::frames("-i " + (*films_ / "film.mp4"), "v:0").size());
}

TEST_F(BadInput, AMinuteWithoutKeyFramesIsCutWithAWarning) {
  const Said said = run(source("long.mp4", true) + "! sink.video");
  EXPECT_TRUE(said.ended) << said.error;
  EXPECT_NE(said.warnings.find("the segment at 2026-02-25T14:30:12.480Z begins without an IDR: none came within "
                               "max-duration (12 s)"),
            std::string::npos)
      << said.warnings;
  EXPECT_EQ(written(), 1500U);
}

TEST_F(BadInput, SilenceBeforeADiscontIsAHole) {
  std::uint64_t pushed = 0;
  const Said said = run(audio(), [&](Ref<GstBuffer>& buffer, std::uint64_t n) {
    if (n == 1200) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    if (n >= 250 && n < 1200) {
      GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_GAP);
      gst_buffer_resize(buffer.get(), 0, 0);
    } else {
      ++pushed;
    }
  });
  EXPECT_TRUE(said.ended) << said.error;
  EXPECT_EQ(said.warnings, "") << "what is marked as a gap is no loss";
  const std::string list = playlist();
  EXPECT_EQ(count(list, "#EXT-X-DISCONTINUITY\n"), 1U) << list;
  EXPECT_GE(count(list, "#EXT-X-GAP\n"), 3U) << list;
  EXPECT_EQ(written(), pushed);
}

TEST_F(BadInput, EmptyBuffersAreAWarning) {
  const Said said = run(video(), [](Ref<GstBuffer>& buffer, std::uint64_t n) {
    if (n == 101 || n == 110) gst_buffer_resize(buffer.get(), 0, 0);
  });
  EXPECT_TRUE(said.ended) << said.error;
  EXPECT_NE(said.warnings.find("video_0: 1 sample was dropped before 2026-02-25T14:30:04."), std::string::npos)
      << said.warnings;
  EXPECT_EQ(number_in(said.warnings, "samples were dropped"), 2U) << said.warnings;
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  gst_init(&argc, &argv);
  return RUN_ALL_TESTS();
}
