#include "core/bmff/init.hpp"

#include <algorithm>

namespace aircheck::core::bmff {
namespace {

// Finds the first top-level box of type Box and reads it.
template <typename Box>
Result<Box> find_box(ByteView file) {
  while (!file.empty()) {
    AIRCHECK_TRY(const BoxView box, read_box_view(file));
    if (accepts<Box>(box.header.type)) return read_payload<Box>(box.payload(), box.header.type);
    file = file.subspan(box.bytes.size());
  }
  return fail(Code::kParse, "has no box '" + to_text(Box::kType) + "'");
}

void read_protection(const std::optional<Sinf>& sinf, TrackInfo& track) {
  if (!sinf) return;
  const Tenc& tenc = sinf->schi.tenc;
  track.format = sinf->frma.data_format;
  track.scheme = to_text(sinf->schm.scheme_type);
  track.default_key_id = tenc.key_id;
  track.per_sample_iv_size = tenc.per_sample_iv_size;
  track.constant_iv = tenc.constant_iv;
  track.crypt_byte_block = tenc.pattern >> 4;
  track.skip_byte_block = tenc.pattern & 0x0f;
}

Result<void> read_visual(const VisualSampleEntry& entry, TrackInfo& track) {
  track.format = entry.type;
  read_protection(entry.sinf, track);
  track.width = entry.width;
  track.height = entry.height;
  track.codec = codec_string(entry);
  if (entry.avcc) track.nal_length_size = entry.avcc->nal_length_size;
  if (entry.hvcc) track.nal_length_size = entry.hvcc->nal_length_size;
  return {};
}

Result<void> read_audio(const AudioSampleEntry& entry, TrackInfo& track) {
  track.format = entry.type;
  read_protection(entry.sinf, track);
  track.channels = entry.channel_count;
  track.sample_rate = entry.sample_rate >> 16;
  track.codec = codec_string(entry);
  if (entry.dops) {
    track.sample_rate = 48'000;  // what its decoder gives, whatever the entry says
    track.channels = entry.dops->channels;
  }
  if (!entry.esds || entry.esds->object_type != Esds::kMpeg4Audio) return {};
  AIRCHECK_TRY(const AacFormat format, parse_audio_specific_config(entry.esds->audio_specific_config));
  if (format.sample_rate != 0) track.sample_rate = format.sample_rate;
  if (format.channels != 0) track.channels = format.channels;
  return {};
}

std::string read_language(const Mdia& mdia) {
  if (mdia.elng) {
    const Bytes& text = mdia.elng->language;
    return {text.begin(), std::ranges::find(text, 0)};
  }
  std::string code;
  for (const int shift : {10, 5, 0}) code += static_cast<char>((mdia.mdhd.language >> shift & 0x1f) + 0x60);
  const bool letters = std::ranges::all_of(code, [](char c) { return c >= 'a' && c <= 'z'; });
  return letters && mdia.mdhd.language != Mdhd::kUndetermined ? code : "";
}

Result<TrackInfo> read_track(const Trak& trak, const std::optional<Mvex>& mvex) {
  TrackInfo track;
  track.id = trak.tkhd.track_id;
  track.timescale = trak.mdia.mdhd.timescale;
  track.language = read_language(trak.mdia);
  const Stsd& stsd = trak.mdia.minf.stbl.stsd;
  if (trak.mdia.hdlr.handler_type == fourcc("vide")) track.kind = TrackKind::kVideo;
  if (trak.mdia.hdlr.handler_type == fourcc("soun")) track.kind = TrackKind::kAudio;
  if (track.id == 0 || track.timescale == 0) {
    return fail(Code::kParse, "track " + std::to_string(track.id) + " has a track id or a timescale of 0");
  }
  if (!stsd.visual.empty()) {
    AIRCHECK_TRY_VOID(read_visual(stsd.visual.front(), track));
  } else if (!stsd.audio.empty()) {
    AIRCHECK_TRY_VOID(read_audio(stsd.audio.front(), track));
  } else if (!stsd.others.empty()) {
    AIRCHECK_TRY(const BoxView entry, read_box_view(stsd.others.front().bytes));
    track.format = entry.header.type;
    track.codec = to_text(track.format);
  }
  if (mvex) {
    const auto trex = std::ranges::find(mvex->trex, track.id, &Trex::track_id);
    if (trex != mvex->trex.end()) {
      track.default_sample_duration = trex->default_sample_duration;
      track.default_sample_size = trex->default_sample_size;
      track.default_sample_flags = trex->default_sample_flags;
    }
  }
  return track;
}

template <typename Entry>
void make_clear(std::vector<Entry>& entries) {
  for (Entry& entry : entries) {
    if (!entry.sinf) continue;
    entry.type = entry.sinf->frma.data_format;
    entry.sinf.reset();
  }
}

}  // namespace

const TrackInfo* InitInfo::find(std::uint32_t track_id) const {
  const auto found = std::ranges::find(tracks, track_id, &TrackInfo::id);
  return found == tracks.end() ? nullptr : &*found;
}

Result<InitInfo> parse_init(ByteView file) {
  AIRCHECK_TRY(const Moov moov, find_box<Moov>(file));
  InitInfo info;
  for (const Trak& trak : moov.traks) {
    AIRCHECK_TRY(TrackInfo track, read_track(trak, moov.mvex));
    if (info.find(track.id) != nullptr) {
      return fail(Code::kParse, "has two tracks with the id " + std::to_string(track.id));
    }
    info.tracks.push_back(std::move(track));
  }
  return info;
}

Result<Bytes> clear_init(ByteView encrypted_init) {
  BoxWriter writer;
  bool has_moov = false;
  while (!encrypted_init.empty()) {
    AIRCHECK_TRY(const BoxView box, read_box_view(encrypted_init));
    encrypted_init = encrypted_init.subspan(box.bytes.size());
    if (box.header.type != Moov::kType) {
      writer.rest(Bytes(box.bytes.begin(), box.bytes.end()));
      continue;
    }
    AIRCHECK_TRY(Moov moov, read_payload<Moov>(box.payload(), Moov::kType));
    moov.pssh.clear();
    for (Trak& trak : moov.traks) {
      make_clear(trak.mdia.minf.stbl.stsd.visual);
      make_clear(trak.mdia.minf.stbl.stsd.audio);
    }
    writer.box(moov);
    has_moov = true;
  }
  if (!has_moov) return fail(Code::kParse, "has no box 'moov'");
  return writer.take();
}

}  // namespace aircheck::core::bmff
