// protection=aes-128 (and clear): segments of the encrypted archive, protected in another way on the fly. Pure
// functions of bytes; they are slow and belong on pool threads.
#pragma once

#include "core/bmff/init.hpp"
#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/secret.hpp"

namespace aircheck::timeshift {

// The AES-128 key of a content key: derived, so that who gets one of them cannot compute the content key.
// BLAKE2b-128(key = content key, "aircheck aes-128 segments v1" | KID).
[[nodiscard]] core::ContentKey derive_aes128_key(const core::ContentKey& content_key, const core::KeyId& key_id);

// The media sequence number, big-endian: what RFC 8216 section 5.2 makes of a missing IV, so that a player that
// overlooks the attribute is right too.
[[nodiscard]] core::Bytes aes128_iv(std::uint64_t sequence);

// Decrypts the samples of `segment` where they stand; nothing moves.
core::Result<void> make_clear(core::Bytes& segment, const core::bmff::InitInfo& init, const core::ContentKey& key);

// The clear segment under the derived key.
core::Result<core::Bytes> make_aes128(core::Bytes segment, const core::bmff::InitInfo& init,
                                      const core::ContentKey& content_key, const core::KeyId& key_id,
                                      std::uint64_t sequence);

}  // namespace aircheck::timeshift
