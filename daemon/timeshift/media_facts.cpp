#include "timeshift/media_facts.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "core/bmff/fragment.hpp"

namespace aircheck::timeshift {

namespace {

using core::bmff::FragmentInfo;
using core::bmff::Sample;
using core::bmff::TrackFragment;
using core::bmff::TrackInfo;
using core::bmff::TrackKind;

// The rate of frames that all last equally long, in all chunks; a rate that varies has no number.
void read_frame_rate(MediaFacts& facts, const TrackInfo& track, const std::vector<FragmentInfo>& fragments) {
  facts.frame_rate_num = 0;
  std::uint32_t duration = 0;
  for (const FragmentInfo& fragment : fragments) {
    for (const TrackFragment& part : fragment.tracks) {
      if (part.track_id != track.id) continue;
      for (const Sample& sample : part.samples) {
        if (sample.duration == 0 || (duration != 0 && sample.duration != duration)) return;
        duration = sample.duration;
      }
    }
  }
  if (duration == 0 || track.timescale == 0) return;
  const std::uint32_t divisor = std::gcd(track.timescale, duration);
  facts.frame_rate_num = track.timescale / divisor;
  facts.frame_rate_den = duration / divisor;
}

std::string content_name(core::ByteView bytes) {
  std::array<std::uint8_t, crypto_hash_sha256_BYTES> digest{};
  crypto_hash_sha256(digest.data(), bytes.data(), bytes.size());
  return "init-" + core::to_hex(core::ByteView(digest).first(8)) + ".mp4";
}

}  // namespace

core::Result<MediaFacts> read_media_facts(core::ByteView init, core::ByteView segment) {
  MediaFacts facts;
  AIRCHECK_TRY(facts.init, core::bmff::parse_init(init));
  AIRCHECK_TRY(facts.clear_init, core::bmff::clear_init(init));
  facts.clear_location = content_name(facts.clear_init);
  const auto fragments = core::bmff::parse_fragments(segment, &facts.init);
  for (const TrackInfo& track : facts.init.tracks) {
    if (track.scheme == "cbcs") facts.scheme = core::CencScheme::kCbcs;
    if (!track.codec.empty() &&
        std::find(facts.codecs.begin(), facts.codecs.end(), track.codec) == facts.codecs.end()) {
      facts.codecs.push_back(track.codec);
    }
    if (track.kind != TrackKind::kVideo || track.width * track.height <= facts.width * facts.height) continue;
    facts.width = track.width;
    facts.height = track.height;
    if (fragments) read_frame_rate(facts, track, *fragments);
  }
  return facts;
}

}  // namespace aircheck::timeshift
