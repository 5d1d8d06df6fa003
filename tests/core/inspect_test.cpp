// Runs aircheck-inspect (path in AIRCHECK_INSPECT) over files of ours and of ffmpeg's.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "bmff_samples.hpp"
#include "support/temporary_directory.hpp"

namespace aircheck::core {
namespace {

namespace samples = bmff::samples;

struct Outcome {
  int status = -1;
  std::string output;  // standard output and standard error
};

Outcome run(const std::string& command) {
  Outcome run;
  FILE* pipe = popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) return run;
  std::array<char, 4096> buffer{};
  for (std::size_t got = 0; (got = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    run.output.append(buffer.data(), got);
  }
  run.status = WEXITSTATUS(pclose(pipe));
  return run;
}

class Inspect : public testing::Test {
 protected:
  std::string write(const std::string& name, ByteView bytes) const {
    folder_.write(name, std::string(bytes.begin(), bytes.end()));
    return folder_ / name;
  }
  static Outcome inspect(const std::string& arguments) {
    return run(std::string(getenv("AIRCHECK_INSPECT")) + " " + arguments);
  }
  static void expect_contains(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nis not in\n" << text;
  }

  test::TemporaryDirectory folder_;
};

TEST_F(Inspect, ShowsASegmentWithTheHelpOfItsInit) {
  const std::string segment = write("segment.m4s", samples::media_segment());
  const std::string alone = inspect(segment).output;
  expect_contains(alone, "sequence 295335000, start 2026-02-25T14:30:00.000000000Z, duration 5.960000 s");
  expect_contains(alone, "key id 11223344556677889900aabbccddeeff");
  expect_contains(alone, "track 1: tfdt 44300000000000, 2 samples, duration 2000, encrypted");
  write(samples::segment_info().init_name, samples::init_segment());
  const Outcome together = inspect(segment);
  EXPECT_EQ(together.status, 0);
  expect_contains(together.output, "duration 2000 (0.080000 s)");
}

TEST_F(Inspect, WritesTheSameAsJson) {
  const std::string segment = write("segment.m4s", samples::media_segment());
  const Outcome json = inspect("--json " + segment);
  EXPECT_EQ(json.status, 0);
  expect_contains(json.output,
                  "\"segment\":{\"sequence\":295335000,\"discontinuity_sequence\":3,\"discontinuity\":true,");
  expect_contains(json.output,
                  "{\"track_id\":1,\"tfdt\":44300000000000,\"samples\":2,\"duration\":2000,\"encrypted\":true}");
  expect_contains(json.output, "{\"type\":\"mfhd\",\"offset\":");
}

TEST_F(Inspect, ShowsIndexAndProducerTimesOfAllChunks) {
  const std::string segment = write("chunked.m4s", samples::chunked_segment());
  const Outcome text = inspect(segment);
  EXPECT_EQ(text.status, 0);
  expect_contains(text.output,
                  "index of track 1: from 0, timescale 25000, 2 references\n"
                  "  100 bytes, duration 2000 (0.080000 s), starts with an access point of type 0\n"
                  "  100 bytes, duration 1 (0.000040 s)\n");
  const std::string chunk =
      "fragment 7:\n  produced at 2026-02-25T14:30:00.500000000Z, which is 12500 of track 1\n  track 1: tfdt "
      "44300000000000, 2 samples, duration 2000, encrypted\n";
  expect_contains(text.output, chunk + chunk);
  const Outcome json = inspect("--json " + segment);
  EXPECT_EQ(json.status, 0);
  expect_contains(
      json.output,
      "\"indexes\":[{\"track_id\":1,\"timescale\":25000,\"earliest_presentation_time\":0,\"first_offset\":0,"
      "\"references\":[{\"size\":100,\"duration\":2000,\"to_index\":false,\"starts_with_sap\":true,"
      "\"sap_type\":0},{\"size\":100,");
  expect_contains(json.output,
                  "{\"sequence_number\":7,\"producer_time\":{\"track_id\":1,\"utc\":\"2026-02-25T14:30:00.500000000Z\","
                  "\"media_time\":12500},\"tracks\":[");
}

TEST_F(Inspect, ShowsHowTracksAreProtected) {
  const std::string cenc = write("cenc.mp4", samples::init_segment());
  expect_contains(inspect(cenc).output, "cenc with key id 11223344556677889900aabbccddeeff, IVs of 8 bytes\n");
  const std::string cbcs = write("cbcs.mp4", samples::other_init_segment());
  expect_contains(inspect(cbcs).output,
                  "cbcs with key id 11223344556677889900aabbccddeeff, pattern 1:9, constant IV of 16 bytes\n");
  expect_contains(inspect("--json " + cbcs).output,
                  "\"scheme\":\"cbcs\",\"key_id\":\"11223344556677889900aabbccddeeff\",\"crypt_byte_block\":1,"
                  "\"skip_byte_block\":9,\"iv_size\":0,\"constant_iv\":true}");
}

TEST_F(Inspect, SaysItsVersionAndUsage) {
  const Outcome version = inspect("--version");
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.output, "aircheck-inspect " AIRCHECK_VERSION "\n");
  const Outcome help = inspect("--help");
  EXPECT_EQ(help.status, 0);
  for (const char* option : {"usage: aircheck-inspect", "--json", "--version", "--help"}) {
    expect_contains(help.output, option);
  }
}

TEST_F(Inspect, ReadsWhatFfmpegWrites) {
  const std::string file = folder_ / "film.mp4";
  ASSERT_EQ(
      run("ffmpeg -v error -f lavfi -i testsrc=s=64x48:r=25:d=1 -f lavfi -i sine=d=1:r=44100 -c:v libx264 -c:a aac "
          "-movflags frag_keyframe+empty_moov+default_base_moof " +
          file)
          .status,
      0);
  const Outcome shown = inspect(file);
  EXPECT_EQ(shown.status, 0);
  expect_contains(shown.output, "64x48");
  expect_contains(shown.output, "mp4a.40.2, timescale 44100, 44100 Hz, 1 channels");
  expect_contains(shown.output, "25 samples");
}

TEST_F(Inspect, DamagedFilesGiveOneErrorLine) {
  const Bytes segment = samples::media_segment();
  Bytes later_version = segment;
  later_version[20 + 24] = 9;
  Bytes damaged_index = samples::chunked_segment();
  damaged_index[8 + 4 + 26] = 200;  // references
  Bytes nested;
  for (std::uint32_t size = 8 * 1000; size > 0; size -= 8) {
    ByteWriter header;
    header.u32(size);
    header.u32(bmff::fourcc("moov"));
    nested = samples::operator+(nested, header.take());
  }
  for (const Bytes& bytes : {Bytes{}, damaged_index, Bytes(segment.begin(), segment.end() - 1),
                             Bytes(segment.begin(), segment.begin() + 150), later_version, nested,
                             Bytes{'#', '!', '/', 'b', 'i', 'n', '/', 's', 'h'}}) {
    const Outcome damaged = inspect(write("damaged.m4s", bytes));
    EXPECT_EQ(damaged.status, 1);
    EXPECT_TRUE(damaged.output.starts_with("error: " + folder_.path() + "/damaged.m4s: ")) << damaged.output;
    EXPECT_EQ(std::ranges::count(damaged.output, '\n'), 1) << damaged.output;
  }
  EXPECT_EQ(inspect(folder_ / "missing").status, 1);
  EXPECT_EQ(inspect("").status, 2);
  EXPECT_EQ(inspect("--wrong").status, 2);
}

}  // namespace
}  // namespace aircheck::core
