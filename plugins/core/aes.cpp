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

Result<void> update_in_place(EVP_CIPHER_CTX* context, std::span<std::uint8_t> data, const char* what) {
  while (!data.empty()) {
    const std::size_t count = std::min(data.size(), kMaxUpdate);
    int produced = 0;
    if (EVP_CipherUpdate(context, data.data(), &produced, data.data(), static_cast<int>(count)) != 1) {
      return fail_cipher(what);
    }
    data = data.subspan(count);
  }
  return {};
}

}  // namespace

void FreeCipherContext::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

Result<AesCtr> AesCtr::create(const ContentKey& key) {
  CipherContext context(EVP_CIPHER_CTX_new());
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
  return update_in_place(context_.get(), data, "AES-128-CTR data");
}

Result<AesCbc> AesCbc::create(const ContentKey& key, CipherDirection direction) {
  CipherContext context(EVP_CIPHER_CTX_new());
  const int encrypt = direction == CipherDirection::kEncrypt ? 1 : 0;
  if (!context ||
      EVP_CipherInit_ex2(context.get(), EVP_aes_128_cbc(), key.reveal().data(), nullptr, encrypt, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(context.get(), 0) != 1) {
    return fail_cipher("AES-128-CBC");
  }
  return AesCbc(std::move(context));
}

Result<void> AesCbc::start(const AesBlock& iv) {
  if (EVP_CipherInit_ex2(context_.get(), nullptr, nullptr, iv.data(), -1, nullptr) != 1) return fail_cipher("an IV");
  return {};
}

Result<void> AesCbc::apply(std::span<std::uint8_t> data) {
  return update_in_place(context_.get(), data, "AES-128-CBC data");
}

Result<Bytes> aes_cbc_encrypt(const ContentKey& key, const AesBlock& iv, Bytes data) {
  const std::size_t padding = iv.size() - data.size() % iv.size();
  data.resize(data.size() + padding, static_cast<std::uint8_t>(padding));
  AIRCHECK_TRY(AesCbc chain, AesCbc::create(key, CipherDirection::kEncrypt));
  AIRCHECK_TRY_VOID(chain.start(iv));
  AIRCHECK_TRY_VOID(chain.apply(data));
  return data;
}

}  // namespace aircheck::core
