// What the tests of fmp4mux share: pipelines run to their end, a harness with made-up access units, and ffmpeg's view.
#pragma once

#include <gst/app/gstappsink.h>
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>

#include "core/bmff/decrypt.hpp"
#include "fmp4/segment_meta.hpp"
#include "gstx/caps.hpp"
#include "gstx/ref.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::fmp4 {

namespace bmff = core::bmff;
using core::Bytes;
using core::kNsPerSecond;
using core::Utc;
using gstx::Ref;

inline constexpr const char* kKey = "00112233445566778899aabbccddeeff";
inline constexpr const char* kCencenc =
    "cencenc key-id=11223344556677889900aabbccddeeff key=00112233445566778899aabbccddeeff ! ";
inline const Utc kStart = Utc::from_seconds(1'772'029'800);  // 2026-02-25T14:30:00Z

inline std::string shell(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return "cannot run " + command;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    output.append(buffer.data(), got);
  const int status = pclose(pipe);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) output += "\nexit status of: " + command;
  return output;
}

// What came out of the muxer, one Part for each init or segment.
struct Part {
  bool init = false;
  std::optional<SegmentMeta> meta;
  Bytes bytes;
};

struct Output {
  std::vector<Part> parts;
  std::string error;    // text of an error message
  std::string warning;  // of the first warning

  void add(GstBuffer* buffer) {
    const bool header = GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER);
    const auto meta = segment_meta(buffer);
    if (header || meta) parts.push_back({header, meta, {}});
    if (parts.empty()) return;
    Bytes& bytes = parts.back().bytes;
    const std::size_t before = bytes.size();
    bytes.resize(before + gst_buffer_get_size(buffer));
    gst_buffer_extract(buffer, 0, bytes.data() + before, bytes.size() - before);
  }
  [[nodiscard]] std::vector<Part> segments() const {
    std::vector<Part> result;
    std::ranges::copy_if(parts, std::back_inserter(result), [](const Part& part) { return !part.init; });
    return result;
  }
  [[nodiscard]] Bytes all() const {
    Bytes bytes;
    for (const Part& part : parts) bytes.insert(bytes.end(), part.bytes.begin(), part.bytes.end());
    return bytes;
  }
  [[nodiscard]] bmff::InitInfo init() const { return bmff::parse_init(parts.front().bytes).value(); }
};

inline std::string message_text(GstMessage* message, void (*parse)(GstMessage*, GError**, gchar**)) {
  GError* error = nullptr;
  parse(message, &error, nullptr);
  std::string text = error->message;
  g_error_free(error);
  return text;
}

// Runs `description ! appsink` to its end; `prepare` gets the pipeline when it is ready to play.
inline Output run(const std::string& description, void (*prepare)(GstElement*) = nullptr) {
  Output output;
  GError* error = nullptr;
  auto pipeline =
      Ref<GstElement>::sink(gst_parse_launch((description + " ! appsink name=out sync=false").c_str(), &error));
  if (error != nullptr) {
    output.error = error->message;
    g_error_free(error);
    return output;
  }
  auto sink = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
  if (prepare != nullptr) {
    gst_element_set_state(pipeline.get(), GST_STATE_READY);
    prepare(pipeline.get());
  }
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const auto look = [&] {
    for (;;) {
      auto message = Ref<GstMessage>::adopt(gst_bus_pop(bus.get()));
      if (!message) return;
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR && output.error.empty()) {
        output.error = message_text(message.get(), gst_message_parse_error);
      }
      if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_WARNING && output.warning.empty()) {
        output.warning = message_text(message.get(), gst_message_parse_warning);
      }
    }
  };
  constexpr GstClockTime kPatience = 20 * GST_SECOND;
  GstClockTime waited = 0;
  while (output.error.empty() && !gst_app_sink_is_eos(GST_APP_SINK(sink.get())) && waited < kPatience) {
    constexpr GstClockTime kStep = 100 * GST_MSECOND;
    auto sample = Ref<GstSample>::adopt(gst_app_sink_try_pull_sample(GST_APP_SINK(sink.get()), kStep));
    if (sample) output.add(gst_sample_get_buffer(sample.get()));
    waited = sample ? 0 : waited + kStep;
    look();
  }
  if (waited >= kPatience) output.error = "the pipeline stands still";
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  look();
  return output;
}

class Fmp4Mux : public testing::Test {
 protected:
  static void SetUpTestSuite() { gst_init(nullptr, nullptr); }

  std::string film(const std::string& name, const std::string& ffmpeg_arguments) {
    const std::string path = folder_ / name;
    const std::string said = shell("ffmpeg -v error -y " + ffmpeg_arguments + " " + path + " 2>&1");
    EXPECT_EQ(said, "") << "ffmpeg could not make " << name;
    return path;
  }
  std::string write(const std::string& name, const Bytes& bytes) {
    folder_.write(name, std::string(bytes.begin(), bytes.end()));
    return folder_ / name;
  }
  // Sizes and hashes of one stream's packets, in order.
  static std::string packets(const std::string& path, const std::string& stream, const std::string& options = "") {
    return shell("ffmpeg -v error " + options + " -i " + path + " -map 0:" + stream +
                 " -c copy -f framemd5 - 2>&1 | grep -v '^#' | awk -F, '{print $5, $6}'");
  }
  static void expect_same_packets(const std::string& path, const std::string& source, const std::string& stream,
                                  const std::string& options = "") {
    const std::string ours = packets(path, stream, options);
    const std::string theirs = packets(source, stream);
    const auto [at, other] = std::ranges::mismatch(ours, theirs);
    EXPECT_TRUE(ours == theirs) << stream << " differs after packet " << std::count(ours.begin(), at, '\n') << " of "
                                << std::ranges::count(theirs, '\n');
    EXPECT_NE(ours, "");
  }
  // Decodes everything. What ffmpeg's null muxer says about a variable rate it says about the source as well.
  static void expect_plays(const std::string& path) {
    EXPECT_EQ(
        shell("ffmpeg -v error -xerror -i " + path +
              " -f null - 2>&1 | grep -v -e 'non monotonically increasing dts to muxer' -e 'message repeated'; true"),
        "");
  }
  // Every track's decode times go on without a break over all segments.
  static void expect_continuous(const Output& output) {
    std::map<std::uint32_t, std::uint64_t> next;
    const bmff::InitInfo init = output.init();
    for (const Part& part : output.segments()) {
      const auto fragments = bmff::parse_fragments(part.bytes, &init);
      ASSERT_TRUE(fragments) << fragments.error().message;
      for (const bmff::FragmentInfo& fragment : *fragments) {
        for (const bmff::TrackFragment& track : fragment.tracks) {
          if (next.contains(track.track_id)) {
            EXPECT_EQ(track.base_media_decode_time, next[track.track_id]);
          }
          next[track.track_id] = track.base_media_decode_time + track.duration();
        }
      }
    }
  }

  test::TemporaryDirectory folder_;
};

inline std::string mux(const std::string& settings = "") {
  return "fmp4mux name=mux start-utc=2026-02-25T14:30:00Z " + settings + " ";
}
inline std::string remux(const std::string& path, const std::string& demuxer, bool video, bool audio,
                         const std::string& encrypt = "", const std::string& settings = "") {
  std::string text = "filesrc location=" + path + " ! " + demuxer + " name=d ";
  if (video) text += "d.video_0 ! queue ! h264parse ! " + encrypt + "mux.video_0 ";
  if (audio) text += "d.audio_0 ! queue ! aacparse ! " + encrypt + "mux.audio_0 ";
  return text + mux(settings);
}

// A harness on the muxer's pads, with access units that only look like H.264 to whoever reads NAL headers.
class Fmp4MuxHarness : public Fmp4Mux {
 protected:
  void SetUp() override {
    auto muxer = Ref<GstElement>::sink(gst_element_factory_make("fmp4mux", nullptr));
    ASSERT_TRUE(muxer);
    g_object_set(muxer.get(), "start-utc", "2026-02-25T14:30:00Z", nullptr);
    configure(muxer.get());
    harness_ = gst_harness_new_with_element(muxer.get(), "video_%u", "src");
    bus_ = Ref<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(harness_->element, bus_.get());
    set_size(640);
  }
  // Before the muxer starts.
  virtual void configure(GstElement*) {}
  void TearDown() override {
    gst_element_set_bus(harness_->element, nullptr);
    gst_harness_teardown(harness_);
  }

  void set_size(int width) {
    gst_harness_set_src_caps(
        harness_, gst_caps_from_string(("video/x-h264,stream-format=avc,alignment=au,width=" + std::to_string(width) +
                                        ",height=360,framerate=25/1,codec_data=(buffer)0164001fffe1000467640001010001"
                                        "68")
                                           .c_str()));
  }
  // Frame n of 25 in a second; a NAL unit of an access unit delimiter, then one slice.
  static Ref<GstBuffer> picture(std::int64_t n, bool idr) {
    const std::array<std::uint8_t, 16> bytes{
        0, 0, 0, 2, 0x09, 0xf0, 0, 0, 0, 6, static_cast<std::uint8_t>(idr ? 0x65 : 0x41), 1, 2, 3, 4, 5};
    auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = static_cast<GstClockTime>(n) * 40 * GST_MSECOND;
    GST_BUFFER_DURATION(buffer.get()) = 40 * GST_MSECOND;
    return buffer;
  }
  GstFlowReturn push(std::int64_t n, bool idr) { return gst_harness_push(harness_, picture(n, idr).release()); }
  // Marks a buffer as cencenc does, without encrypting it.
  static void protect(GstBuffer* buffer, std::uint8_t key, std::uint8_t iv) {
    const core::KeyId key_id{key};
    const std::array<std::uint8_t, 8> iv_bytes{iv};
    const std::array<std::uint8_t, 6> subsample{0, 16, 0, 0, 0, 0};
    auto kid = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(key_id.data(), key_id.size()));
    auto iv_buffer = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(iv_bytes.data(), iv_bytes.size()));
    auto subsamples = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(subsample.data(), subsample.size()));
    gst_buffer_add_protection_meta(
        buffer,
        gst_structure_new("application/x-cenc", "iv_size", G_TYPE_UINT, 8U, "encrypted", G_TYPE_BOOLEAN, TRUE, "kid",
                          GST_TYPE_BUFFER, kid.get(), "iv", GST_TYPE_BUFFER, iv_buffer.get(), "subsample_count",
                          G_TYPE_UINT, 1U, "subsamples", GST_TYPE_BUFFER, subsamples.get(), nullptr));
  }
  Output finish() {
    gst_harness_push_event(harness_, gst_event_new_eos());
    return collect();
  }
  Output collect() {
    Output output;
    while (GstBuffer* buffer = gst_harness_try_pull(harness_)) {
      output.add(buffer);
      gst_buffer_unref(buffer);
    }
    while (GstMessage* message = gst_bus_pop(bus_.get())) {
      if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) output.error = message_text(message, gst_message_parse_error);
      gst_message_unref(message);
    }
    return output;
  }

  GstHarness* harness_ = nullptr;
  Ref<GstBus> bus_;
};

// A second pad beside video_0, with what an AAC parser says.
inline GstHarness* add_audio(GstHarness* video) {
  GstHarness* audio = gst_harness_new_with_element(video->element, "audio_%u", nullptr);
  gst_harness_set_src_caps(audio, gst_caps_from_string("audio/mpeg,mpegversion=4,stream-format=raw,rate=48000,"
                                                       "channels=2,codec_data=(buffer)1190"));
  return audio;
}

// Frame n of AAC at 48 kHz: eight bytes that nobody decodes.
inline Ref<GstBuffer> sound(std::int64_t n) {
  const std::array<std::uint8_t, 8> bytes{0x21, 0x10, static_cast<std::uint8_t>(n), 4, 5, 6, 7, 8};
  auto buffer = Ref<GstBuffer>::adopt(gst_buffer_new_memdup(bytes.data(), bytes.size()));
  GST_BUFFER_PTS(buffer.get()) = gst_util_uint64_scale(static_cast<guint64>(n), 1024 * GST_SECOND, 48'000);
  GST_BUFFER_DURATION(buffer.get()) = gst_util_uint64_scale(1024, GST_SECOND, 48'000);
  return buffer;
}

}  // namespace aircheck::fmp4
