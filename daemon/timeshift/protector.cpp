#include "timeshift/protector.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/aes.hpp"
#include "core/bmff/decrypt.hpp"

namespace aircheck::timeshift {

core::ContentKey derive_aes128_key(const core::ContentKey& content_key, const core::KeyId& key_id) {
  constexpr std::string_view kPurpose = "aircheck aes-128 segments v1";
  std::array<std::uint8_t, core::ContentKey::kSize> derived{};
  crypto_generichash_state state;
  const auto secret = content_key.reveal();
  crypto_generichash_init(&state, secret.data(), secret.size(), derived.size());
  crypto_generichash_update(&state, core::as_bytes(kPurpose).data(), kPurpose.size());
  crypto_generichash_update(&state, key_id.data(), key_id.size());
  crypto_generichash_final(&state, derived.data(), derived.size());
  auto key = core::ContentKey::from_bytes(derived);
  sodium_memzero(derived.data(), derived.size());
  sodium_memzero(&state, sizeof state);
  return std::move(key).value();
}

core::Bytes aes128_iv(std::uint64_t sequence) {
  core::ByteWriter iv;
  iv.u64(0);
  iv.u64(sequence);
  return iv.take();
}

core::Result<void> make_clear(core::Bytes& segment, const core::bmff::InitInfo& init, const core::ContentKey& key) {
  return core::bmff::decrypt_segment_in_place(segment, init, key);
}

core::Result<core::Bytes> make_aes128(core::Bytes segment, const core::bmff::InitInfo& init,
                                      const core::ContentKey& content_key, const core::KeyId& key_id,
                                      std::uint64_t sequence) {
  AIRCHECK_TRY_VOID(make_clear(segment, init, content_key));
  core::AesBlock iv{};
  const core::Bytes bytes = aes128_iv(sequence);
  std::copy(bytes.begin(), bytes.end(), iv.begin());
  return core::aes_cbc_encrypt(derive_aes128_key(content_key, key_id), iv, std::move(segment));
}

}  // namespace aircheck::timeshift
