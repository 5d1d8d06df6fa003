// Where a decoder can begin.
#pragma once

#include <gst/gst.h>

#include "fmp4/track_config.hpp"

namespace aircheck::fmp4 {

// Whether an access unit with lengths of nal_length_size bytes is a random access point, by the type of its first
// slice: IDR in H.264 (ISO/IEC 14496-10 clause 7.4.1.2.4), IDR, CRA or BLA in HEVC (23008-2 clause 7.4.2.2). Encryption
// leaves lengths and headers of NAL units clear.
[[nodiscard]] bool is_random_access(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size);

// Whether a sequence parameter set stands before the first slice of the access unit.
[[nodiscard]] bool brings_parameter_sets(GstBuffer* access_unit, Codec codec, std::size_t nal_length_size);

}  // namespace aircheck::fmp4
