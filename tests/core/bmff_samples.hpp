// An init segment and a media segment as Aircheck writes them, small enough to try every truncation of them.
#pragma once

#include "core/bmff/fragment.hpp"
#include "core/bmff/init.hpp"
#include "core/segment_info.hpp"

namespace aircheck::core::bmff::samples {

inline const KeyId kKeyId{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
                          0x99, 0x00, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

inline Sinf sinf(FourCc format) {
  Sinf sinf;
  sinf.frma.data_format = format;
  sinf.schi.tenc.key_id = kKeyId;
  return sinf;
}

// Main profile, level 2, as x265 makes it.
inline HvcC hvcc() {
  HvcC config;
  config.profile = 1;
  config.compatibility = 0x60000000;
  config.constraints = {0x90};
  config.level = 60;
  config.layers = 0x03;
  config.arrays = {{0xa0, {{0x40, 1, 2}}}, {0xa1, {{0x42, 1}, {0x42, 2}}}, {0xa2, {{0x44, 1, 3}}}};
  return config;
}

inline VisualSampleEntry visual_entry() {
  VisualSampleEntry entry;
  entry.type = fourcc("encv");
  entry.width = 640;
  entry.height = 360;
  entry.avcc = AvcC{.profile = 0x64, .compatibility = 0, .level = 0x1f, .sps = {{0x67, 1, 2}}, .pps = {{0x68, 3}}};
  entry.avcc->extension = {0xfd, 0xf8, 0xf8, 0x00};
  entry.colr = Colr{.primaries = 1, .transfer = 1, .matrix = 1, .full_range = 0x80};
  entry.pasp = Pasp{.h_spacing = 64, .v_spacing = 45};
  entry.sinf = sinf(fourcc("avc1"));
  return entry;
}

inline AudioSampleEntry audio_entry() {
  AudioSampleEntry entry;
  entry.type = fourcc("enca");
  entry.sample_rate = 48000U << 16;
  entry.esds = Esds{.max_bitrate = 128000, .average_bitrate = 128000, .audio_specific_config = {0x11, 0x90}};
  entry.sinf = sinf(fourcc("mp4a"));
  return entry;
}

inline Trak trak(std::uint32_t id, FourCc handler, std::uint32_t timescale) {
  Trak trak;
  trak.tkhd.track_id = id;
  trak.mdia.mdhd.timescale = timescale;
  trak.mdia.hdlr = {.handler_type = handler, .name = {0}};
  return trak;
}

inline Moov moov() {
  Trak video = trak(1, fourcc("vide"), 25000);
  video.mdia.minf.vmhd.emplace();
  video.mdia.minf.stbl.stsd.visual = {visual_entry()};
  Trak audio = trak(2, fourcc("soun"), 48000);
  audio.mdia.minf.smhd.emplace();
  audio.mdia.minf.stbl.stsd.audio = {audio_entry()};
  Moov moov;
  moov.mvhd.next_track_id = 3;
  moov.traks = {video, audio};
  moov.mvex = Mvex{{Trex{.track_id = 1}, Trex{.track_id = 2}}};
  moov.pssh = {Pssh{.key_ids = {kKeyId}}};
  return moov;
}

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline Bytes init_segment() {
  const FileType ftyp{.type = fourcc("ftyp"), .major_brand = fourcc("iso6"), .compatible_brands = {fourcc("mp41")}};
  return write_box(ftyp) + write_box(moov());
}

// HEVC under cbcs and Opus, with what else stands in a sample entry.
inline Bytes other_init_segment() {
  Moov other = moov();
  VisualSampleEntry& video = other.traks[0].mdia.minf.stbl.stsd.visual[0];
  video.avcc.reset();
  video.hvcc = hvcc();
  video.mdcv = Mdcv{.max_luminance = 10'000'000, .min_luminance = 1};
  video.clli = Clli{1000, 400};
  video.btrt = Btrt{0, 5'000'000, 4'000'000};
  video.sinf = sinf(fourcc("hvc1"));
  video.sinf->schm.scheme_type = fourcc("cbcs");
  video.sinf->schi.tenc = {
      .version = 1, .pattern = 0x19, .per_sample_iv_size = 0, .key_id = kKeyId, .constant_iv = Bytes(16, 7)};
  AudioSampleEntry& audio = other.traks[1].mdia.minf.stbl.stsd.audio[0];
  audio.type = fourcc("Opus");
  audio.esds.reset();
  audio.sinf.reset();
  audio.dops = DOps{.channels = 6, .mapping_family = 1, .stream_count = 4, .coupled_count = 2, .mapping = Bytes(6, 1)};
  other.traks[1].mdia.elng = Elng{{'p', 't', '-', 'B', 'R', 0}};
  return write_box(other);
}

// Two protected video samples, of 20 and 12 bytes, the first with subsamples (4, 16), the second (12, 0).
inline Moof moof(std::int32_t data_offset) {
  Trun trun;
  trun.flags = Trun::kDataOffset | Trun::kDuration | Trun::kSize | Trun::kFlags | Trun::kCompositionOffset;
  trun.data_offset = data_offset;
  trun.samples = {{.duration = 1000, .size = 20, .flags = 0x02000000},
                  {.duration = 1000, .size = 12, .flags = 0x01010000, .composition_offset = -1000}};
  ByteWriter entries;
  entries.u64(1);
  entries.u16(1);
  entries.u16(4);
  entries.u32(16);
  entries.u64(2);
  entries.u16(1);
  entries.u16(12);
  entries.u32(0);
  Traf traf;
  traf.tfhd.track_id = 1;
  traf.tfdt = Tfdt{.base_media_decode_time = 44300000000000};
  traf.truns = {trun};
  traf.saiz = Saiz{.default_sample_info_size = 16, .sample_count = 2};
  traf.saio = Saio{.offsets = {200}};
  traf.senc = Senc{.flags = Senc::kSubsamples, .sample_count = 2, .entries = entries.take()};
  return Moof{.mfhd = {.sequence_number = 7}, .trafs = {traf}};
}

inline SegmentInfo segment_info() {
  SegmentInfo info;
  info.sequence = 295335000;
  info.discontinuity_sequence = 3;
  info.start = Utc::from_seconds(1'772'029'800);
  info.duration_ns = 5'960'000'000;
  info.epoch = 1;
  info.discontinuity = true;
  info.key_id = kKeyId;
  info.init_name = "ch1-init-0123456789abcdef.mp4";
  info.target_duration_s = 6;
  info.max_duration_s = 7;
  return info;
}

inline Bytes media_segment() {
  const FileType styp{.type = fourcc("styp"), .major_brand = fourcc("msdh"), .compatible_brands = {fourcc("iso6")}};
  const auto moof_size = static_cast<std::int32_t>(write_box(moof(0)).size());
  ByteWriter mdat;
  mdat.u32(8 + 32);
  mdat.u32(fourcc("mdat"));
  for (std::uint8_t i = 0; i < 32; ++i) mdat.u8(i);
  return write_box(styp) + write_segment_info_box(segment_info()) + write_box(moof(moof_size + 8)) + mdat.take();
}

// Two chunks behind an index, each with its producer reference time.
inline Bytes chunked_segment() {
  const Bytes segment = media_segment();
  const Sidx sidx{
      .reference_id = 1, .timescale = 25'000, .references = {{100, 2000, Sidx::kStartsWithSap}, {100, 1, 0}}};
  constexpr std::uint64_t kHalfPast = (1'772'029'800 + 2'208'988'800ULL) << 32U | 0x80000000U;
  const Bytes chunk = write_box(Prft{.track_id = 1, .ntp_time = kHalfPast, .media_time = 12'500}) + segment;
  return write_box(sidx) + chunk + chunk;
}

}  // namespace aircheck::core::bmff::samples
