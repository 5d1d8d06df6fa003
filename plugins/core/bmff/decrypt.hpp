// Decrypts a media segment without moving a byte of it.
#pragma once

#include <span>

#include "core/bmff/fragment.hpp"
#include "core/secret.hpp"

namespace aircheck::core::bmff {

// Decrypts the samples of every track that `init` calls protected and renames senc, saiz and saio to `free`, so that
// the segment goes with clear_init() of its init. One key for all tracks. A segment that does not parse is left as it
// was. kUnsupported for another scheme than 'cenc' (IVs of 8 or 16 bytes) and 'cbcs' (constant IV, or IVs of 16 bytes).
Result<void> decrypt_segment_in_place(std::span<std::uint8_t> segment, const InitInfo& init, const ContentKey& key);

}  // namespace aircheck::core::bmff
