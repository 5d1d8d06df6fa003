// AES-128 over libcrypto's EVP: counter mode and plain CBC for media samples, CBC with PKCS#7 padding for whole HLS
// segments.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "core/bytes.hpp"
#include "core/result.hpp"
#include "core/secret.hpp"

struct evp_cipher_ctx_st;  // EVP_CIPHER_CTX

namespace aircheck::core {

using AesBlock = std::array<std::uint8_t, 16>;

struct FreeCipherContext {
  void operator()(evp_cipher_ctx_st* context) const;
};
using CipherContext = std::unique_ptr<evp_cipher_ctx_st, FreeCipherContext>;

enum class CipherDirection { kEncrypt, kDecrypt };

// One expanded key, used for as many messages as wanted. Neither start() nor apply() allocates.
class AesCtr {
 public:
  // kInternal where libcrypto has no AES-128-CTR.
  static Result<AesCtr> create(const ContentKey& key);

  // Begins a message: the counter block is encrypted for its first 16 bytes and counts up, big endian, from there.
  Result<void> start(const AesBlock& counter);

  // XORs the next data.size() bytes of the keystream onto data: encrypts and decrypts. Calls after one start()
  // continue one keystream, also in the middle of a block.
  Result<void> apply(std::span<std::uint8_t> data);

 private:
  explicit AesCtr(CipherContext context) : context_(std::move(context)) {}

  CipherContext context_;
};

// CBC over whole blocks, without padding; one expanded key. Neither start() nor apply() allocates.
class AesCbc {
 public:
  // kInternal where libcrypto has no AES-128-CBC.
  static Result<AesCbc> create(const ContentKey& key, CipherDirection direction);

  // Begins a message: `iv` stands before its first block.
  Result<void> start(const AesBlock& iv);

  // Encrypts or decrypts the next blocks in place; data.size() is a multiple of 16. Calls after one start() continue
  // one chain.
  Result<void> apply(std::span<std::uint8_t> data);

 private:
  explicit AesCbc(CipherContext context) : context_(std::move(context)) {}

  CipherContext context_;
};

// METHOD=AES-128 of RFC 8216 section 4.3.2.4: the plaintext padded to 16 bytes by PKCS#7 (1 to 16 bytes more), then
// CBC. In place: data that has room for the padding (capacity()) is not copied.
Result<Bytes> aes_cbc_encrypt(const ContentKey& key, const AesBlock& iv, Bytes data);

}  // namespace aircheck::core
