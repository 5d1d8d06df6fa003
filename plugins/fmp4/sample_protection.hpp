// From the protection metadata of buffers (GstProtectionMeta, as qtdemux and cencenc make it) to the boxes of a
// fragment.
#pragma once

#include <span>

#include "core/bmff/boxes_fragment.hpp"
#include "fmp4/mux_track.hpp"

namespace aircheck::fmp4 {

// Reads the metadata of an incoming sample of a track of this format and takes it off its buffer, which is the only one
// to hold it then: it is a dozen allocations, best freed by the thread that made them, and a segment waits for long.
// Fills `key`, which stays empty where the metadata has no key id, and `protection`. kUnsupported for metadata that the
// track's scheme does not have.
core::Result<void> take_protection(const TrackConfig& config, IncomingSample& sample);

// Fills senc, and saiz and saio where its entries are not empty, as Shaka Packager does; saio's offset is 0.
void add_protection(std::span<const MuxSample> samples, core::bmff::Traf& traf);

}  // namespace aircheck::fmp4
