#include "core/bmff/decrypt.hpp"

#include <algorithm>

namespace aircheck::core::bmff {
namespace {

Result<void> check_decryptable(const FragmentInfo& fragment, const InitInfo& init) {
  for (const TrackFragment& traf : fragment.tracks) {
    const TrackInfo* track = init.find(traf.track_id);
    if (track->scheme.empty()) continue;
    const std::string name = "track " + std::to_string(track->id);
    if (track->scheme != "cenc" || track->per_sample_iv_size != kDefaultIvSize) {
      return fail(Code::kUnsupported, name + " is encrypted with scheme '" + track->scheme + "' and IVs of " +
                                          std::to_string(track->per_sample_iv_size) + " bytes, not 'cenc' with 8");
    }
    if (traf.senc.size() != traf.samples.size()) return fail(Code::kParse, name + " has no IVs for its samples");
    for (std::size_t i = 0; i < traf.senc.size(); ++i) {
      std::uint64_t sum = 0;
      for (const Subsample& part : traf.senc[i].subsamples)
        sum += part.clear_bytes + std::uint64_t{part.protected_bytes};
      if (!traf.senc[i].subsamples.empty() && sum != traf.samples[i].size) {
        return fail(Code::kParse, name + " has subsamples that do not add up to their sample");
      }
    }
  }
  return {};
}

Result<void> decrypt_samples(std::span<std::uint8_t> segment, const FragmentInfo& fragment, const InitInfo& init,
                             CencCipher& cipher) {
  for (const TrackFragment& traf : fragment.tracks) {
    if (init.find(traf.track_id)->scheme.empty()) continue;
    for (std::size_t i = 0; i < traf.samples.size(); ++i) {
      CencIv iv{};
      std::ranges::copy(traf.senc[i].iv, iv.begin());
      const auto sample = segment.subspan(static_cast<std::size_t>(traf.samples[i].offset), traf.samples[i].size);
      AIRCHECK_TRY_VOID(cipher.apply(sample, traf.senc[i].subsamples, iv));
    }
  }
  return {};
}

// Renames the boxes that describe encryption in all trafs of the moof; the moof has been parsed before.
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
  AIRCHECK_TRY(const FragmentInfo fragment, parse_fragment(segment, &init));
  if (parse_fragment(ByteView(segment).subspan(static_cast<std::size_t>(fragment.end)))) {
    return fail(Code::kUnsupported, "has more than one moof");
  }
  if (std::ranges::all_of(init.tracks, [](const TrackInfo& track) { return track.scheme.empty(); })) return {};
  AIRCHECK_TRY_VOID(check_decryptable(fragment, init));
  AIRCHECK_TRY(CencCipher cipher, CencCipher::create(key));
  AIRCHECK_TRY_VOID(decrypt_samples(segment, fragment, init, cipher));
  hide_encryption(segment.first(static_cast<std::size_t>(fragment.end)), 0);
  return {};
}

}  // namespace aircheck::core::bmff
