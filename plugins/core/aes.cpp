#include "core/aes.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace aircheck::core {

namespace {

// EVP counts in int: longer data goes in pieces of whole blocks.
constexpr std::size_t kMaxUpdate = std::size_t{1} << 30;

Unexpected<Error> fail_cipher(const char* what) {
  return fail(Code::kInternal, std::string("libcrypto refuses ") + what);
}

// Runs all of `input` through a context that is set up, and takes the padding into account. Output needs room for one
// block more than the input; returns the bytes written.
Result<std::size_t> run_cbc(EVP_CIPHER_CTX* context, ByteView input, std::uint8_t* output) {
  std::size_t written = 0;
  while (!input.empty()) {
    const std::size_t count = std::min(input.size(), kMaxUpdate);
    int produced = 0;
    if (EVP_CipherUpdate(context, output + written, &produced, input.data(), static_cast<int>(count)) != 1) {
      return fail_cipher("AES-128-CBC data");
    }
    written += static_cast<std::size_t>(produced);
    input = input.subspan(count);
  }
  int produced = 0;
  if (EVP_CipherFinal_ex(context, output + written, &produced) != 1) {
    return fail(Code::kParse, "the length or the padding is not that of AES-128-CBC data under this key");
  }
  return written + static_cast<std::size_t>(produced);
}

Result<Bytes> cbc(const ContentKey& key, const AesBlock& iv, ByteView input, bool encrypt) {
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                &EVP_CIPHER_CTX_free);
  if (!context || EVP_CipherInit_ex2(context.get(), EVP_aes_128_cbc(), key.reveal().data(), iv.data(), encrypt ? 1 : 0,
                                     nullptr) != 1) {
    return fail_cipher("AES-128-CBC");
  }
  Bytes output(input.size() + iv.size());
  AIRCHECK_TRY(const std::size_t size, run_cbc(context.get(), input, output.data()));
  output.resize(size);
  return output;
}

}  // namespace

void AesCtr::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

Result<AesCtr> AesCtr::create(const ContentKey& key) {
  Context context(EVP_CIPHER_CTX_new());
  if (!context || EVP_EncryptInit_ex2(context.get(), EVP_aes_128_ctr(), key.reveal().data(), nullptr, nullptr) != 1) {
    return fail_cipher("AES-128-CTR");
  }
  return AesCtr(std::move(context));
}

Result<void> AesCtr::start(const AesBlock& counter) {
  if (EVP_EncryptInit_ex2(context_.get(), nullptr, nullptr, counter.data(), nullptr) != 1) {
    return fail_cipher("a counter block");
  }
  return {};
}

Result<void> AesCtr::apply(std::span<std::uint8_t> data) {
  while (!data.empty()) {
    const std::size_t count = std::min(data.size(), kMaxUpdate);
    int produced = 0;
    if (EVP_EncryptUpdate(context_.get(), data.data(), &produced, data.data(), static_cast<int>(count)) != 1) {
      return fail_cipher("AES-128-CTR data");
    }
    data = data.subspan(count);
  }
  return {};
}

Result<Bytes> aes_cbc_encrypt(const ContentKey& key, const AesBlock& iv, ByteView plaintext) {
  return cbc(key, iv, plaintext, true);
}

Result<Bytes> aes_cbc_decrypt(const ContentKey& key, const AesBlock& iv, ByteView ciphertext) {
  return cbc(key, iv, ciphertext, false);
}

}  // namespace aircheck::core
