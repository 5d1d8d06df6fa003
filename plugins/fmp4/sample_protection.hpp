// From the protection metadata of buffers (GstProtectionMeta, as qtdemux and cencenc make it) to the boxes of a
// fragment.
#pragma once

#include <optional>
#include <span>

#include "core/bmff/boxes_fragment.hpp"
#include "fmp4/mux_track.hpp"

namespace aircheck::fmp4 {

// What the metadata says beyond the one sample; nothing where it has no key id.
[[nodiscard]] std::optional<SampleKey> sample_key(GstBuffer* buffer);

// Fills senc, and saiz and saio where its entries are not empty, as Shaka Packager does; saio's offset is 0.
// kUnsupported for metadata that the track's scheme does not have.
core::Result<void> add_protection(std::span<const MuxSample> samples, core::bmff::Traf& traf);

}  // namespace aircheck::fmp4
