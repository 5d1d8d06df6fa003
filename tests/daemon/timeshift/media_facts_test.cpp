#include "timeshift/media_facts.hpp"

#include <gtest/gtest.h>

#include "core/bmff_samples.hpp"

namespace aircheck::timeshift {
namespace {

namespace samples = core::bmff::samples;
using core::Bytes;

// A chunk of one sample for each duration, which have no bytes.
Bytes chunk(const std::vector<std::uint32_t>& durations) {
  core::bmff::Trun trun;
  trun.flags = core::bmff::Trun::kDuration | core::bmff::Trun::kSize;
  for (const std::uint32_t duration : durations) trun.samples.push_back({.duration = duration});
  core::bmff::Traf traf;
  traf.tfhd.track_id = 1;
  traf.tfdt = core::bmff::Tfdt{};
  traf.truns = {trun};
  return core::bmff::write_box(core::bmff::Moof{.mfhd = {.sequence_number = 1}, .trafs = {traf}});
}

class FrameRate : public testing::Test {
 protected:
  // "numerator/denominator", or "varies"; in units of 1/25000 s.
  static std::string of(const Bytes& segment) {
    const auto facts = read_media_facts(init_, segment);
    if (!facts) return facts.error().message;
    if (facts->frame_rate_num == 0) return "varies";
    return std::to_string(facts->frame_rate_num) + "/" + std::to_string(facts->frame_rate_den);
  }

  static inline const Bytes init_ = [] {
    core::bmff::Moov moov = samples::moov();
    moov.traks[0].mdia.minf.stbl.stsd.visual[0].sinf.reset();
    moov.traks[0].mdia.minf.stbl.stsd.visual[0].type = core::bmff::fourcc("avc1");
    return core::bmff::write_box(moov);
  }();
};

TEST_F(FrameRate, IsThatOfFramesOfOneLength) {
  EXPECT_EQ(of(chunk({1000, 1000, 1000})), "25/1");
  EXPECT_EQ(of(chunk({1000, 1000, 2000})), "varies");
  EXPECT_EQ(of(chunk({1000, 0})), "varies");
}

TEST_F(FrameRate, AllChunksCount) {
  using samples::operator+;
  EXPECT_EQ(of(chunk({1000, 1000}) + chunk({1000})), "25/1");
  EXPECT_EQ(of(chunk({1000, 1000}) + chunk({1500})), "varies");
  EXPECT_EQ(of(chunk({1000}) + chunk({2000}) + chunk({1000})), "varies");
}

}  // namespace
}  // namespace aircheck::timeshift
