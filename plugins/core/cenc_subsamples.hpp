// Which bytes of an access unit Common Encryption protects (ISO/IEC 23001-7 clauses 9.5 and 10).
#pragma once

#include <cstddef>

#include "core/cenc.hpp"

namespace aircheck::core {

enum class NalCodec { kAvc, kHevc };

// NAL units that each follow a length of length_size (1, 2 or 4) bytes.
struct NalFormat {
  NalCodec codec = NalCodec::kAvc;
  std::size_t length_size = 4;
};

// nal_unit_type; `nal` has a byte at least.
[[nodiscard]] int nal_type(NalCodec codec, ByteView nal);
// A unit that carries coded pictures: H.264 types 1 to 5 (ITU-T H.264 table 7-1), HEVC types below 32 (H.265 table
// 7-1).
[[nodiscard]] bool is_vcl(NalCodec codec, int type);
// A unit that begins with a slice header and is no data partition and of no reserved type: H.264 types 1 and 5, HEVC
// types 0 to 9 and 16 to 21.
[[nodiscard]] bool is_slice(NalCodec codec, int type);

// Whether decoding can begin with this access unit: its first VCL unit is of an IDR picture, in HEVC of any IRAP
// picture (IDR, CRA, BLA). False for an access unit that is broken before its first VCL unit.
[[nodiscard]] bool is_random_access(ByteView access_unit, NalFormat format);

// Scheme `cenc`: a VCL unit of 112 bytes and more with its length has its first 96 to 111 bytes clear, which is beyond
// any slice header that players read, and the rest, a multiple of 16 bytes (clause 9.5.2.4), protected. Everything else
// stays clear, and slices for which there is no room in the map. At most SubsampleMap::kCapacity entries.
// kTruncated: a NAL unit goes beyond the sample. kUnsupported: 40 entries cannot describe a sample of that size.
Result<SubsampleMap> cenc_subsamples(ByteView access_unit, NalFormat format);

// Knows how long slice headers are.
class SliceHeaders {
 public:
  // Called for every NAL unit in order, so that it sees parameter sets too. For a slice: the bytes of its NAL header
  // and slice header, emulation prevention bytes included, at most nal.size(). For other units the answer is not used.
  virtual Result<std::size_t> header_size(ByteView nal) = 0;

 protected:
  ~SliceHeaders() = default;
};

// Scheme `cbcs` (clause 10.4.2): a slice is clear up to the end of its header and protected from there to its end;
// everything else stays clear, and slices for which there is no room in the map. At most
// SubsampleMap::kCapacity entries, although a constant IV leaves room for two more. Errors as above, and those of
// `headers`.
Result<SubsampleMap> cbcs_subsamples(ByteView access_unit, NalFormat format, SliceHeaders& headers);

// A sample that stays clear in a protected track. kUnsupported: the entries cannot describe so many bytes.
Result<SubsampleMap> clear_subsamples(std::size_t sample_size, std::size_t capacity);

}  // namespace aircheck::core
