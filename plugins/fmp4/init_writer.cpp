#include "fmp4/init_writer.hpp"

#include <algorithm>

namespace aircheck::fmp4 {
namespace {

namespace bmff = core::bmff;
using bmff::fourcc;
using core::Bytes;

bmff::Sinf sinf(const TrackConfig& config, bmff::FourCc format) {
  bmff::Sinf sinf;
  sinf.frma.data_format = format;
  sinf.schm.scheme_type = config.scheme;
  bmff::Tenc& tenc = sinf.schi.tenc;
  tenc.key_id = config.key.key_id.value_or(core::KeyId{});
  if (config.scheme == fourcc("cbcs")) {
    tenc.version = 1;
    tenc.pattern = static_cast<std::uint8_t>(config.key.crypt_byte_block << 4U | config.key.skip_byte_block);
  }
  if (config.key.constant_iv) {
    tenc.per_sample_iv_size = 0;
    tenc.constant_iv.assign(config.key.constant_iv->begin(), config.key.constant_iv->end());
  }
  return sinf;
}

// ISO/IEC 14496-12 clause 8.4.3: UTF-8 that ends with a zero byte.
bmff::Hdlr handler(bmff::FourCc type, const std::string& name) {
  core::Bytes text(name.begin(), name.end());
  text.push_back(0);
  return {type, std::move(text)};
}

bmff::Trak write_trak(const InitTrack& track) {
  const TrackConfig& config = *track.config;
  bmff::Trak trak;
  trak.tkhd.track_id = track.track_id;
  trak.mdia.mdhd.timescale = config.timescale;
  const TrackTags& tags = config.tags;
  trak.mdia.mdhd.language = mdhd_language(tags.language);
  if (tags.language.find('-') != std::string::npos) {  // more than mdhd can say
    trak.mdia.elng.emplace().language.assign(tags.language.begin(), tags.language.end());
    trak.mdia.elng->language.push_back(0);
  }
  std::optional<bmff::Btrt> btrt;
  if (tags.average_bitrate != 0 || tags.max_bitrate != 0) {
    btrt = {.max_bitrate = std::max(tags.max_bitrate, tags.average_bitrate), .average_bitrate = tags.average_bitrate};
  }
  bmff::Minf& minf = trak.mdia.minf;
  if (config.kind == TrackKind::kVideo) {
    trak.tkhd.width = config.display_width;
    trak.tkhd.height = static_cast<std::uint32_t>(config.visual.height) << 16;
    trak.mdia.hdlr = handler(fourcc("vide"), config.name.empty() ? "Video" : config.name);
    minf.vmhd.emplace();
    auto& entry = minf.stbl.stsd.visual.emplace_back(config.visual);
    entry.btrt = btrt;
    if (config.encrypted()) {
      entry.sinf = sinf(config, entry.type);
      entry.type = fourcc("encv");
    }
  } else {
    trak.tkhd.volume = 0x0100;
    trak.tkhd.alternate_group = 1;
    trak.mdia.hdlr = handler(fourcc("soun"), config.name.empty() ? "Sound" : config.name);
    minf.smhd.emplace();
    auto& entry = minf.stbl.stsd.audio.emplace_back(config.audio);
    entry.btrt = btrt;
    if (config.encrypted()) {
      entry.sinf = sinf(config, entry.type);
      entry.type = fourcc("enca");
    }
  }
  return trak;
}

}  // namespace

Bytes write_init(std::span<const InitTrack> tracks, std::vector<core::KeyId> key_ids) {
  bmff::FileType ftyp{.type = fourcc("ftyp"), .major_brand = fourcc("iso6")};
  ftyp.compatible_brands = {fourcc("iso6"), fourcc("mp41")};
  if (tracks.size() == 1) {  // CMAF: one track in a file
    ftyp.compatible_brands.push_back(fourcc("cmfc"));
    // What it adds is about composition offsets of video, which it wants signed and without a delay of tfdt.
    if (tracks.front().config->kind == TrackKind::kAudio) ftyp.compatible_brands.push_back(fourcc("cmf2"));
  }
  bmff::Moov moov;
  moov.mvex.emplace();
  for (const InitTrack& track : tracks) {
    moov.traks.push_back(write_trak(track));
    moov.mvex->trex.push_back(bmff::Trex{.track_id = track.track_id});
    moov.mvhd.next_track_id = std::max(moov.mvhd.next_track_id, track.track_id + 1);
  }
  if (!key_ids.empty()) moov.pssh.push_back(bmff::Pssh{.key_ids = std::move(key_ids)});
  bmff::BoxWriter writer;
  writer.box(ftyp);
  writer.box(moov);
  return writer.take();
}

}  // namespace aircheck::fmp4
