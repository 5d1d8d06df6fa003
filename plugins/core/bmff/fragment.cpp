#include "core/bmff/fragment.hpp"

namespace aircheck::core::bmff {
namespace {

struct Defaults {
  std::uint32_t duration = 0;
  std::uint32_t size = 0;
  std::uint32_t flags = 0;
};

Defaults defaults_of(const Tfhd& tfhd, const TrackInfo* track) {
  Defaults defaults;
  if (track != nullptr) {
    defaults = {track->default_sample_duration, track->default_sample_size, track->default_sample_flags};
  }
  if ((tfhd.flags & Tfhd::kDefaultDuration) != 0) defaults.duration = tfhd.default_sample_duration;
  if ((tfhd.flags & Tfhd::kDefaultSize) != 0) defaults.size = tfhd.default_sample_size;
  if ((tfhd.flags & Tfhd::kDefaultFlags) != 0) defaults.flags = tfhd.default_sample_flags;
  return defaults;
}

void append_samples(const Trun& trun, const Defaults& defaults, std::uint64_t& offset, std::vector<Sample>& samples) {
  samples.reserve(samples.size() + trun.samples.size());
  bool first = true;
  for (const TrunSample& entry : trun.samples) {
    Sample sample;
    sample.offset = offset;
    sample.duration = (trun.flags & Trun::kDuration) != 0 ? entry.duration : defaults.duration;
    sample.size = (trun.flags & Trun::kSize) != 0 ? entry.size : defaults.size;
    sample.flags = (trun.flags & Trun::kFlags) != 0 ? entry.flags : defaults.flags;
    if (first && (trun.flags & Trun::kFirstSampleFlags) != 0) sample.flags = trun.first_sample_flags;
    sample.composition_offset = entry.composition_offset;
    offset += sample.size;
    first = false;
    samples.push_back(sample);
  }
}

Result<std::vector<SencEntry>> read_senc(const Senc& senc, std::uint8_t iv_size) {
  const bool with_subsamples = (senc.flags & Senc::kSubsamples) != 0;
  ByteReader reader(senc.entries);
  const std::size_t smallest = iv_size + (with_subsamples ? 2U : 0U);
  if (smallest == 0) return std::vector<SencEntry>{};  // a constant IV over whole samples: nothing to say
  AIRCHECK_TRY_VOID(reader.expect_elements(senc.sample_count, smallest));
  std::vector<SencEntry> entries(senc.sample_count);
  for (SencEntry& entry : entries) {
    AIRCHECK_TRY(const ByteView iv, reader.bytes(iv_size));
    entry.iv.assign(iv.begin(), iv.end());
    if (!with_subsamples) continue;
    AIRCHECK_TRY(const std::uint16_t count, reader.u16());
    AIRCHECK_TRY_VOID(reader.expect_elements(count, 6));
    entry.subsamples.resize(count);
    for (Subsample& subsample : entry.subsamples) {
      AIRCHECK_TRY(subsample.clear_bytes, reader.u16());
      AIRCHECK_TRY(subsample.protected_bytes, reader.u32());
    }
  }
  return entries;
}

Result<TrackFragment> read_traf(const Traf& traf, std::uint64_t moof_offset, const InitInfo* init) {
  TrackFragment fragment;
  fragment.track_id = traf.tfhd.track_id;
  fragment.base_media_decode_time = traf.tfdt ? traf.tfdt->base_media_decode_time : 0;
  const TrackInfo* track = init != nullptr ? init->find(fragment.track_id) : nullptr;
  if (init != nullptr && track == nullptr) return fail(Code::kParse, "is not a track of the init segment");
  const Defaults defaults = defaults_of(traf.tfhd, track);
  const bool own_base = (traf.tfhd.flags & Tfhd::kBaseDataOffset) != 0;
  const std::uint64_t base = own_base ? traf.tfhd.base_data_offset : moof_offset;
  std::uint64_t offset = base;
  for (const Trun& trun : traf.truns) {
    // Added modulo 2^64: a sum out of range is found where the samples are compared with the file.
    if ((trun.flags & Trun::kDataOffset) != 0)
      offset = base + static_cast<std::uint64_t>(std::int64_t{trun.data_offset});
    append_samples(trun, defaults, offset, fragment.samples);
  }
  if (traf.senc) {
    AIRCHECK_TRY(fragment.senc, read_senc(*traf.senc, track != nullptr ? track->per_sample_iv_size : kDefaultIvSize));
    if (!fragment.senc.empty() && fragment.senc.size() != fragment.samples.size()) {
      return fail(Code::kParse, "has " + std::to_string(fragment.samples.size()) + " samples but " +
                                    std::to_string(fragment.senc.size()) + " entries in 'senc'");
    }
  }
  return fragment;
}

Result<void> check_samples_inside(const FragmentInfo& info, std::uint64_t size) {
  for (const TrackFragment& track : info.tracks) {
    for (const Sample& sample : track.samples) {
      if (sample.offset <= size && sample.size <= size - sample.offset) continue;
      return fail(Code::kTruncated, "a sample of track " + std::to_string(track.track_id) + " lies outside the file");
    }
  }
  return {};
}

}  // namespace

std::uint64_t TrackFragment::duration() const {
  std::uint64_t sum = 0;
  for (const Sample& sample : samples) sum += sample.duration;
  return sum;
}

Result<FragmentInfo> parse_moof(ByteView moof_bytes, std::uint64_t moof_offset, const InitInfo* init) {
  AIRCHECK_TRY(const Moof moof, read_box<Moof>(moof_bytes));
  FragmentInfo info;
  info.sequence_number = moof.mfhd.sequence_number;
  info.end = moof_offset + moof_bytes.size();
  for (const Traf& traf : moof.trafs) {
    auto fragment = read_traf(traf, moof_offset, init);
    if (!fragment) {
      return Unexpected<Error>(fragment.error().with_context("track " + std::to_string(traf.tfhd.track_id)));
    }
    info.tracks.push_back(std::move(*fragment));
  }
  return info;
}

Result<std::vector<FragmentInfo>> parse_fragments(ByteView file, const InitInfo* init) {
  std::vector<FragmentInfo> fragments;
  std::uint64_t position = 0;
  while (position < file.size()) {
    AIRCHECK_TRY(const BoxView box, read_box_view(file.subspan(position)));
    if (box.header.type == Moof::kType) {
      AIRCHECK_TRY(FragmentInfo info, parse_moof(box.bytes, position, init));
      AIRCHECK_TRY_VOID(check_samples_inside(info, file.size()));
      fragments.push_back(std::move(info));
    }
    position += box.header.size;
  }
  if (fragments.empty()) return fail(Code::kParse, "has no box 'moof'");
  return fragments;
}

Result<FragmentInfo> parse_fragment(ByteView file, const InitInfo* init) {
  std::uint64_t position = 0;
  while (position < file.size()) {
    AIRCHECK_TRY(const BoxView box, read_box_view(file.subspan(position)));
    if (box.header.type != Moof::kType) {
      position += box.header.size;
      continue;
    }
    AIRCHECK_TRY(FragmentInfo info, parse_moof(box.bytes, position, init));
    AIRCHECK_TRY_VOID(check_samples_inside(info, file.size()));
    return info;
  }
  return fail(Code::kParse, "has no box 'moof'");
}

}  // namespace aircheck::core::bmff
