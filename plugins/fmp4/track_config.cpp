#include "fmp4/track_config.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <cstring>

#include "core/time.hpp"
#include "gstx/caps.hpp"

namespace aircheck::fmp4 {
namespace {

namespace bmff = core::bmff;
using bmff::fourcc;
using core::Bytes;
using core::Code;
using core::fail;
using core::Result;

constexpr std::uint32_t kVariableRateTimescale = 90'000;
constexpr std::uint32_t kLargestTimescale = 1'000'000;  // UTC in units stays below 2^53
constexpr std::uint32_t kAacFrameSamples = 1024;

// Numerator of the frame rate, times 1000 where that is below 1000.
void set_video_timescale(const GstStructure* structure, TrackConfig& config) {
  gint numerator = 0;
  gint denominator = 1;
  gst_structure_get_fraction(structure, "framerate", &numerator, &denominator);
  config.timescale = kVariableRateTimescale;
  if (numerator <= 0 || denominator <= 0) return;
  config.frame_rate_n = static_cast<std::uint32_t>(numerator);
  config.frame_rate_d = static_cast<std::uint32_t>(denominator);
  const std::int64_t factor = numerator < 1000 ? 1000 : 1;
  if (numerator * factor > kLargestTimescale) return;
  config.timescale = static_cast<std::uint32_t>(numerator * factor);
  config.nominal_duration = static_cast<std::uint32_t>(denominator * factor);
}

Result<Bytes> codec_data(const GstStructure* structure) {
  const auto buffer = gstx::buffer_field(structure, "codec_data");
  if (!buffer) return fail(Code::kInvalidArgument, "the caps have no codec_data: put a parser before");
  Bytes bytes(gst_buffer_get_size(buffer.get()));
  gst_buffer_extract(buffer.get(), 0, bytes.data(), bytes.size());
  return bytes;
}

void set_colour(const GstStructure* structure, bmff::VisualSampleEntry& entry) {
  const gchar* text = gst_structure_get_string(structure, "colorimetry");
  GstVideoColorimetry colour;
  if (text == nullptr || !gst_video_colorimetry_from_string(&colour, text)) return;
  bmff::Colr colr;
  colr.primaries = static_cast<std::uint16_t>(gst_video_color_primaries_to_iso(colour.primaries));
  colr.transfer = static_cast<std::uint16_t>(gst_video_transfer_function_to_iso(colour.transfer));
  colr.matrix = static_cast<std::uint16_t>(gst_video_color_matrix_to_iso(colour.matrix));
  colr.full_range = colour.range == GST_VIDEO_COLOR_RANGE_0_255 ? 0x80 : 0;
  entry.colr = colr;
}

Result<void> set_video(const GstStructure* structure, TrackConfig& config) {
  gint width = 0;
  gint height = 0;
  if (!gst_structure_get_int(structure, "width", &width) || !gst_structure_get_int(structure, "height", &height) ||
      width <= 0 || height <= 0 || width > UINT16_MAX || height > UINT16_MAX) {
    return fail(Code::kInvalidArgument, "the caps have no usable width and height");
  }
  config.visual.width = static_cast<std::uint16_t>(width);
  config.visual.height = static_cast<std::uint16_t>(height);
  gint par_n = 1;
  gint par_d = 1;
  gst_structure_get_fraction(structure, "pixel-aspect-ratio", &par_n, &par_d);
  if (par_n > 0 && par_d > 0 && par_n != par_d) {
    config.visual.pasp = bmff::Pasp{static_cast<std::uint32_t>(par_n), static_cast<std::uint32_t>(par_d)};
  } else {
    par_n = par_d = 1;
  }
  config.display_width = static_cast<std::uint32_t>(
      std::min<std::int64_t>(core::scale_round(std::int64_t{width} << 16, par_n, par_d), UINT32_MAX));
  AIRCHECK_TRY(const Bytes data, codec_data(structure));
  auto avcc = bmff::read_payload<bmff::AvcC>(data, bmff::AvcC::kType);
  if (!avcc) return core::Unexpected<core::Error>(avcc.error().with_context("codec_data"));
  config.visual.avcc = std::move(*avcc);
  set_colour(structure, config.visual);
  set_video_timescale(structure, config);
  return {};
}

Result<void> set_audio(const GstStructure* structure, TrackConfig& config) {
  AIRCHECK_TRY(Bytes data, codec_data(structure));
  const auto format = bmff::parse_audio_specific_config(data);
  if (!format) return core::Unexpected<core::Error>(format.error().with_context("codec_data"));
  gint rate = static_cast<gint>(format->sample_rate);
  gint channels = static_cast<gint>(format->channels);
  gst_structure_get_int(structure, "rate", &rate);
  gst_structure_get_int(structure, "channels", &channels);
  if (rate <= 0 || static_cast<std::uint32_t>(rate) > kLargestTimescale) {
    return fail(Code::kInvalidArgument, "the caps have no usable rate");
  }
  config.timescale = static_cast<std::uint32_t>(rate);
  config.nominal_duration = kAacFrameSamples;
  config.audio.channel_count = static_cast<std::uint16_t>(channels);
  config.audio.sample_rate = rate <= UINT16_MAX ? static_cast<std::uint32_t>(rate) << 16 : 0;
  config.audio.esds = bmff::Esds{.audio_specific_config = std::move(data)};
  return {};
}

bmff::Sinf sinf(const TrackConfig& config, bmff::FourCc format) {
  bmff::Sinf sinf;
  sinf.frma.data_format = format;
  sinf.schi.tenc.key_id = config.key_id.value_or(core::KeyId{});
  return sinf;
}

bmff::Trak write_trak(const InitTrack& track) {
  const TrackConfig& config = *track.config;
  bmff::Trak trak;
  trak.tkhd.track_id = track.track_id;
  trak.mdia.mdhd.timescale = config.timescale;
  bmff::Minf& minf = trak.mdia.minf;
  if (config.kind == TrackKind::kVideo) {
    trak.tkhd.width = config.display_width;
    trak.tkhd.height = static_cast<std::uint32_t>(config.visual.height) << 16;
    trak.mdia.hdlr = {fourcc("vide"), {'V', 'i', 'd', 'e', 'o', 0}};
    minf.vmhd.emplace();
    auto& entry = minf.stbl.stsd.visual.emplace_back(config.visual);
    if (config.encrypted) {
      entry.sinf = sinf(config, entry.type);
      entry.type = fourcc("encv");
    }
  } else {
    trak.tkhd.volume = 0x0100;
    trak.tkhd.alternate_group = 1;
    trak.mdia.hdlr = {fourcc("soun"), {'S', 'o', 'u', 'n', 'd', 0}};
    minf.smhd.emplace();
    auto& entry = minf.stbl.stsd.audio.emplace_back(config.audio);
    if (config.encrypted) {
      entry.sinf = sinf(config, entry.type);
      entry.type = fourcc("enca");
    }
  }
  return trak;
}

}  // namespace

bool TrackConfig::same_media(const TrackConfig& other) const {
  TrackConfig with_that_key = *this;
  with_that_key.key_id = other.key_id;
  return with_that_key == other;
}

std::string TrackConfig::codec() const {
  return kind == TrackKind::kVideo ? bmff::codec_string(visual) : bmff::codec_string(audio);
}

Result<TrackConfig> track_config_from_caps(TrackKind kind, const GstCaps* caps) {
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  TrackConfig config;
  config.kind = kind;
  if (gst_structure_has_name(structure, "application/x-cenc")) {
    config.encrypted = true;
    const gchar* scheme = gst_structure_get_string(structure, "cipher-mode");
    if (scheme != nullptr && std::strcmp(scheme, "cenc") != 0) {
      return fail(Code::kUnsupported, std::string("the caps have cipher-mode '") + scheme + "', only 'cenc' is known");
    }
  }
  AIRCHECK_TRY_VOID(kind == TrackKind::kVideo ? set_video(structure, config) : set_audio(structure, config));
  return config;
}

Bytes write_init(std::span<const InitTrack> tracks, bool write_pssh) {
  bmff::FileType ftyp{.type = fourcc("ftyp"), .major_brand = fourcc("iso6")};
  ftyp.compatible_brands = {fourcc("iso6"), fourcc("mp41")};
  if (tracks.size() == 1) ftyp.compatible_brands.push_back(fourcc("cmfc"));  // CMAF: one track in a file
  bmff::Moov moov;
  moov.mvex.emplace();
  bmff::Pssh pssh;
  for (const InitTrack& track : tracks) {
    moov.traks.push_back(write_trak(track));
    moov.mvex->trex.push_back(bmff::Trex{.track_id = track.track_id});
    moov.mvhd.next_track_id = std::max(moov.mvhd.next_track_id, track.track_id + 1);
    const auto& key_id = track.config->key_id;
    if (track.config->encrypted && key_id && std::ranges::find(pssh.key_ids, *key_id) == pssh.key_ids.end()) {
      pssh.key_ids.push_back(*key_id);
    }
  }
  if (write_pssh && !pssh.key_ids.empty()) moov.pssh.push_back(std::move(pssh));
  bmff::BoxWriter writer;
  writer.box(ftyp);
  writer.box(moov);
  return writer.take();
}

}  // namespace aircheck::fmp4
