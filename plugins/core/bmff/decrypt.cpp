#include "core/bmff/decrypt.hpp"

#include <algorithm>

namespace aircheck::core::bmff {
namespace {

Result<CencScheme> scheme_of(const TrackInfo& track) {
  if (track.scheme == "cenc" && (track.per_sample_iv_size == 8 || track.per_sample_iv_size == 16)) {
    return CencScheme::kCenc;
  }
  const bool constant = track.constant_iv.size() == 8 || track.constant_iv.size() == 16;
  const bool pattern = track.crypt_byte_block != 0 || track.skip_byte_block == 0;
  if (track.scheme == "cbcs" && pattern && (track.per_sample_iv_size == 16 || constant)) return CencScheme::kCbcs;
  return fail(Code::kUnsupported, "is encrypted with scheme '" + track.scheme + "', IVs of " +
                                      std::to_string(track.per_sample_iv_size) + " bytes and a constant IV of " +
                                      std::to_string(track.constant_iv.size()) +
                                      ", not 'cenc' with 8 or 16 or 'cbcs' with a constant one");
}

// A track with a constant IV and no subsamples needs no 'senc'.
bool needs_senc(const TrackInfo& track) {
  return track.per_sample_iv_size != 0;
}

Result<void> check_track(const TrackFragment& traf, const TrackInfo& track) {
  AIRCHECK_TRY_VOID(scheme_of(track));
  if (traf.senc.empty() && !needs_senc(track)) return {};
  if (traf.senc.size() != traf.samples.size()) return fail(Code::kParse, "has no IVs for its samples");
  for (std::size_t i = 0; i < traf.senc.size(); ++i) {
    std::uint64_t sum = 0;
    for (const Subsample& part : traf.senc[i].subsamples) sum += part.clear_bytes + std::uint64_t{part.protected_bytes};
    if (!traf.senc[i].subsamples.empty() && sum != traf.samples[i].size) {
      return fail(Code::kParse, "has subsamples that do not add up to their sample");
    }
  }
  return {};
}

Result<void> check_decryptable(const FragmentInfo& fragment, const InitInfo& init) {
  for (const TrackFragment& traf : fragment.tracks) {
    const TrackInfo& track = *init.find(traf.track_id);
    if (track.scheme.empty()) continue;
    AIRCHECK_TRY_VOID(check_track(traf, track).with_context("track " + std::to_string(track.id)));
  }
  return {};
}

Result<void> decrypt_track(std::span<std::uint8_t> segment, const TrackFragment& traf, const TrackInfo& track,
                           SampleDecryptor& decryptor) {
  SampleProtection protection;
  protection.iv = track.constant_iv;
  protection.pattern = {track.crypt_byte_block, track.skip_byte_block};
  for (std::size_t i = 0; i < traf.samples.size(); ++i) {
    if (!traf.senc.empty()) {
      protection.subsamples = traf.senc[i].subsamples;
      if (!traf.senc[i].iv.empty()) protection.iv = traf.senc[i].iv;
    }
    const auto sample = segment.subspan(static_cast<std::size_t>(traf.samples[i].offset), traf.samples[i].size);
    AIRCHECK_TRY_VOID(decryptor.decrypt(sample, protection));
  }
  return {};
}

Result<void> decrypt_samples(std::span<std::uint8_t> segment, const FragmentInfo& fragment, const InitInfo& init,
                             const ContentKey& key) {
  for (const TrackFragment& traf : fragment.tracks) {
    const TrackInfo& track = *init.find(traf.track_id);
    if (track.scheme.empty()) continue;
    AIRCHECK_TRY(const CencScheme scheme, scheme_of(track));
    AIRCHECK_TRY(SampleDecryptor decryptor, SampleDecryptor::create(scheme, key));
    AIRCHECK_TRY_VOID(decrypt_track(segment, traf, track, decryptor));
  }
  return {};
}

// Renames the boxes that describe encryption in all trafs of all moofs, which have been parsed before.
void hide_encryption(std::span<std::uint8_t> bytes, int depth) {
  while (!bytes.empty()) {
    const auto box = read_box_view(bytes);
    if (!box) return;
    const FourCc type = box->header.type;
    if (type == Senc::kType || type == Saiz::kType || type == Saio::kType) {
      std::ranges::copy(as_bytes("free"), bytes.begin() + 4);
    } else if (depth < 2 && (type == Moof::kType || type == Traf::kType)) {
      hide_encryption(bytes.subspan(box->header.header_size, box->payload().size()), depth + 1);
    }
    bytes = bytes.subspan(box->bytes.size());
  }
}

}  // namespace

Result<void> decrypt_segment_in_place(std::span<std::uint8_t> segment, const InitInfo& init, const ContentKey& key) {
  AIRCHECK_TRY(const std::vector<FragmentInfo> fragments, parse_fragments(segment, &init));
  if (std::ranges::all_of(init.tracks, [](const TrackInfo& track) { return track.scheme.empty(); })) return {};
  for (const FragmentInfo& fragment : fragments) AIRCHECK_TRY_VOID(check_decryptable(fragment, init));
  for (const FragmentInfo& fragment : fragments) AIRCHECK_TRY_VOID(decrypt_samples(segment, fragment, init, key));
  hide_encryption(segment, 0);
  return {};
}

}  // namespace aircheck::core::bmff
