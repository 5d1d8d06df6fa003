#include "cenc/slice_headers.hpp"

#include <gst/codecparsers/gsth264parser.h>
#include <gst/codecparsers/gsth265parser.h>

#include <string>

namespace aircheck::cenc {

namespace {

using core::ByteReader;
using core::ByteView;
using core::Code;
using core::fail;
using core::NalCodec;
using core::Result;

Result<std::size_t> length_size_of(std::uint8_t length_size_minus_one) {
  const std::size_t size = (length_size_minus_one & 3U) + 1U;
  if (size == 3) return fail(Code::kParse, "codec_data announces NAL unit lengths of 3 bytes");
  return size;
}

// `count` NAL units behind lengths of two bytes, shown to `headers` as if they came in the stream.
Result<void> show_units(ByteReader& reader, std::size_t count, core::SliceHeaders& headers) {
  for (std::size_t i = 0; i < count; ++i) {
    AIRCHECK_TRY(const std::uint16_t size, reader.u16());
    AIRCHECK_TRY(const ByteView nal, reader.bytes(size));
    if (!nal.empty()) AIRCHECK_TRY_VOID(headers.header_size(nal));
  }
  return {};
}

Result<std::size_t> read_avcc(ByteView record, core::SliceHeaders& headers) {
  ByteReader reader(record);
  AIRCHECK_TRY(const std::uint8_t version, reader.u8());
  if (version != 1) return fail(Code::kParse, "codec_data is no AVCDecoderConfigurationRecord");
  AIRCHECK_TRY_VOID(reader.skip(3));  // profile, compatibility, level
  AIRCHECK_TRY(const std::uint8_t length, reader.u8());
  AIRCHECK_TRY(const std::size_t length_size, length_size_of(length));
  AIRCHECK_TRY(const std::uint8_t sps, reader.u8());
  AIRCHECK_TRY_VOID(show_units(reader, sps & 0x1fU, headers));
  AIRCHECK_TRY(const std::uint8_t pps, reader.u8());
  AIRCHECK_TRY_VOID(show_units(reader, pps, headers));
  return length_size;
}

Result<std::size_t> read_hvcc(ByteView record, core::SliceHeaders& headers) {
  ByteReader reader(record);
  AIRCHECK_TRY(const std::uint8_t version, reader.u8());
  // GStreamer's own muxers wrote version 0 for long; the record is the same.
  if (version > 1) return fail(Code::kParse, "codec_data is no HEVCDecoderConfigurationRecord");
  AIRCHECK_TRY_VOID(reader.skip(20));  // profile to avgFrameRate
  AIRCHECK_TRY(const std::uint8_t length, reader.u8());
  AIRCHECK_TRY(const std::size_t length_size, length_size_of(length));
  AIRCHECK_TRY(const std::uint8_t arrays, reader.u8());
  for (std::size_t i = 0; i < arrays; ++i) {
    AIRCHECK_TRY_VOID(reader.skip(1));  // NAL_unit_type, which the units say too
    AIRCHECK_TRY(const std::uint16_t count, reader.u16());
    AIRCHECK_TRY_VOID(show_units(reader, count, headers));
  }
  return length_size;
}

// Both parsers give the position in bits behind the NAL header, emulation prevention bytes counted.
std::size_t clear_size(std::size_t nal_header, guint header_bits) {
  return nal_header + (header_bits + 7U) / 8U;
}

core::Unexpected<core::Error> fail_slice(bool missing_link, int type) {
  const std::string slice = "the header of a slice (NAL unit type " + std::to_string(type) + ")";
  if (missing_link) {
    return fail(Code::kParse, slice +
                                  " refers to parameter sets that have not come: scheme cbcs needs them in "
                                  "codec_data or before the slice");
  }
  return fail(Code::kParse, slice + " cannot be read");
}

}  // namespace

void ParsedSliceHeaders::FreeH264::operator()(_GstH264NalParser* parser) const {
  gst_h264_nal_parser_free(parser);
}

void ParsedSliceHeaders::FreeH265::operator()(_GstH265Parser* parser) const {
  gst_h265_parser_free(parser);
}

ParsedSliceHeaders::ParsedSliceHeaders(NalCodec codec) : codec_(codec) {
  if (codec == NalCodec::kAvc) {
    avc_.reset(gst_h264_nal_parser_new());
  } else {
    hevc_.reset(gst_h265_parser_new());
  }
}

Result<core::NalFormat> ParsedSliceHeaders::configure(ByteView codec_data) {
  auto length_size = codec_ == NalCodec::kAvc ? read_avcc(codec_data, *this) : read_hvcc(codec_data, *this);
  if (!length_size) return length_size.unexpected();
  return core::NalFormat{codec_, *length_size};
}

Result<std::size_t> ParsedSliceHeaders::header_size(ByteView nal) {
  auto size = codec_ == NalCodec::kAvc ? avc_header_size(nal) : hevc_header_size(nal);
  if (size && *size > nal.size()) return fail(Code::kParse, "a slice header is longer than its NAL unit");
  return size;
}

Result<std::size_t> ParsedSliceHeaders::avc_header_size(ByteView nal) {
  GstH264NalUnit unit{};
  unit.type = static_cast<guint16>(core::nal_type(codec_, nal));
  unit.ref_idc = static_cast<guint16>(nal.front() >> 5 & 3);
  unit.idr_pic_flag = unit.type == GST_H264_NAL_SLICE_IDR ? 1 : 0;
  unit.size = static_cast<guint>(nal.size());
  unit.valid = TRUE;
  unit.data = const_cast<guint8*>(nal.data());
  unit.header_bytes = 1;
  if (unit.type == GST_H264_NAL_SPS || unit.type == GST_H264_NAL_PPS) {
    // One that is broken is remembered as absent.
    static_cast<void>(gst_h264_parser_parse_nal(avc_.get(), &unit));
    return nal.size();
  }
  if (!core::is_slice(codec_, unit.type)) return nal.size();
  GstH264SliceHdr slice;
  const auto parsed = gst_h264_parser_parse_slice_hdr(avc_.get(), &unit, &slice, TRUE, TRUE);
  if (parsed != GST_H264_PARSER_OK) return fail_slice(parsed == GST_H264_PARSER_BROKEN_LINK, unit.type);
  return clear_size(unit.header_bytes, slice.header_size);
}

Result<std::size_t> ParsedSliceHeaders::hevc_header_size(ByteView nal) {
  if (nal.size() < 2) return nal.size();
  GstH265NalUnit unit{};
  unit.type = static_cast<guint8>(core::nal_type(codec_, nal));
  unit.layer_id = static_cast<guint8>((nal[0] & 1) << 5 | nal[1] >> 3);
  unit.temporal_id_plus1 = nal[1] & 7;
  unit.size = static_cast<guint>(nal.size());
  unit.valid = TRUE;
  unit.data = const_cast<guint8*>(nal.data());
  unit.header_bytes = 2;
  const bool slice_unit = core::is_slice(codec_, unit.type);
  if (unit.layer_id != 0) {
    if (!slice_unit) return nal.size();
    return fail(Code::kUnsupported, "HEVC of more than one layer cannot be encrypted with scheme cbcs");
  }
  if (unit.type == GST_H265_NAL_VPS || unit.type == GST_H265_NAL_SPS || unit.type == GST_H265_NAL_PPS) {
    static_cast<void>(gst_h265_parser_parse_nal(hevc_.get(), &unit));
    return nal.size();
  }
  if (!slice_unit) return nal.size();
  GstH265SliceHdr slice;
  const auto parsed = gst_h265_parser_parse_slice_hdr(hevc_.get(), &unit, &slice);
  if (parsed != GST_H265_PARSER_OK) return fail_slice(parsed == GST_H265_PARSER_BROKEN_LINK, unit.type);
  const std::size_t size = clear_size(unit.header_bytes, slice.header_size);
  gst_h265_slice_hdr_free(&slice);
  return size;
}

}  // namespace aircheck::cenc
