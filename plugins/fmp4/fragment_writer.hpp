// Turns a segment into bytes: styp, moof and the head of mdat are written, the payload goes by reference.
#pragma once

#include "core/result.hpp"
#include "fmp4/segmenter.hpp"
#include "gstx/ref.hpp"

namespace aircheck::fmp4 {

// [styp][moof][mdat header][samples of the first track ...][samples of the second ...]. Takes the samples' buffers out
// of the segment and clears their time stamps, which belong to other streams. The list is without a SegmentMeta.
// kUnsupported for a segment of 2 GiB or more, and for protection metadata that the track's scheme does not have.
core::Result<gstx::Ref<GstBufferList>> write_segment(Segment& segment, std::uint32_t fragment_number);

// What a buffer's protection metadata (GstProtectionMeta, as qtdemux and cencenc make it) says beyond the one sample;
// nothing where it has no key id.
[[nodiscard]] std::optional<SampleKey> sample_key(GstBuffer* buffer);

// Whether an access unit with lengths of nal_length_size bytes is a random access point, by the type of its first
// slice: IDR in H.264 (ISO/IEC 14496-10 clause 7.4.1.2.4), IDR, CRA or BLA in HEVC (23008-2 clause 7.4.2.2). Encryption
// leaves lengths and headers of NAL units clear.
[[nodiscard]] bool is_random_access(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size);

}  // namespace aircheck::fmp4
