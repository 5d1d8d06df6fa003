// usage: bench-catchup make LOCATION COUNT TARGET_S   a directory of so many segments since 2026-02-25T00:00:00Z
//        bench-catchup time LOCATION START END RUNS   milliseconds from PLAYING to the end of the stream, one per line
// Segments are as large as their heads: a playlist reads no more of them.
#include <gst/gst.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "catchup/files.hpp"
#include "gobj/ref.hpp"
#include "gstx/ref.hpp"

namespace aircheck {
namespace {

using gobj::Ref;

int make(const std::string& location, std::uint64_t count, std::uint32_t target_s) {
  const auto pattern = core::NamePattern::parse(location);
  if (!pattern) return std::fprintf(stderr, "%s\n", pattern.error().message.c_str()), 1;
  core::SegmentInfo info;
  info.start = *core::from_rfc3339("2026-02-25T00:00:00Z");
  info.duration_ns = target_s * core::kNsPerSecond;
  info.target_duration_s = info.max_duration_s = target_s;
  info.init_name = "ch1-init-0123456789abcdef.mp4";
  for (std::uint64_t i = 0; i < count; ++i) {
    info.sequence = 1000 + i;
    test::write_segment(*pattern, info);
    info.start = info.start + info.duration_ns;
  }
  return 0;
}

// The time of one run, or a negative one after an error.
double run(GstElement* pipeline) {
  const auto bus = Ref<GstBus>::adopt(gst_element_get_bus(pipeline));
  const auto begin = std::chrono::steady_clock::now();
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  const auto message = Ref<GstMessage>::adopt(gst_bus_timed_pop_filtered(
      bus.get(), 60 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - begin;
  gst_element_set_state(pipeline, GST_STATE_NULL);
  return message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS ? passed.count() : -1;
}

int measure(const char* location, const char* start, const char* end, int runs) {
  const auto pipeline = Ref<GstElement>::sink(gst_parse_launch("catchupplaylistsrc name=src ! fakesink", nullptr));
  const auto source = Ref<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "src"));
  if (!source) return 1;
  g_object_set(source.get(), "location", location, "start", start, "end", end, nullptr);
  for (int i = 0; i < runs; ++i) {
    const double passed = run(pipeline.get());
    if (passed < 0) return 1;
    std::printf("%.3f\n", passed);
  }
  return 0;
}

}  // namespace
}  // namespace aircheck

int main(int argc, char** argv) {
  gst_init(&argc, &argv);
  if (argc == 5 && std::strcmp(argv[1], "make") == 0) {
    return aircheck::make(argv[2], std::strtoull(argv[3], nullptr, 10),
                          static_cast<std::uint32_t>(std::strtoul(argv[4], nullptr, 10)));
  }
  if (argc == 6 && std::strcmp(argv[1], "time") == 0) {
    // The runs before: the registry, the page cache and the names are warm.
    return aircheck::measure(argv[2], argv[3], argv[4], std::atoi(argv[5]));
  }
  std::fputs("usage: bench-catchup make LOCATION COUNT TARGET_S | time LOCATION START END RUNS\n", stderr);
  return 2;
}
