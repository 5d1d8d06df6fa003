#include "fmp4/track_config.hpp"

#include <gst/video/video.h>

#include <algorithm>
#include <string_view>

#include "core/time.hpp"
#include "fmp4/parameter_sets.hpp"
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
constexpr gint kOpusRate = 48'000;  // of the decoder, whatever went into the encoder
constexpr std::uint32_t kOpusFrameSamples = 960;

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

// GStreamer's macros for this cast const away.
const GValue* array_field(const GstStructure* structure, const char* name) {
  const bool there = gst_structure_has_field_typed(structure, name, GST_TYPE_ARRAY) != FALSE;
  return there ? gst_structure_get_value(structure, name) : nullptr;
}

Bytes bytes_of(GstBuffer* buffer) {
  Bytes bytes(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
  return bytes;
}

Result<Bytes> codec_data(const GstStructure* structure) {
  const auto buffer = gstx::buffer_field(structure, "codec_data");
  if (!buffer) return fail(Code::kInvalidArgument, "the caps have no codec_data: put a parser before");
  return bytes_of(buffer.get());
}

// The caps win over the parameter sets, which need not be right about what a container says otherwise.
void set_aspect_ratio(const GstStructure* structure, TrackConfig& config) {
  std::optional<bmff::Pasp>& pasp = config.visual.pasp;
  gint par_n = 0;
  gint par_d = 0;
  const bool told = gst_structure_get_fraction(structure, "pixel-aspect-ratio", &par_n, &par_d) != FALSE;
  if (told && par_n > 0 && par_d > 0) {
    pasp = bmff::Pasp{static_cast<std::uint32_t>(par_n), static_cast<std::uint32_t>(par_d)};
  }
  if (pasp && pasp->h_spacing == pasp->v_spacing) pasp.reset();
  const bmff::Pasp shape = pasp.value_or(bmff::Pasp{});
  config.display_width = static_cast<std::uint32_t>(std::min<std::int64_t>(
      core::scale_round(std::int64_t{config.visual.width} << 16, shape.h_spacing, shape.v_spacing), UINT32_MAX));
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

// What HDR needs beside the colour.
void set_light(const GstCaps* caps, bmff::VisualSampleEntry& entry) {
  GstVideoMasteringDisplayInfo display;
  if (gst_video_mastering_display_info_from_caps(&display, caps)) {
    bmff::Mdcv& mdcv = entry.mdcv.emplace();
    for (std::size_t i = 0; i < mdcv.primaries.size(); ++i) {  // caps say red, green, blue
      const auto& primary = display.display_primaries[(i + 1) % 3];
      mdcv.primaries.at(i) = {primary.x, primary.y};
    }
    mdcv.white = {display.white_point.x, display.white_point.y};
    mdcv.max_luminance = display.max_display_mastering_luminance;
    mdcv.min_luminance = display.min_display_mastering_luminance;
  }
  GstVideoContentLightLevel light;
  if (gst_video_content_light_level_from_caps(&light, caps)) {
    entry.clli = bmff::Clli{light.max_content_light_level, light.max_frame_average_light_level};
  }
}

// A sample entry whose parameter sets are in the samples may have none of its own.
Result<void> set_decoder_configuration(const GstStructure* structure, TrackConfig& config) {
  AIRCHECK_TRY(const Bytes data, codec_data(structure));
  const gchar* text = gst_structure_get_string(structure, "stream-format");
  const std::string_view format = text != nullptr ? text : "";
  const bool in_samples = format == "avc3" || format == "hev1";
  StreamFacts facts;
  if (config.codec == Codec::kH264) {
    config.visual.type = format == "avc3" ? fourcc("avc3") : fourcc("avc1");
    auto avcc = bmff::read_payload<bmff::AvcC>(data, bmff::AvcC::kType);
    if (!avcc) return core::Unexpected<core::Error>(avcc.error().with_context("codec_data"));
    facts = read_parameter_sets(*avcc);
    config.visual.avcc = std::move(*avcc);
  } else {
    config.visual.type = format == "hev1" ? fourcc("hev1") : fourcc("hvc1");
    auto hvcc = bmff::read_payload<bmff::HvcC>(data, bmff::HvcC::kType);
    if (!hvcc) return core::Unexpected<core::Error>(hvcc.error().with_context("codec_data"));
    facts = read_parameter_sets(*hvcc);
    config.visual.hvcc = std::move(*hvcc);
  }
  config.reorder_depth = facts.reorder_depth;
  config.visual.pasp = facts.pasp;
  config.visual.colr = std::move(facts.colr);
  if (in_samples || config.has_parameter_sets()) return {};
  return fail(Code::kInvalidArgument, "the codec_data has no parameter sets: put a parser before");
}

Result<void> set_video(const GstCaps* caps, TrackConfig& config) {
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  gint width = 0;
  gint height = 0;
  if (!gst_structure_get_int(structure, "width", &width) || !gst_structure_get_int(structure, "height", &height) ||
      width <= 0 || height <= 0 || width > UINT16_MAX || height > UINT16_MAX) {
    return fail(Code::kInvalidArgument, "the caps have no usable width and height");
  }
  config.visual.width = static_cast<std::uint16_t>(width);
  config.visual.height = static_cast<std::uint16_t>(height);
  AIRCHECK_TRY_VOID(set_decoder_configuration(structure, config));
  set_aspect_ratio(structure, config);
  set_colour(structure, config.visual);
  set_light(caps, config.visual);
  set_video_timescale(structure, config);
  return {};
}

Result<std::uint32_t> audio_rate(gint rate) {
  if (rate > 0 && static_cast<std::uint32_t>(rate) <= kLargestTimescale) return static_cast<std::uint32_t>(rate);
  return fail(Code::kInvalidArgument, "the caps have no usable rate");
}

Result<void> set_aac(const GstStructure* structure, TrackConfig& config) {
  AIRCHECK_TRY(Bytes data, codec_data(structure));
  const auto format = bmff::parse_audio_specific_config(data);
  if (!format) return core::Unexpected<core::Error>(format.error().with_context("codec_data"));
  gint rate = static_cast<gint>(format->sample_rate);
  gint channels = static_cast<gint>(format->channels);
  gst_structure_get_int(structure, "rate", &rate);
  gst_structure_get_int(structure, "channels", &channels);
  AIRCHECK_TRY(config.timescale, audio_rate(rate));
  config.nominal_duration = kAacFrameSamples;
  config.audio.channel_count = static_cast<std::uint16_t>(channels);
  config.audio.sample_rate = rate <= UINT16_MAX ? static_cast<std::uint32_t>(rate) << 16 : 0;
  config.audio.esds = bmff::Esds{.audio_specific_config = std::move(data)};
  return {};
}

// An identification header (RFC 7845 section 5.1), whose integers are little-endian.
Result<bmff::DOps> parse_opus_head(const Bytes& head) {
  constexpr std::string_view kMagic = "OpusHead";
  constexpr std::size_t kFixedSize = 19;
  constexpr std::size_t kMappingOffset = 21;
  const bool known = head.size() >= kFixedSize && std::equal(kMagic.begin(), kMagic.end(), head.begin());
  if (!known) return fail(Code::kParse, "is not an identification header of Opus");
  const auto little = [&head](std::size_t at, std::size_t size) {
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | head[at + i];
    return value;
  };
  bmff::DOps dops{.channels = head[9],
                  .pre_skip = static_cast<std::uint16_t>(little(10, 2)),
                  .input_sample_rate = little(12, 4),
                  .output_gain = static_cast<std::int16_t>(little(16, 2)),
                  .mapping_family = head[18]};
  if (dops.mapping_family == 0) return dops;
  if (head.size() < kMappingOffset + dops.channels) return fail(Code::kTruncated, "ends within its channel mapping");
  dops.stream_count = head[kFixedSize];
  dops.coupled_count = head[kFixedSize + 1];
  dops.mapping.assign(head.begin() + kMappingOffset, head.begin() + kMappingOffset + dops.channels);
  return dops;
}

// Where a stream comes without its header, what the caps say of it.
Result<bmff::DOps> opus_from_fields(const GstStructure* structure) {
  gint channels = 0;
  gint rate = kOpusRate;
  gint family = 0;
  gint streams = 0;
  gint coupled = 0;
  gst_structure_get_int(structure, "channels", &channels);
  gst_structure_get_int(structure, "rate", &rate);
  gst_structure_get_int(structure, "channel-mapping-family", &family);
  gst_structure_get_int(structure, "stream-count", &streams);
  gst_structure_get_int(structure, "coupled-count", &coupled);
  if (channels <= 0 || channels > UINT8_MAX || rate <= 0) {
    return fail(Code::kInvalidArgument,
                "the caps have neither a streamheader nor usable channels: put opusparse before");
  }
  bmff::DOps dops{.channels = static_cast<std::uint8_t>(channels),
                  .input_sample_rate = static_cast<std::uint32_t>(rate),
                  .mapping_family = static_cast<std::uint8_t>(family),
                  .stream_count = static_cast<std::uint8_t>(streams),
                  .coupled_count = static_cast<std::uint8_t>(coupled)};
  if (family == 0) return dops;
  const GValue* mapping = array_field(structure, "channel-mapping");
  if (mapping == nullptr || gst_value_array_get_size(mapping) != static_cast<guint>(channels)) {
    return fail(Code::kInvalidArgument, "the caps have no channel-mapping for their channels");
  }
  for (guint i = 0; i < dops.channels; ++i) {
    dops.mapping.push_back(static_cast<std::uint8_t>(g_value_get_int(gst_value_array_get_value(mapping, i))));
  }
  return dops;
}

Result<void> set_opus(const GstStructure* structure, TrackConfig& config) {
  gstx::Ref<GstBuffer> header = gstx::buffer_field(structure, "codec_data");
  const GValue* headers = array_field(structure, "streamheader");
  if (!header && headers != nullptr && gst_value_array_get_size(headers) > 0) {
    header = gstx::Ref<GstBuffer>::retain(gst_value_get_buffer(gst_value_array_get_value(headers, 0)));
  }
  auto dops = header ? parse_opus_head(bytes_of(header.get())) : opus_from_fields(structure);
  if (!dops) return core::Unexpected<core::Error>(header ? dops.error().with_context("streamheader") : dops.error());
  config.timescale = kOpusRate;
  config.nominal_duration = kOpusFrameSamples;
  config.audio.type = fourcc("Opus");
  config.audio.channel_count = dops->channels;
  config.audio.sample_rate = std::uint32_t{kOpusRate} << 16;
  config.audio.dops = std::move(*dops);
  return {};
}

}  // namespace

bool TrackConfig::same_media(const TrackConfig& other) const {
  TrackConfig with_that_key = *this;
  with_that_key.key = other.key;
  return with_that_key == other;
}

bool TrackConfig::has_parameter_sets() const {
  if (visual.avcc) return !visual.avcc->sps.empty() && !visual.avcc->pps.empty();
  return !visual.hvcc || !visual.hvcc->arrays.empty();
}

std::size_t TrackConfig::nal_length_size() const {
  if (visual.avcc) return visual.avcc->nal_length_size;
  return visual.hvcc ? visual.hvcc->nal_length_size : 0;
}

std::string TrackConfig::codec_string() const {
  return kind == TrackKind::kVideo ? bmff::codec_string(visual) : bmff::codec_string(audio);
}

Result<TrackConfig> track_config_from_caps(TrackKind kind, const GstCaps* caps) {
  const GstStructure* structure = gst_caps_get_structure(caps, 0);
  TrackConfig config;
  config.kind = kind;
  std::string_view type = gst_structure_get_name(structure);
  if (type == "application/x-cenc") {
    const gchar* scheme = gst_structure_get_string(structure, "cipher-mode");
    const std::string_view mode = scheme != nullptr ? scheme : "cenc";
    if (mode != "cenc" && mode != "cbcs") {
      return fail(Code::kUnsupported, "the caps have cipher-mode '" + std::string(mode) + "', known are cenc and cbcs");
    }
    config.scheme = mode == "cenc" ? fourcc("cenc") : fourcc("cbcs");
    const gchar* original = gst_structure_get_string(structure, "original-media-type");
    type = original != nullptr ? original : "";
  }
  if (kind == TrackKind::kVideo) {
    config.codec = type == "video/x-h265" ? Codec::kH265 : Codec::kH264;
    AIRCHECK_TRY_VOID(set_video(caps, config));
  } else {
    config.codec = type == "audio/x-opus" ? Codec::kOpus : Codec::kAac;
    AIRCHECK_TRY_VOID(config.codec == Codec::kOpus ? set_opus(structure, config) : set_aac(structure, config));
  }
  return config;
}

}  // namespace aircheck::fmp4
