// How long the slice headers of a stream are, read by GStreamer's codecparsers library.
#pragma once

#include <memory>

#include "core/cenc_subsamples.hpp"

struct _GstH264NalParser;
struct _GstH265Parser;

namespace aircheck::cenc {

// One stream: it remembers the parameter sets, those of codec_data and those that stand in the access units (avc3,
// hev1).
class ParsedSliceHeaders final : public core::SliceHeaders {
 public:
  explicit ParsedSliceHeaders(core::NalCodec codec);

  // Takes the AVCDecoderConfigurationRecord or HEVCDecoderConfigurationRecord of caps (ISO/IEC 14496-15 clauses 5.3.3.1
  // and 8.3.3.1) and says how the NAL units follow each other. kTruncated, kParse: it is none, or announces lengths of
  // 3 bytes. A parameter set in it that cannot be read is found when a slice refers to it.
  core::Result<core::NalFormat> configure(core::ByteView codec_data);

  // See core::SliceHeaders. kParse: a slice refers to parameter sets that have not come or cannot be read, or its
  // header is broken. kUnsupported: a slice of a further layer of HEVC.
  core::Result<std::size_t> header_size(core::ByteView nal) override;

 private:
  struct FreeH264 {
    void operator()(_GstH264NalParser* parser) const;
  };
  struct FreeH265 {
    void operator()(_GstH265Parser* parser) const;
  };

  core::Result<std::size_t> avc_header_size(core::ByteView nal);
  core::Result<std::size_t> hevc_header_size(core::ByteView nal);

  core::NalCodec codec_;
  std::unique_ptr<_GstH264NalParser, FreeH264> avc_;
  std::unique_ptr<_GstH265Parser, FreeH265> hevc_;
};

}  // namespace aircheck::cenc
