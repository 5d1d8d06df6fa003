// Decrypts what HLS players decrypt with METHOD=AES-128: by libcrypto itself, so that it is no code of ours.
#pragma once

#include <openssl/evp.h>

#include <memory>
#include <optional>

#include "core/bytes.hpp"
#include "core/secret.hpp"

namespace aircheck::test {

// Nothing where the length or the padding is wrong.
inline std::optional<core::Bytes> aes_cbc_decrypt(const core::ContentKey& key, core::ByteView iv,
                                                  core::ByteView ciphertext) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                &EVP_CIPHER_CTX_free);
  core::Bytes output(ciphertext.size() + 16);
  int size = 0;
  int rest = 0;
  const bool good =
      EVP_DecryptInit_ex(context.get(), EVP_aes_128_cbc(), nullptr, key.reveal().data(), iv.data()) == 1 &&
      EVP_DecryptUpdate(context.get(), output.data(), &size, ciphertext.data(), static_cast<int>(ciphertext.size())) ==
          1 &&
      EVP_DecryptFinal_ex(context.get(), output.data() + size, &rest) == 1;
  if (!good) return std::nullopt;
  output.resize(static_cast<std::size_t>(size + rest));
  return output;
}

}  // namespace aircheck::test
